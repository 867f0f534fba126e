/* kernels_products.c - products of a minibatch's small matrices, on register tiles and without packing.
 *
 * Every element is one chain of sums, in an order that its own row and column alone decide: the same bits
 * whatever tile it falls into. So workers can cut a product where they like, which no BLAS promises. */
#include "math/kernels_isa.h"

#if defined(__AVX512F__) || defined(__aarch64__)
#define NT_ROWS 6  /* 24 sums, 4 + 1 operands: 32 registers */
#define NN_SUMS 24 /* the same, with 3 + 1 operands */
#else
#define NT_ROWS 3 /* 12 sums, 3 + 1 operands and one from memory: 16 registers */
#define NN_SUMS 12
#endif
#define NT_COLUMNS 4
#define NT_BLOCK   12 /* rows of A that stay in the first cache beside NT_COLUMNS rows of B */
#define NT_SPAN    64 /* rows of B that stay in the second */
#define NT_NEAR    8  /* columns: how early C's lines are asked for */
#define NN_VECS    3
#define NN_ROWS    12 /* at most, in a tile */
#define NN_NEAR    8  /* steps: how early a tile asks for operands that lie a row apart */
/* What is asked for early may lie behind an array's end; a prefetch does not fault. */

/* ---- A B^T -------------------------------------------------------------------------------------------- */

/* The tile's sums over every PARTS-th vector of k, beginning with vector `part`. */
INLINE void nt_sums(vec sum[NT_ROWS][NT_COLUMNS], int part, int64_t k, const float *a, int64_t lda,
                    const float *b, int64_t ldb, const float *ahead, const int rows, const int columns)
{
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) sum[i][j] = splat(0.0f);
    for (int64_t t = part * LANES; t < k; t += ROW_ALIGN) {
        vec right[NT_COLUMNS];

        if (ahead) {
            __builtin_prefetch(ahead + t, 0, 2);
            __builtin_prefetch(ahead + ldb + t, 0, 2);
        }
        UNROLL for (int j = 0; j < columns; j++) right[j] = *(const vec *)(b + j * ldb + t);
        UNROLL for (int i = 0; i < rows; i++)
        {
            vec left = *(const vec *)(a + i * lda + t);

            UNROLL for (int j = 0; j < columns; j++) sum[i][j] = fma_vec(left, right[j], sum[i][j]);
        }
    }
}

INLINE void nt_keep(vec kept[NT_ROWS][NT_COLUMNS], vec sum[NT_ROWS][NT_COLUMNS], const int rows,
                    const int columns)
{
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) kept[i][j] = sum[i][j];
}

INLINE void nt_add(vec sum[NT_ROWS][NT_COLUMNS], vec kept[NT_ROWS][NT_COLUMNS], const int rows,
                   const int columns)
{
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) sum[i][j] += kept[i][j];
}

/* Sums have 16 lanes. Where a vector has fewer, one part of them after the other is summed over all of k,
 * so that the tile keeps its size; then the parts are added as fold_parts does. */
INLINE void nt_tile(int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, const float *bias,
                    const float *ahead, float *c, int64_t ldc, const int rows, const int columns)
{
    vec sum[NT_ROWS][NT_COLUMNS], kept[2][NT_ROWS][NT_COLUMNS];

    UNROLL for (int i = 0; i < rows; i++) __builtin_prefetch(c + i * ldc + NT_NEAR, 1, 3);
#if PARTS == 4
    nt_sums(sum, 3, k, a, lda, b, ldb, ahead, rows, columns);
    nt_keep(kept[1], sum, rows, columns);
    nt_sums(sum, 1, k, a, lda, b, ldb, NULL, rows, columns);
    nt_add(sum, kept[1], rows, columns);
    nt_keep(kept[1], sum, rows, columns);
    nt_sums(sum, 2, k, a, lda, b, ldb, NULL, rows, columns);
    nt_keep(kept[0], sum, rows, columns);
    nt_sums(sum, 0, k, a, lda, b, ldb, NULL, rows, columns);
    nt_add(sum, kept[0], rows, columns);
    nt_add(sum, kept[1], rows, columns);
#elif PARTS == 2
    nt_sums(sum, 1, k, a, lda, b, ldb, ahead, rows, columns);
    nt_keep(kept[0], sum, rows, columns);
    nt_sums(sum, 0, k, a, lda, b, ldb, NULL, rows, columns);
    nt_add(sum, kept[0], rows, columns);
#else
    (void)kept;
    nt_sums(sum, 0, k, a, lda, b, ldb, ahead, rows, columns);
#endif
    UNROLL for (int i = 0; i < rows; i++)
    {
        if (columns == NT_COLUMNS) {
            four out = lane_sums(sum[i]), offset;

            if (bias) {
                memcpy(&offset, bias, sizeof offset);
                out += offset;
            }
            memcpy(c + i * ldc, &out, sizeof out);
        } else {
            float out = lane_sum(sum[i][0]);

            c[i * ldc] = bias ? out + *bias : out;
        }
    }
}

/* Some rows of A against some of B. The first tiles fetch the rows of B that come next. */
INLINE void nt_columns(int64_t m, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                       const float *bias, bool fetch, float *c, int64_t ldc, const int columns)
{
    int64_t i = 0;

    for (; i + NT_ROWS <= m; i += NT_ROWS)
        nt_tile(k, a + i * lda, lda, b, ldb, bias,
                fetch && i < 2 * NT_ROWS ? b + (NT_COLUMNS + 2 * (i / NT_ROWS)) * ldb : NULL, c + i * ldc,
                ldc, NT_ROWS, columns);
    for (; NT_ROWS > 3 && i + 2 <= m; i += 2)
        nt_tile(k, a + i * lda, lda, b, ldb, bias, NULL, c + i * ldc, ldc, 2, columns);
    for (; i < m; i++)
        nt_tile(k, a + i * lda, lda, b, ldb, bias, NULL, c + i * ldc, ldc, 1, columns);
}

