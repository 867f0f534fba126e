/* kernels_isa.c - compiled once per vector path (KERNEL_PATH: baseline, avx2, avx512; see CMakeLists.txt).
 *
 * Loops that need register tiles are written on vectors of the path's width; the rest are plain
 * loops that the compiler vectorises. Elementwise functions give the same bits wherever in a row an element
 * stands: they use explicit FMA and correctly rounded operations only, and no library call. */
#include "base/rng.h"
#include "math/kernels.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

#if defined(__FMA__) || defined(__aarch64__)
#define FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c)) /* no such instruction here, so nothing can contract it either */
#endif

#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define TEXT2(a)    #a
#define TEXT(a)     TEXT2(a)
#define INLINE      static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(4 * LANES), may_alias));
typedef float vec_any __attribute__((vector_size(4 * LANES), may_alias, aligned(4))); /* begins anywhere */

INLINE vec splat(float x)
{
    return x - (vec){0};
}

/* The lanes of v by a binary tree: lane i + lane i + half, and so on. */
INLINE float lane_sum(vec v)
{
    typedef float vec4 __attribute__((vector_size(16)));
    vec4 quarter[LANES / 4];

    memcpy(quarter, &v, sizeof v);
#if LANES == 16
    quarter[0] += quarter[2];
    quarter[1] += quarter[3];
#endif
#if LANES >= 8
    quarter[0] += quarter[1];
#endif
    return (quarter[0][0] + quarter[0][2]) + (quarter[0][1] + quarter[0][3]);
}

/* Loops over a register tile must be gone before the compiler places variables. */
#define UNROLL _Pragma("GCC unroll 8")

/* ---- gather: sums of rows ------------------------------------------------------------------ */

/* `tile` vectors of the row stay in registers while the entries go by. */
INLINE void gather_tile(float *out, bool add, int64_t n, const int32_t *idx, const float *coef,
                        const float *table, int64_t ld, const int tile)
{
    vec sum[8];

    UNROLL for (int t = 0; t < tile; t++) sum[t] = splat(0.0f);
    for (int64_t i = 0; i < n; i++) {
        const vec *row = (const vec *)(table + idx[i] * ld);
        vec c = splat(coef[i]);

        UNROLL for (int t = 0; t < tile; t++) sum[t] += c * row[t];
    }
    UNROLL for (int t = 0; t < tile; t++)
    {
        vec *o = (vec *)out + t;

        if (add)
            *o += sum[t];
        else
            *o = sum[t];
    }
}

static void gather(float *out, bool add, int64_t n, const int32_t *idx, const float *coef, const float *table,
                   int64_t ld)
{
    int64_t k = 0;

    for (; k + 8 * LANES <= ld; k += 8 * LANES)
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 8);
    if (k + 4 * LANES <= ld) {
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 4);
        k += 4 * LANES;
    }
    if (k + 2 * LANES <= ld) {
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 2);
        k += 2 * LANES;
    }
    if (k + LANES <= ld)
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 1);
}

/* ---- dots: one row against several ------------------------------------------------------------ */

/* `rows` rows at a time share the loads of w; two chains a row hide the latency of FMA. */
INLINE void dots_tile(float *out, const int32_t *idx, const float *w, const float *table, int64_t ld,
                      const int rows)
{
    vec even[4], odd[4];
    const float *row[4];
    int64_t k = 0;

    UNROLL for (int r = 0; r < rows; r++)
    {
        even[r] = odd[r] = splat(0.0f);
        row[r] = table + idx[r] * ld;
    }
    for (; k + 2 * LANES <= ld; k += 2 * LANES) {
        vec a = *(const vec *)(w + k), b = *(const vec *)(w + k + LANES);

        UNROLL for (int r = 0; r < rows; r++)
        {
            even[r] += a * *(const vec *)(row[r] + k);
            odd[r] += b * *(const vec *)(row[r] + k + LANES);
        }
    }
    if (k < ld)
        UNROLL for (int r = 0; r < rows; r++) even[r] += *(const vec *)(w + k) * *(const vec *)(row[r] + k);
    UNROLL for (int r = 0; r < rows; r++) out[r] = lane_sum(even[r] + odd[r]);
}

