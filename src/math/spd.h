/* spd.h - Cholesky factor and inverse of a symmetric positive definite matrix in float64, by fixed tiles.
 *
 *     A (n, n) row-major, in tiles of SPD_TILE rows and columns; its lower triangle is read and written
 *
 *     for each block column k:  spd_subtract of every tile (i, k), i >= k; spd_factor (k);
 *                               spd_solve of every tile (i, k), i > k                        A = L L^T
 *     for each block column c:  spd_inverse_column                                           columns of A^-1
 *
 * A task runs in the calling thread and writes only its own tile. Threads may share the tasks of a line, with
 * a barrier between two lines; bits do not depend on who runs which task. BLAS
 * computes products and triangular solutions (gemm.h), so last bits depend on the library and on its kernel
 * family. Call gemm_init first. */
#ifndef MATH_SPD_H
#define MATH_SPD_H

#include <stdbool.h>
#include <stdint.h>

enum { SPD_TILE = 128 };

static inline int64_t spd_tiles(int64_t n)
{
    return (n + SPD_TILE - 1) / SPD_TILE;
}

/* Subtracts from tile (i, k) the products of the tiles to its left. */
void spd_subtract(double *a, int64_t n, int64_t i, int64_t k);
/* Replaces the diagonal tile k by its factor. False: it is not positive definite, and has NaN entries. */
bool spd_factor(double *a, int64_t n, int64_t k);
/* Tile (i, k) of the factor; spd_factor (k) comes first. */
void spd_solve(double *a, int64_t n, int64_t i, int64_t k);
/* Block column c of the inverse of L L^T, rows from c * SPD_TILE to n: out (rows, SPD_TILE). The rows above
 * are the transpose of other block columns. */
void spd_inverse_column(const double *l, int64_t n, int64_t c, double *out);

#endif
