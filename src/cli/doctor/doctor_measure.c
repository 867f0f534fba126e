/* doctor_measure.c - measures BLAS calls and barriers with the workers of a run; the warnings and their
 * fixes. */
#include "cli/doctor/doctor.h"

#include "base/mem.h"
#include "base/timing.h"
#include "math/gemm.h"
#include "par/openmp.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PASS_SECONDS 0.01

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

void doctor_check_workers(struct doctor *d)
{
    const struct topo_facts *f = &d->facts;
    int fit = topo_default_workers(d->topo), idle = fit - d->workers, without = d->workers - d->shards;

    if (d->workers > f->pus)
        doctor_warn(d, "%d workers on %d processor%s take turns at every barrier: --threads %d\n", d->workers,
                    f->pus, plural(f->pus), fit);
    else if (d->workers > f->cores)
        doctor_warn(d,
                    "%d workers on %d core%s: SMT siblings share vector units, seldom a gain: --threads %d\n",
                    d->workers, f->cores, plural(f->cores), fit);
    if (f->quota > 0 && d->workers > f->quota)
        doctor_warn(d, "%d worker%s under a quota of %.4g CPUs are stopped in every period: --threads %d\n",
                    d->workers, plural(d->workers), f->quota, fit);
    if (!d->asked && idle > 0)
        doctor_warn(d, "%s=%s leaves %d core%s idle: unset it\n", d->workers_by, environment(d->workers_by),
                    idle, plural(idle));
    if (without > 0)
        doctor_warn(d, "%d shard%s for %d workers: %d of them ha%s none\n", d->shards, plural(d->shards),
                    d->workers, without, without == 1 ? "s" : "ve");
}

void doctor_check_environment(struct doctor *d)
{
    const char *threads = environment("OMP_NUM_THREADS"), *policy = environment("OMP_WAIT_POLICY");
    char note[400];

    if (d->facts.omp_places)
        doctor_warn(d, "OMP_PLACES or OMP_PROC_BIND (or a GOMP_ or KMP_ variable like them) is set: OpenMP "
                       "places the workers and --bind has no effect; unset it to have one worker a core\n");
    if (*threads && openmp_asked_threads() == 0)
        doctor_warn(d, "OMP_NUM_THREADS=%.20s is no number from 1 to %d and is ignored\n", threads,
                    OPENMP_MOST);
    if (strcmp(environment("OMP_MAX_ACTIVE_LEVELS"), "0") == 0)
        doctor_warn(
            d, "OMP_MAX_ACTIVE_LEVELS=0 is turned off for runs, which are a parallel region: unset it\n");
    if (strcasecmp(environment("OMP_DYNAMIC"), "true") == 0)
        doctor_warn(d, "OMP_DYNAMIC=true is turned off for runs: unset it\n");
    if (strcasecmp(policy, "passive") == 0 || strcmp(environment("GOMP_SPINCOUNT"), "0") == 0)
        doctor_warn(d, "waiting workers go to sleep at once, every barrier is dear: unset OMP_WAIT_POLICY "
                       "and GOMP_SPINCOUNT\n");
    if (strcasecmp(policy, "active") == 0 && d->workers > d->facts.pus)
        doctor_warn(d,
                    "OMP_WAIT_POLICY=active: more workers than processors keep each other off; unset it\n");
    if (*environment("OPENBLAS_NUM_THREADS"))
        doctor_warn(d, "OPENBLAS_NUM_THREADS has no effect: BLAS is only measured, a call by each worker\n");
    if (probe_blas_note(note, sizeof note))
        doctor_warn(d, "%s\n", note);
}

/* Entered by every worker: one alone, then all together; what the process's CPU time has beyond the workers'
 * own was spent by threads that BLAS started. Workers that share cores do less each. */
static void measure(struct worker *w, void *arg)
{
    struct doctor *m = arg;
    struct finding *f = &m->findings[w->id];
    double alone, together, barrier, start, process;
    int64_t products, each;

    probe_fill(w, &m->probe);
    products = (int64_t)fmax(1.0, PASS_SECONDS / probe_sgemm(w, &m->probe, 1, false));
    alone = probe_sgemm(w, &m->probe, products, false);
    each = (int64_t)fmax(1.0, (double)products * m->probe.share);
    process = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    start = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
    together = probe_sgemm(w, &m->probe, each, true);
    f->cpu = clock_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    process = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - process;
    barrier = probe_barrier(w, &m->probe);
    f->processor = sched_getcpu();
    if (w->id != 0)
        return;
    m->alone = probe_flop() * (double)products / alone;
    m->together = probe_flop() * (double)each * m->probe.calling / together;
    m->process = process;
    m->barrier = barrier;
}

int doctor_measure(struct doctor *d, struct error *err)
{
    scoped(team_free) struct team *team = NULL;

    TRY(team_new(&team, d->workers, d->topo, d->bind, err));
    TRY(probe_init(&d->probe, d->workers, d->facts.cores, err));
    TRY(need_memory((d->findings = mem_array(d->workers, sizeof *d->findings)) != NULL, err));
    d->bound = team_bound(team);
    d->serial_threads = gemm_measure_threads();
    team_run(team, measure, d);
    return 0;
}

void doctor_print_measurement(struct doctor *d)
{
    int calling = d->probe.calling, busy = calling < d->facts.cores ? calling : d->facts.cores, in_run;
    double own = 0.0, share = d->together / (d->alone * busy);

    for (int i = 0; i < d->workers; i++)
        own += d->findings[i].cpu;
    in_run = own > 0 ? (int)lround(d->process / own) : 1;
    printf("            a call uses %d thread%s, in a run of %d worker%s %d (measured)\n", d->serial_threads,
           plural(d->serial_threads), d->workers, plural(d->workers), in_run);
    printf("SGEMM       %.1f GFLOP/s one worker, %.1f ", 1e-9 * d->alone, 1e-9 * d->together);
    if (calling < d->workers)
        printf("%d of %d together", calling, d->workers);
    else
        printf("all %d together", d->workers);
    printf(" (products of %d x %d x %d)\n", PROBE_BLOCK, PROBE_BLOCK, PROBE_BLOCK);
    printf("barrier     %.2g us (%d worker%s)\n", 1e6 * d->barrier, d->workers, plural(d->workers));
    if (d->serial_threads > 1 || in_run > 1)
        doctor_warn(d, "a BLAS call uses several threads, so SGEMM's rates are not a worker's: install "
                       "OpenBLAS's OpenMP build (Debian, Ubuntu: libopenblas0-openmp)\n");
    if (d->bound < d->workers && d->bind != BIND_NONE && !d->facts.omp_places)
        doctor_warn(d, "only %d of %d workers could be bound: the system (a container's rules?) forbids it\n",
                    d->bound, d->workers);
    if (d->workers > 1 && share < 0.7)
        doctor_warn(d,
                    "%d workers together reach %.0f%% of %d time%s one worker's SGEMM rate: cores are shared "
                    "with other work, or clock down\n",
                    calling, 100.0 * share, busy, plural(busy));
    if (calling < d->workers)
        doctor_warn(
            d, "the BLAS library was built for %d callers at a time: SGEMM is measured by %d of %d workers\n",
            calling, calling, d->workers);
}