static void dots(float *out, int64_t n, const int32_t *idx, const float *w, const float *table, int64_t ld)
{
    int64_t i = 0;

    for (; i + 4 <= n; i += 4)
        dots_tile(out + i, idx + i, w, table, ld, 4);
    for (; i < n; i++)
        dots_tile(out + i, idx + i, w, table, ld, 1);
}

/* ---- small loops ---------------------------------------------------------------------------------- */

static void axpy(float *y, float a, const float *x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = FMA(a, x[i], y[i]);
}

static void add(float *y, const float *x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void scale(float *x, float a, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        x[i] *= a;
}

static double sum_squares(const float *x, int64_t n)
{
    double lane[8] = {0};
    int64_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            lane[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < n; i++)
        lane[0] += (double)x[i] * (double)x[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* ---- Adam ------------------------------------------------------------------------------------------- */

INLINE void adam_element(const struct adam_step *s, float *w, float *m, float *v, float g)
{
    float root;

    g = FMA(s->l2, *w, g);
    *m = FMA(s->beta1, *m, s->one_beta1 * g);
    *v = FMA(s->beta2, *v, s->one_beta2 * g * g);
    root = FMA(__builtin_sqrtf(*v), s->root_scale, s->eps);
    *w = FMA(-s->step_size, *m / root, *w * s->keep);
}

/* The same on a vector's worth, bit for bit. The divider is what Adam waits for, so AVX-512 divides by
 * multiplication and takes only the square root from it. */
INLINE vec fma_vec(vec a, vec b, vec c)
{
#if defined(__AVX512F__)
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

INLINE vec sqrt_vec(vec x)
{
#if defined(__AVX512F__)
    return (vec)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
    return (vec)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < LANES; i++)
        x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

/* a / b, correctly rounded: y becomes RN(1 / b) (for every mantissa but the last one, which the tests cover
 * whole), the first correction makes q faithful, and the second one exact by Markstein's theorem (IBM Journal
 * of Research and Development 34, 1990). So the processor's first guess does not show. For b of Adam's kind:
 * neither 0, nor infinite, nor near the ends of the range. */
INLINE vec divide_vec(vec a, vec b)
{
#if defined(__AVX512F__)
    vec one = splat(1.0f), y = (vec)_mm512_rcp14_ps((__m512)b), q;

    y = fma_vec(y, fma_vec(-b, y, one), y);
    y = fma_vec(y, fma_vec(-b, y, one), y);
    q = a * y;
    q = fma_vec(fma_vec(-b, q, a), y, q);
    return fma_vec(fma_vec(-b, q, a), y, q);
#else
    return a / b;
#endif
}

struct adam_vec {
    vec step_size, root_scale, eps, beta1, one_beta1, beta2, one_beta2, keep, l2;
};

INLINE struct adam_vec adam_splat(const struct adam_step *s)
{
    return (struct adam_vec){splat(-s->step_size), splat(s->root_scale), splat(s->eps),
                             splat(s->beta1),      splat(s->one_beta1),  splat(s->beta2),
                             splat(s->one_beta2),  splat(s->keep),       splat(s->l2)};
}

INLINE void adam_block(const struct adam_vec *s, vec *w, vec *m, vec *v, vec g)
{
    vec root;

    g = fma_vec(s->l2, *w, g);
    *m = fma_vec(s->beta1, *m, s->one_beta1 * g);
    *v = fma_vec(s->beta2, *v, s->one_beta2 * g * g);
    root = fma_vec(sqrt_vec(*v), s->root_scale, s->eps);
    *w = fma_vec(s->step_size, divide_vec(*m, root), *w * s->keep);
}

static void adam(const struct adam_step *step, float *restrict w, float *restrict m, float *restrict v,
                 const float *restrict g, int64_t n)
{
    const struct adam_vec s = adam_splat(step);
    int64_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        vec_any *wi = (vec_any *)(w + i), *mi = (vec_any *)(m + i), *vi = (vec_any *)(v + i);
        vec x = *wi, y = *mi, z = *vi;

        adam_block(&s, &x, &y, &z, *(const vec_any *)(g + i));
        *wi = x;
        *mi = y;
        *vi = z;
    }
    for (; i < n; i++)
        adam_element(step, w + i, m + i, v + i, g[i]);
}

#if defined(__AVX512F__)
#define IDLE_TILE 8 /* 32 registers */
#else
#define IDLE_TILE 4
#endif

/* Some vectors at a time, which stay in registers for all the steps and hide the latency of one another. */
INLINE void adam_idle_tile(const struct adam_step *steps, int64_t count, float *w, float *m, float *v,
                           const int tile)
{
    vec wi[IDLE_TILE], mi[IDLE_TILE], vi[IDLE_TILE];

    UNROLL for (int j = 0; j < tile; j++)
    {
        wi[j] = *((const vec_any *)w + j);
        mi[j] = *((const vec_any *)m + j);
        vi[j] = *((const vec_any *)v + j);
    }
    for (int64_t t = 0; t < count; t++) {
        const struct adam_vec s = adam_splat(&steps[t]);

        UNROLL for (int j = 0; j < tile; j++) adam_block(&s, &wi[j], &mi[j], &vi[j], splat(0.0f));
    }
    UNROLL for (int j = 0; j < tile; j++)
    {
        *((vec_any *)w + j) = wi[j];
        *((vec_any *)m + j) = mi[j];
        *((vec_any *)v + j) = vi[j];
    }
}

static void adam_idle(const struct adam_step *steps, int64_t count, float *restrict w, float *restrict m,
                      float *restrict v, int64_t n)
{
    int64_t k = 0;

    for (; k + IDLE_TILE * LANES <= n; k += IDLE_TILE * LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, IDLE_TILE);
    for (; k + LANES <= n; k += LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, 1);
    for (int64_t t = 0; t < count; t++)
        for (int64_t i = k; i < n; i++)
            adam_element(&steps[t], w + i, m + i, v + i, 0.0f);
}

/* ---- activations -------------------------------------------------------------------------------------- */

/* x = n ln 2 + r: *power is 2^n, and exp(r) - 1 is returned, by a polynomial (minimax on |r| <= ln 2 / 2,
 * coefficients of the Cephes library's expf). For x in [-87, 88.3], and clamped to it. */
INLINE float exp_parts(float x, float *power)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float n, r, p;
    union {
        uint32_t u;
        float f;
    } bits;
    float clamped = x < -87.0f ? -87.0f : x > 88.3f ? 88.3f : x;

    n = FMA(clamped, 1.44269504f, magic) - magic;
    r = FMA(n, -0.693359375f, clamped);
    r = FMA(n, 2.12194440e-4f, r);
    p = FMA(1.9875691500e-4f, r, 1.3981999507e-3f);
    p = FMA(p, r, 8.3334519073e-3f);
    p = FMA(p, r, 4.1665795894e-2f);
    p = FMA(p, r, 1.6666665459e-1f);
    p = FMA(p, r, 5.0000001201e-1f);
    bits.u = (uint32_t)((int32_t)n + 127) << 23;
    *power = bits.f;
    return FMA(p, r * r, r);
}

/* Within 2 ulp for x in [-87, 88]; 0 below, 2^127.4 above. */
INLINE float exp_element(float x)
{
    float power, p = exp_parts(x, &power) + 1.0f;

    p *= power;
    p = x < -87.0f ? 0.0f : p;
    return x == x ? p : x; /* NaN stays NaN */
}

/* exp(x) - 1 for x <= 0, without cancellation near 0. */
INLINE float expm1_element(float x)
{
    float power, p = exp_parts(x, &power);

    p = FMA(power, p, power - 1.0f);
    return x == x ? p : x;
}

INLINE float sigmoid_element(float x)
{
    return 1.0f / (1.0f + exp_element(-x));
}

INLINE float tanh_element(float x)
{
    float z = x * x, p, big, size = x < 0.0f ? -x : x;

    p = FMA(-5.70498872745e-3f, z, 2.06390887954e-2f);
    p = FMA(p, z, -5.37397155531e-2f);
    p = FMA(p, z, 1.33314422036e-1f);
    p = FMA(p, z, -3.33332819422e-1f);
    p = FMA(p * z, x, x); /* small |x|: odd polynomial, as in Cephes' tanhf */
    big = 1.0f - 2.0f / (exp_element(2.0f * size) + 1.0f);
    big = x < 0.0f ? -big : big;
    return size < 0.625f ? p : x == x ? big : x;
}

#define SELU_SCALE 1.05070098f
#define SELU_ALPHA 1.67326324f

INLINE float elu_element(float x)
{
    return x > 0.0f ? x : expm1_element(x);
}

INLINE float selu_element(float x)
{
    return SELU_SCALE * (x > 0.0f ? x : SELU_ALPHA * expm1_element(x));
}

#define EACH(expression)                                                                                     \
    do {                                                                                                     \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] = expression;                               \
    } while (0)

static void activate(enum activation f, float *y, int64_t n)
{
    switch (f) {
    case ACT_IDENTITY:
        break;
    case ACT_SIGMOID:
        EACH(sigmoid_element(y[i]));
        break;
    case ACT_TANH:
        EACH(tanh_element(y[i]));
        break;
    case ACT_RELU:
        EACH(y[i] < 0.0f ? 0.0f : y[i]); /* NaN stays */
        break;
    case ACT_ELU:
        EACH(elu_element(y[i]));
        break;
    case ACT_SELU:
        EACH(selu_element(y[i]));
        break;
    }
}

#define EACH_BACK(expression)                                                                                \
    do {                                                                                                     \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) dy[i] *= expression;                             \
    } while (0)

