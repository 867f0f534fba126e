/* recognise_header.h - columns by the names of a header, or of the keys of JSON lines, and as data.columns
 * and data.where say. */
#pragma once

#include "read/sample.h"

/* Which of user and item n names name: the sum of these. */
enum { HEADER_USER = 1, HEADER_ITEM = 2, HEADER_BOTH = 3 };
int header_ids(const struct field *name, int64_t n);

/* Whether the first row of the table is a header. */
enum first_line {
    FIRST_DATA,
    FIRST_NAMES,   /* it has a known name */
    FIRST_UNKNOWN, /* words above numbers */
    FIRST_DOUBT,   /* words that fit nothing below */
};
enum first_line header_first_line(const struct sample *s);

/* Sets the roles of d and d->event by the sample's names, which data.columns may assign. `told` gets the
 * columns by role, and why others are unused. PT_EDATA if they are in doubt. */
int header_roles(struct text_format *d, struct reading *told, const struct sample *s,
                 const struct ratings_spec *spec, struct error *err);
