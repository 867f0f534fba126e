/* bench.h - measured training, for `partrain bench`: the same minibatches at several numbers of threads, by
 * phase, beside what the machine can do with those threads.
 *
 * For each number of threads: fresh weights, one repeat to warm up, `repeats` timed ones; a repeat is an
 * epoch or its first `steps` minibatches, flushed. In strong scaling all must end with the same bits. In
 * weak scaling the columns (mf: users and items) and the ratings grow with the threads; each size is also
 * warmed up with the first number of threads, to compare bits.
 *
 * Ceilings, between the repeats and with the same workers: SGEMM on blocks in each worker's caches, and
 * streaming by the Adam kernel over twice the last-level cache. Times and rates are medians. */
#pragma once

#include "config/config.h"
#include "eval/eval.h"
#include "train/cost.h"

#include <signal.h>

enum { BENCH_ROWS = 64, BENCH_REPEATS = 1000 };

struct bench_spec {
    int threads[BENCH_ROWS], rows; /* which numbers of threads, and how many of them */
    bool weak;
    int repeats;
    int64_t steps;  /* minibatches a repeat; 0: an epoch, or what `seconds` allows */
    double seconds; /* roughly, for warm-up and repeats of the first number of threads; 0: no bound */
    const volatile sig_atomic_t *stop; /* not 0: PT_EINTERRUPTED after the repeat at hand; may be NULL */
    void (*note)(void *arg, const char *text); /* a line about progress; may be NULL */
    void *arg;
};

struct bench_row {
    int threads, bound;            /* of this rank */
    int64_t users, items, ratings; /* of the data */
    int64_t steps;
    double median, low, high; /* seconds a repeat */
    double phase[PHASES];     /* seconds a repeat, mean over this rank's workers, median over repeats */
    double barriers;          /* that a worker waits at, in the last repeat */
    double busiest;           /* most seconds that one worker did not wait; median over repeats */
    struct cost work;         /* of a repeat, mean over repeats */
    double sent;              /* bytes a repeat that the rank that sends most hands over */
    double eval_s;            /* median of an evaluation of the validation part; 0: there is none */
    int64_t eval_examples;
    double eval_flop;
    double sgemm, stream, barrier; /* FLOP/s and B/s of all workers (ranks taken to be alike); seconds */
    int sgemm_workers;             /* of each rank, that SGEMM was measured on; its rate is scaled to all */
    char warm_hash[33], hash[33];  /* of all weights after the warm-up, at the end */
    char first_hash[33];           /* weak: after the warm-up, with the first number of threads */
    struct eval_result evaluated;  /* the last evaluation */
};

struct bench_result {
    struct bench_row row[BENCH_ROWS];
    int rows;
    bool weak, epoch; /* epoch: a repeat is one */
    int repeats;
    int ranks, shards;
    int64_t batch;
    double stream_bytes; /* that the streaming rate was measured on */
    char isa[16];
    char data[4096]; /* data.path, of weak scaling the one before it grew */
    struct topo_facts machine;
};

/* Entered by all ranks, with the same arguments; what is timed is timed by rank 0, which the others follow.
 * `c` is changed: run.threads, run.bind (compact, where it is not given and there is one rank) and data.path
 * for weak scaling, which needs synth:NAME. Serial; owns the workers meanwhile. PT_ECHECK where threads
 * changed the answer: *out is complete all the same. */
int bench_run(struct bench_result *out, struct config *c, const struct bench_spec *spec, struct error *err);

/* The comparison alone: 0, or PT_ECHECK. */
int bench_compare(const struct bench_result *r, struct error *err);

/* Against row 0: time for the same work, or rate of ratings in weak scaling. Ideal: threads / first threads.
 */
double bench_speedup(const struct bench_result *r, int row);
double bench_efficiency(const struct bench_result *r, int row);

/* ---- bench_rates.c: what the machine can do ---- */

struct bench_rates;

/* For the workers of this rank. Its arrays, an eighth of the memory at most, are held until it is freed. */
int bench_rates_new(struct bench_rates **out, const struct problem *p, struct error *err);
void bench_rates_free(struct bench_rates *r); /* may be NULL */
SCOPED(bench_rates_free, struct bench_rates)
/* Once more, at most BENCH_REPEATS + 1 times; streaming only where asked for. Ranks do not wait for each
 * other. */
void bench_rates_sample(struct bench_rates *r, bool stream);
/* Medians of the samples, which it sorts: the row's sgemm and stream, times the number of ranks, and barrier;
 * and the result's stream_bytes. */
void bench_rates_medians(struct bench_rates *r, struct bench_result *out, struct bench_row *row);
