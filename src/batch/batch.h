/* batch.h - minibatches: which examples, in which order, in which step; their entries by shard. The order is
 * a pure function of (seed, epoch, step), so a resumed run repeats the same minibatches. */
#pragma once

#include "base/choices.h"
#include "base/error.h"
#include "base/mem.h"
#include "batch/matrix.h"
#include "math/kernels.h"

#include <stdbool.h>
#include <stdint.h>

struct batch {
    const int64_t *example; /* (rows) borrowed from the scheduler; with rollover an example can occur twice */
    int64_t rows;
    int64_t in_epoch; /* number of the step in its epoch */
    uint64_t step;    /* number of the step in the run: the key of random draws */
};

struct scheduler {
    int64_t examples; /* that train */
    int64_t size;     /* rows of a full batch */
    enum last_batch last;
    bool shuffle;
    uint64_t seed;
    int64_t
        passes;    /* over the examples in an epoch, each in an order of its own; no rollover where above 1 */
    int64_t *pool; /* (examples) owned: the examples that train, ascending */
    int64_t *order; /* (passes + 1, examples) owned: this epoch's order, then the next one's (rollover) */
    int64_t epoch;  /* the epoch of `order`; -1: none */
    int64_t steps;  /* steps of that epoch */
    int64_t offset; /* rollover: where in the order the epoch begins */
};

/* usable[e] != 0: example e trains (NULL: all). The caller leaves out examples without entries. */
int scheduler_init(struct scheduler *s, int64_t examples, const uint8_t *usable, int64_t size,
                   enum last_batch last, bool shuffle, uint64_t seed, struct error *err);
/* Straight after scheduler_init: `passes` over the examples in an epoch. PT_ENOMEM. */
int scheduler_repeat(struct scheduler *s, int64_t passes, struct error *err);
/* The largest number of steps of an epoch. */
int64_t scheduler_max_steps(const struct scheduler *s);
/* Steps before `epoch` begins. */
int64_t scheduler_first_step(const struct scheduler *s, int64_t epoch);
void scheduler_epoch(struct scheduler *s, int64_t epoch);
/* Step i < s->steps of the current epoch. */
struct batch scheduler_batch(const struct scheduler *s, int64_t i);
void scheduler_fini(struct scheduler *s);

/* ---- views ----
 *
 * One shard's entries of a minibatch, by example and again by column.
 *
 *   by example   entries [row[p], row[p + 1]) of the batch's p-th example, columns ascending; likewise inputs
 *   by column    the columns that occur, ascending; a column's entries by batch position, ascending
 *
 * The first order is for sums that belong to an example (encode, dH), the second for sums that belong to a
 * weight row (scores, gradients). Only the shard's owner builds and uses a view. */
struct view {
    int64_t rows, entries;
    int64_t *row;  /* (rows + 1) */
    int32_t *col;  /* (entries) column in the shard */
    float *target; /* (entries) the value */

    const int64_t *input_row; /* (rows + 1) inputs: entries after dropout */
    const int32_t *input_col; /* (inputs) */
    float *x;                 /* (inputs) the value after scaling */

    int64_t columns;    /* number of columns with an input */
    int32_t *active;    /* (columns) their numbers */
    int64_t *start;     /* (columns + 1): inputs [start[a], start[a + 1]) are those of column active[a] */
    int32_t *pos;       /* (inputs) batch position */
    int32_t *at;        /* (inputs) index in the order by example */
    float *x_by_column; /* (inputs) */
    float *target_by_column; /* (inputs) where none is left out */

    bool plain;   /* inputs are the values: x is target, x_by_column is target_by_column */
    float *own_x; /* memory of x and x_by_column if not plain */
    float *own_x_by_column;
    int64_t *own_row; /* of input_row and input_col where dropped entries are left out */
    int32_t *own_col;
    int64_t *fill; /* (shard's columns) scratch: zero between builds */
    int64_t room_rows, room_entries;
    struct mem_pool pool; /* of all arrays */
};

/* How values become inputs. */
struct view_input {
    bool normalize; /* divide by the row's norm */
    float dropout;  /* share dropped; 0: none */
    bool zeros;     /* what is dropped is an input of 0, not left out: its column is a target */
    uint64_t seed, step;
    const struct kernels *kern; /* for dropout */
};

/* Room for batches of `rows` examples out of `m`'s part `shard`, each example at most twice. */
int view_init(struct view *v, const struct matrix *m, int shard, int64_t rows, struct error *err);
void view_fini(struct view *v);

/* A view of each shard, (shards), for views_free (takes NULL). Views of other ranks' shards are empty. */
int views_new(struct view **out, const struct matrix *m, int64_t rows, const struct team *team,
              struct error *err);
void views_free(struct view *v, int shards);

/* Fills the view with the examples' entries; `by_column`: in the second order too. `input` NULL: values as
 * they are. */
void view_build(struct view *v, const struct matrix *m, int shard, const int64_t *example, int64_t rows,
                const struct view_input *input, bool by_column);

/* Bytes that view_init needs for all parts of `m`; -1: no memory to compute it. */
int64_t view_bytes_of(const struct matrix *m, int64_t rows);
