/* kernels_tiles.c - products of square tiles in float64, for math/spd.h. A register tile is a panel's vectors
 * by some columns; both operands lie in the order in which it reads them, so nothing is packed. */
#include "math/kernels_isa.h"
#include "math/spd.h"

#define WIDTH (LANES / 2) /* doubles of a vector */
#define VECS  3
#if defined(__AVX512F__) || defined(__aarch64__)
#define COLUMNS 8 /* 24 sums, 3 + 1 operands: 32 registers */
#else
#define COLUMNS 4 /* 12 sums, likewise: 16 */
#endif
_Static_assert(SPD_PANEL % (VECS * WIDTH) == 0 && SPD_PANEL % COLUMNS == 0, "panels are cut evenly");

typedef double vec_double __attribute__((vector_size(8 * WIDTH), may_alias));

/* a + b, and what rounding left of it. */
INLINE vec_double two_sum(vec_double a, vec_double b, vec_double *left)
{
    vec_double sum = a + b, rest = sum - a;

    *left = (a - (sum - rest)) + (b - rest);
    return sum;
}

/* The half of a number's digits that is exact in products (Dekker). */
INLINE vec_double upper_half(vec_double a)
{
    vec_double scaled = a * 134217729.0;

    return scaled - (scaled - a);
}

/* a b + c rounded once, where the processor does not: the rounding errors of product and sums are kept, and
 * their sum is rounded to odd (Boldo, Melquiond 2008, as in fma_vec). For numbers far from the ends of the
 * range. */
INLINE vec_double fma_emulated(vec_double a, vec_double b, vec_double c)
{
    typedef uint64_t word __attribute__((vector_size(8 * WIDTH)));
    vec_double ah = upper_half(a), bh = upper_half(b), al = a - ah, bl = b - bh, none = {0};
    vec_double high = a * b, low = al * bl - (((high - ah * bh) - al * bh) - ah * bl), error;
    word inexact, bits;

    c = two_sum(c, low, &low);
    high = two_sum(high, c, &c);
    low = two_sum(low, c, &error);
    inexact = (word)((error < none) | (error > none)) >> 63;
    bits = (word)low;
    bits = (bits - ((((word)error ^ bits) >> 63) & inexact)) | inexact;
    return high + (vec_double)bits;
}

INLINE vec_double fma_double(vec_double a, double b, vec_double c)
{
#if defined(__AVX512F__)
    return (vec_double)_mm512_fmadd_pd((__m512d)a, _mm512_set1_pd(b), (__m512d)c);
#elif defined(__AVX2__)
    return (vec_double)_mm256_fmadd_pd((__m256d)a, _mm256_set1_pd(b), (__m256d)c);
#elif defined(__aarch64__)
    return (vec_double)vfmaq_f64((float64x2_t)c, (float64x2_t)a, vdupq_n_f64(b));
#else
    return fma_emulated(a, b - (vec_double){0}, c);
#endif
}

INLINE void register_tile(double *c, const double *a, const double *b, double sign)
{
    vec_double sum[COLUMNS][VECS];

    UNROLL for (int j = 0; j < COLUMNS; j++) UNROLL for (int v = 0; v < VECS; v++) sum[j][v] =
        (vec_double){0};
    for (int64_t k = 0; k < SPD_TILE; k++, a += SPD_PANEL, b += SPD_PANEL)
        UNROLL for (int j = 0; j < COLUMNS; j++) UNROLL for (int v = 0; v < VECS; v++) sum[j][v] =
            fma_double(*(const vec_double *)(a + v * WIDTH), b[j], sum[j][v]);
    UNROLL for (int j = 0; j < COLUMNS; j++) UNROLL for (int v = 0; v < VECS; v++)
    {
        vec_double *out = (vec_double *)(c + j * SPD_PANEL + v * WIDTH);

        *out = fma_double(sum[j][v], sign, *out);
    }
}

void ISA(tile_product)(double *c, const double *a, const double *b, double sign)
{
    for (int64_t i = 0; i < SPD_TILE; i += SPD_PANEL)
        for (int64_t r = 0; r < SPD_PANEL; r += VECS * WIDTH)
            for (int64_t j = 0; j < SPD_TILE; j += COLUMNS)
                register_tile(c + i * SPD_TILE + j * SPD_PANEL + r, a + i * SPD_TILE + r,
                              b + j / SPD_PANEL * SPD_PANEL * SPD_TILE + j % SPD_PANEL, sign);
}
