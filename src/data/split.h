/* split.h - which ratings train, validate and test. A pure function of ratings, spec and seed. */
#pragma once

#include "base/choices.h"
#include "base/error.h"
#include "data/ratings.h"

/* What a rating is used for; bits, since one rating can have several uses.
 *
 *   a rating of            train                        validation      test
 *   cells split            TRAIN | VALID_IN | TEST_IN   VALID_OUT       TEST_OUT
 *   held-out users, rows   TRAIN                        VALID_IN or     TEST_IN or
 *                                                       VALID_OUT       TEST_OUT (or both: split.fold_in = 1)
 *
 * In a cells split a validation rating is also TEST_SEEN: at test time it is not recommended again.
 * A rating without a bit is not used (a held-out rating of an item without training ratings). */
enum part {
    PART_TRAIN = 1,
    PART_VALID_IN = 2,
    PART_VALID_OUT = 4,
    PART_TEST_IN = 8,
    PART_TEST_OUT = 16,
    PART_TEST_SEEN = 32,
};

struct split_spec {
    enum split_kind kind;
    uint64_t seed;
    double test, valid;             /* shares below 1, or counts */
    double test_users, valid_users; /* likewise */
    double fold_in;
    int64_t min_fold_in;
    int folds, fold;
    double time_cut;
    int side; /* SPLIT_ROWS: rows are 0: items, 1: users (SPLIT_USERS: always users) */
};

struct split {
    uint8_t *part; /* (ratings) owned: bits of enum part */
    int64_t n;
    int64_t train, valid, test;    /* ratings with TRAIN, VALID_OUT, TEST_OUT */
    int64_t valid_rows, test_rows; /* held-out users or rows; 0 for a cells split */
    bool rows;                     /* examples are held out whole (strong generalisation) */
};

/* A source with a finished split by users (Liang's five files) overrides spec. docs/splits.md has the rule of
 * each kind. PT_ECONFIG if the spec does not fit the data (more held-out users than users, no times, ...);
 * the message names the key. PT_EDATA if no training rating is left. Freed by split_free. */
int split_make(struct split **out, const struct ratings *r, const struct split_spec *spec, struct error *err);

/* Validation ratings become training ratings (train.refit): in a cells split the validation part, else
 * all ratings of the held-out validation users or rows. Those without a bit stay without. */
void split_refit(struct split *s);

/* Only the first n ratings are left. */
void split_shorten(struct split *s, int64_t n);

void split_free(struct split *s);
SCOPED(split_free, struct split)

/* ---- for split.c and split_cells.c ---- */

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