static void activate_back(enum activation f, float *dy, const float *y, int64_t n)
{
    switch (f) {
    case ACT_IDENTITY:
        break;
    case ACT_SIGMOID:
        EACH_BACK(y[i] * (1.0f - y[i]));
        break;
    case ACT_TANH:
        EACH_BACK(FMA(-y[i], y[i], 1.0f));
        break;
    case ACT_RELU:
        EACH_BACK((y[i] > 0.0f ? 1.0f : 0.0f));
        break;
    case ACT_ELU:
        EACH_BACK((y[i] > 0.0f ? 1.0f : y[i] + 1.0f));
        break;
    case ACT_SELU:
        EACH_BACK((y[i] > 0.0f ? SELU_SCALE : y[i] + SELU_SCALE * SELU_ALPHA));
        break;
    }
}

/* ---- softmax ---------------------------------------------------------------------------------------------
 */

/* A row's maximum; NaN where any element is: no comparison with NaN holds, so it must be asked for. */
INLINE float row_max(const float *x, int64_t n)
{
    float lane[LANES], best;
    int64_t i = 0;
    bool nan = false;

    for (int j = 0; j < LANES; j++)
        lane[j] = -__builtin_inff();
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
            nan |= x[i + j] != x[i + j];
        }
    for (int j = 0; i + j < n; j++) {
        lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
        nan |= x[i + j] != x[i + j];
    }
    best = lane[0];
    for (int j = 1; j < LANES; j++)
        best = lane[j] > best ? lane[j] : best;
    return nan ? __builtin_nanf("") : best;
}

