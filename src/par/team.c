/* team.c - the only file with parallel regions: all workers start, run or stop in one.
 *
 * Every region names its number of threads, since OpenMP's own count is set to 1: OpenBLAS asks for that
 * count and would otherwise open a team of its own in a team of one (see math/gemm.h). OpenMP's threads are
 * kept between regions, so a worker is the same thread, bound to the same place, in every run. */
#include "par/team.h"

#include "base/float_mode.h"
#include "base/mem.h"
#include "base/timing.h"
#include "par/openmp.h"

#include <assert.h>
#include <omp.h>
#include <pthread.h>
#include <stdbool.h>

struct team {
    struct worker *workers; /* (count), owned */
    int count, bound;
    const struct topo *topo; /* borrowed; NULL: no binding */
    enum topo_bind bind;
    bool started;
    uint64_t caller_float_mode;
    struct ranks ranks;
};

const char *phase_name(enum phase p)
{
    static const char *const names[PHASES] = {
        [PHASE_BATCH] = "batch",   [PHASE_ENCODE] = "encode", [PHASE_REDUCE] = "reduce",
        [PHASE_HIDDEN] = "hidden", [PHASE_DECODE] = "decode", [PHASE_UPDATE] = "update",
        [PHASE_EVAL] = "eval",     [PHASE_WAIT] = "wait",
    };

    return names[p];
}

static void *wait_for_release(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* Whether the system grants `n` more threads at once: OpenMP's runtimes end the program where it does not. */
static bool threads_available(int n)
{
    mem_scoped pthread_t *threads = mem_alloc(n, sizeof *threads);
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int made = 0;

    if (!threads)
        return false;
    pthread_mutex_lock(&lock);
    while (made < n && pthread_create(&threads[made], NULL, wait_for_release, &lock) == 0)
        made++;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return made == n;
}

/* The first region: counts the threads that OpenMP really gives, binds each one. */
static int start_workers(struct team *t)
{
    int got = 0, bound = 0;

#pragma omp parallel num_threads(t->count) reduction(+ : got, bound)
    {
        got = 1;
        if (t->topo && topo_bind_self(t->topo, t->bind, t->count, omp_get_thread_num()) == 0)
            bound = 1;
    }
    t->bound = bound;
    t->started = true;
    return got;
}

/* The last one: OpenMP keeps its threads, and who uses them next must find them as they were. */
static void stop_workers(struct team *t)
{
#pragma omp parallel num_threads(t->count)
    {
        float_mode_set(t->caller_float_mode);
        if (t->bound > 0)
            topo_unbind_self(t->topo);
    }
}

int team_new(struct team **out, int workers, const struct topo *topo, enum topo_bind bind, struct error *err)
{
    scoped(team_free) struct team *t = NULL;
    int got;

    assert(workers >= 1);
    if (omp_in_parallel())
        return error_set(err, PT_EUSAGE, "team: cannot be started inside another parallel region");
    /* OMP_DYNAMIC=true could give a run fewer threads than it was promised, OMP_MAX_ACTIVE_LEVELS=0 one */
    omp_set_dynamic(0);
    if (omp_get_max_active_levels() < 1)
        omp_set_max_active_levels(1);
    omp_set_num_threads(1);
    t = mem_zalloc(1, sizeof *t);
    if (!t)
        return error_set(err, PT_ENOMEM, "team: no memory for %d workers", workers);
    t->caller_float_mode = float_mode_get();
    t->topo = topo;
    t->bind = bind;
    t->count = workers;
    t->ranks = ranks_self();
    t->workers = mem_array(workers, sizeof *t->workers);
    if (!t->workers)
        return error_set(err, PT_ENOMEM, "team: no memory for %d workers", workers);
    for (int i = 0; i < workers; i++)
        t->workers[i] = (struct worker){
            .id = i, .count = workers, .rank = t->ranks.id, .ranks = t->ranks.count, .team = t};
    if (workers > omp_get_thread_limit())
        return error_set(err, PT_ENOMEM,
                         "team: %d threads wanted, OMP_THREAD_LIMIT allows %d; unset it or ask for fewer",
                         workers, omp_get_thread_limit());
    if (!threads_available(workers - 1))
        return error_set(
            err, PT_ENOMEM,
            "team: the system does not allow %d threads; see ulimit -u and the cgroup's pids.max, or ask "
            "for fewer",
            workers);
    float_mode_set(float_mode_computing(t->caller_float_mode));
    got = start_workers(t);
    if (got != workers)
        return error_set(
            err, PT_ENOMEM,
            "team: %d threads wanted, OpenMP gave %d; ask for fewer, and see what OMP_ variables "
            "are set (`partrain doctor`)",
            workers, got);
    *out = handed_on(t);
    return 0;
}

void team_free(struct team *t)
{
    if (!t)
        return;
    if (t->started)
        stop_workers(t);
    float_mode_set(t->caller_float_mode);
    mem_free(t->workers);
    mem_free(t);
}

int team_workers(const struct team *t)
{
    return t->count;
}

int team_bound(const struct team *t)
{
    return t->bound;
}

void team_run(struct team *t, team_function *fn, void *arg)
{
    double end;

#pragma omp parallel num_threads(t->count)
    {
        struct worker *w = &t->workers[omp_get_thread_num()];

        assert(omp_get_num_threads() == t->count);
        float_mode_set(float_mode_computing(t->caller_float_mode));
        w->phase = PHASE_BATCH;
        w->mark = clock_now();
        fn(w, arg);
        team_phase(w, PHASE_WAIT);
    }
    end = clock_now();
    for (int i = 0; i < t->count; i++)
        t->workers[i].seconds[PHASE_WAIT] += end - t->workers[i].mark;
}

void team_barrier(struct worker *w)
{
    enum phase p = (enum phase)w->phase;

    w->barriers++;
    team_phase(w, PHASE_WAIT);
#pragma omp barrier
    team_phase(w, p);
}

void team_phase(struct worker *w, enum phase p)
{
    double now = clock_now();

    w->seconds[w->phase] += now - w->mark;
    w->mark = now;
    w->phase = (int)p;
}

const struct worker *team_worker(const struct team *t, int id)
{
    assert(id >= 0 && id < t->count);
    return &t->workers[id];
}

void team_reset_times(struct team *t)
{
    for (int i = 0; i < t->count; i++) {
        t->workers[i].barriers = 0;
        for (int p = 0; p < PHASES; p++)
            t->workers[i].seconds[p] = 0.0;
    }
}

int team_default_workers(const struct topo *topo)
{
    int n = openmp_asked_threads(), limit = openmp_thread_limit();

    n = n ? n : topo_default_workers(topo);
    return n < limit ? n : limit;
}

void team_own(const struct worker *w, int64_t n, int64_t *first, int64_t *end)
{
    int64_t from = 0, to = n;

    if (w->ranks > 1)
        team_range(n, w->rank, w->ranks, &from, &to);
    team_range(to - from, w->id, w->count, first, end);
    *first += from;
    *end += from;
}

void team_rank_own(const struct team *t, int64_t n, int64_t *first, int64_t *end)
{
    team_range(n, t->ranks.id, t->ranks.count, first, end);
}

struct ranks *team_ranks(struct team *t)
{
    return &t->ranks;
}

void team_share(struct worker *w, void *items, int64_t n, int64_t bytes)
{
    if (w->ranks <= 1)
        return;
    team_barrier(w);
    if (w->id == 0)
        ranks_share(&w->team->ranks, items, n, bytes);
    team_barrier(w);
}
