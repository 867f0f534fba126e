#include "math/spd.h"

#include "math/gemm.h"

#include <math.h>
#include <string.h>

static int64_t rows_of(int64_t n, int64_t tile)
{
    int64_t left = n - tile * SPD_TILE;

    return left < SPD_TILE ? left : SPD_TILE;
}

/* First number of tile (i, k). */
static int64_t at(int64_t n, int64_t i, int64_t k)
{
    return i * SPD_TILE * n + k * SPD_TILE;
}

void spd_subtract(double *a, int64_t n, int64_t i, int64_t k)
{
    if (k > 0)
        gemm_subtract(false, true, rows_of(n, i), rows_of(n, k), k * SPD_TILE, a + at(n, i, 0), n,
                      a + at(n, k, 0), n, a + at(n, i, k), n);
}

bool spd_factor(double *a, int64_t n, int64_t k)
{
    int64_t rows = rows_of(n, k);
    double *l = a + at(n, k, k);
    bool positive = true;

    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c <= r; c++) {
            double sum = l[r * n + c];

            for (int64_t j = 0; j < c; j++)
                sum -= l[r * n + j] * l[c * n + j];
            if (c < r) {
                l[r * n + c] = sum / l[c * n + c];
            } else {
                positive &= sum > 0.0;
                l[r * n + r] = sqrt(sum); /* NaN below 0 */
            }
        }
    return positive;
}

void spd_solve(double *a, int64_t n, int64_t i, int64_t k)
{
    gemm_triangle_right(rows_of(n, i), rows_of(n, k), a + at(n, k, k), n, a + at(n, i, k), n);
}

void spd_inverse_column(const double *l, int64_t n, int64_t c, double *out)
{
    int64_t tiles = spd_tiles(n), width = rows_of(n, c), first = c * SPD_TILE;

    memset(out, 0, (size_t)((n - first) * SPD_TILE) * sizeof *out);
    for (int64_t r = 0; r < width; r++)
        out[r * SPD_TILE + r] = 1.0;
    for (int64_t i = c; i < tiles; i++) { /* L Y = E */
        double *y = out + (i - c) * SPD_TILE * SPD_TILE;

        if (i > c)
            gemm_subtract(false, false, rows_of(n, i), width, (i - c) * SPD_TILE, l + at(n, i, c), n, out,
                          SPD_TILE, y, SPD_TILE);
        gemm_triangle_left(false, rows_of(n, i), width, l + at(n, i, i), n, y, SPD_TILE);
    }
    for (int64_t i = tiles - 1; i >= c; i--) { /* L^T X = Y */
        double *x = out + (i - c) * SPD_TILE * SPD_TILE;
        int64_t below = n - (i + 1) * SPD_TILE;

        if (below > 0)
            gemm_subtract(true, false, rows_of(n, i), width, below, l + at(n, i + 1, i), n,
                          x + SPD_TILE * SPD_TILE, SPD_TILE, x, SPD_TILE);
        gemm_triangle_left(true, rows_of(n, i), width, l + at(n, i, i), n, x, SPD_TILE);
    }
}
