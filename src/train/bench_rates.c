/* bench_rates.c - what the machine can do with a team's workers: the roof over the phases.
 *
 * Streaming is measured by the kernel that streams in training: Adam reads and writes a weight and two
 * moments. A copy or a triad would count its stores once where most processors first read the line. The
 * arrays are twice the last-level cache together, as far as an eighth of the memory allows: smaller ones
 * would measure the cache. */
#include "train/bench.h"

#include "base/clock.h"
#include "base/median.h"
#include "base/mem.h"
#include "math/gemm.h"

#include <math.h>

enum {
    CHUNK = 2048, /* floats a call of the Adam kernel */
    BARRIERS = 499,
    STREAM_PASSES = 3,
    SGEMM_PASSES = 15,
    SGEMM_PRODUCTS = 4 /* a pass */
};

struct bench_rates {
    const struct problem *problem; /* borrowed */
    float *scratch;                /* (workers, block) */
    int64_t block;                 /* floats a worker */
    float **array;                 /* (workers): three arrays of n floats, one behind the other */
    int64_t n;                     /* a multiple of CHUNK */
    bool with_stream;              /* this sample; its passes: */
    double sgemm_pass[SGEMM_PASSES], stream_pass[STREAM_PASSES], barrier_pass[BARRIERS];
    int samples, stream_samples;
    double sgemm[BENCH_REPEATS + 1], stream[BENCH_REPEATS + 1], barrier[BENCH_REPEATS + 1]; /* (samples) */
};

/* The three arrays of a worker, once. */
static void stream_pass(const struct bench_rates *r, int worker)
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
        r->problem->kern->adam(&step, w + i, w + r->n + i, w + 2 * r->n + i, r->scratch + worker * r->block,
                               CHUNK);
}

static void sgemm_pass(const struct bench_rates *r, int worker)
{
    const int64_t n = BENCH_BLOCK;
    float *a = r->scratch + worker * r->block;

    for (int i = 0; i < SGEMM_PRODUCTS; i++)
        gemm_nt(n, n, n, a, n, a + n * n, n, a + 2 * n * n, n);
}

static void barrier_pass(const struct bench_rates *r, int worker)
{
    (void)r;
    (void)worker;
}

/* Seconds of each of some passes, made by all workers at once and ended by a barrier. */
static void time_passes(struct worker *w, const struct bench_rates *r, double *time, int passes,
                        void (*pass)(const struct bench_rates *r, int worker))
{
    team_barrier(w);
    for (int i = 0; i < passes; i++) {
        double start = clock_now();

        pass(r, w->id);
        team_barrier(w);
        if (w->id == 0)
            time[i] = clock_now() - start;
    }
}

/* The owner is the first to touch its memory. */
static void touch(struct worker *w, void *arg)
{
    struct bench_rates *r = arg;

    for (int64_t i = 0; i < 3 * r->n; i++)
        r->array[w->id][i] = 0.01f;
    for (int64_t i = 0; i < r->block; i++)
        r->scratch[w->id * r->block + i] = 0.01f;
}

static void measure(struct worker *w, void *arg)
{
    struct bench_rates *r = arg;

    time_passes(w, r, r->sgemm_pass, SGEMM_PASSES, sgemm_pass);
    time_passes(w, r, r->barrier_pass, BARRIERS, barrier_pass);
    if (r->with_stream)
        time_passes(w, r, r->stream_pass, STREAM_PASSES, stream_pass);
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

int bench_rates_new(struct bench_rates **out, const struct problem *p, struct error *err)
{
    int workers = team_workers(p->team), rc = gemm_init(err);
    struct bench_rates *r;

    if (rc < 0)
        return rc;
    r = mem_zalloc(1, sizeof *r);
    if (!r)
        return error_set(err, PT_ENOMEM, "bench: out of memory");
    r->problem = p;
    r->block = 3 * BENCH_BLOCK * BENCH_BLOCK;
    r->n = ((int64_t)(stream_size(p) / 12.0 / workers) / CHUNK + 1) * CHUNK;
    r->scratch = mem_array(workers * r->block, sizeof(float));
    r->array = mem_zalloc(workers + 1, sizeof *r->array); /* ends with NULL */
    for (int i = 0; rc == 0 && r->array && i < workers; i++)
        if (!(r->array[i] = mem_array(3 * r->n, sizeof(float))))
            rc = PT_ENOMEM;
    if (rc < 0 || !r->scratch || !r->array) {
        bench_rates_free(r);
        return error_set(err, PT_ENOMEM, "bench: no memory to measure the machine's rates");
    }
    team_run(p->team, touch, r);
    *out = r;
    return 0;
}

void bench_rates_free(struct bench_rates *r)
{
    if (!r)
        return;
    for (int i = 0; r->array && r->array[i]; i++)
        mem_free(r->array[i]);
    mem_free(r->array);
    mem_free(r->scratch);
    mem_free(r);
}

void bench_rates_sample(struct bench_rates *r, bool stream)
{
    int workers = team_workers(r->problem->team);
    double flop = 2.0 * SGEMM_PRODUCTS * pow(BENCH_BLOCK, 3.0) * workers;
    double bytes = 24.0 * (double)r->n * workers;

    r->with_stream = stream;
    team_run(r->problem->team, measure, r);
    r->sgemm[r->samples] = flop / median(r->sgemm_pass, SGEMM_PASSES);
    r->barrier[r->samples++] = median(r->barrier_pass, BARRIERS);
    if (stream)
        r->stream[r->stream_samples++] = bytes / median(r->stream_pass, STREAM_PASSES);
}

void bench_rates_take(struct bench_rates *r, struct bench_result *out, struct bench_row *row)
{
    int ranks = team_ranks(r->problem->team)->count;

    row->sgemm = median(r->sgemm, r->samples) * ranks;
    row->stream = median(r->stream, r->stream_samples) * ranks;
    row->barrier = median(r->barrier, r->samples);
    out->stream_bytes = 12.0 * (double)r->n * team_workers(r->problem->team);
}
