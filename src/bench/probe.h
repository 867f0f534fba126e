/* probe.h - what a machine reaches with the workers of a team, for `bench` and `doctor`: SGEMM, barriers,
 * and passes of any other work. All workers begin a pass at once; its seconds are those from the first begin
 * to the last end, and the median pass counts. */
#pragma once

#include "par/team.h"

enum { PROBE_PASSES = 15, PROBE_BLOCK = 512 }; /* products are PROBE_BLOCK wide on every side */

struct pass_times {
    _Alignas(64) double begin[PROBE_PASSES], end[PROBE_PASSES];
};

struct probe {
    int workers, calling;     /* calling: workers that BLAS takes at the same time */
    double share;             /* of the work that a worker does where workers share cores */
    float *scratch;           /* (calling, 3 matrices) owned */
    struct pass_times *times; /* (workers) owned */
};

/* After team_new. PT_ENOMEM; PT_EUSAGE for a BLAS library that cannot be used. */
int probe_init(struct probe *p, int workers, int cores, struct error *err);
void probe_fini(struct probe *p);

/* Whether the BLAS library leaves this processor's vector units idle, and what to do then. */
bool probe_blas_note(char *text, size_t size);

/* The rest is entered by every worker, and gives each of them the same seconds. */

/* Before the first products. The owner is the first to touch its memory. */
void probe_fill(struct worker *w, struct probe *p);
/* `pass` returns false where the worker has no part in it. */
double probe_passes(struct worker *w, struct probe *p, int passes, bool (*pass)(const void *arg, int worker),
                    const void *arg);
/* Passes of `products` by each worker that may call BLAS, or by worker 0 alone. */
double probe_sgemm(struct worker *w, struct probe *p, int64_t products, bool all);
double probe_barrier(struct worker *w, const struct probe *p);

/* FLOP of a product. */
static inline double probe_flop(void)
{
    return 2.0 * PROBE_BLOCK * PROBE_BLOCK * PROBE_BLOCK;
}
