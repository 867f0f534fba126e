/* bench_result.c - compares the measured rows: equal results, speedup, efficiency. */
#include "bench/bench.h"

#include <string.h>

int bench_compare(const struct bench_result *r, struct error *err)
{
    const struct bench_row *a = &r->row[0];

    for (int i = 1; i < r->rows; i++) {
        const struct bench_row *x = &r->row[i];
        const char *expected = r->weak ? x->first_hash : a->warm_hash;

        if (strcmp(expected, x->warm_hash) != 0 || (!r->weak && strcmp(a->hash, x->hash) != 0))
            return error_set(
                err, PT_ECHECK,
                "bench: %d and %d threads give different weights (%s, %s): the answer depends on the number "
                "of threads, which is a fault of partrain or of the BLAS library (`partrain doctor`)",
                a->threads, x->threads, r->weak ? expected : a->hash, r->weak ? x->warm_hash : x->hash);
        for (int k = 0; k < x->evaluated.n && !r->weak; k++)
            if (memcmp(&a->evaluated.value[k], &x->evaluated.value[k], sizeof(double)) != 0)
                return error_set(err, PT_ECHECK,
                                 "bench: %d and %d threads evaluate the same weights differently (%.17g, "
                                 "%.17g): a fault of partrain",
                                 a->threads, x->threads, a->evaluated.value[k], x->evaluated.value[k]);
    }
    return 0;
}

static double rate(const struct bench_row *row)
{
    return row->work.ratings / row->median;
}

double bench_speedup(const struct bench_result *r, int row)
{
    return r->weak ? rate(&r->row[row]) / rate(&r->row[0]) : r->row[0].median / r->row[row].median;
}

double bench_efficiency(const struct bench_result *r, int row)
{
    return bench_speedup(r, row) * r->row[0].threads / r->row[row].threads;
}
