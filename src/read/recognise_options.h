/* recognise_options.h - what the user says of a text: data.delimiter, data.columns, data.where. PT_ECONFIG if
 * it cannot be. */
#pragma once

#include "read/sample.h"

int option_delimiter(struct text_format *d, const char *text, struct error *err);

/* Whether data.columns gives names. */
bool option_names(const struct ratings_spec *spec);
/* The role whose name `text` begins with, and `mark` behind it; ROLES: none. */
enum role option_role(const char *text, char mark);
int option_lacks_ids(struct error *err);
/* Sets the roles of d by the positions in data.columns, if it gives these. */
int option_positions(struct text_format *d, const struct ratings_spec *spec, struct error *err);

/* The column of the sample with this name; -1: none. */
int option_find_name(const struct sample *s, const char *text, size_t length);
/* Sets d->where: the column by its name (`named`: the sample has names), or by its number from 1. */
int option_where(struct text_format *d, const struct sample *s, bool named, const struct ratings_spec *spec,
                 struct error *err);
