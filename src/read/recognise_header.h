/* recognise_header.h - columns by the names of a header, or of the keys of JSON lines. */
#ifndef READ_RECOGNISE_HEADER_H
#define READ_RECOGNISE_HEADER_H

#include "read/sample.h"

/* Whether the first row of the table is a header. */
enum first_line {
    FIRST_DATA,
    FIRST_NAMES,   /* it has a known name */
    FIRST_UNKNOWN, /* words above numbers */
    FIRST_DOUBT,   /* words that fit nothing below */
};
enum first_line header_first_line(const struct sample *s);

/* Sets the roles of d and d->event by `name` (s->columns names). `told` gets the columns by role, and why
 * others are unused. PT_EDATA if they are in doubt. */
int header_roles(struct text_format *d, struct reading *told, const struct sample *s,
                 const struct field *name, struct error *err);
/* The same by data.columns: "user=NAME", "item=NAME", ..., each a list element, or several in one with blanks
 * between. */
int header_given_roles(struct text_format *d, struct reading *told, const struct sample *s,
                       const struct field *name, const struct ratings_spec *spec, struct error *err);
/* Whether data.columns gives names. */
bool header_names_are_given(const struct ratings_spec *spec);

#endif
