/* kernels_units.c - activations and softmax rows. */
#include "math/kernels_functions.h"

#include "base/real.h"

/* For each element of a row, if f is this one. */
#define EACH(activation, change)                                                                             \
    case activation:                                                                                         \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) change;                                          \
        break;

void ISA(activate)(enum activation f, float *y, int64_t n)
{
    switch (f) {
        EACH(ACT_SIGMOID, y[i] = sigmoid_element(y[i]))
        EACH(ACT_TANH, y[i] = tanh_element(y[i]))
        EACH(ACT_RELU, y[i] = y[i] < 0.0f ? 0.0f : y[i]) /* NaN stays */
        EACH(ACT_ELU, y[i] = elu_element(y[i]))
        EACH(ACT_SELU, y[i] = selu_element(y[i]))
        EACH(ACT_SWISH, y[i] *= sigmoid_element(y[i]))
        EACH(ACT_GELU, y[i] = gelu_element(y[i]))
    case ACT_IDENTITY:
        break;
    }
}

void ISA(activate_back)(enum activation f, float *dy, const float *y, int64_t n)
{
    switch (f) {
        EACH(ACT_SIGMOID, dy[i] *= y[i] * (1.0f - y[i]))
        EACH(ACT_TANH, dy[i] *= FMA(-y[i], y[i], 1.0f))
        EACH(ACT_RELU, dy[i] *= y[i] > 0.0f ? 1.0f : 0.0f)
        EACH(ACT_ELU, dy[i] *= y[i] > 0.0f ? 1.0f : y[i] + 1.0f)
        EACH(ACT_SELU, dy[i] *= y[i] > 0.0f ? SELU_SCALE : y[i] + SELU_SCALE * SELU_ALPHA)
        EACH(ACT_SWISH, dy[i] *= swish_slope(y[i]))
        EACH(ACT_GELU, dy[i] *= gelu_slope(y[i]))
    case ACT_IDENTITY:
        break;
    }
}

#define PIECE 64

/* In loops of their own, or the compiler sees branches. */
void ISA(exp_wide)(const float *x, float factor, float *out, int64_t n)
{
    for (int64_t i0 = 0; i0 < n; i0 += PIECE) {
        int64_t left = n - i0 < PIECE ? n - i0 : PIECE;
        double y[PIECE] = {0}, e[PIECE];

        for (int64_t j = 0; j < left; j++)
            y[j] = (double)(factor * x[i0 + j]);
        for (int j = 0; j < PIECE; j++)
            e[j] = y[j] > -708.0 ? y[j] : -708.0;
        for (int j = 0; j < PIECE; j++)
            e[j] = e[j] < 709.0 ? e[j] : 709.0;
        _Pragma("omp simd") for (int j = 0; j < PIECE; j++) e[j] = real_exp_within(e[j]);
        for (int64_t j = 0; j < left; j++)
            out[i0 + j] = y[j] == y[j] ? (float)e[j] : x[i0 + j];
    }
}

/* ---- softmax ---- */

/* The last n < 16 elements of a row, and -infinity behind them: no maximum, and 0 in a sum of exp. */
INLINE void load_end(vec *part, const float *x, int64_t n)
{
#if defined(__AVX512F__)
    *part = (vec)_mm512_mask_loadu_ps(_mm512_set1_ps(-__builtin_inff()), (__mmask16)((1U << n) - 1), x);
#else
    float lane[ROW_ALIGN];

    for (int i = 0; i < ROW_ALIGN; i++)
        lane[i] = -__builtin_inff();
    memcpy(lane, x, (size_t)n * sizeof *x);
    memcpy(part, lane, sizeof lane);
#endif
}

INLINE void store_end(float *x, const vec *part, int64_t n)
{
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(x, (__mmask16)((1U << n) - 1), (__m512)*part);
#else
    memcpy(x, part, (size_t)n * sizeof *x);
#endif
}

/* The greater of each lane. NaN is lost where no comparison holds, so `nan` keeps one. */
INLINE void update_max(vec *most, vec *nan, const vec *x)
{
#if defined(__AVX512F__)
    *most = (vec)_mm512_max_ps((__m512)*x, (__m512)*most);
    *nan = (vec)_mm512_mask_mov_ps((__m512)*nan, _mm512_cmp_ps_mask((__m512)*x, (__m512)*x, _CMP_UNORD_Q),
                                   (__m512)*x);
#else
    UNROLL for (int p = 0; p < PARTS; p++)
    {
        most[p] = choose(x[p] > most[p], x[p], most[p]);
        nan[p] = choose(x[p] == x[p], nan[p], x[p]);
    }
#endif
}