static void exp_row(float *x, int64_t n, float *max, float *sum)
{
    float top = row_max(x, n), lane[LANES] = {0};
    int64_t i = 0;
    vec total;

    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            float e = exp_element(x[i + j] - top);

            x[i + j] = e;
            lane[j] += e;
        }
    for (int j = 0; i + j < n; j++) {
        float e = exp_element(x[i + j] - top);

        x[i + j] = e;
        lane[j] += e;
    }
    memcpy(&total, lane, sizeof total);
    *max = top;
    *sum = lane_sum(total);
}

static void exp_stats(const float *x, int64_t n, float *max, float *sum)
{
    float top = row_max(x, n), lane[LANES] = {0};
    int64_t i = 0;
    vec total;

    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += exp_element(x[i + j] - top);
    for (int j = 0; i + j < n; j++)
        lane[j] += exp_element(x[i + j] - top);
    memcpy(&total, lane, sizeof total);
    *max = top;
    *sum = lane_sum(total);
}

/* ---- dropout
 * ------------------------------------------------------------------------------------------------- */

static void dropout(float *y, int64_t n, float rate, uint64_t seed, int purpose, uint64_t step,
                    uint32_t position)
{
    const uint32_t bar = (uint32_t)((double)rate * 4294967296.0);
    const float keep = 1.0f / (1.0f - rate);
    int64_t groups = (n + 3) / 4;

    for (int64_t g0 = 0; g0 < groups; g0 += 16) { /* 16 groups at a time, for vector registers */
        uint32_t word[4][16];

#pragma omp simd
        for (int j = 0; j < 16; j++) {
            struct rng4 r = rng_philox(seed, (enum rng_purpose)purpose, step, position, (uint32_t)(g0 + j));

            word[0][j] = r.word[0];
            word[1][j] = r.word[1];
            word[2][j] = r.word[2];
            word[3][j] = r.word[3];
        }
        for (int j = 0; j < 16; j++)
            for (int c = 0; c < 4; c++) {
                int64_t i = (g0 + j) * 4 + c;

                if (i < n)
                    y[i] = word[c][j] < bar ? 0.0f : y[i] * keep;
            }
    }
}

