/* kernels_adam.c - the elementwise part of Adam (adam.h), one inlined function for the fused and the deferred
 * path, and for what is left at a row's end: bits do not hang on the place. */
#include "math/kernels_isa.h"

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

/* a / b. The divider is what Adam would wait for, so AVX-512 multiplies: y is 1 / b to 24 bits, and the
 * remainder corrects the quotient, to within one unit in the last place. For b of Adam's kind: neither 0, nor
 * infinite, nor near the ends of the range. */
INLINE vec divide_vec(vec a, vec b)
{
#if defined(__AVX512F__)
    __m512 y = _mm512_rcp14_ps((__m512)b), q;

    y = _mm512_fmadd_ps(y, _mm512_fnmadd_ps((__m512)b, y, _mm512_set1_ps(1.0f)), y);
    q = _mm512_mul_ps((__m512)a, y);
    return (vec)_mm512_fmadd_ps(_mm512_fnmadd_ps((__m512)b, q, (__m512)a), y, q);
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

INLINE void adam_move(const struct adam_vec *s, vec *w, vec m, vec v)
{
    vec root = fma_vec(sqrt_vec(v), s->root_scale, s->eps);

    *w = fma_vec(s->step_size, divide_vec(m, root), *w * s->keep);
}

INLINE void adam_block(const struct adam_vec *s, vec *w, vec *m, vec *v, vec g)
{
    g = fma_vec(s->l2, *w, g);
    *m = fma_vec(s->beta1, *m, s->one_beta1 * g);
    *v = fma_vec(s->beta2, *v, s->one_beta2 * g * g);
    adam_move(s, w, *m, *v);
}

/* The same where g and l2 are 0. */
INLINE void adam_decay(const struct adam_vec *s, vec *w, vec *m, vec *v)
{
    *m *= s->beta1;
    *v *= s->beta2;
    adam_move(s, w, *m, *v);
}

INLINE vec load_part(const float *x, int64_t n)
{
    vec v = splat(0.0f);

    memcpy(&v, x, (size_t)n * sizeof *x);
    return v;
}

void ISA(adam)(const struct adam_step *step, float *restrict w, float *restrict m, float *restrict v,
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
    if (i < n) {
        vec x = load_part(w + i, n - i), y = load_part(m + i, n - i), z = load_part(v + i, n - i);

        adam_block(&s, &x, &y, &z, load_part(g + i, n - i));
        memcpy(w + i, &x, (size_t)(n - i) * sizeof *w);
        memcpy(m + i, &y, (size_t)(n - i) * sizeof *m);
        memcpy(v + i, &z, (size_t)(n - i) * sizeof *v);
    }
}

#if defined(__AVX512F__)
#define IDLE_TILE 8 /* 32 registers */
#else
#define IDLE_TILE 4
#endif

/* Some vectors at a time, which stay in registers for all the steps and hide the latency of one another. The
 * last one may be a part, of `last` floats. */
INLINE void adam_idle_tile(const struct adam_step *steps, int64_t count, float *w, float *m, float *v,
                           const int tile, const int64_t last)
{
    vec wi[IDLE_TILE], mi[IDLE_TILE], vi[IDLE_TILE];

    UNROLL for (int j = 0; j < tile; j++)
    {
        int64_t n = j + 1 < tile ? LANES : last;

        wi[j] = load_part(w + j * LANES, n);
        mi[j] = load_part(m + j * LANES, n);
        vi[j] = load_part(v + j * LANES, n);
    }
    for (int64_t t = 0; t < count; t++) {
        const struct adam_vec s = adam_splat(&steps[t]);

        if (steps[t].l2 == 0.0f)
            UNROLL for (int j = 0; j < tile; j++) adam_decay(&s, &wi[j], &mi[j], &vi[j]);
        else
            UNROLL for (int j = 0; j < tile; j++) adam_block(&s, &wi[j], &mi[j], &vi[j], splat(0.0f));
    }
    UNROLL for (int j = 0; j < tile; j++)
    {
        size_t bytes = (size_t)(j + 1 < tile ? LANES : last) * sizeof *w;

        memcpy(w + j * LANES, &wi[j], bytes);
        memcpy(m + j * LANES, &mi[j], bytes);
        memcpy(v + j * LANES, &vi[j], bytes);
    }
}

void ISA(adam_idle)(const struct adam_step *steps, int64_t count, float *restrict w, float *restrict m,
                    float *restrict v, int64_t n)
{
    int64_t k = 0;

    for (; k + IDLE_TILE * LANES <= n; k += IDLE_TILE * LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, IDLE_TILE, LANES);
    for (; k + IDLE_TILE / 2 * LANES <= n; k += IDLE_TILE / 2 * LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, IDLE_TILE / 2, LANES);
    for (; k + LANES <= n; k += LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, 1, LANES);
    if (k < n)
        adam_idle_tile(steps, count, w + k, m + k, v + k, 1, n - k);
}
