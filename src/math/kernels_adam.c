/* kernels_adam.c - the elementwise part of Adam (adam.h), one inlined function for the fused and the deferred
 * path. */
#include "math/kernels_isa.h"

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

void PATH(adam)(const struct adam_step *step, float *restrict w, float *restrict m, float *restrict v,
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

void PATH(adam_idle)(const struct adam_step *steps, int64_t count, float *restrict w, float *restrict m,
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
