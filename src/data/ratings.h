/* ratings.h - all ratings of a data set as triplets, after reading and filtering. Immutable
 * once made. Order: that of the source (files in name order). Rows of users and items are
 * numbered in order of first appearance among the ratings that are kept. */
#ifndef DATA_RATINGS_H
#define DATA_RATINGS_H

#include "base/choices.h"
#include "base/error.h"
#include "data/idtable.h"

#include <stdbool.h>
#include <stdint.h>

/* Which part a source itself assigns a rating to. */
enum given_part {
    GIVEN_NONE,
    GIVEN_TRAIN,
    GIVEN_TEST, /* u1.test */
    GIVEN_VALID_IN,
    GIVEN_VALID_OUT, /* Liang's validation_tr.csv, validation_te.csv */
    GIVEN_TEST_IN,
    GIVEN_TEST_OUT,
};

/* As a rating it is out of every scale, and as seconds, or parts of them, since 1970 it is after 1973. */
static inline bool rating_like_time(float value)
{
    return (value >= 1e8f && value < 1e19f) || (value <= -1e8f && value > -1e19f);
}

#define RATINGS_FOR_TEAM ((int64_t)1 << 18) /* fewer are not worth a team's start */

struct ratings {
    int64_t n;
    int32_t *user, *item;  /* (n) owned: rows of the tables below */
    float *value;          /* (n) owned */
    int64_t *time;         /* (n) owned; NULL where the source has none, or they are not wanted */
    uint8_t *given;        /* (n) owned, enum given_part; NULL where the source has no split */
    struct idtable *users; /* owned: external ids */
    struct idtable *items; /* owned */
    char **title;          /* (items) owned, UTF-8; NULL, or an entry NULL, where there is none */
    float low, high;       /* smallest and largest value that is kept */
    bool finished;         /* a finished split (Liang's five files): overrides split.*, not filtered */
    int64_t lines_read, lines_bad; /* of the source; bad ones only where they were skipped */
    int64_t duplicates;            /* repeated pairs that were merged */
    int64_t filtered;              /* ratings dropped by filters */
    char digest[33];               /* what identifies them (ratings_digest); "": not made yet */
    double noise_floor;            /* synth only: RMSE of the true model; 0 otherwise */
    char columns[192];             /* the columns of the first text, as they were understood; "": synth */
    char doubt[192];  /* what finding that out left in doubt, and what to say; "": nothing, and as above */
    char chosen[320]; /* what was read where the path could mean something else; "" as above */
    double seconds;   /* that ratings_read took */
    char note[320];   /* for the user, one line; "": nothing */
};

#define RATINGS_SYNTH "synth:" /* begins the path of a generated set */

/* How to read and what to keep: the data.* options, as plain arguments. */
struct ratings_spec {
    const char *path;
    enum text_format format;
    int columns; /* 0: found out */
    const char *const *column;
    const char *delimiter; /* "": found out */
    enum text_header header;
    enum bad_lines bad_lines;
    enum duplicates duplicates; /* of a (user, item) pair */
    enum item_key item_key;
    bool binarize;
    double min_rating;
    int64_t min_user_ratings, min_item_ratings;
    uint64_t seed;    /* synth */
    bool want_time;   /* keep times (some splits need them) */
    int prefer_given; /* a folder with several splits: 1 where split.kind is given */
    int workers;      /* threads that parse a large plain file, 0 or 1: one; the result is the same */
};

/* Fills in `digest`: an XXH3-128 of ids, values, their order, and the parts of a given split; times and
 * titles do not count. docs/formats.md lists the bytes. PT_ENOMEM. */
int ratings_digest(struct ratings *r, struct error *err);

void ratings_free(struct ratings *r);
/* Gives back the arrays of (n), which becomes 0; ids, titles and counts stay. */
void ratings_drop_triplets(struct ratings *r);
/* The arrays of (n) go from one to the other, whose own are given back. */
void ratings_move_triplets(struct ratings *to, struct ratings *from);

#endif
