/* bf16_matrix.h - what the three products of a dense layer read, rounded to bf16 (layouts: math/kernels.h).
 *
 *     y  = h W^T        pairs along the units of h       h (B, K), W (n, K)
 *     dh = e W          pairs along the rows of W        e (B, n): the gradient of y
 *     dW = e^T h        pairs along the minibatch
 *
 * Each matrix takes part in two of them, so it is rounded both ways: as rows or W's panels for the first
 * two, as panels of pairs down its columns. Pairs are counted from W's first row (in a shard: the
 * shard's) and from the minibatch's first example; a microbatch begins at an even one. */
#pragma once

#include "base/mem.h"
#include "math/kernels.h"

struct bf16_weights {
    uint32_t *along, *down; /* panels of W^T, where missing rows are zero, and of W */
    int64_t rows, ld;       /* of W; floats of a row */
};

/* Pairs down x rows. */
static inline int64_t bf16_pairs(int64_t rows)
{
    return (rows + 1) / 2;
}

/* Words of a (rows, ld) matrix, stored once. */
static inline int64_t bf16_words(int64_t rows, int64_t ld)
{
    return row_pad(rows) / 2 * ld;
}

/* In 2 bf16_words(rows, ld) words at `at`, zero once they have been touched by bf16_weights_clear. */
struct bf16_weights bf16_weights_at(uint32_t *at, int64_t rows, int64_t ld);
void bf16_weights_clear(const struct bf16_weights *b);
/* Rows [first, end) of W, which has `rows`; first is a multiple of 16, and so is end, or it is the last. */
void bf16_weights_round(const struct bf16_weights *b, const struct kernels *kern, const float *w,
                        int64_t first, int64_t end);

/* Panels of pairs down x (rows, n), n a multiple of 16: rows [first, end), both even or the last one. */
void bf16_round_down(const struct kernels *kern, const float *x, int64_t ld, int64_t n, int64_t first,
                     int64_t end, int64_t rows, uint32_t *out);
