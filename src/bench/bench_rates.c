/* bench_rates.c - what the machine can do with a team's workers: the roof over the phases.
 *
 * Streaming is measured by Adam, which streams in training: it reads and writes a weight and two moments. The
 * arrays are twice all last-level caches together, as far as an eighth of the memory allows. */
#include "bench/bench.h"

#include "base/mem.h"
#include "base/timing.h"
#include "bench/probe.h"
#include "train/plan.h"

#include <math.h>

enum {
    CHUNK = 2048, /* floats a call of the Adam kernel */
    STREAM_PASSES = 3,
    SGEMM_PRODUCTS = 4 /* a pass */
};

struct bench_rates {
    const struct problem *problem; /* borrowed */
    struct probe probe;
    float **array;      /* (workers): three arrays of n floats, one behind the other, and a chunk */
    int64_t n;          /* a multiple of CHUNK */
    int64_t products;   /* of each worker that calls BLAS, a pass */
    double scaled_flop; /* a pass, of all workers */
    bool with_stream;   /* this sample; what it gives, FLOP/s, B/s and seconds: */
    double sgemm_now, stream_now, barrier_now;
    int samples, stream_samples;
    double sgemm[BENCH_REPEATS + 1], stream[BENCH_REPEATS + 1], barrier[BENCH_REPEATS + 1]; /* (samples) */
};

/* The three arrays of a worker, once. */
static bool stream_pass(const void *arg, int worker)
{
    const struct bench_rates *r = arg;
    float *w = r->array[worker];

    for (int64_t i = 0; i < r->n; i += CHUNK)
        r->problem->kern->adam(&plan_adam_step, w + i, w + r->n + i, w + 2 * r->n + i, w + 3 * r->n, CHUNK);
    return true;
}

/* The owner is the first to touch its memory. */
static void touch(struct worker *w, void *arg)
{
    struct bench_rates *r = arg;

    for (int64_t i = 0; i < 3 * r->n + CHUNK; i++)
        r->array[w->id][i] = 0.01f;
    probe_fill(w, &r->probe);
}

static void measure(struct worker *w, void *arg)
{
    struct bench_rates *r = arg;
    double sgemm = probe_sgemm(w, &r->probe, r->products, true), barrier = probe_barrier(w, &r->probe);
    double stream = r->with_stream ? probe_passes(w, &r->probe, STREAM_PASSES, stream_pass, r) : NAN;

    if (w->id != 0)
        return;
    r->sgemm_now = r->scaled_flop / sgemm;
    r->barrier_now = barrier;
    r->stream_now = 24.0 * (double)r->n * w->count / stream;
}

/* Bytes to stream over, all workers together. */
static double stream_size(const struct topo_facts *f)
{
    double memory =
        (double)(f->memory_limit > 0 && f->memory_limit < f->memory ? f->memory_limit : f->memory);

    return fmin(fmax(2.0 * (double)f->last_bytes, (double)(64 << 20)), memory / 8.0);
}

/* A library takes so many callers at a time; more would end the program. Then some workers are measured, and
 * the others are taken to do as well, as far as there are cores for them. */
static void size_passes(struct bench_rates *r, int workers, int cores)
{
    int calling = r->probe.calling;
    double all = fmin(workers, cores) / fmin(calling, cores) * calling;

    r->products = (int64_t)fmax(1.0, SGEMM_PRODUCTS * fmin(1.0, (double)cores / calling));
    r->scaled_flop = all * probe_flop() * (double)r->products;
}

int bench_rates_new(struct bench_rates **out, const struct problem *p, struct error *err)
{
    scoped(bench_rates_free) struct bench_rates *r = mem_zalloc(1, sizeof *r);
    int workers = team_workers(p->team);
    bool failed;
    struct topo_facts f;

    TRY(need_memory(r, err));
    topo_facts(p->topo, &f);
    TRY(probe_init(&r->probe, workers, f.cores, err));
    r->problem = p;
    size_passes(r, workers, f.cores);
    r->n = ((int64_t)(stream_size(&f) / 12.0 / workers) / CHUNK + 1) * CHUNK;
    r->array = mem_zalloc(workers + 1, sizeof *r->array); /* ends with NULL */
    failed = !r->array;
    for (int i = 0; !failed && i < workers; i++)
        failed = !(r->array[i] = mem_array(3 * r->n + CHUNK, sizeof(float)));
    if (failed)
        return error_set(err, PT_ENOMEM, "bench: no memory to measure the machine's rates");
    team_run(p->team, touch, r);
    *out = handed_on(r);
    return 0;
}

void bench_rates_free(struct bench_rates *r)
{
    if (!r)
        return;
    for (int i = 0; r->array && r->array[i]; i++)
        mem_free(r->array[i]);
    mem_free(r->array);
    probe_fini(&r->probe);
    mem_free(r);
}

void bench_rates_sample(struct bench_rates *r, bool stream)
{
    r->with_stream = stream;
    team_run(r->problem->team, measure, r);
    r->sgemm[r->samples] = r->sgemm_now;
    r->barrier[r->samples++] = r->barrier_now;
    if (stream)
        r->stream[r->stream_samples++] = r->stream_now;
}

void bench_rates_medians(struct bench_rates *r, struct bench_result *out, struct bench_row *row)
{
    int ranks = team_ranks(r->problem->team)->count;

    row->sgemm = median(r->sgemm, r->samples) * ranks;
    row->sgemm_workers = r->probe.calling;
    row->stream = median(r->stream, r->stream_samples) * ranks;
    row->barrier = median(r->barrier, r->samples);
    out->stream_bytes = 12.0 * (double)r->n * team_workers(r->problem->team);
}
