/* shard.h - cuts the columns into shards. Pure; callable from any thread.
 *
 * Cut points follow the work: entries plus a cost for each column (Adam, GEMM). With column cost 0:
 *
 *   entries   9 1 1 1 | 4 4 4 | 6 5 1      3 shards, 12 entries each
 *
 * The number of shards and the cuts depend on the problem alone, never on the number of
 * workers: they give the order of sums, so they are part of the result. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct shard {
    int64_t begin, end; /* columns [begin, end) */
};

static inline int64_t shard_width(const struct shard *s)
{
    return s->end - s->begin;
}

/* The longest row of scores of a shard, padded. */
int64_t shards_widest(const struct shard *cut, int n);

/* The number of the shard that has this column. */
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

/* The number of shards of a problem, a power of two. A shard's weight rows (ld floats a column) fit in a
 * core's L2 cache beside a minibatch. `dense`: every step uses every column (GEMM); shards are larger. */
int shard_count(int64_t columns, int64_t ld, bool dense);

/* Cuts [0, columns) into n shards of even work; with more shards than columns some are empty. */
void shard_cut(struct shard *out, int n, const int64_t *entries, int64_t columns, double column_cost);