/* A block of B's rows stays in the second cache while all of A passes by, in blocks for the first one. */
void ISA(product_nt)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, const float *bias, float *c, int64_t ldc)
{
    for (int64_t from = 0; from < n; from += NT_SPAN) {
        int64_t end = n - from < NT_SPAN ? n : from + NT_SPAN;

        for (int64_t i = 0; i < m; i += NT_BLOCK) {
            int64_t rows = m - i < NT_BLOCK ? m - i : NT_BLOCK, j = from;

            for (; j + NT_COLUMNS <= end; j += NT_COLUMNS)
                nt_columns(rows, k, a + i * lda, lda, b + j * ldb, ldb, bias ? bias + j : NULL,
                           i == 0 && j + 2 * NT_COLUMNS <= n, c + i * ldc + j, ldc, NT_COLUMNS);
            for (; j < end; j++)
                nt_columns(rows, k, a + i * lda, lda, b + j * ldb, ldb, bias ? bias + j : NULL, false,
                           c + i * ldc + j, ldc, 1);
        }
    }
}

/* ---- A B ---------------------------------------------------------------------------------------------- */

struct strided {
    const float *at;
    int64_t row, column; /* distance of neighbours, in floats */
};

INLINE void nn_tile(int64_t k, struct strided a, const float *b, int64_t ldb, enum product_into into,
                    struct fetch f, float *c, int64_t ldc, const int rows, const int vecs)
{
    vec sum[NN_ROWS][NN_VECS];

    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j += ROW_ALIGN / LANES)
        __builtin_prefetch(c + i * ldc + j * LANES, 1, 3);
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j++) sum[i][j] =
        into == INTO_CHAIN ? *(const vec *)(c + i * ldc + j * LANES) : splat(0.0f);
    for (int64_t t = 0; t < k; t++) {
        vec right[NN_VECS];

        if (t < f.steps)
            __builtin_prefetch(f.at + t * f.stride, 0, 2);
        __builtin_prefetch(a.at + (t + NN_NEAR) * a.column, 0, 3);
        UNROLL for (int j = 0; j < vecs; j += ROW_ALIGN / LANES)
            __builtin_prefetch(b + (t + NN_NEAR) * ldb + j * LANES, 0, 3);
        UNROLL for (int j = 0; j < vecs; j++) right[j] = *(const vec *)(b + t * ldb + j * LANES);
        UNROLL for (int i = 0; i < rows; i++)
        {
            vec left = splat(a.at[i * a.row + t * a.column]);

            UNROLL for (int j = 0; j < vecs; j++) sum[i][j] = fma_vec(left, right[j], sum[i][j]);
        }
    }
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j++)
    {
        vec *out = (vec *)(c + i * ldc + j * LANES);

        if (into == INTO_SUM)
            sum[i][j] = *out + sum[i][j];
        *out = sum[i][j];
    }
}

/* All rows against `vecs` vectors of columns, in tiles of `most` rows and then fewer. */
INLINE void nn_columns(int64_t m, int64_t k, struct strided a, const float *b, int64_t ldb,
                       enum product_into into, struct fetched *ahead, bool more, float *c, int64_t ldc,
                       const int most, const int vecs)
{
    const float *at = a.at;
    int64_t i = 0;

    for (; i + most <= m; i += most, a.at = at + i * a.row) {
        struct fetch f = {0};

        if (ahead)
            f = fetch_ahead(ahead, k);
        else if (more && i < vecs * LANES / ROW_ALIGN * most) /* the next columns of B */
            f = (struct fetch){b + vecs * LANES + i / most * ROW_ALIGN, ldb, k};
        nn_tile(k, a, b, ldb, into, f, c + i * ldc, ldc, most, vecs);
    }
    for (; i + 4 <= m; i += 4, a.at = at + i * a.row)
        nn_tile(k, a, b, ldb, into, (struct fetch){0}, c + i * ldc, ldc, 4, vecs);
    for (; i + 2 <= m; i += 2, a.at = at + i * a.row)
        nn_tile(k, a, b, ldb, into, (struct fetch){0}, c + i * ldc, ldc, 2, vecs);
    for (; i < m; i++, a.at = at + i * a.row)
        nn_tile(k, a, b, ldb, into, (struct fetch){0}, c + i * ldc, ldc, 1, vecs);
}

void ISA(product_nn)(int64_t m, int64_t n, int64_t k, const float *a, int64_t row, int64_t column,
                     const float *b, int64_t ldb, enum product_into into, float *c, int64_t ldc,
                     const struct ahead *ahead)
{
    struct strided left = {a, row, column};
    struct fetched rest = fetch_begin(ahead), *fetch = ahead ? &rest : NULL;
    int64_t j = 0;

    for (; j + 3 * LANES <= n; j += 3 * LANES)
        nn_columns(m, k, left, b + j, ldb, into, fetch, j + 6 * LANES <= n, c + j, ldc, NN_SUMS / 3, 3);
    if (j + 2 * LANES <= n) {
        nn_columns(m, k, left, b + j, ldb, into, fetch, false, c + j, ldc, NN_SUMS / 2, 2);
        j += 2 * LANES;
    }
    if (j < n)
        nn_columns(m, k, left, b + j, ldb, into, fetch, false, c + j, ldc, NN_ROWS, 1);
}
