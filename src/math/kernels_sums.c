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

        UNROLL for (int t = 0; t < tile; t++) sum[t] += c * row[t];
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

/* `rows` rows at a time share the loads of w; two chains a row hide the latency of FMA. */
INLINE void dots_tile(float *out, const int32_t *idx, const float *w, const float *table, int64_t ld,
                      const int rows)
{
    vec even[4], odd[4];
    const float *row[4];
    int64_t k = 0;

    UNROLL for (int r = 0; r < rows; r++)
    {
        even[r] = odd[r] = splat(0.0f);
        row[r] = table + idx[r] * ld;
    }
    for (; k + 2 * LANES <= ld; k += 2 * LANES) {
        vec a = *(const vec *)(w + k), b = *(const vec *)(w + k + LANES);

        UNROLL for (int r = 0; r < rows; r++)
        {
            even[r] += a * *(const vec *)(row[r] + k);
            odd[r] += b * *(const vec *)(row[r] + k + LANES);
        }
    }
    if (k < ld)
        UNROLL for (int r = 0; r < rows; r++) even[r] += *(const vec *)(w + k) * *(const vec *)(row[r] + k);
    UNROLL for (int r = 0; r < rows; r++) out[r] = lane_sum(even[r] + odd[r]);
}

void ISA(dots)(float *out, int64_t n, const int32_t *idx, const float *w, const float *table, int64_t ld)
{
    int64_t i = 0;

    for (; i + 4 <= n; i += 4)
        dots_tile(out + i, idx + i, w, table, ld, 4);
    for (; i < n; i++)
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
