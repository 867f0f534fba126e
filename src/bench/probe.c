#include "bench/probe.h"

#include "base/mem.h"
#include "base/timing.h"
#include "math/gemm.h"

#include <math.h>
#include <stdio.h>

enum {
    BARRIERS = 499,
    BARRIERS_LEAST = 19,
    FACTOR = PROBE_BLOCK * PROBE_BLOCK, /* floats */
};

int probe_init(struct probe *p, int workers, int cores, struct error *err)
{
    int calling;

    TRY(gemm_init(err));
    calling = gemm_calling(workers, gemm_callers());
    *p = (struct probe){.workers = workers, .calling = calling, .share = fmin(1.0, (double)cores / workers)};
    p->times = mem_array(workers, sizeof *p->times);
    p->scratch = mem_array(calling, 3 * FACTOR * sizeof *p->scratch);
    if (p->times && p->scratch)
        return 0;
    probe_fini(p);
    return error_set(err, PT_ENOMEM, "no memory to measure %d workers; ask for fewer by --threads", workers);
}

void probe_fini(struct probe *p)
{
    mem_free(p->times);
    mem_free(p->scratch);
    *p = (struct probe){0};
}

bool probe_blas_note(char *text, size_t size)
{
    const char *better = gemm_better_core();

    if (better)
        snprintf(text, size,
                 "the BLAS library uses kernels for %s and leaves this processor's vector units idle, so its "
                 "SGEMM is no yardstick: set OPENBLAS_CORETYPE=%s, or install a newer library",
                 gemm_core(), better);
    return better != NULL;
}

void probe_fill(struct worker *w, struct probe *p)
{
    int caller = gemm_caller(w->id, w->count, p->calling);

    for (int i = 0; caller >= 0 && i < 3 * FACTOR; i++) /* some machines multiply zeros faster */
        p->scratch[(int64_t)caller * 3 * FACTOR + i] = 0.01f * (float)(i % 97 - 48);
}

double probe_passes(struct worker *w, struct probe *p, int passes, bool (*pass)(const void *arg, int worker),
                    const void *arg)
{
    struct pass_times *own = &p->times[w->id];
    double time[PROBE_PASSES];

    for (int i = 0; i < passes; i++) {
        double start;
        bool took_part;

        team_barrier(w);
        start = clock_now();
        took_part = pass(arg, w->id);
        own->begin[i] = took_part ? start : INFINITY;
        own->end[i] = took_part ? clock_now() : -INFINITY;
    }
    team_barrier(w);
    /* One worker's clock would not do: where workers share a core, it may see a pass begin when others have
     * ended it. */
    for (int i = 0; i < passes; i++) {
        double begin = INFINITY, end = -INFINITY;

        for (int id = 0; id < w->count; id++) {
            begin = fmin(begin, p->times[id].begin[i]);
            end = fmax(end, p->times[id].end[i]);
        }
        time[i] = end - begin;
    }
    team_barrier(w); /* the times are read: the next passes may write them */
    return median(time, passes);
}

struct products {
    const struct probe *probe;
    int64_t count;
    bool all;
};

static bool multiply(const void *arg, int worker)
{
    const struct products *x = arg;
    const struct probe *p = x->probe;
    int caller = x->all ? gemm_caller(worker, p->workers, p->calling) : worker == 0 ? 0 : -1;

    for (int64_t i = 0; caller >= 0 && i < x->count; i++) {
        float *a = p->scratch + (int64_t)caller * 3 * FACTOR;

        gemm_nt(PROBE_BLOCK, PROBE_BLOCK, PROBE_BLOCK, a, PROBE_BLOCK, a + FACTOR, PROBE_BLOCK,
                a + 2 * FACTOR, PROBE_BLOCK);
    }
    return caller >= 0;
}

double probe_sgemm(struct worker *w, struct probe *p, int64_t products, bool all)
{
    struct products x = {p, products, all};

    return probe_passes(w, p, PROBE_PASSES, multiply, &x);
}

double probe_barrier(struct worker *w, const struct probe *p)
{
    int n = (int)fmax(BARRIERS_LEAST, BARRIERS * p->share);
    double time[BARRIERS], now;

    team_barrier(w);
    now = clock_now();
    for (int i = 0; i < n; i++) {
        double before = now;

        team_barrier(w);
        now = clock_now();
        time[i] = now - before;
    }
    return median(time, n);
}
