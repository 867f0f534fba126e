/* kernels_isa.h - shared by the sources of a vector path. Each source is compiled once per path (KERNEL_ISA:
 * baseline, avx2, avx512; see CMakeLists.txt); ISA(name) appends the path's name to a function of its table.
 *
 * Loops that need register tiles, and softmax rows, are written on vectors of the path's width; the rest are
 * plain loops that the compiler vectorises. Elementwise functions give the same bits at every place of a
 * row: a vector's lane and the tail of a row use the same operations, and no library is called. */
#ifndef MATH_KERNELS_ISA_H
#define MATH_KERNELS_ISA_H

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
#define ISA(name)   JOIN(name##_, KERNEL_ISA)
#define TEXT2(a)    #a
#define TEXT(a)     TEXT2(a)
#define INLINE      static inline __attribute__((always_inline, unused))

typedef float vec __attribute__((vector_size(4 * LANES), may_alias));
typedef float vec_any __attribute__((vector_size(4 * LANES), may_alias, aligned(4))); /* begins anywhere */

INLINE vec splat(float x)
{
    return x - (vec){0};
}

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

/* A row's sums are taken in 16 lanes, whatever the width of a vector, and those by the same tree. */
#define PARTS (ROW_ALIGN / LANES)
INLINE float row_sum(vec *part)
{
    for (int half = PARTS / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            part[i] += part[i + half];
    return lane_sum(part[0]);
}

/* Loops over a register tile must be unrolled before the compiler assigns registers. */
#define UNROLL _Pragma("GCC unroll 12")

/* The functions of the table; see struct kernels. */
void ISA(gather)(float *out, bool add, int64_t n, const int32_t *idx, const float *coef, const float *table,
                 int64_t ld);
void ISA(dots)(float *out, int64_t n, const int32_t *idx, const float *w, const float *table, int64_t ld);
void ISA(axpy)(float *y, float a, const float *x, int64_t n);
void ISA(add)(float *y, const float *x, int64_t n);
void ISA(scale)(float *x, float a, int64_t n);
double ISA(sum_squares)(const float *x, int64_t n);
void ISA(adam)(const struct adam_step *step, float *w, float *m, float *v, const float *g, int64_t n);
void ISA(adam_idle)(const struct adam_step *steps, int64_t count, float *w, float *m, float *v, int64_t n);
double ISA(sgd)(const struct sgd_block *b);
void ISA(normal_add)(int64_t ld, int64_t n, const float *const *row, const float *root, float *packed,
                     const float *from, float *system, float *right);
float ISA(normal_solve)(int64_t ld, float *system, float *room, float penalty, const float *right, float *x);
void ISA(activate)(enum activation f, float *y, int64_t n);
void ISA(activate_back)(enum activation f, float *dy, const float *y, int64_t n);
float ISA(norm)(float *y, float *scaled, int64_t n, const float *gain, const float *offset, float eps);
void ISA(norm_back)(float *dy, float *scaled, int64_t n, const float *gain, float inverse);
void ISA(exp_row)(float *x, int64_t n, float *max, float *sum);
void ISA(exp_stats)(const float *x, int64_t n, float *max, float *sum);
int64_t ISA(above_threshold)(const float *x, int64_t n, float bar, int32_t *at);
void ISA(product_nt)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, const float *bias, float *c, int64_t ldc);
void ISA(product_nn)(int64_t m, int64_t n, int64_t k, const float *a, int64_t row, int64_t column,
                     const float *b, int64_t ldb, enum product_into into, float *c, int64_t ldc,
                     const struct ahead *ahead);
void ISA(tile_product)(double *c, const double *a, const double *b, double sign);
void ISA(dropout)(float *y, int64_t n, float rate, uint64_t seed, int purpose, uint64_t step,
                  uint32_t position);
void ISA(normal)(float *out, int64_t n, float std, uint64_t seed, int purpose, uint64_t step,
                 uint32_t position);

#endif