/* The greatest of 16 lanes, none of them NaN. */
INLINE float lanes_max(const vec *most)
{
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)*most);
#else
    float lane[ROW_ALIGN];

    memcpy(lane, most, sizeof lane);
    for (int half = ROW_ALIGN / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] = lane[j + half] > lane[j] ? lane[j + half] : lane[j];
    return lane[0];
#endif
}

/* A row's maximum; NaN where any element is. */
INLINE float row_max(const float *x, int64_t n)
{
    vec most[PARTS], nan[PARTS], part[PARTS];
    int64_t i = 0;
    float none;

    UNROLL for (int p = 0; p < PARTS; p++)
    {
        most[p] = splat(-__builtin_inff());
        nan[p] = splat(0.0f);
    }
    for (; i + ROW_ALIGN <= n; i += ROW_ALIGN) {
        UNROLL for (int p = 0; p < PARTS; p++) part[p] = *(const vec_any *)(x + i + p * LANES);
        update_max(most, nan, part);
    }
    if (i < n) {
        load_end(part, x + i, n - i);
        update_max(most, nan, part);
    }
    none = row_sum(nan); /* 0 or NaN */
    return none == none ? lanes_max(most) : none;
}

/* exp(x - top), element by element; x <= top. */
INLINE vec exp_vec(vec x, float top)
{
    float in[LANES], out[LANES];

    x -= splat(top);
    memcpy(in, &x, sizeof x);
    _Pragma("omp simd") for (int j = 0; j < LANES; j++) out[j] = exp_below(in[j]);
    memcpy(&x, out, sizeof x);
    return x;
}

/* The maximum, and the sum of exp(x - max); these go to `out` where it is not NULL. */
INLINE void sum_exp(const float *x, int64_t n, float *out, float *max, float *sum)
{
    float top = row_max(x, n);
    vec total[PARTS], part[PARTS];
    int64_t i = 0;

    UNROLL for (int p = 0; p < PARTS; p++) total[p] = splat(0.0f);
    for (; i + ROW_ALIGN <= n; i += ROW_ALIGN) {
        UNROLL for (int p = 0; p < PARTS; p++)
        {
            vec e = exp_vec(*(const vec_any *)(x + i + p * LANES), top);

            total[p] += e;
            if (out)
                *(vec_any *)(out + i + p * LANES) = e;
        }
    }
    if (i < n) {
        load_end(part, x + i, n - i);
        UNROLL for (int p = 0; p < PARTS; p++)
        {
            part[p] = exp_vec(part[p], top);
            total[p] += part[p];
        }
        if (out)
            store_end(out + i, part, n - i);
    }
    *max = top;
    *sum = row_sum(total);
}

void ISA(exp_row)(float *x, int64_t n, float *max, float *sum)
{
    sum_exp(x, n, x, max, sum);
}

void ISA(exp_stats)(const float *x, int64_t n, float *max, float *sum)
{
    sum_exp(x, n, NULL, max, sum);
}

/* ---- ranking ---- */

#define TESTED 16 /* elements that are compared at once */

/* Bit j: x[j] >= bar, of TESTED elements. */
INLINE uint32_t reaching(const float *x, float bar)
{
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_set1_ps(bar), _CMP_GE_OQ);
#else
    uint32_t bits = 0;

    UNROLL for (int j = 0; j < TESTED; j += LANES)
    {
#if defined(__AVX2__)
        int some = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + j), _mm256_set1_ps(bar), _CMP_GE_OQ));
#elif defined(__SSE2__)
        int some = _mm_movemask_ps(_mm_cmpge_ps(_mm_loadu_ps(x + j), _mm_set1_ps(bar)));
#else
        int some = (x[j] >= bar) | (x[j + 1] >= bar) << 1 | (x[j + 2] >= bar) << 2 | (x[j + 3] >= bar) << 3;
#endif
        bits |= (uint32_t)some << j;
    }
    return bits;
#endif
}

/* The places of the bits, counted from `first`; writes up to TESTED of them. */
INLINE int64_t put_places(uint32_t bits, int64_t first, int32_t *at)
{
    int64_t n = __builtin_popcount(bits);

#if defined(__AVX512F__)
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    _mm512_storeu_si512(at, _mm512_maskz_compress_epi32(
                                (__mmask16)bits, _mm512_add_epi32(lane, _mm512_set1_epi32((int)first))));
#else
    for (; bits; bits &= bits - 1)
        *at++ = (int32_t)(first + __builtin_ctz(bits));
#endif
    return n;
}

int64_t ISA(above_threshold)(const float *x, int64_t n, float bar, int32_t *at)
{
    int64_t i = 0, found = 0;

    for (; i + TESTED <= n; i += TESTED) {
        uint32_t bits = reaching(x + i, bar);

        if (bits)
            found += put_places(bits, i, at + found);
    }
    for (; i < n; i++) {
        at[found] = (int32_t)i;
        found += x[i] >= bar;
    }
    return found;
}
