/* recognise_header.h - columns by the names of a header, or of the keys of JSON lines. */
#ifndef READ_RECOGNISE_HEADER_H
#define READ_RECOGNISE_HEADER_H

#include "read/sample.h"

/* Whether the first row of the table is a header. */
enum first_line {
    FIRST_DATA,
    FIRST_NAMES,   /* it has a name that is known */
    FIRST_UNKNOWN, /* words above numbers */
    FIRST_DOUBT,   /* words that fit nothing below */
};
enum first_line header_first_line(const struct sample *s);

/* Roles of d by `name` (s->columns of them); d->event too. `told`: which column is what, and why others are
 * not used. PT_EDATA where that is in doubt. */
int header_roles(struct text_format *d, struct reading *told, const struct sample *s,
                 const struct field *name, struct error *err);
/* The same as data.columns says it: "user=NAME", "item=NAME", ... each in a word, or several with blanks
 * between. */
int header_given_roles(struct text_format *d, struct reading *told, const struct sample *s,
                       const struct field *name, const struct ratings_spec *spec, struct error *err);
/* Whether data.columns goes by names. */
bool header_names_are_given(const struct ratings_spec *spec);

#endif
