/* topk.h - the k best of a stream of scores.
 *
 * Order: higher score first, then the smaller column. NaN counts as -inf, and is -inf in the
 * result. The order is total, so the result does not depend on the order of the scores or on how
 * calls split them. -inf is an ordinary score: give -inf to items that must not be recommended,
 * and drop such entries from the end of the result.
 *
 *   best[0 .. n)   candidates, unordered, with the k best offered so far among them. When full,
 *                  they are pruned to the k best, and the last of those becomes the bar: an entry
 *                  behind the bar can never be among the k best.
 *
 * Nothing here allocates or fails. One owner at a time; different objects are independent. */
#pragma once

#include "math/kernels.h"

#include <stdint.h>

struct scored {
    float score;
    int32_t column;
};

/* Embedded in an array of them; `best` points at room for `capacity` >= 2 k entries, borrowed. */
struct topk {
    struct scored *best;
    int k, n, capacity;
    float bar;          /* a score below it cannot be among the k best ... */
    int32_t bar_column; /* ... nor can one equal to it in a column behind this one */
};

/* Capacity: 2 k, at least 64, so that a small k prunes rarely. */
static inline int topk_capacity(int k)
{
    return k < 32 ? 64 : 2 * k;
}

/* 1 <= k <= capacity / 2. */
void topk_init(struct topk *t, int k, struct scored *room, int capacity);
/* Offers score[i] of column first + i, i < n. A column is offered once in a topk's life. */
void topk_offer(struct topk *t, const struct kernels *kern, const float *score, int64_t n, int32_t first);
void topk_offer_one(struct topk *t, float score, int32_t column);
/* Merges the `count` workers' lists of one example, t[0], t[stride], ..., into t[0] and sorts it as
 * topk_finish; drops scores of -inf. */
int topk_merge_workers(struct topk *t, int64_t stride, int count);
/* Sorts best[0 .. result), best first; returns the result, at most k. More scores can be offered later. */
int topk_finish(struct topk *t);
/* Brings the k best of a[0 .. n), 1 <= k <= n, to its front; returns the score of the last of them. */
float topk_select(struct scored *a, int n, int k);
