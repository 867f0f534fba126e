#include "par/shard.h"

#include "math/kernels.h"

/* Target bytes of a shard's weight rows, without their moments. Measured on 2 cores with 2 MiB of L2 each. */
#define SPARSE_BYTES (768 << 10)
#define DENSE_BYTES  (1 << 20)
#define MIN_SHARDS   16
#define MAX_SHARDS   128

int shard_count(int64_t columns, int64_t ld, bool dense)
{
    int64_t bytes = columns * ld * (int64_t)sizeof(float), target = dense ? DENSE_BYTES : SPARSE_BYTES;
    int n = MIN_SHARDS;

    while (n < MAX_SHARDS && bytes / n > target)
        n *= 2;
    while (n > 1 && columns / n < 4)
        n /= 2;
    while (columns / n >= INT32_MAX) /* columns are numbered by 32 bits in a shard */
        n *= 2;
    return n;
}

void shard_cut(struct shard *out, int n, const int64_t *entries, int64_t columns, double column_cost)
{
    double total = column_cost * (double)columns, done = 0.0;
    int64_t c = 0;

    for (int64_t i = 0; i < columns; i++)
        total += (double)entries[i];
    for (int s = 0; s < n; s++) {
        double goal = total * (double)(s + 1) / (double)n;

        out[s].begin = c;
        while (c < columns) {
            double work = (double)entries[c] + column_cost;

            if (s + 1 < n && done + work / 2 > goal) /* nearer to the goal without this column */
                break;
            done += work;
            c++;
        }
        out[s].end = c;
    }
}

int64_t shards_widest(const struct shard *cut, int n)
{
    int64_t widest = 0;

    for (int s = 0; s < n; s++)
        widest = row_pad(shard_width(&cut[s])) > widest ? row_pad(shard_width(&cut[s])) : widest;
    return widest;
}
