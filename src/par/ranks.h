/* ranks.h - the processes of one run, on one host or many, joined by MPI.
 *
 * Things that belong to shards are spread over the ranks in contiguous runs (team_range over ranks, then over
 * the workers of a rank). Every rank computes the rest (codes, hidden layers, the order of minibatches) for
 * itself: same inputs, same order, same bits. Ranks exchange numbers by shard or by row of the minibatch. The
 * functions here move them and add nothing: sums stay with the fixed tree over shards (reduce.h).
 *
 * Called by a rank's calling thread or its worker 0 alone, by all ranks in the same order. With one rank
 * nothing happens. Failures of MPI end the run on all ranks (MPI's own default). ranks.c is the only file
 * with <mpi.h>; a build without MPI has ranks_single.c in its place, where there is never more than one rank.
 */
#pragma once

#include "base/error.h"

#include <assert.h>
#include <stdint.h>

/* The contiguous run [first, end) of `n` things that worker `id` of `count` owns: sizes differ by one at
 * most. */
static inline void team_range(int64_t n, int id, int count, int64_t *first, int64_t *end)
{
    int64_t each = n / count, extra = n % count; /* the first `extra` workers get one more */

    assert(n >= 0 && id >= 0 && id < count);
    *first = id * each + (id < extra ? id : extra);
    *end = *first + each + (id < extra);
}

/* Whose run thing i of `n` is in. */
static inline int team_owner(int64_t n, int count, int64_t i)
{
    int64_t each = n / count, extra = n % count, longer = extra * (each + 1);

    return (int)(i < longer ? i / (each + 1) : extra + (i - longer) / each);
}

enum { RANKS_MOST = 1024 };

struct ranks {
    int id, count;
    int64_t sent; /* bytes that this rank has sent through this object */
};

/* Joins the run if mpirun, srun or a similar program started this one. Call it once in a process, before any
 * thread is made, and ranks_stop at its end, on all ranks. PT_EUSAGE if a launcher started this program and
 * this build has no MPI, and for more than 1024 ranks. */
int ranks_start(struct error *err);
void ranks_stop(void);
/* Ends all ranks with this exit status; does nothing with one rank. */
void ranks_abort(int status);

/* This rank's number and their count; 0 of 1 before ranks_start. */
struct ranks ranks_self(void);

/* Copies `bytes` at data from rank 0 to all ranks. */
void ranks_copy(struct ranks *r, void *data, int64_t bytes);
/* The largest of the ranks' numbers. */
int64_t ranks_max(struct ranks *r, int64_t value);
/* `n` items of `bytes` each. A rank has filled its own run of them (team_range); afterwards all ranks have
 * all items. */
void ranks_share(struct ranks *r, void *items, int64_t n, int64_t bytes);
/* `n` words. For each word at most one rank has a nonzero value; afterwards all ranks have it. */
void ranks_join(struct ranks *r, uint32_t *words, int64_t n);
/* Rank q contributes bytes[q] bytes at `own`; afterwards all ranks have them at `to` + at[q]. */
void ranks_gather(struct ranks *r, const void *own, void *to, const int64_t *at, const int64_t *bytes);
/* Sends bytes [send_at[q], send_at[q] + send[q]) of `from` to each rank q, and stores those of each rank p at
 * [get_at[p], get_at[p] + get[p]) of `to`. */
void ranks_exchange(struct ranks *r, const void *from, const int64_t *send_at, const int64_t *send, void *to,
                    const int64_t *get_at, const int64_t *get);
/* Floats from one rank to another. */
void ranks_send(struct ranks *r, const float *data, int64_t n, int to);
void ranks_receive(struct ranks *r, float *data, int64_t n, int from);

/* The ranks of one host take turns: begin waits until the rank before it on its host has called end. For
 * memory that fits on a host only once. All ranks call begin. Between begin and end no other function of this
 * header may be called. */
struct ranks_turn {
    int next; /* the rank whose turn is next; -1: none */
};
struct ranks_turn ranks_turn_begin(const struct ranks *r);
void ranks_turn_end(struct ranks_turn turn);

/* The name of the MPI library, "" without. */
const char *ranks_library(char *room, int size);
