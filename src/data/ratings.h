/* ratings.h - all ratings of a data set as triplets, after reading and filtering. Immutable
 * once made. Order: that of the source (files in name order). Rows of users and items are
 * numbered in order of first appearance among the ratings that are kept. */
#pragma once

#include "base/choices.h"
#include "base/error.h"
#include "data/idtable.h"

#include <stdbool.h>
#include <stdint.h>

/* The part that the source assigns to a rating. */
enum given_part {
    GIVEN_NONE,
    GIVEN_TRAIN,
    GIVEN_TEST, /* u1.test */
    GIVEN_VALID_IN,
    GIVEN_VALID_OUT, /* Liang's validation_tr.csv, validation_te.csv */
    GIVEN_TEST_IN,
    GIVEN_TEST_OUT,
    GIVEN_VALID, /* valid.txt, data.valid_path */
};

/* Whether a value is too large for a rating, and plausible as a time (in seconds or parts of them) after
 * 1973. */
static inline bool rating_like_time(float value)
{
    return (value >= 1e8f && value < 1e19f) || (value <= -1e8f && value > -1e19f);
}

#define RATINGS_FOR_TEAM ((int64_t)1 << 18) /* with fewer, starting a team costs more than it saves */

#define TIME_NONE INT64_MIN /* a rating without a time among others with one */

/* How the source was read: printed by every command, and stored in summary.json and `data describe`. */
struct reading {
    char from[320];            /* file, archive/member, stdin; of several texts the first and how many more */
    char columns[256];         /* "user=userId item=movieId rating=rating", "assumed: user, item, rating by
                             position" */
    char unused[256];          /* unused columns, each with its reason */
    char kinds[192];           /* "view 2,664,312; addtocart 69,332": a column of events */
    char preview[3][160];      /* the first ratings as read */
    char first_bad[400];       /* the first line that was skipped, and why */
    bool counts;               /* the ratings, by their column's name: plays, quantity */
    int64_t headers;           /* lines equal to the header, further down */
    int64_t comments;          /* lines of the head, and those of data.comment */
    int64_t elsewhere;         /* lines that data.where leaves out */
    int64_t missing;           /* ratings whose user or item is a word for "missing" */
    bool missing_dropped;      /* they were left out */
    int64_t no_rating;         /* lines left out because the rating is such a word (data.missing=skip) */
    int64_t no_time;           /* lines whose time is empty or such a word */
    int64_t not_positive;      /* ratings of 0 and below, before the filters */
    int64_t rounded;           /* values above 2^24 that a float does not hold */
    int64_t titles, titles_of; /* items with a title, and all items; -1: no file of titles */
};

struct ratings {
    int64_t n, space;       /* space: of user, item, value and time, while they are read */
    int32_t *user, *item;   /* (n) owned: rows of the tables below */
    float *value;           /* (n) owned */
    int64_t *time;          /* (n) owned; NULL: the source has none, or they were not asked for */
    uint8_t *given;         /* (n) owned, enum given_part; NULL: the source has no split */
    struct idtable *users;  /* owned: external ids */
    struct idtable *items;  /* owned */
    char **title;           /* (items) owned, UTF-8; NULL, or an entry NULL: no title */
    float low, high;        /* smallest and largest value that is kept */
    bool finished;          /* a finished split (Liang's five files): overrides split.*, not filtered */
    struct reading reading; /* zero for synth */
    int64_t lines_read, lines_bad; /* of the source; bad ones only where they were skipped */
    int64_t duplicates;            /* repeated pairs that were merged */
    int64_t filtered;              /* ratings dropped by filters: the sum of the next three */
    int64_t low_dropped, item_dropped, user_dropped, users_dropped; /* ratings; users_dropped: users */
    int64_t n_read, users_read;                                     /* before the filters */
    float low_read, high_read;                                      /* likewise */
    double min_rating;                                              /* the filters that were asked for */
    int64_t min_user_ratings, min_item_ratings;
    char digest[33];    /* identifies the ratings (ratings_digest); "": not made yet */
    double noise_floor; /* synth only: RMSE of the true model; 0 otherwise */
    double seconds;     /* that ratings_read took */
    char note[320];     /* for the user, one line; "": nothing */
};

#define RATINGS_SYNTH  "synth:"  /* begins the path of a generated set */
#define RATINGS_MEMORY "memory:" /* the path of ratings in the memory of a program */

enum missing { MISSING_KEEP, MISSING_SKIP, MISSING_ERROR }; /* data.missing */

/* The data.* options as plain arguments: how to read, and which ratings to keep. */
struct ratings_spec {
    const char *path;
    const struct pt_ratings *memory;    /* borrowed: the ratings of RATINGS_MEMORY */
    const char *valid_path, *test_path; /* separate files for these parts; NULL or "": none */
    enum text_layout format;
    int columns; /* 0: recognised */
    const char *const *column;
    const char *delimiter; /* "": recognised */
    enum text_header header;
    int64_t skip_lines;  /* at the head of each text */
    const char *comment; /* lines with this prefix are skipped; NULL or "": none */
    const char *where;   /* "event=purchase": only lines with this word in this column; NULL or "": all */
    double skip_bad;     /* up to this share of bad lines is skipped; 0: a bad line is an error */
    enum missing missing;
    bool has_missing; /* the number that stands for no rating in a matrix */
    double missing_value;
    enum duplicates duplicates; /* of a (user, item) pair */
    enum item_key item_key;
    bool binarize;
    double min_rating;
    int64_t min_user_ratings, min_item_ratings;
    uint64_t seed;    /* synth */
    bool want_time;   /* keep times (some splits need them) */
    bool line_order;  /* the order of lines is the time */
    int prefer_given; /* a folder with several splits: 1 where split.kind is given */
    int workers;      /* threads that parse a large plain file, 0 or 1: one; the result is the same */
};

/* Fills in `digest`: an XXH3-128 of ids, values, their order, and the parts of a given split; times and
 * titles do not count. docs/formats.md lists the bytes. PT_ENOMEM. */
int ratings_digest(struct ratings *r, struct error *err);

void ratings_free(struct ratings *r);
SCOPED(ratings_free, struct ratings)
/* Frees the arrays of (n) and sets n to 0; ids, titles and counts stay. */
void ratings_drop_triplets(struct ratings *r);
/* Counting sort: `to` has the ratings that stand in `from` (NULL: 0, 1, 2, ...) by key[of[rating]] (key NULL:
 * by of[rating]), below `keys`, those of one key in the order that they had. ptr: (keys + 2), zero; then
 * where each key's begin. */
void ratings_sort(int64_t *to, const int64_t *from, int64_t n, const int32_t *of, const int32_t *key,
                  int64_t *ptr, int64_t keys);
/* Rating `from` takes the place of rating `to`. */
static inline void ratings_move(struct ratings *r, int64_t to, int64_t from)
{
    r->user[to] = r->user[from];
    r->item[to] = r->item[from];
    r->value[to] = r->value[from];
    if (r->time)
        r->time[to] = r->time[from];
    if (r->given)
        r->given[to] = r->given[from];
}
/* Moves the arrays of (n) and frees those that `to` had. */
void ratings_move_triplets(struct ratings *to, struct ratings *from);
