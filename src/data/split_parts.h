/* split_parts.h - functions that the kinds of split share; for split*.c only. */
#ifndef DATA_SPLIT_PARTS_H
#define DATA_SPLIT_PARTS_H

#include "data/split.h"

/* Bits of a rating in a cells split. */
enum {
    CELL_TRAIN = PART_TRAIN | PART_VALID_IN | PART_TEST_IN,
    CELL_VALID = PART_VALID_OUT | PART_TEST_SEEN,
    CELL_TEST = PART_TEST_OUT,
};

/* The step of the stream of random numbers, by purpose. Part of the result: append only. */
enum split_stream {
    SPLIT_CELLS = 1, /* position 0: test part, 1: validation part */
    SPLIT_ROW_ORDER, /* which rows are held out */
    SPLIT_FOLD_IN,   /* position: row; group: rating of the row */
    SPLIT_WITHIN,    /* position: user; group: rating of the user */
    SPLIT_FOLDS,
};

/* *count = the number of n things ("ratings", "users") that the option `key` asks for. `value` is a share
 * below 1, rounded to the nearest count, or a count. PT_ECONFIG if it is neither, or if a share rounds to 0.
 */
int split_count(int64_t *count, double value, int64_t n, const char *key, const char *things,
                struct error *err);

/* split_cells.c: each fills s->part, which is zero. split_cells_given: for sources with training and test
 * ratings alone. */
int split_cells_random(struct split *s, const struct ratings *r, const struct split_spec *spec,
                       struct error *err);
int split_cells_given(struct split *s, const struct ratings *r, const struct split_spec *spec,
                      struct error *err);
int split_cells_kfold(struct split *s, const struct ratings *r, const struct split_spec *spec,
                      struct error *err);
int split_cells_within(struct split *s, const struct ratings *r, const struct split_spec *spec,
                       struct error *err);
int split_cells_time(struct split *s, const struct ratings *r, const struct split_spec *spec,
                     struct error *err);

#endif
