/* dialect_names.h - what the words of a header mean: which column is whose, by the names that published files
 * and people give them. Pure. */
#ifndef READ_DIALECT_NAMES_H
#define READ_DIALECT_NAMES_H

#include "read/dialect.h"

/* A file whose header has both a user's and an item's name of the first choice is read by these. Names of the
 * second choice (session, track, plays) are looked at where those are not both there; those of counts
 * wherever no name of the first choice says what the rating is. */
struct dialect_words {
    int first, known; /* names of the first choice; of either */
    bool both;        /* of the first choice a user's and an item's */
    bool in_place;    /* every known name stands where its column stands without a header */
};
void dialect_words_count(struct dialect_words *out, const struct field *f, int64_t n);

/* The column of each role, -1 where none is named: an id's name before a noun, then the first. `second`: with
 * names of the second choice. */
void dialect_words_choose(int column[ROLES], const struct field *f, int64_t n, bool second);

enum role dialect_word_role(const struct field *f); /* ROLE_SKIP: not known */

/* user, item, rating, time: what the columns are where nothing says it. */
#define DIALECT_PLACES 4
extern const uint8_t dialect_places[DIALECT_PLACES];

#endif
