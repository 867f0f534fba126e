/* pairs.h - lines of user and item, typed by hand or from a file of ratings: which two fields are the
 * pair. */
#pragma once

#include "base/error.h"
#include "read/text_format.h"

enum { PAIRS_ID_BYTES = 4096 }; /* no id is longer */

/* Zero-initialised: user first, then item; each line has its own delimiter. */
struct pairs {
    bool named;           /* a header names them: columns `user` and `item` of lines cut by `d` */
    struct text_format d; /* of the header */
    int user, item;
    char plain[2][PAIRS_ID_BYTES]; /* fields without their doubled quotes */
};

/* Whether a line (without its end) is empty. */
bool pairs_blank(const char *text, size_t length);

/* User and item of a line, which may have more fields; borrowed from it and from `p` until the next call.
 * false: one of the two is missing. *shorten: the delimiter is a blank, and the item is the rest of the
 * line, as it may be a title; if it is none, the id ends at its first blank. */
bool pairs_cut(struct pairs *p, const char *text, size_t length, struct field *user, struct field *item,
               bool *shorten);

/* 1 where the first line is a header: it names the columns of the lines that follow. `unknown`: the model
 * does not have the line's item, so a word like "user" in the first field is enough. PT_EDATA where the
 * header names only one of the two, in another column than expected. */
int pairs_header(struct pairs *p, const char *text, size_t length, bool unknown, const char *shown,
                 struct error *err);
