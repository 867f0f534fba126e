/* doctor_measure.c - measures BLAS calls and barriers with the workers of a run; the warnings and their
 * fixes. */
#include "cli/doctor.h"

#include "base/clock.h"
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

    if (d->workers > f->pus)
        doctor_warn(
            d,
            "%d workers on %d processors take turns and wait for each other at every barrier: --threads %d",
            d->workers, f->pus, topo_default_workers(d->topo));
    else if (d->workers > f->cores)
        doctor_warn(
            d,
            "%d workers on %d cores: SMT siblings share a core's vector units, seldom a gain: --threads %d",
            d->workers, f->cores, topo_default_workers(d->topo));
    if (f->quota > 0 && d->workers > f->quota)
        doctor_warn(
            d,
            "%d workers under a quota of %.4g CPUs are stopped in every period: --threads %d, or raise the "
            "quota",
            d->workers, f->quota, topo_default_workers(d->topo));
    if (!d->asked && d->workers < topo_default_workers(d->topo))
        doctor_warn(d, "OMP_NUM_THREADS=%s leaves %d cores idle: unset it, or --threads %d",
                    environment("OMP_NUM_THREADS"), topo_default_workers(d->topo) - d->workers,
                    topo_default_workers(d->topo));
    if (d->shards < d->workers)
        doctor_warn(d, "%d shards for %d workers: %d workers have none", d->shards, d->workers,
                    d->workers - d->shards);
}

void doctor_check_environment(struct doctor *d)
{
    const char *dynamic = environment("OMP_DYNAMIC"), *policy = environment("OMP_WAIT_POLICY");

    if (d->facts.omp_places)
        doctor_warn(d,
                    "OMP_PLACES or OMP_PROC_BIND (or a GOMP_ or KMP_ variable like them) is set, so OpenMP "
                    "places the workers and --bind has no effect: unset it to have one worker a core, bound");
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

/* Entered by every worker: one alone, then all together; what the process's CPU time has beyond the workers'
 * own was spent by threads that BLAS started. */
static void measure(struct worker *w, void *arg)
{
    struct measurement *m = arg;
    struct finding *f = &m->findings[w->id];
    float *scratch = m->scratch + w->id * m->floats;
    double start, process = 0.0;

    if (w->id == 0)
        f->alone = gemm_rate(scratch, BLOCK_M, BLOCK_N, BLOCK_K, 0.1);
    team_barrier(w);
    if (w->id == 0)
        process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    f->together = gemm_rate(scratch, BLOCK_M, BLOCK_N, BLOCK_K, 0.1);
    team_barrier(w);
    f->cpu = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    if (w->id == 0)
        m->process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process;
    team_barrier(w);
    start = clock_now();
    for (int i = 0; i < BARRIERS; i++)
        team_barrier(w);
    f->barrier = (clock_now() - start) / BARRIERS;
    f->processor = sched_getcpu();
}

int doctor_measure(struct doctor *d, struct measurement *m, struct error *err)
{
    struct team *team = NULL;
    int rc;

    m->floats = (gemm_rate_floats(BLOCK_M, BLOCK_N, BLOCK_K) + 15) / 16 * 16;
    m->findings = mem_array(d->workers, sizeof *m->findings);
    m->scratch = mem_array(d->workers, sizeof *m->scratch * (size_t)m->floats);
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
    double own = 0.0, together = 0.0;
    int in_run;

    for (int i = 0; i < d->workers; i++) {
        own += m->findings[i].cpu;
        together += m->findings[i].together;
    }
    in_run = own > 0 ? (int)lround(m->process / own) : 1;
    printf("            a call uses %d thread%s, in a run of %d workers %d (measured)\n", m->serial_threads,
           m->serial_threads == 1 ? "" : "s", d->workers, in_run);
    printf("SGEMM       %.1f GFLOP/s one worker, %.1f all %d together (products of %d x %d x %d)\n",
           1e-9 * m->findings[0].alone, 1e-9 * together, d->workers, BLOCK_M, BLOCK_N, BLOCK_K);
    printf("barrier     %.2g us (%d workers)\n", 1e6 * m->findings[0].barrier, d->workers);
    if (m->serial_threads > 1 || in_run > 1)
        doctor_warn(
            d, "a BLAS call uses several threads, so SGEMM's rates are not a worker's: install OpenBLAS's "
               "OpenMP build (Debian, Ubuntu: libopenblas0-openmp)");
    if (m->bound < d->workers && d->bind != BIND_NONE && !d->facts.omp_places)
        doctor_warn(d, "only %d of %d workers could be bound: the system (a container's rules?) forbids it",
                    m->bound, d->workers);
    if (d->workers > 1 && together < 0.7 * m->findings[0].alone * fmin(d->workers, d->facts.cores))
        doctor_warn(
            d,
            "%d workers together reach %.0f%% of %d times one worker's SGEMM rate: cores are shared with "
            "other "
            "work, or clock down",
            d->workers, 100 * together / (m->findings[0].alone * fmin(d->workers, d->facts.cores)),
            (int)fmin(d->workers, d->facts.cores));
    if (gemm_callers() > 0 && d->workers > gemm_callers())
        doctor_warn(
            d,
            "the BLAS library was built for %d callers at a time, there are %d workers: SGEMM beside them is "
            "measured by --threads %d at most, or with a library built for more",
            gemm_callers(), d->workers, gemm_callers());
}
