/* kernels_normal.c - systems of equations of least squares: summed up from rows, and solved.
 *
 * Everything is elementwise over chains in a fixed order, but for sums over 16 lanes by a fixed tree. */
#include "math/kernels_isa.h"

/* A register tile: HEIGHT rows, at most WIDTH blocks of 16 columns; 24 sums of 32 registers, or 8 of 16. */
#define HEIGHT (LANES / 2)
#define WIDTH  (LANES == 16 ? 3 : 1)
#define PACKED 4                  /* blocks of a row that are read together */
#define AHEAD  8                  /* rows */
#if defined(__SANITIZE_ADDRESS__) /* which checks each access before it unrolls: minutes of compiling */
#define UNROLL_ROWS
#else
#define UNROLL_ROWS _Pragma("GCC unroll 16")
#endif

enum { B = ROW_ALIGN };

INLINE const float *panel_of(const float *system, int64_t c)
{
    return system + normal_floats(c * B);
}

/* to = from +- left^T right, for HEIGHT rows of the result: left and right are n rows of B floats, result
 * panels lie as far apart as `step` says. */
INLINE void product_tile(int64_t n, bool minus, const float *left, const float *const *right,
                         const float *const *from, float *const *to, const int width)
{
    vec sum[HEIGHT][WIDTH * PARTS];

    UNROLL for (int i = 0; i < HEIGHT; i++) UNROLL for (int j = 0; j < width * PARTS; j++) sum[i][j] =
        *(const vec *)(from[j / PARTS] + i * B + j % PARTS * LANES);
    for (int64_t t = 0; t < n; t++) {
        vec r[WIDTH * PARTS];

        UNROLL for (int j = 0; j < width * PARTS; j++) r[j] =
            *(const vec *)(right[j / PARTS] + t * B + j % PARTS * LANES);
        UNROLL for (int i = 0; i < HEIGHT; i++)
        {
            vec l = splat(left[t * B + i]);

            UNROLL for (int j = 0; j < width * PARTS; j++) sum[i][j] =
                fma_vec(minus ? -l : l, r[j], sum[i][j]);
        }
    }
    UNROLL for (int i = 0; i < HEIGHT; i++) UNROLL for (int j = 0; j < width * PARTS; j++) *
        (vec *)(to[j / PARTS] + i * B + j % PARTS * LANES) = sum[i][j];
}

/* Rows [B k, B k + B) of the panels [c, c + width). Panel c of `right` begins at right + normal_floats(B c),
 * or, where they are as long as each other, at right + c * length. */
INLINE void product_rows(int64_t n, bool minus, const float *left, const float *right, int64_t length,
                         int64_t k, int64_t c, const float *from, float *to, const int width)
{
    const float *r[WIDTH], *f[WIDTH];
    float *o[WIDTH];

    for (int i = 0; i < B; i += HEIGHT) {
        UNROLL for (int j = 0; j < width; j++)
        {
            int64_t at = normal_floats((c + j) * B) + (k * B + i) * B;

            r[j] = right + (length ? (c + j) * length : normal_floats((c + j) * B));
            f[j] = from + at;
            o[j] = to + at;
        }
        product_tile(n, minus, left + i, r, f, o, width);
    }
}

/* Rows [B k, B k + B) of all panels. */
INLINE void product_panels(int64_t n, bool minus, const float *left, const float *right, int64_t length,
                           int64_t blocks, int64_t k, const float *from, float *to)
{
    int64_t c = k;

    for (; c + WIDTH <= blocks; c += WIDTH)
        product_rows(n, minus, left, right, length, k, c, from, to, WIDTH);
    if (WIDTH > 2 && c + 2 == blocks)
        product_rows(n, minus, left, right, length, k, c, from, to, 2);
    else if (c < blocks)
        product_rows(n, minus, left, right, length, k, c, from, to, 1);
}

/* Panels [c, c + width) of the rows, each times the root of its weight; right += weight times row. */
INLINE void pack_panels(int64_t c, int64_t n, const float *const *row, const float *root, float *packed,
                        float *right, const int width)
{
    vec sum[PACKED * PARTS];

    UNROLL for (int j = 0; j < width * PARTS; j++) sum[j] = *(const vec *)(right + c * B + j * LANES);
    for (int64_t t = 0; t < n; t++) {
        const float *ahead = row[t + AHEAD < n ? t + AHEAD : t];

        UNROLL for (int j = 0; j < width; j++) __builtin_prefetch(ahead + (c + j) * B);
        UNROLL for (int j = 0; j < width * PARTS; j++)
        {
            vec q = *(const vec *)(row[t] + c * B + j * LANES);

            if (root) {
                q *= splat(root[t]);
                sum[j] = fma_vec(splat(root[t]), q, sum[j]);
            } else {
                sum[j] += q;
            }
            *(vec *)(packed + ((c + j / PARTS) * n + t) * B + j % PARTS * LANES) = q;
        }
    }
    UNROLL for (int j = 0; j < width * PARTS; j++) * (vec *)(right + c * B + j * LANES) = sum[j];
}

void ISA(normal_add)(int64_t ld, int64_t n, const float *const *row, const float *root, float *packed,
                     const float *from, float *system, float *right)
{
    int64_t blocks = ld / B, c = 0;

    for (; c + PACKED <= blocks; c += PACKED)
        pack_panels(c, n, row, root, packed, right, PACKED);
    for (; c < blocks; c++)
        pack_panels(c, n, row, root, packed, right, 1);
    for (int64_t k = 0; k < blocks; k++)
        product_panels(n, false, packed + k * n * B, packed, n * B, blocks, k, from, system);
}

/* ---- solving ---- */

/* The diagonal tile A = U^T D U with ones on U's diagonal. Writes U without its diagonal, its transpose, and
 * 1 / D; z becomes U^-T z / D. */
