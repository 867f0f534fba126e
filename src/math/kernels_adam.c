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

/* A moment that has decayed below 2^-111 is 0. Near the border of what is flushed to zero, 2^-126,
 * processors differ: some look before a result is rounded, some after. */
INLINE vec cut_moment(vec x)
{
#if defined(__AVX512F__)
    return (vec)_mm512_maskz_mov_ps(_mm512_test_epi32_mask((__m512i)x, _mm512_set1_epi32(0x78000000)),
                                    (__m512)x); /* an exponent of 16 or more: NaN too */
#else
    vec size = (vec)((mask)x & 0x7fffffff);

    return (vec)((mask)x & ~(size < splat(0x1p-111f)));
#endif
}

/* The same where no number is below 0. */
INLINE vec cut_square(vec x)
{
#if defined(__AVX512F__)
    return cut_moment(x);
#else
    return (vec)((mask)x & ~(x < splat(0x1p-111f)));
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

    *w = fma_vec(s->step_size, m / root, *w * s->keep);
}

INLINE void adam_block(const struct adam_vec *s, vec *w, vec *m, vec *v, vec g)
{
    g = fma_vec(s->l2, *w, g);
    *m = cut_moment(fma_vec(s->one_beta1, g, s->beta1 * *m));
    *v = cut_square(fma_vec(s->one_beta2 * g, g, s->beta2 * *v)); /* g g alone could be near the border */
    adam_move(s, w, *m, *v);
}

/* The same where g and l2 are 0. */
INLINE void adam_decay(const struct adam_vec *s, vec *w, vec *m, vec *v)
{
    *m = cut_moment(s->beta1 * *m);
    *v = cut_square(s->beta2 * *v);
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

#define IDLE_TILE 8 /* more than 16 registers hold: what it hides is longer than loads from the stack */

/* Some vectors at a time, which stay in registers for all the steps and hide the latency of one another. The
 * last one may be a part, of `last` floats. */
INLINE void adam_idle_tile(const struct adam_step *steps, int64_t count, float *w, float *m, float *v,
                           const int tile, const int64_t last, const bool l2)
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

        UNROLL for (int j = 0; j < tile; j++)
        {
            if (l2)
                adam_block(&s, &wi[j], &mi[j], &vi[j], splat(0.0f));
            else
                adam_decay(&s, &wi[j], &mi[j], &vi[j]);
        }
    }
    UNROLL for (int j = 0; j < tile; j++)
    {
        size_t bytes = (size_t)(j + 1 < tile ? LANES : last) * sizeof *w;

        memcpy(w + j * LANES, &wi[j], bytes);
        memcpy(m + j * LANES, &mi[j], bytes);
        memcpy(v + j * LANES, &vi[j], bytes);
    }
}

INLINE void adam_idle_row(const struct adam_step *steps, int64_t count, float *w, float *m, float *v,
                          int64_t n, const bool l2)
{
    int64_t k = 0;

    for (; k + IDLE_TILE * LANES <= n; k += IDLE_TILE * LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, IDLE_TILE, LANES, l2);
    for (; k + IDLE_TILE / 2 * LANES <= n; k += IDLE_TILE / 2 * LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, IDLE_TILE / 2, LANES, l2);
    for (; k + LANES <= n; k += LANES)
        adam_idle_tile(steps, count, w + k, m + k, v + k, 1, LANES, l2);
    if (k < n)
        adam_idle_tile(steps, count, w + k, m + k, v + k, 1, n - k, l2);
}

/* l2 is that of a plan: the same in all steps. */
void ISA(adam_idle)(const struct adam_step *steps, int64_t count, float *restrict w, float *restrict m,
                    float *restrict v, int64_t n)
{
    if (count > 0 && steps->l2 != 0.0f)
        adam_idle_row(steps, count, w, m, v, n, true);
    else
        adam_idle_row(steps, count, w, m, v, n, false);
}
