/* topk.h - the k best of a stream of scores.
 *
 * Order: higher score first, then the smaller column; NaN counts as -inf, and is one in the
 * result. The order is total, so the result is the same whatever order the scores are offered in
 * and however they are cut into calls. -inf is a score like any other: an item that must not be
 * recommended is best given -inf, and such entries dropped from the end of the result.
 *
 *   best[0 .. n)   candidates, unordered; the k best of all that was offered are among them.
 *                  Full, they are cut down to the k best, and the bar is raised to the last of those:
 *                  what comes after it in the order can never be among the k best.
 *
 * Nothing here allocates or fails. One owner at a time; different objects are independent. */
#ifndef EVAL_TOPK_H
#define EVAL_TOPK_H

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

/* A capacity that serves: 2 k, and not so few that a small k is forever cutting. */
static inline int topk_capacity(int k)
{
    return k < 32 ? 64 : 2 * k;
}

/* 1 <= k <= capacity / 2. */
void topk_init(struct topk *t, int k, struct scored *room, int capacity);
/* Offers score[i] of column first + i, i < n. A column is offered once in a topk's life. */
void topk_offer(struct topk *t, const struct kernels *kern, const float *score, int64_t n, int32_t first);
void topk_offer_one(struct topk *t, float score, int32_t column);
/* Takes everything that `from` holds, which is left as it is. With from->k >= t->k, finished or
 * not, `t` then knows the k best of both streams. */
void topk_merge(struct topk *t, const struct topk *from);
/* Of an example whose columns `count` workers were offered, t[0], t[stride], ...: merges all into t[0] and
 * sorts it as topk_finish; drops scores of -inf. */
int topk_merge_workers(struct topk *t, int64_t stride, int count);
/* Sorts best[0 .. result), best first; returns the result, at most k. Offering can go on. */
int topk_finish(struct topk *t);

#endif
