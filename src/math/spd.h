/* spd.h - Cholesky factor and inverse of a symmetric positive definite matrix in float64, by fixed tiles.
 *
 *     A (n, n) row-major, in tiles of SPD_TILE rows and columns; its lower triangle is read and written
 *
 *     for each block column k:  spd_subtract of every tile (i, k), i >= k; spd_factor (k);
 *                               spd_solve of every tile (i, k), i > k                        A = L L^T
 *     for each block column c:  spd_inverse_column                                           columns of A^-1
 *
 * A task works in the calling thread alone and writes its own tile only, so several threads may share the
 * tasks of a line, with a barrier between two lines, and no bit depends on who did what. Products and
 * triangular solutions are BLAS's (gemm.h): another library, or another kernel family of it, gives other last
 * bits. gemm_init comes first. */
#ifndef MATH_SPD_H
#define MATH_SPD_H

#include <stdbool.h>
#include <stdint.h>

enum { SPD_TILE = 128 };

static inline int64_t spd_tiles(int64_t n)
{
    return (n + SPD_TILE - 1) / SPD_TILE;
}

/* Tile (i, k) less the products of what is left of it. */
void spd_subtract(double *a, int64_t n, int64_t i, int64_t k);
/* The diagonal tile k becomes its factor; false, and no number in it: it is not positive definite. */
bool spd_factor(double *a, int64_t n, int64_t k);
/* Tile (i, k) of the factor, where the diagonal tile k is there. */
void spd_solve(double *a, int64_t n, int64_t i, int64_t k);
/* Of the inverse of L L^T the rows from c * SPD_TILE to n of block column c: out (rows, SPD_TILE). The rows
 * above are the transpose of other columns. */
void spd_inverse_column(const double *l, int64_t n, int64_t c, double *out);

#endif