INLINE void factor_tile(const float *tile, float penalty, float *upper, float *lower, float *inverse,
                        float *z)
{
    static const float step[2 * B] = {[B] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    _Alignas(64) float row[B];
    vec r[B][PARTS], right[PARTS];

    UNROLL_ROWS for (int i = 0; i < B; i++) UNROLL for (int p = 0; p < PARTS; p++) r[i][p] =
        *(const vec *)(tile + i * B + p * LANES);
    UNROLL for (int p = 0; p < PARTS; p++) right[p] = *(const vec *)(z + p * LANES);
    UNROLL_ROWS for (int i = 0; i < B; i++)
    {
        float pivot;

        UNROLL for (int p = 0; p < PARTS; p++)
        {
            *(vec *)(row + p * LANES) = r[i][p];
            *(vec *)(z + p * LANES) = right[p];
        }
        pivot = row[i] + penalty;
        inverse[i] = 1.0f / (pivot > 1e-30f ? pivot : 1e-30f);
        UNROLL for (int p = i / LANES; p < PARTS; p++)
        {
            vec u = r[i][p] * *(const vec_any *)(step + B - 1 - i + p * LANES) * splat(inverse[i]);

            *(vec *)(upper + i * B + p * LANES) = u;
            right[p] = fma_vec(-splat(z[i]), u, right[p]);
            UNROLL_ROWS for (int j = i + 1; j < B; j++) r[j][p] = fma_vec(-splat(row[j]), u, r[j][p]);
        }
        for (int j = i + 1; j < B; j++)
            lower[j * B + i] = upper[i * B + j];
    }
    UNROLL for (int p = 0; p < PARTS; p++) * (vec *)(z + p * LANES) =
        right[p] * *(const vec *)(inverse + p * LANES);
}

/* The tile to the right of it, a vector wide: A = U^T R, and R / D. `z`: right hand sides of its columns. */
INLINE void factor_right(const float *upper, const float *inverse, const float *solved, float *tile,
                         float *scaled, float *z)
{
    vec r[B], right = *(const vec *)z;

    UNROLL_ROWS for (int i = 0; i < B; i++) r[i] = *(const vec *)(tile + i * B);
    UNROLL_ROWS for (int i = 0; i < B; i++)
    {
        right = fma_vec(-splat(solved[i]), r[i], right);
        UNROLL_ROWS for (int j = i + 1; j < B; j++) r[j] = fma_vec(-splat(upper[i * B + j]), r[i], r[j]);
        *(vec *)(tile + i * B) = r[i];
        *(vec *)(scaled + i * B) = r[i] * splat(inverse[i]);
    }
    *(vec *)z = right;
}

/* x_k of U x = z, from the blocks behind it. */
INLINE void solve_back(int64_t blocks, int64_t k, const float *scaled, const float *lower, float *x)
{
    _Alignas(64) float sum[B];
    float *z = x + k * B;
    vec right[PARTS];

    UNROLL for (int p = 0; p < PARTS; p++) right[p] = *(const vec *)(z + p * LANES);
    if (k + 1 < blocks) {
        for (int i = 0; i < B; i += 4) {
            vec part[4][PARTS];

            UNROLL for (int j = 0; j < 4; j++) UNROLL for (int p = 0; p < PARTS; p++) part[j][p] =
                splat(0.0f);
            for (int64_t c = k + 1; c < blocks; c++)
                UNROLL for (int j = 0; j < 4; j++) UNROLL for (int p = 0; p < PARTS; p++) part[j][p] =
                    fma_vec(*(const vec *)(panel_of(scaled, c) + (k * B + i + j) * B + p * LANES),
                            *(const vec *)(x + c * B + p * LANES), part[j][p]);
            UNROLL for (int j = 0; j < 4; j++) sum[i + j] = row_sum(part[j]);
        }
        UNROLL for (int p = 0; p < PARTS; p++) right[p] -= *(const vec *)(sum + p * LANES);
    }
    UNROLL_ROWS for (int i = B - 1; i > 0; i--)
    {
        UNROLL for (int p = 0; p < PARTS; p++) * (vec *)(z + p * LANES) = right[p];
        UNROLL for (int p = 0; p < PARTS; p++) right[p] =
            fma_vec(-splat(z[i]), *(const vec *)(lower + i * B + p * LANES), right[p]);
    }
    UNROLL for (int p = 0; p < PARTS; p++) * (vec *)(z + p * LANES) = right[p];
}

float ISA(normal_solve)(int64_t ld, float *system, float *room, float penalty, const float *right, float *x)
{
    int64_t blocks = ld / B;
    float *scaled = room, *lower = scaled + normal_floats(ld), *inverse = lower + blocks * B * B;

    memcpy(x, right, (size_t)ld * sizeof *x);
    for (int64_t k = 0; k < blocks; k++) {
        float *panel = system + normal_floats(k * B), *upper = scaled + normal_floats(k * B) + k * B * B;

        if (k)
            product_panels(k * B, true, panel_of(scaled, k), system, 0, blocks, k, system, system);
        factor_tile(panel + k * B * B, penalty, upper, lower + k * B * B, inverse, x + k * B);
        for (int64_t c = k + 1; c < blocks; c++) {
            int64_t at = normal_floats(c * B) + k * B * B;

            UNROLL for (int p = 0; p < PARTS; p++)
                factor_right(upper, inverse, x + k * B, system + at + p * LANES, scaled + at + p * LANES,
                             x + c * B + p * LANES);
        }
    }
    for (int64_t k = blocks - 1; k >= 0; k--)
        solve_back(blocks, k, scaled, lower + k * B * B, x);
    return row_dot(right, x, ld);
}
