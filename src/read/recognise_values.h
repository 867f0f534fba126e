/* recognise_values.h - columns without a header, and lists: only what is unmistakable in the first lines.
 */
#ifndef READ_RECOGNISE_VALUES_H
#define READ_RECOGNISE_VALUES_H

#include "read/sample.h"

/* Roles of d by position; PT_EDATA where a column may be something else. */
int values_roles(struct text_format *d, const struct sample *s, bool known_name, struct error *err);

/* Lines of several lengths between blanks, as lists or as item:value; PT_EDATA where they are in doubt. */
int values_lists(struct text_format *d, const struct sample *s, struct error *err);
bool values_are_pairs(const struct sample *s);

/* Cells of the item's column that hold lists: 1, and d->layout is FORMAT_CELL_LISTS; 0: they do not;
 * PT_EDATA. */
int values_cell_lists(struct text_format *d, const struct sample *s, struct error *err);

#endif
