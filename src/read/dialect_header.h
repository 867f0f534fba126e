/* dialect_header.h - the first lines of a text, and whether the first of all is a header: what dialect_find.c
 * and dialect_header.c share. Pure. */
#ifndef READ_DIALECT_HEADER_H
#define READ_DIALECT_HEADER_H

#include "read/dialect.h"

#define DIALECT_SAMPLE 100 /* lines looked at */

struct dialect_sample {
    const char *begin[DIALECT_SAMPLE], *end[DIALECT_SAMPLE]; /* (n) borrowed, without line ends */
    int n;
};

/* The first lines that are not blank. */
void dialect_sample_take(struct dialect_sample *s, const char *begin, const char *end);

/* By names: a user's and an item's are known, or no field is a number and one is known of the first choice or
 * two of either; or a line of words above numbers. */
bool dialect_has_header(const struct dialect *d, const struct dialect_sample *s);

/* Columns by the names of the header; by place, and d->columns stays 0, where one of user and item is named
 * and nothing stands elsewhere. `none`: what to do where the line is no header, for the message. */
int dialect_name_columns(struct dialect *d, const struct dialect_sample *s, const char *none,
                         const char *shown, struct error *err);

#endif
