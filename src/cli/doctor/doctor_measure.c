/* doctor_measure.c - measures BLAS calls and barriers with the workers of a run; the warnings and their
 * fixes. */
#include "cli/doctor/doctor.h"

#include "base/clock.h"
#include "base/median.h"
#include "base/mem.h"
#include "math/gemm.h"

#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { BLOCK_M = 500, BLOCK_N = 512, BLOCK_K = 256, BARRIERS = 2000 };

#define PASS_SECONDS 0.01

void doctor_warn(struct doctor *d, const char *fmt, ...)
{
    va_list args;

    if (d->warned == DOCTOR_WARNINGS)
        return;
    va_start(args, fmt);
    vsnprintf(d->warnings[d->warned++], sizeof d->warnings[0], fmt, args);
    va_end(args);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

void doctor_check_workers(struct doctor *d)
{
    const struct topo_facts *f = &d->facts;
    int fit = topo_default_workers(d->topo), idle = fit - d->workers;

    if (d->workers > f->pus)
        doctor_warn(
            d,
            "%d workers on %d processor%s take turns and wait for each other at every barrier: --threads %d",
            d->workers, f->pus, plural(f->pus), fit);
    else if (d->workers > f->cores)
        doctor_warn(
            d,
            "%d workers on %d core%s: SMT siblings share a core's vector units, seldom a gain: --threads %d",
            d->workers, f->cores, plural(f->cores), fit);
    if (f->quota > 0 && d->workers > f->quota)
        doctor_warn(d,
                    "%d worker%s under a quota of %.4g CPUs are stopped in every period: --threads %d, or "
                    "raise the quota",
                    d->workers, plural(d->workers), f->quota, fit);
    if (!d->asked && idle > 0)
        doctor_warn(d, "%s=%s leaves %d core%s idle: unset it", d->workers_by, environment(d->workers_by),
                    idle, plural(idle));
    if (d->shards < d->workers)
        doctor_warn(d, "%d shard%s for %d workers: %d of them ha%s none", d->shards, plural(d->shards),
                    d->workers, d->workers - d->shards, d->workers - d->shards == 1 ? "s" : "ve");
}

void doctor_check_environment(struct doctor *d)
{
    const char *dynamic = environment("OMP_DYNAMIC"), *policy = environment("OMP_WAIT_POLICY");
    const char *threads = environment("OMP_NUM_THREADS");

    if (d->facts.omp_places)
        doctor_warn(d,
                    "OMP_PLACES or OMP_PROC_BIND (or a GOMP_ or KMP_ variable like them) is set, so OpenMP "
                    "places the workers and --bind has no effect: unset it to have one worker a core, bound");
    if (*threads && team_asked_workers() == 0)
        doctor_warn(d, "OMP_NUM_THREADS=%.20s is no number from 1 to %d and is ignored", threads, TEAM_MOST);
    if (strcmp(environment("OMP_MAX_ACTIVE_LEVELS"), "0") == 0)
        doctor_warn(d,
                    "OMP_MAX_ACTIVE_LEVELS=0 is turned off for runs, which are a parallel region: unset it");
    if (strcasecmp(dynamic, "true") == 0)
        doctor_warn(d, "OMP_DYNAMIC=true is turned off for runs: unset it");
    if (strcasecmp(policy, "passive") == 0 || strcmp(environment("GOMP_SPINCOUNT"), "0") == 0)
        doctor_warn(
            d,
            "waiting workers go to sleep at once, which makes every barrier dear: unset OMP_WAIT_POLICY and "
            "GOMP_SPINCOUNT");
    if (strcasecmp(policy, "active") == 0 && d->workers > d->facts.pus)
        doctor_warn(
            d, "OMP_WAIT_POLICY=active with more workers than processors: waiting workers keep working ones "
               "off; "
               "unset it");
    if (*environment("OPENBLAS_NUM_THREADS"))
        doctor_warn(d, "OPENBLAS_NUM_THREADS has no effect: BLAS is only measured, a call by each worker");
    if (gemm_better_core())
        doctor_warn(
            d,
            "the BLAS library uses kernels for %s and leaves this processor's vector units idle, so its "
            "SGEMM is no yardstick: OPENBLAS_CORETYPE=%s, or a newer library",
            gemm_core(), gemm_better_core());
}

static double cpu_seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Passes of `products` products each, by worker 0 or by all who may call, each begun by all at once. */
static void make_passes(struct worker *w, const struct measurement *m, int64_t products, bool all)
{
    int caller = all ? gemm_caller(w->id, w->count, m->calling) : w->id == 0 ? 0 : -1;
    struct finding *f = &m->findings[w->id];

    for (int i = 0; i < DOCTOR_PASSES; i++) {
        team_barrier(w);
        f->begin[i] = caller >= 0 ? clock_now() : INFINITY;
        if (caller >= 0)
            gemm_rate_products(m->scratch + caller * m->floats, BLOCK_M, BLOCK_N, BLOCK_K, products);
        f->end[i] = caller >= 0 ? clock_now() : -INFINITY;
    }
    team_barrier(w);
}

/* Seconds of the median pass: from whoever was first to begin to whoever was last to end. One worker's clock
 * would not do: where workers share a core, it may see the pass's begin when others are through. */
static double pass_seconds(const struct measurement *m)
{
    double time[DOCTOR_PASSES];

    for (int i = 0; i < DOCTOR_PASSES; i++) {
        double begin = INFINITY, end = -INFINITY;

        for (int id = 0; id < m->workers; id++) {
            begin = fmin(begin, m->findings[id].begin[i]);
            end = fmax(end, m->findings[id].end[i]);
        }
        time[i] = end - begin;
    }
    return median(time, DOCTOR_PASSES);
}

/* Entered by every worker: one alone, then all together; what the process's CPU time has beyond the workers'
 * own was spent by threads that BLAS started. Workers that share cores do less each. */
static void measure(struct worker *w, void *arg)
{
    const double flop = 2.0 * BLOCK_M * BLOCK_N * BLOCK_K;
    struct measurement *m = arg;
    struct finding *f = &m->findings[w->id];
    int caller = gemm_caller(w->id, w->count, m->calling), barriers;
    double start, process = 0.0;
    int64_t products;

    if (caller >= 0)
        gemm_rate_fill(m->scratch + caller * m->floats, BLOCK_M, BLOCK_N, BLOCK_K);
    make_passes(w, m, 1, false);
    products = (int64_t)fmax(1.0, PASS_SECONDS / pass_seconds(m));
    make_passes(w, m, products, false);
    if (w->id == 0)
        m->alone = flop * (double)products / pass_seconds(m);
    products = (int64_t)fmax(1.0, (double)products * fmin(1.0, (double)m->cores / m->calling));
    if (w->id == 0)
        process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    make_passes(w, m, products, true);
    f->cpu = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    if (w->id == 0) {
        m->process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process;
        m->together = flop * (double)products * m->calling / pass_seconds(m);
    }
    barriers = (int)fmax(BARRIERS / 100, BARRIERS * fmin(1.0, (double)m->cores / w->count));
    team_barrier(w);
    start = clock_now();
    for (int i = 0; i < barriers; i++)
        team_barrier(w);
    if (w->id == 0)
        m->barrier = (clock_now() - start) / barriers;
    f->processor = sched_getcpu();
}

int doctor_measure(struct doctor *d, struct measurement *m, struct error *err)
{
    struct team *team = NULL;
    int rc;

    m->workers = d->workers;
    m->calling = gemm_calling(d->workers, gemm_callers());
    m->cores = d->facts.cores;
    m->floats = (gemm_rate_floats(BLOCK_M, BLOCK_N, BLOCK_K) + 15) / 16 * 16;
    m->findings = mem_array(d->workers, sizeof *m->findings);
    m->scratch = mem_array(m->calling, sizeof *m->scratch * (size_t)m->floats);
    if (!m->findings || !m->scratch)
        return error_set(err, PT_ENOMEM, "no memory to measure %d workers; ask for fewer by --threads",
                         d->workers);
    rc = team_new(&team, d->workers, d->topo, d->bind, err);
    if (rc < 0 || (rc = gemm_init(err)) < 0) {
        team_free(team);
        return rc;
    }
    m->bound = team_bound(team);
    m->serial_threads = gemm_measure_threads();
    team_run(team, measure, m);
    team_free(team);
    return 0;
}

void doctor_measurement_fini(struct measurement *m)
{
    mem_free(m->findings);
    mem_free(m->scratch);
}

void doctor_print_measurement(struct doctor *d, const struct measurement *m)
{
    int busy = m->calling < m->cores ? m->calling : m->cores, in_run;
    double own = 0.0, share = m->together / (m->alone * busy);

    for (int i = 0; i < d->workers; i++)
        own += m->findings[i].cpu;
    in_run = own > 0 ? (int)lround(m->process / own) : 1;
    printf("            a call uses %d thread%s, in a run of %d worker%s %d (measured)\n", m->serial_threads,
           plural(m->serial_threads), d->workers, plural(d->workers), in_run);
    printf("SGEMM       %.1f GFLOP/s one worker, %.1f ", 1e-9 * m->alone, 1e-9 * m->together);
    if (m->calling < m->workers)
        printf("%d of %d together", m->calling, m->workers);
    else
        printf("all %d together", m->workers);
    printf(" (products of %d x %d x %d)\n", BLOCK_M, BLOCK_N, BLOCK_K);
    printf("barrier     %.2g us (%d worker%s)\n", 1e6 * m->barrier, d->workers, plural(d->workers));
    if (m->serial_threads > 1 || in_run > 1)
        doctor_warn(
            d, "a BLAS call uses several threads, so SGEMM's rates are not a worker's: install OpenBLAS's "
               "OpenMP build (Debian, Ubuntu: libopenblas0-openmp)");
    if (m->bound < d->workers && d->bind != BIND_NONE && !d->facts.omp_places)
        doctor_warn(d, "only %d of %d workers could be bound: the system (a container's rules?) forbids it",
                    m->bound, d->workers);
    if (d->workers > 1 && share < 0.7)
        doctor_warn(d,
                    "%d workers together reach %.0f%% of %d time%s one worker's SGEMM rate: cores are shared "
                    "with other work, or clock down",
                    m->calling, 100.0 * share, busy, plural(busy));
    if (m->calling < m->workers)
        doctor_warn(d,
                    "the BLAS library was built for %d callers at a time, there are %d workers: SGEMM is "
                    "measured by %d of them; a library built for more would show them all",
                    m->calling, m->workers, m->calling);
}
