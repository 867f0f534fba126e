/* dialect.h - how a text of ratings is written: what separates its fields, which field is what, whether
 * it starts with a line of names. Given by the user or found out from the first lines. */
#ifndef READ_DIALECT_H
#define READ_DIALECT_H

#include "base/error.h"
#include "data/ratings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIALECT_COLUMNS   64
#define DIALECT_DELIMITER 16

enum role { ROLE_SKIP, ROLE_USER, ROLE_ITEM, ROLE_RATING, ROLE_TIME, ROLES };
const char *dialect_role_name(enum role r); /* as in data.columns */

struct dialect {
    bool lists;                        /* "user item item ..." */
    bool blanks;                       /* fields are separated by any number of spaces and tabs */
    bool quotes;                       /* a field may stand in "..." */
    char delimiter[DIALECT_DELIMITER]; /* else by this */
    int delimiter_length;
    bool header;                   /* the first line is skipped */
    int columns;                   /* of a delimited text */
    uint8_t role[DIALECT_COLUMNS]; /* enum role */
    bool has_rating, has_time;
    bool third_guessed; /* of three columns the third is the rating only because nothing says otherwise */
};

struct dialect_spec {
    enum text_format format; /* this and the rest as in ratings_spec */
    int columns;
    const char *const *column;
    const char *delimiter;
    enum text_header header;
};

/* Looks at the whole lines [begin, end), of which only the first hundred matter. PT_ECONFIG where the
 * spec itself is wrong, PT_EDATA where the text cannot be understood. `shown`: the text's name. */
int dialect_find(struct dialect *out, const struct dialect_spec *spec, const char *begin, const char *end,
                 const char *shown, struct error *err);

/* Whether one line alone (without its end), cut by `d`, is a header: by the names of a user's and an item's
 * column, or two others, or one at its place, and no number. Then 1, and d->columns and d->role as it names
 * them, by position where it names not both. 0: it is none. PT_EDATA: one that contradicts the position of
 * what it does not name. */
int dialect_take_header(struct dialect *d, const char *line, const char *end, const char *shown,
                        struct error *err);

/* What each column is taken for, into `out`: "user, item, rating, 'date' ignored". The lines are those of
 * dialect_find. */
void dialect_describe(const struct dialect *d, const char *begin, const char *end, char *out, size_t space);

/* What a look at the first lines leaves in doubt, and what to say about it, into `out`; "": nothing. A first
 * line that was taken for data may be a header all the same: words that stand nowhere below; one that was
 * taken for a header, data: hardly a word of it is a known name. A column that was left out, and not by
 * data.columns (`given`), may be the time. */
void dialect_doubt(const struct dialect *d, bool given, const char *begin, const char *end, char *out,
                   size_t space);

/* The fields of one line (without its end). A quoted field is given without its quotes; one with doubled
 * quotes inside keeps them doubled and has `doubled` set. Returns their number (at most `most` are stored;
 * more are counted), or -1: a quote is not closed. */
struct field {
    const char *text;
    size_t length;
    bool doubled;
};
int64_t dialect_cut(const struct dialect *d, const char *line, const char *end, struct field *fields,
                    int most);

/* "user, item, rating, time" into out, for messages. */
void dialect_show(const struct dialect *d, char *out, size_t space);

#endif
