/* team.h - the workers. team.c is the only place that launches threads.
 *
 * Every worker enters one SPMD function together; between runs everything is serial. A run that trains or
 * evaluates does not allocate, does no I/O and cannot fail; read/reader_team.c, which reads texts in a run,
 * stores a worker's failure and reports it after the run. Bits never depend on the number of workers: a
 * worker owns a contiguous run of shards, and the owner of a shard changes no sum.
 *
 * team_new sets OpenMP's thread count to 1, so a library that asks OpenMP (math/gemm.h) uses the calling
 * worker alone, in a team of one too. From team_new to team_free denormals are flushed to zero in every
 * worker and in the calling thread. */
#pragma once

#include "base/error.h"
#include "par/ranks.h"
#include "par/topo.h"

#include <stdint.h>

enum phase {
    PHASE_BATCH, /* building batch lists */
    PHASE_ENCODE,
    PHASE_REDUCE,
    PHASE_HIDDEN,
    PHASE_DECODE,
    PHASE_UPDATE,
    PHASE_EVAL,
    PHASE_WAIT, /* at barriers */
    PHASES
};
const char *phase_name(enum phase p);

struct team;

struct worker {
    _Alignas(64) int id;
    int count;       /* workers in the team */
    int rank, ranks; /* of this process, and how many there are */
    struct team *team;
    double seconds[PHASES]; /* time spent, summed until team_reset_times */
    int64_t barriers;       /* passed, likewise */
    double mark;            /* when the running phase began */
    int phase;
};

/* workers >= 1. Borrows `topo` (NULL: no binding) for its lifetime. Starts the threads and binds them; the
 * calling thread is worker 0 and stays bound (as do threads that it makes) until team_free. It alone may call
 * team_run and team_free, and has one team at a time: OpenMP ends the threads that a smaller region does not
 * need, and with them their binding. PT_ENOMEM where the system or OMP_THREAD_LIMIT allows fewer threads;
 * PT_EUSAGE inside another parallel region. team_free takes NULL and puts back every thread's
 * binding and denormal mode. */
int team_new(struct team **out, int workers, const struct topo *topo, enum topo_bind bind, struct error *err);
void team_free(struct team *t);
SCOPED(team_free, struct team)
int team_workers(const struct team *t);
/* Workers that are bound to a place. */
int team_bound(const struct team *t);

typedef void team_function(struct worker *w, void *arg);
/* Runs fn on every worker and returns when all are done. Time counts as PHASE_BATCH until fn calls
 * team_phase. */
void team_run(struct team *t, team_function *fn, void *arg);

/* Every worker of a run must call it; time spent waiting counts as PHASE_WAIT. */
void team_barrier(struct worker *w);

/* From here on the worker's time counts as `p`. */
void team_phase(struct worker *w, enum phase p);

const struct worker *team_worker(const struct team *t, int id);
void team_reset_times(struct team *t);

/* The default number of workers: openmp_asked_threads, or as many as the machine allows; at most
 * openmp_thread_limit. */
int team_default_workers(const struct topo *topo);

/* The run of `n` shards (or things numbered like them) that a worker owns: its part of its rank's run. */
void team_own(const struct worker *w, int64_t n, int64_t *first, int64_t *end);
/* The run of all workers of this rank. */
void team_rank_own(const struct team *t, int64_t n, int64_t *first, int64_t *end);

/* The ranks that the team is one of; for worker 0 and the calling thread. */
struct ranks *team_ranks(struct team *t);
/* Entered by every worker, which has filled its own of `n` items of `bytes` each (team_own); afterwards all
 * ranks have all items. Barriers at the start and at the end; with one rank nothing happens. */
void team_share(struct worker *w, void *items, int64_t n, int64_t bytes);
