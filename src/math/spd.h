/* spd.h - the inverse of a symmetric positive definite matrix A in float64, by Cholesky and fixed tiles.
 *
 * A is cut into (tiles, tiles) tiles of SPD_TILE rows and columns; the lower triangle of them is kept, one
 * tile row after the other. A tile is panels of SPD_PANEL rows; a panel is its columns, one after the other.
 * So a product A B^T reads both operands as they lie. Behind A's last row comes the unit matrix.
 *
 *     for each tile row k:  spd_subtract (i, k), i >= k | spd_factor (k) | spd_solve (i, k), i > k
 *     for each tile row i:  spd_invert (i, j, row + j), j < i | spd_keep (i, row)
 *     then                  spd_inverse (i, j), j <= i
 *
 * `|` is a barrier where threads share the calls of a line; who makes which changes no bit. A call works in
 * the calling thread and writes only its own tile. */
#pragma once

#include "math/kernels.h"

enum { SPD_PANEL = 24, SPD_TILE = 192, SPD_TILE_SIZE = SPD_TILE * SPD_TILE };

struct spd {
    const struct kernels *kern;
    int64_t tiles;
    double *a; /* 64-byte aligned */
};

static inline int64_t spd_tiles(int64_t n)
{
    return (n + SPD_TILE - 1) / SPD_TILE;
}

/* Numbers of a matrix. */
static inline int64_t spd_size(int64_t tiles)
{
    return tiles * (tiles + 1) / 2 * SPD_TILE_SIZE;
}

/* Where in a tile an element is. */
static inline int64_t spd_in_tile(int64_t row, int64_t column)
{
    return row / SPD_PANEL * SPD_PANEL * SPD_TILE + column * SPD_PANEL + row % SPD_PANEL;
}

/* Where element (row, column) is in `a`; column <= row, or in the same tile. */
static inline int64_t spd_at(int64_t row, int64_t column)
{
    int64_t i = row / SPD_TILE, k = column / SPD_TILE;

    return (i * (i + 1) / 2 + k) * SPD_TILE_SIZE + spd_in_tile(row % SPD_TILE, column % SPD_TILE);
}

/* Subtracts from tile (i, k) the products of the tiles to its left. */
void spd_subtract(const struct spd *s, int64_t i, int64_t k);
/* Replaces the diagonal tile k by the inverse of its factor. False: it is not positive definite, and has NaN
 * entries. `room`: a tile. */
bool spd_factor(const struct spd *s, int64_t k, double *room);
/* Tile (i, k) of the factor L. `room`: a tile. */
void spd_solve(const struct spd *s, int64_t i, int64_t k, double *room);
/* Tile (i, j) of L^-1, transposed, into `out`. `room`: a tile. */
void spd_invert(const struct spd *s, int64_t i, int64_t j, double *out, double *room);
/* Stores tile row i of it in L's place; (i, i) is transposed where it lies. `row`: i tiles. */
void spd_keep(const struct spd *s, int64_t i, const double *row);
/* Tile (i, j) of A^-1 into `out`. */
void spd_inverse(const struct spd *s, int64_t i, int64_t j, double *out);
