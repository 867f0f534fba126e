/* kernels_tiles.c - products of square tiles in float64, for math/spd.h. A register tile is a panel's vectors
 * by some columns; both operands lie in the order in which it reads them, so nothing is packed. */
#include "math/kernels_isa.h"
#include "math/spd.h"

#define WIDTH (LANES / 2) /* doubles of a vector */
#define VECS  3
#if defined(__AVX512F__)
#define COLUMNS 8 /* 24 sums, 3 + 1 operands: 32 registers */
#else
#define COLUMNS 4 /* 12 sums, likewise: 16 */
#endif
_Static_assert(SPD_PANEL % (VECS * WIDTH) == 0 && SPD_PANEL % COLUMNS == 0, "panels are cut evenly");

typedef double vec_double __attribute__((vector_size(8 * WIDTH), may_alias));

INLINE vec_double fma_double(vec_double a, double b, vec_double c)
{
#if defined(__AVX512F__)
    return (vec_double)_mm512_fmadd_pd((__m512d)a, _mm512_set1_pd(b), (__m512d)c);
#elif defined(__AVX2__)
    return (vec_double)_mm256_fmadd_pd((__m256d)a, _mm256_set1_pd(b), (__m256d)c);
#else
    return a * (b - (vec_double){0}) + c;
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
