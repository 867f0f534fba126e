/* view.h - what one shard sees of a minibatch: its entries by example, and the same ones by column.
 *
 *   by example   entries [row[p], row[p + 1]) of the batch's p-th example, columns ascending
 *   by column    the columns that occur, ascending; a column's entries by batch position, ascending
 *
 * The first order is for sums that belong to an example (encode, dH), the second for sums that belong to a
 * weight row (scores, gradients). A view is built and used by the shard's owner alone; its memory is taken
 * beforehand. */
#ifndef BATCH_VIEW_H
#define BATCH_VIEW_H

#include "base/error.h"
#include "batch/matrix.h"

#include <stdbool.h>
#include <stdint.h>

struct view {
    int64_t rows, entries;
    int64_t *row;  /* (rows + 1) */
    int32_t *col;  /* (entries) column in the shard */
    float *x;      /* (entries) what goes in: value, scaled, dropped out */
    float *target; /* (entries) what should come out: the value */

    int64_t columns;    /* that occur */
    int32_t *active;    /* (columns) which */
    int64_t *start;     /* (columns + 1): entries [start[a], start[a + 1]) are those of column active[a] */
    int32_t *pos;       /* (entries) batch position */
    int32_t *at;        /* (entries) place in the order by example */
    float *x_by_column; /* (entries) */
    float *target_by_column; /* (entries) */

    bool plain;   /* inputs are the values: x is target, x_by_column is target_by_column */
    float *own_x; /* what x and x_by_column point to where they are not */
    float *own_x_by_column;
    int64_t *fill; /* (shard's columns) scratch: zero between builds */
    int64_t room_rows, room_entries;
};

/* How inputs are made of values. */
struct view_input {
    bool normalize; /* divide by the row's norm */
    float dropout;  /* share dropped; 0: none */
    uint64_t seed, step;
};

/* Room for batches of `rows` examples out of `m`'s part `shard`, each example at most twice. */
int view_init(struct view *v, const struct matrix *m, int shard, int64_t rows, struct error *err);
void view_fini(struct view *v);

/* The same of every part that this rank owns, the others' empty: (shards), for views_free (takes NULL). */
int views_new(struct view **out, const struct matrix *m, int64_t rows, const struct team *team,
              struct error *err);
void views_free(struct view *v, int shards);

/* The rows' entries of the matrix part; `by_column` also makes the second order. */
void view_build(struct view *v, const struct matrix *m, int shard, const int64_t *example, int64_t rows,
                const struct view_input *input, bool by_column);

int64_t view_bytes(int64_t rows, int64_t entries, int64_t columns);
/* Of all that view_init would take for `m`'s parts together; -1: no memory to tell. */
int64_t view_bytes_of(const struct matrix *m, int64_t rows);

#endif
