#include "math/spd.h"

#include <math.h>
#include <string.h>

/* L is the factor and W its inverse. From spd_factor on, diagonal tile (k, k) holds W_kk; from spd_keep on,
 * (i, k) holds W_ik transposed: X_ki. All products are of the form A B^T:
 *
 *     L_ik = (A_ik - sum_j<k L_ij L_kj^T) W_kk^T
 *     X_ji = -(sum_j<=k<i L_ik X_jk^T)^T W_ii^T
 *     A^-1_ij = sum_k>=i X_ik X_jk^T */
static double *tile(const struct spd *s, int64_t i, int64_t k)
{
    return s->a + (i * (i + 1) / 2 + k) * SPD_TILE_SIZE;
}

static void clear(double *t)
{
    memset(t, 0, SPD_TILE_SIZE * sizeof *t);
}

static void transpose(double *out, const double *in)
{
    for (int64_t r = 0; r < SPD_TILE; r++)
        for (int64_t c = 0; c < SPD_TILE; c++)
            out[spd_in_tile(c, r)] = in[spd_in_tile(r, c)];
}

void spd_subtract(const struct spd *s, int64_t i, int64_t k)
{
    for (int64_t j = 0; j < k; j++)
        s->kern->tile_product(tile(s, i, k), tile(s, i, j), tile(s, k, j), -1.0);
}

/* The factor of l (SPD_TILE, SPD_TILE), row-major, lower triangle. */
static bool factor(double *l)
{
    double column[SPD_TILE];
    bool positive = true;

    for (int64_t c = 0; c < SPD_TILE; c++) {
        double root = sqrt(l[c * SPD_TILE + c]); /* NaN below 0 */

        positive &= root > 0.0;
        l[c * SPD_TILE + c] = root;
        for (int64_t r = c + 1; r < SPD_TILE; r++) {
            double *row = l + r * SPD_TILE, own = row[c] /= root;

            column[r] = own;
            for (int64_t j = c + 1; j <= r; j++)
                row[j] -= own * column[j];
        }
    }
    return positive;
}

/* Replaces l by its inverse, row by row. */
static void invert(double *l)
{
    double own[SPD_TILE];

    for (int64_t r = 0; r < SPD_TILE; r++) {
        double *row = l + r * SPD_TILE;

        memcpy(own, row, sizeof own);
        memset(row, 0, SPD_TILE * sizeof *row);
        for (int64_t k = 0; k < r; k++)
            for (int64_t j = 0; j <= k; j++)
                row[j] -= own[k] * l[k * SPD_TILE + j];
        for (int64_t j = 0; j < r; j++)
            row[j] /= own[r];
        row[r] = 1.0 / own[r];
    }
}

bool spd_factor(const struct spd *s, int64_t k, double *room)
{
    double *a = tile(s, k, k);
    bool positive;

    for (int64_t r = 0; r < SPD_TILE; r++)
        for (int64_t c = 0; c < SPD_TILE; c++)
            room[r * SPD_TILE + c] = a[spd_in_tile(r, c)];
    positive = factor(room);
    invert(room);
    for (int64_t r = 0; r < SPD_TILE; r++)
        for (int64_t c = 0; c < SPD_TILE; c++)
            a[spd_in_tile(r, c)] = room[r * SPD_TILE + c];
    return positive;
}

void spd_solve(const struct spd *s, int64_t i, int64_t k, double *room)
{
    memcpy(room, tile(s, i, k), SPD_TILE_SIZE * sizeof *room);
    clear(tile(s, i, k));
    s->kern->tile_product(tile(s, i, k), room, tile(s, k, k), 1.0);
}

void spd_invert(const struct spd *s, int64_t i, int64_t j, double *out, double *room)
{
    clear(out);
    for (int64_t k = j; k < i; k++)
        s->kern->tile_product(out, tile(s, i, k), tile(s, k, j), 1.0);
    transpose(room, out);
    clear(out);
    s->kern->tile_product(out, room, tile(s, i, i), -1.0);
}

void spd_keep(const struct spd *s, int64_t i, const double *row)
{
    double *own = tile(s, i, i);

    memcpy(tile(s, i, 0), row, (size_t)(i * SPD_TILE_SIZE) * sizeof *row);
    for (int64_t r = 0; r < SPD_TILE; r++)
        for (int64_t c = 0; c < r; c++) {
            own[spd_in_tile(c, r)] = own[spd_in_tile(r, c)];
            own[spd_in_tile(r, c)] = 0.0;
        }
}

void spd_inverse(const struct spd *s, int64_t i, int64_t j, double *out)
{
    clear(out);
    for (int64_t k = i; k < s->tiles; k++)
        s->kern->tile_product(out, tile(s, k, i), tile(s, k, j), 1.0);
}
