/* recognise_values.h - recognises columns without a header, and lists, if the first lines leave no doubt. */
#pragma once

#include "read/sample.h"

/* Sets the roles of d by position; PT_EDATA if a column may be something else. */
int values_roles(struct text_format *d, const struct sample *s, bool known_name, struct error *err);

/* Lines with different numbers of fields between blanks: lists or item:value. PT_EDATA if in doubt. */
int values_lists(struct text_format *d, const struct sample *s, struct error *err);
bool values_are_pairs(const struct sample *s);

/* Whether cells of the item's column hold lists. 1: yes, and d->layout is FORMAT_CELL_LISTS; 0: no; PT_EDATA:
 * in doubt. */
int values_cell_lists(struct text_format *d, const struct sample *s, struct error *err);
