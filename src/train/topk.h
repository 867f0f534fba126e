/* topk.h - the k best of a stream of scores. Order: higher score first, then the smaller column;
 * NaN counts as the lowest score. The result is the same whatever order scores are offered in. */
#ifndef TRAIN_TOPK_H
#define TRAIN_TOPK_H

#include <stdint.h>

struct scored {
    float score;
    int32_t column;
};

/* Embedded in an array of them; `best` points at room for `capacity` >= 2 k entries, borrowed. */
struct topk {
    struct scored *best;
    int k, n, capacity;
    float bar; /* a score below it cannot be among the k best */
};

void topk_init(struct topk *t, int k, struct scored *room, int capacity);
/* Offers score[i] of column first + i, i < n. */
void topk_offer(struct topk *t, const float *score, int64_t n, int32_t first);
void topk_offer_one(struct topk *t, float score, int32_t column);
/* Takes everything that `from` holds. */
void topk_merge(struct topk *t, const struct topk *from);
/* Sorts best[0 .. result), best first; returns the result, at most k. */
int topk_finish(struct topk *t);

#endif
