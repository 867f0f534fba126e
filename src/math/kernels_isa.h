/* kernels_isa.h - shared by the sources of a vector path. Each source is compiled once per path (KERNEL_ISA:
 * baseline, avx2, avx512; see CMakeLists.txt); ISA(name) appends the path's name to a function of its table.
 *
 * Loops that need register tiles, and softmax rows, are written on vectors of the path's width; the rest are
 * plain loops that the compiler vectorises. Elementwise functions give the same bits at every place of a
 * row: a vector's lane and the tail of a row use the same operations, and no library is called. */
#pragma once

#include "base/rng.h"
#include "math/kernels.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define ISA(name)   JOIN(name##_, KERNEL_ISA)
#define TEXT2(a)    #a
#define TEXT(a)     TEXT2(a)
#define INLINE      static inline __attribute__((always_inline, unused))

typedef float vec __attribute__((vector_size(4 * LANES), may_alias));
typedef float vec_any __attribute__((vector_size(4 * LANES), may_alias, aligned(4))); /* begins anywhere */
typedef int32_t mask __attribute__((vector_size(4 * LANES))); /* of a comparison: -1 or 0 a lane */

/* Loops over a register tile must be unrolled before the compiler assigns registers. */
#define UNROLL _Pragma("GCC unroll 12")

INLINE vec splat(float x)
{
    return x - (vec){0};
}

/* a b + c rounded once: fused where the processor can, else emulated to the bit. In double the product is
 * exact and the sum's rounding error is found (Knuth); the sum rounded to odd is then rounded to float as
 * if it were exact (Boldo, Melquiond: "Emulation of FMA and correctly rounded sums", 2008). */
#if defined(__FMA__) || defined(__aarch64__)
#define FMA(a, b, c) __builtin_fmaf(a, b, c)

INLINE vec fma_vec(vec a, vec b, vec c)
{
#if defined(__AVX512F__)
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
}
#else
#define FMA(a, b, c) fma_element(a, b, c)

INLINE float fma_element(float a, float b, float c)
{
    double product = (double)a * (double)b, sum = product + (double)c, rest = sum - product,
           error = (product - (sum - rest)) + ((double)c - rest);
    int64_t inexact = (error < 0.0) | (error > 0.0), bits, sign;

    memcpy(&bits, &sum, sizeof bits);
    memcpy(&sign, &error, sizeof sign);
    bits = (bits - (((sign ^ bits) < 0) & inexact)) | inexact; /* towards zero, and odd */
    memcpy(&sum, &bits, sizeof sum);
    return (float)sum;
}

INLINE vec fma_vec(vec a, vec b, vec c)
{
    typedef double real __attribute__((vector_size(8 * LANES)));
    typedef uint64_t word __attribute__((vector_size(8 * LANES)));
    real addend = __builtin_convertvector(c, real);
    real product = __builtin_convertvector(a, real) * __builtin_convertvector(b, real);
    real sum = product + addend, rest = sum - product;
    real error = (product - (sum - rest)) + (addend - rest), none = {0};
    word inexact = (word)((error < none) | (error > none)) >> 63, bits = (word)sum;

    bits = (bits - ((((word)error ^ bits) >> 63) & inexact)) | inexact;
    return __builtin_convertvector((real)bits, vec);
}
#endif

INLINE vec choose(mask where, vec yes, vec no)
{
    return (vec)((where & (mask)yes) | (~where & (mask)no));
}

/* ---- sums over a row: 16 lanes, whatever the width of a vector, and a binary tree over them ---- */

#define PARTS (ROW_ALIGN / LANES) /* vectors of 16 lanes */

/* The lanes of a vector by a binary tree: lane i + lane i + half, and so on. */
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

/* The first levels of the tree: 16 lanes in parts become those of one vector. */
INLINE vec fold_parts(const vec *part)
{
#if PARTS == 4
    return (part[0] + part[2]) + (part[1] + part[3]);
#elif PARTS == 2
    return part[0] + part[1];
#else
    return part[0];
#endif
}

/* A row's sum of its 16 lanes. */
INLINE float row_sum(const vec *part)
{
    return lane_sum(fold_parts(part));
}

/* p . q of two padded rows. */
INLINE float row_dot(const float *p, const float *q, int64_t ld)
{
    vec sum[PARTS];

    UNROLL for (int i = 0; i < PARTS; i++) sum[i] = splat(0.0f);
    for (int64_t k = 0; k < ld; k += ROW_ALIGN)
        UNROLL for (int i = 0; i < PARTS; i++) sum[i] =
            fma_vec(*(const vec *)(p + k + i * LANES), *(const vec *)(q + k + i * LANES), sum[i]);
    return row_sum(sum);
}

