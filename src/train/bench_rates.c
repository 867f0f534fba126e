/* bench_rates.c - what the machine can do with a team's workers: the roof over the phases.
 *
 * Streaming is measured by the kernel that streams in training: Adam reads and writes a weight and two
 * moments. A copy or a triad would count its stores once where most processors first read the line. The
 * arrays are twice the last-level cache together, as far as an eighth of the memory allows: smaller ones
 * would measure the cache. */
#include "train/bench.h"

#include "base/clock.h"
#include "base/mem.h"
#include "math/gemm.h"

#include <math.h>

enum {
    CHUNK = 2048, /* floats a call of the Adam kernel */
    BARRIERS = 500,
    STREAM_PASSES = 3,
    SGEMM_PASSES = 16,
    SGEMM_PRODUCTS = 4, /* a pass */
};

struct rates {
    const struct kernels *kern;
    float *scratch; /* (workers, block) */
    int64_t block;  /* floats a worker */
    float **array;  /* (workers): three arrays of n floats, one behind the other */
    int64_t n;      /* a multiple of CHUNK */
    double sgemm, stream, barrier;
};

/* The three arrays of a worker, once. */
static void stream_pass(const struct rates *r, int worker)
{
    static const struct adam_step step = {.step_size = 1e-3f,
                                          .root_scale = 1.0f,
                                          .eps = 1e-8f,
                                          .beta1 = 0.9f,
                                          .one_beta1 = 0.1f,
                                          .beta2 = 0.999f,
                                          .one_beta2 = 0.001f,
                                          .keep = 1.0f};
    float *w = r->array[worker];

    for (int64_t i = 0; i < r->n; i += CHUNK)
        r->kern->adam(&step, w + i, w + r->n + i, w + 2 * r->n + i, r->scratch + worker * r->block, CHUNK);
}

static void sgemm_pass(const struct rates *r, int worker)
{
    const int64_t n = BENCH_BLOCK;
    float *a = r->scratch + worker * r->block;

    for (int i = 0; i < SGEMM_PRODUCTS; i++)
        gemm_nt(n, n, n, 1.0f, a, n, a + n * n, n, 0.0f, a + 2 * n * n, n);
}

static void barrier_pass(const struct rates *r, int worker)
{
    (void)r;
    (void)worker;
}

/* Seconds of the fastest of some passes, made by all workers at once and ended by a barrier. */
static double best_pass(struct worker *w, const struct rates *r, int passes,
                        void (*pass)(const struct rates *r, int worker))
{
    double best = INFINITY;

    team_barrier(w);
    for (int i = 0; i < passes; i++) {
        double start = clock_now();

        pass(r, w->id);
        team_barrier(w);
        best = fmin(best, clock_now() - start);
    }
    return best;
}

static void measure(struct worker *w, void *arg)
{
    struct rates *r = arg;
    double sgemm, stream, barrier;

    for (int64_t i = 0; i < 3 * r->n; i++) /* the owner is the first to touch them */
        r->array[w->id][i] = 0.01f;
    for (int64_t i = 0; i < r->block; i++)
        r->scratch[w->id * r->block + i] = 0.01f;
    sgemm = best_pass(w, r, SGEMM_PASSES, sgemm_pass);
    stream = best_pass(w, r, STREAM_PASSES, stream_pass);
    barrier = best_pass(w, r, BARRIERS, barrier_pass);
    if (w->id == 0) {
        r->sgemm = 2.0 * SGEMM_PRODUCTS * pow(BENCH_BLOCK, 3.0) * w->count / sgemm;
        r->stream = 24.0 * (double)r->n * w->count / stream;
        r->barrier = barrier;
    }
}

/* Bytes to stream over, all workers together. */
static double stream_size(const struct problem *p)
{
    struct topo_facts f;
    double memory, bytes;

    topo_facts(p->topo, &f);
    memory = (double)(f.memory_limit > 0 && f.memory_limit < f.memory ? f.memory_limit : f.memory);
    bytes = fmax(2.0 * (double)f.l3 * (f.packages > 0 ? f.packages : 1), (double)(64 << 20));
    return fmin(bytes, memory / 8.0);
}

static void rates_fini(struct rates *r, int workers)
{
    for (int i = 0; r->array && i < workers; i++)
        mem_free(r->array[i]);
    mem_free(r->array);
    mem_free(r->scratch);
}

int bench_rates(struct bench_row *row, struct problem *p, double *stream_bytes, struct error *err)
{
    int workers = team_workers(p->team), rc = 0;
    struct rates r = {.kern = p->kern, .block = 3 * BENCH_BLOCK * BENCH_BLOCK};

    r.n = ((int64_t)(stream_size(p) / 12.0 / workers) / CHUNK + 1) * CHUNK;
    r.scratch = mem_array(workers * r.block, sizeof(float));
    r.array = mem_zalloc(workers, sizeof *r.array);
    for (int i = 0; r.array && i < workers; i++)
        if (!(r.array[i] = mem_array(3 * r.n, sizeof(float))))
            rc = PT_ENOMEM;
    if (rc < 0 || !r.scratch || !r.array) {
        rates_fini(&r, workers);
        return error_set(err, PT_ENOMEM, "bench: no memory to measure the machine's rates");
    }
    team_run(p->team, measure, &r);
    row->sgemm = fmax(row->sgemm, r.sgemm);
    row->stream = fmax(row->stream, r.stream);
    row->barrier = row->barrier > 0.0 ? fmin(row->barrier, r.barrier) : r.barrier;
    *stream_bytes = 12.0 * (double)r.n * workers;
    rates_fini(&r, workers);
    return 0;
}
