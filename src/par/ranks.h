/* ranks.h - the processes of one run, on one host or many, joined by MPI.
 *
 * Things that belong to shards are spread over the ranks in contiguous runs (team_range over ranks, then over
 * the workers of a rank). All the rest, codes and hidden layers and the order of minibatches, every rank
 * holds and computes for itself: same inputs, same order, same bits. So what crosses ranks are numbers by
 * shard or by row of the minibatch, and every function here moves them without adding any up: sums stay with
 * the fixed tree over shards (reduce.h).
 *
 * Called by a rank's calling thread or its worker 0 alone, by all ranks in the same order. With one rank
 * nothing happens. Failures of MPI end the run on all ranks (MPI's own default). ranks.c is the only file
 * with <mpi.h>; a build without MPI has ranks_single.c in its place, where there is never more than one rank.
 */
#ifndef PAR_RANKS_H
#define PAR_RANKS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ranks {
    int id, count;
    int64_t sent; /* bytes that this rank has handed over for others through this object */
};

/* Joins the run where the program was started by mpirun, srun or the like; before any thread is made.
 * PT_EUSAGE where that is so and this build has no MPI, and for more than 1024 ranks. Once in a process, and
 * ranks_stop at its end, on all ranks. */
int ranks_start(struct error *err);
void ranks_stop(void);
/* Ends all ranks with this exit status; does nothing where there is only this one. */
void ranks_abort(int status);

/* Who this rank is: 0 of 1 before ranks_start. */
struct ranks ranks_self(void);

/* `bytes` at data become those of rank 0 everywhere. */
void ranks_copy(struct ranks *r, void *data, int64_t bytes);
/* The largest of the ranks' numbers. */
int64_t ranks_max(struct ranks *r, int64_t value);
/* `n` items of `bytes` each; a rank has filled its own run of them (team_range). Then all have all. */
void ranks_share(struct ranks *r, void *items, int64_t n, int64_t bytes);
/* `n` words of which at most one rank has any that is not zero: then all have them. */
void ranks_join(struct ranks *r, uint32_t *words, int64_t n);
/* Of each rank's `bytes[q]` at `to`'s offset at[q], all have all; a rank's own lie at `own`. */
void ranks_gather(struct ranks *r, const void *own, void *to, const int64_t *at, const int64_t *bytes);
/* Rank q gets this rank's bytes [send_at[q], + send[q]), at [get_at[p], + get[p]) from rank p. */
void ranks_exchange(struct ranks *r, const void *from, const int64_t *send_at, const int64_t *send, void *to,
                    const int64_t *get_at, const int64_t *get);
/* Floats from one rank to another. */
void ranks_send(struct ranks *r, const float *data, int64_t n, int to);
void ranks_receive(struct ranks *r, float *data, int64_t n, int from);

/* The ranks of one host take turns: begin waits until the rank before it on its host has called end. For
 * memory that a host has room for once. All ranks call begin; between the two nothing else of this header. */
struct ranks_turn {
    int next; /* the rank whose turn is next; -1: none */
};
struct ranks_turn ranks_turn_begin(const struct ranks *r);
void ranks_turn_end(struct ranks_turn turn);

/* The name of the MPI library, "" without. */
const char *ranks_library(char *room, int size);

#endif