/* ln x for x in (0, 1], within 2 ulp of the result or 1e-7 (Cephes' logf). */
INLINE float log_element(float x)
{
    union {
        float f;
        uint32_t u;
    } bits = {x};
    int32_t exponent = (int32_t)(bits.u >> 23) - 126;
    float m, z, p, low;

    bits.u = (bits.u & 0x007fffffu) | 0x3f000000u; /* mantissa in [.5, 1) */
    m = bits.f;
    low = m < 0.707106781f ? 1.0f : 0.0f;
    exponent -= (int32_t)low;
    m = m + low * m - 1.0f;
    z = m * m;
    p = FMA(7.0376836292e-2f, m, -1.1514610310e-1f);
    p = FMA(p, m, 1.1676998740e-1f);
    p = FMA(p, m, -1.2420140846e-1f);
    p = FMA(p, m, 1.4249322787e-1f);
    p = FMA(p, m, -1.6668057665e-1f);
    p = FMA(p, m, 2.0000714765e-1f);
    p = FMA(p, m, -2.4999993993e-1f);
    p = FMA(p, m, 3.3333331174e-1f);
    p = p * m * z;
    p = FMA((float)exponent, -2.12194440e-4f, p);
    p = FMA(-0.5f, z, p);
    return FMA((float)exponent, 0.693359375f, m + p);
}

/* sin and cos of 2 pi u, u in [0, 1): the nearest quarter turn, then polynomials on +- pi / 4. */
INLINE void sincos_element(float u, float *sine, float *cosine)
{
    int32_t quarter = (int32_t)(4.0f * u + 0.5f);
    float r = FMA((float)quarter, -0.25f, u) * 6.28318530718f, z = r * r, s, c, swap;

    s = FMA(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = FMA(s, z, -1.6666654611e-1f);
    s = FMA(s * z, r, r);
    c = FMA(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = FMA(c, z, 4.166664568298827e-2f);
    c = FMA(c * z, z, FMA(-0.5f, z, 1.0f));
    swap = quarter & 1 ? c : s;
    c = quarter & 1 ? s : c;
    s = swap;
    *sine = quarter & 2 ? -s : s;
    *cosine = (quarter + 1) & 2 ? -c : c;
}

static void normal(float *out, int64_t n, float std, uint64_t seed, int purpose, uint64_t step,
                   uint32_t position)
{
    int64_t groups = (n + 3) / 4;

    for (int64_t g0 = 0; g0 < groups; g0 += 16) {
        float value[4][16];

#pragma omp simd
        for (int j = 0; j < 16; j++) {
            struct rng4 r = rng_philox(seed, (enum rng_purpose)purpose, step, position, (uint32_t)(g0 + j));
            float a = std * __builtin_sqrtf(-2.0f * log_element(rng_unit_open(r.word[0])));
            float b = std * __builtin_sqrtf(-2.0f * log_element(rng_unit_open(r.word[2])));
            float sine, cosine;

            sincos_element(rng_unit(r.word[1]), &sine, &cosine);
            value[0][j] = a * cosine;
            value[1][j] = a * sine;
            sincos_element(rng_unit(r.word[3]), &sine, &cosine);
            value[2][j] = b * cosine;
            value[3][j] = b * sine;
        }
        for (int j = 0; j < 16; j++)
            for (int c = 0; c < 4; c++)
                if ((g0 + j) * 4 + c < n)
                    out[(g0 + j) * 4 + c] = value[c][j];
    }
}

const struct kernels JOIN(kernels_, KERNEL_PATH);
const struct kernels JOIN(kernels_, KERNEL_PATH) = {
    .name = TEXT(KERNEL_PATH),
    .gather = gather,
    .dots = dots,
    .axpy = axpy,
    .add = add,
    .scale = scale,
    .sum_squares = sum_squares,
    .adam = adam,
    .adam_idle = adam_idle,
    .activate = activate,
    .activate_back = activate_back,
    .exp_row = exp_row,
    .exp_stats = exp_stats,
    .dropout = dropout,
    .normal = normal,
};
