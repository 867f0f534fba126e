/* bench_rates.c - what the machine can do with a team's workers: the roof over the phases.
 *
 * Streaming is measured by the kernel that streams in training: Adam reads and writes a weight and two
 * moments. A copy or a triad would count its stores once where most processors first read the line. The
 * arrays are twice all last-level caches together, as far as an eighth of the memory allows: smaller ones
 * would measure the cache. */
#include "bench/bench.h"

#include "base/clock.h"
#include "base/median.h"
#include "base/mem.h"
#include "math/gemm.h"

#include <math.h>

enum {
    CHUNK = 2048, /* floats a call of the Adam kernel */
    BARRIERS = 499,
    BARRIERS_LEAST = 19,
    STREAM_PASSES = 3,
    SGEMM_PASSES = 15,
    SGEMM_PRODUCTS = 4 /* a pass */
};

struct pass_times {
    _Alignas(64) double begin[SGEMM_PASSES], end[SGEMM_PASSES];
};

struct bench_rates {
    const struct problem *problem; /* borrowed */
    float *scratch;                /* (workers, block) */
    int64_t block;                 /* floats a worker */
    float **array;                 /* (workers): three arrays of n floats, one behind the other */
    int64_t n;                     /* a multiple of CHUNK */
    int calling, products;         /* workers that BLAS takes at the same time; products of each a pass */
    double sgemm_flop;             /* a pass, of all workers */
    int barriers;                  /* that are timed */
    struct pass_times *times;      /* (workers), owned: of the passes at hand */
    bool with_stream;              /* this sample; what it gives, FLOP/s, B/s and seconds: */
    double sgemm_now, stream_now, barrier_now;
    int samples, stream_samples;
    double sgemm[BENCH_REPEATS + 1], stream[BENCH_REPEATS + 1], barrier[BENCH_REPEATS + 1]; /* (samples) */
};

/* The three arrays of a worker, once. */
static bool stream_pass(const struct bench_rates *r, int worker)
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
    return true;
}

static bool sgemm_pass(const struct bench_rates *r, int worker)
{
    const int64_t n = BENCH_BLOCK;

    if (gemm_caller(worker, team_workers(r->problem->team), r->calling) < 0)
        return false;
    gemm_rate_products(r->scratch + worker * r->block, n, n, n, r->products);
    return true;
}

/* Passes, each begun by all workers at once: begin and end by the clock of each for whom `pass` says true. */
static void make_passes(struct worker *w, const struct bench_rates *r, int passes,
                        bool (*pass)(const struct bench_rates *r, int worker))
{
    struct pass_times *t = &r->times[w->id];

    for (int i = 0; i < passes; i++) {
        double start;
        bool took_part;

        team_barrier(w);
        start = clock_now();
        took_part = pass(r, w->id);
        t->begin[i] = took_part ? start : INFINITY;
        t->end[i] = took_part ? clock_now() : -INFINITY;
    }
    team_barrier(w);
}

/* Seconds of the median pass: from whoever was first to begin to whoever was last to end. One worker's clock
 * would not do: where workers share a core, it may see the pass's begin when others are through. */
static double pass_seconds(const struct bench_rates *r, int passes)
{
    double time[SGEMM_PASSES];

    for (int i = 0; i < passes; i++) {
        double begin = INFINITY, end = -INFINITY;

        for (int id = 0; id < team_workers(r->problem->team); id++) {
            begin = fmin(begin, r->times[id].begin[i]);
            end = fmax(end, r->times[id].end[i]);
        }
        time[i] = end - begin;
    }
    return median(time, passes);
}

/* Of the median barrier, by worker 0. */
static double barrier_seconds(struct worker *w, int barriers)
{
    double time[BARRIERS], now = clock_now();

    for (int i = 0; i < barriers; i++) {
        double before = now;

        team_barrier(w);
        now = clock_now();
        time[i] = now - before;
    }
    return median(time, barriers);
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
    double seconds;

    make_passes(w, r, SGEMM_PASSES, sgemm_pass);
    if (w->id == 0)
        r->sgemm_now = r->sgemm_flop / pass_seconds(r, SGEMM_PASSES);
    seconds = barrier_seconds(w, r->barriers);
    if (w->id == 0)
        r->barrier_now = seconds;
    if (!r->with_stream)
        return;
    make_passes(w, r, STREAM_PASSES, stream_pass);
    if (w->id == 0)
        r->stream_now = 24.0 * (double)r->n * w->count / pass_seconds(r, STREAM_PASSES);
}

/* Bytes to stream over, all workers together. */
static double stream_size(const struct problem *p)
{
    struct topo_facts f;
    double memory, bytes;

    topo_facts(p->topo, &f);
    memory = (double)(f.memory_limit > 0 && f.memory_limit < f.memory ? f.memory_limit : f.memory);
    bytes = fmax(2.0 * (double)f.last_bytes, (double)(64 << 20));
    return fmin(bytes, memory / 8.0);
}

/* How much a pass is. A library takes so many callers at a time, more would end the program: then some
 * workers are measured, and the others taken to do as well, as far as there are cores for them. Workers that
 * share cores do less each. */
static void size_passes(struct bench_rates *r, int workers)
{
    struct topo_facts f;
    double all, each;

    topo_facts(r->problem->topo, &f);
    r->calling = gemm_calling(workers, gemm_callers());
    r->products = (int)fmax(1.0, SGEMM_PRODUCTS * fmin(1.0, (double)f.cores / r->calling));
    all = fmin(workers, f.cores) / fmin(r->calling, f.cores) * r->calling;
    each = 2.0 * pow(BENCH_BLOCK, 3.0);
    r->sgemm_flop = all * each * r->products;
    r->barriers = (int)fmax(BARRIERS_LEAST, BARRIERS * fmin(1.0, (double)f.cores / workers));
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
    r->block = gemm_rate_floats(BENCH_BLOCK, BENCH_BLOCK, BENCH_BLOCK);
    size_passes(r, workers);
    r->n = ((int64_t)(stream_size(p) / 12.0 / workers) / CHUNK + 1) * CHUNK;
    r->scratch = mem_array(workers * r->block, sizeof(float));
    r->times = mem_array(workers, sizeof *r->times);
    r->array = mem_zalloc(workers + 1, sizeof *r->array); /* ends with NULL */
    for (int i = 0; rc == 0 && r->array && i < workers; i++)
        if (!(r->array[i] = mem_array(3 * r->n, sizeof(float))))
            rc = PT_ENOMEM;
    if (rc < 0 || !r->scratch || !r->times || !r->array) {
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
    mem_free(r->times);
    mem_free(r->scratch);
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

void bench_rates_take(struct bench_rates *r, struct bench_result *out, struct bench_row *row)
{
    int ranks = team_ranks(r->problem->team)->count;

    row->sgemm = median(r->sgemm, r->samples) * ranks;
    row->sgemm_workers = r->calling;
    row->stream = median(r->stream, r->stream_samples) * ranks;
    row->barrier = median(r->barrier, r->samples);
    out->stream_bytes = 12.0 * (double)r->n * team_workers(r->problem->team);
}
