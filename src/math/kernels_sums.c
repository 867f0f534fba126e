/* kernels_sums.c - sums of rows and products with them. */
#include "math/kernels_isa.h"

/* ---- gather: sums of rows ------------------------------------------------------------------ */

/* `tile` vectors of the row stay in registers while the entries go by. */
INLINE void gather_tile(float *out, bool add, int64_t n, const int32_t *idx, const float *coef,
                        const float *table, int64_t ld, const int tile)
{
    vec sum[8];

    UNROLL for (int t = 0; t < tile; t++) sum[t] = splat(0.0f);
    for (int64_t i = 0; i < n; i++) {
        const vec *row = (const vec *)(table + idx[i] * ld);
        vec c = splat(coef[i]);

        UNROLL for (int t = 0; t < tile; t++) sum[t] = fma_vec(c, row[t], sum[t]);
    }
    UNROLL for (int t = 0; t < tile; t++)
    {
        vec *o = (vec *)out + t;

        if (add)
            *o += sum[t];
        else
            *o = sum[t];
    }
}

void ISA(gather)(float *out, bool add, int64_t n, const int32_t *idx, const float *coef, const float *table,
                 int64_t ld)
{
    int64_t k = 0;

    if (add && n == 0) /* the rule where shards are many: out is not fetched for nothing */
        return;
    for (; k + 8 * LANES <= ld; k += 8 * LANES)
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 8);
    if (k + 4 * LANES <= ld) {
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 4);
        k += 4 * LANES;
    }
    if (k + 2 * LANES <= ld) {
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 2);
        k += 2 * LANES;
    }
    if (k + LANES <= ld)
        gather_tile(out + k, add, n, idx, coef, table + k, ld, 1);
}

/* ---- dots: one row against several ------------------------------------------------------------ */

#if LANES == 16
#define DOTS_ROWS 8 /* chains of sums that hide one another's latency */
#else
#define DOTS_ROWS 4
#endif

/* `rows` rows at a time share the loads of w. */
INLINE void dots_tile(float *out, const int32_t *idx, const float *w, const float *table, int64_t ld,
                      const int rows)
{
    vec sum[DOTS_ROWS][PARTS], all[DOTS_ROWS];
    const float *row[DOTS_ROWS];

    UNROLL for (int r = 0; r < rows; r++)
    {
        UNROLL for (int i = 0; i < PARTS; i++) sum[r][i] = splat(0.0f);
        row[r] = table + idx[r] * ld;
    }
    for (int64_t k = 0; k < ld; k += ROW_ALIGN)
        UNROLL for (int i = 0; i < PARTS; i++)
        {
            vec a = *(const vec *)(w + k + i * LANES);

            UNROLL for (int r = 0; r < rows; r++) sum[r][i] =
                fma_vec(a, *(const vec *)(row[r] + k + i * LANES), sum[r][i]);
        }
    UNROLL for (int r = 0; r < rows; r++) all[r] = fold_parts(sum[r]);
    if (rows % 4 == 0)
        UNROLL for (int r = 0; r < rows; r += 4)
        {
            four sums = lane_sums(all + r);

            memcpy(out + r, &sums, sizeof sums);
        }
    else
        UNROLL for (int r = 0; r < rows; r++) out[r] = lane_sum(all[r]);
}

void ISA(dots)(float *out, int64_t n, const int32_t *idx, const float *w, const float *table, int64_t ld)
{
    int64_t i = 0;

    for (; i + DOTS_ROWS <= n; i += DOTS_ROWS)
        dots_tile(out + i, idx + i, w, table, ld, DOTS_ROWS);
    for (; DOTS_ROWS > 4 && i + 4 <= n; i += 4)
        dots_tile(out + i, idx + i, w, table, ld, 4);
    for (; i + 2 <= n; i += 2)
        dots_tile(out + i, idx + i, w, table, ld, 2);
    if (i < n)
        dots_tile(out + i, idx + i, w, table, ld, 1);
}

/* ---- small loops ---------------------------------------------------------------------------------- */

void ISA(axpy)(float *y, float a, const float *x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = FMA(a, x[i], y[i]);
}

void ISA(add)(float *y, const float *x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

void ISA(scale)(float *x, float a, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        x[i] *= a;
}

double ISA(sum_squares)(const float *x, int64_t n)
{
    double lane[8] = {0};
    int64_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            lane[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < n; i++)
        lane[0] += (double)x[i] * (double)x[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
