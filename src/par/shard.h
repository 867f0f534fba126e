/* shard.h - who owns which columns. Pure; callable from any thread.
 *
 * Cut points follow the work: entries plus a cost for each column (Adam, GEMM). With column cost 0:
 *
 *   entries   9 1 1 1 | 4 4 4 | 6 5 1      3 shards, 12 entries each
 *
 * The number of shards and the cuts come from the problem alone, never from the number of
 * workers: they decide the order of sums, so they are part of the answer. */
#ifndef PAR_SHARD_H
#define PAR_SHARD_H

#include <stdbool.h>
#include <stdint.h>

struct shard {
    int64_t begin, end; /* columns [begin, end) */
};

static inline int64_t shard_width(const struct shard *s)
{
    return s->end - s->begin;
}

/* The one of n shards that a column lies in. */
static inline int shard_of(const struct shard *cut, int n, int64_t column)
{
    int low = 0, high = n - 1;

    while (low < high) { /* cuts ascend */
        int mid = (low + high) / 2;

        if (column < cut[mid].end)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* How many shards a problem gets: a power of two, such that a shard's weight rows (ld floats a column) fit in
 * a core's L2 cache beside a minibatch; `dense` problems (every column in every step: GEMM) get larger ones.
 */
int shard_count(int64_t columns, int64_t ld, bool dense);

/* Cuts [0, columns) into n shards of even work; a shard can be empty where there are more shards than
 * columns. */
void shard_cut(struct shard *out, int n, const int64_t *entries, int64_t columns, double column_cost);

#endif