typedef float four __attribute__((vector_size(16)));

/* Four vectors' lane_sum, bit for bit. */
INLINE four lane_sums(const vec *v)
{
#if defined(__AVX512F__)
    const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512 a = (__m512)v[0], b = (__m512)v[1], c = (__m512)v[2], d = (__m512)v[3];
    __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
    __m512 abcd = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));

    abcd = _mm512_add_ps(abcd, _mm512_permute_ps(abcd, 0x4e));
    abcd = _mm512_add_ps(abcd, _mm512_permute_ps(abcd, 0xb1));
    return (four)_mm512_castps512_ps128(_mm512_permutexvar_ps(first, abcd));
#elif defined(__AVX2__)
    __m256 a = (__m256)v[0], b = (__m256)v[1], c = (__m256)v[2], d = (__m256)v[3];
    __m256 ab = _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
    __m256 cd = _mm256_add_ps(_mm256_permute2f128_ps(c, d, 0x20), _mm256_permute2f128_ps(c, d, 0x31));
    __m256 ac = _mm256_shuffle_ps(ab, cd, 0x44), bd = _mm256_shuffle_ps(ab, cd, 0xee);

    ac = _mm256_add_ps(ac, bd);
    ac = _mm256_add_ps(ac, _mm256_permute_ps(ac, 0xb1)); /* a a c c | b b d d */
    ac = _mm256_permutevar8x32_ps(ac, _mm256_setr_epi32(0, 4, 2, 6, 0, 4, 2, 6));
    return (four)_mm256_castps256_ps128(ac);
#else
    return (four){lane_sum(v[0]), lane_sum(v[1]), lane_sum(v[2]), lane_sum(v[3])};
#endif
}

/* ---- what a product's tiles fetch for the caller ---- */

/* What a tile fetches into the second cache while it computes: a line at `at` every `stride` floats, one a
 * step. */
struct fetch {
    const float *at;
    int64_t stride, steps;
};

/* How far the caller's `ahead` has been fetched: the arrays take turns. */
struct fetched {
    const float *at[3];
    int64_t stride, lines; /* left, of the array whose turn it is */
    int turn;
};

INLINE struct fetched fetch_begin(const struct ahead *a)
{
    return a ? (struct fetched){{a->at[0], a->at[1], a->at[2]}, a->stride, a->lines, 0} : (struct fetched){0};
}

/* The next lines of what the caller will need, at most as many as a tile has steps. */
INLINE struct fetch fetch_ahead(struct fetched *f, int64_t steps)
{
    struct fetch next = {f->at[f->turn], f->stride, f->lines < steps ? f->lines : steps};

    f->at[f->turn] += f->stride * next.steps;
    if (f->turn == 2) {
        f->turn = 0;
        f->lines -= next.steps;
    } else {
        f->turn++;
    }
    return next;
}

/* The functions of struct kernels, declared for this path. */
#define KERNELS(X)                                                                                           \
    X(gather)                                                                                                \
    X(dots)                                                                                                  \
    X(axpy)                                                                                                  \
    X(add)                                                                                                   \
    X(scale)                                                                                                 \
    X(sum_squares)                                                                                           \
    X(adam)                                                                                                  \
    X(adam_idle)                                                                                             \
    X(sgd)                                                                                                   \
    X(normal_add)                                                                                            \
    X(normal_solve)                                                                                          \
    X(activate)                                                                                              \
    X(activate_back)                                                                                         \
    X(norm)                                                                                                  \
    X(norm_back)                                                                                             \
    X(sample_mixture)                                                                                        \
    X(exp_wide)                                                                                              \
    X(exp_row)                                                                                               \
    X(exp_stats)                                                                                             \
    X(above_threshold)                                                                                       \
    X(product_nt)                                                                                            \
    X(product_nn)                                                                                            \
    X(tile_product)                                                                                          \
    X(dropout)                                                                                               \
    X(drop_at)                                                                                               \
    X(normal)
/* Those that are compiled once more with the instructions of AVX512_BF16. */
#define BF16_KERNELS(X) X(bf16_rows) X(bf16_pair) X(bf16_panel) X(bf16_product)

#define DECLARE(name) __typeof__(*((struct kernels *)0)->name) ISA(name);
KERNELS(DECLARE) BF16_KERNELS(DECLARE)
