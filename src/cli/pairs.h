/* pairs.h - lines of user and item, as people type them and as files of ratings have them: which two fields
 * of a line are meant. */
#ifndef CLI_PAIRS_H
#define CLI_PAIRS_H

#include "read/dialect.h"

enum { PAIRS_ID_BYTES = 4096 }; /* no id is longer */

/* Zero-initialised: user first, then item, each line with a mark of its own between. */
struct pairs {
    bool named;       /* a header put them elsewhere: at places `user` and `item` of lines in dialect `d` */
    struct dialect d; /* of the header */
    int user, item;
    char plain[2][PAIRS_ID_BYTES]; /* fields without their doubled quotes */
};

/* Whether a line (without its end) has nothing in it. */
bool pairs_blank(const char *text, size_t length);

/* The two of a line, which may have further fields; borrowed from it and from `p` until the next call.
 * false: one of the two is missing. `shorten`: behind a blank all of the rest is the item, for it may be a
 * title; where it is none, the id ends at the first blank in it. */
bool pairs_cut(struct pairs *p, const char *text, size_t length, struct field *user, struct field *item,
               bool *shorten);

/* Whether the first line is a header, as files of ratings have one: 1, and lines are cut from now on as it
 * names the columns. `unknown`: the line's item is none, so a word like "user" in the first field will do.
 * PT_EDATA where it names only one of the two, at a place that is not its own. */
int pairs_header(struct pairs *p, const char *text, size_t length, bool unknown, const char *shown,
                 struct error *err);

#endif
