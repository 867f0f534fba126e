/* recognise.h - recognises the format of a text. If it is sure, the text is read. If it is in doubt, the text
 * is refused, and the message lists the possible formats and the option for each. A text of another kind is
 * refused with its kind. Nothing is guessed.
 *
 *   head       data.skip_lines, a leading block of comments (# %), Excel's sep=
 *   layout     JSON lines, Matrix Market, Netflix's blocks, item:value, lists: each by a mark
 *   header     a first line with a name of column_names.h: columns by name (recognise_header.h)
 *   no header  columns by what the first 1,000 lines hold (recognise_values.h) */
#pragma once

#include "base/error.h"
#include "read/text_format.h"

/* [begin, end): the text's first lines, whole. `known_name`: the file has a name of MovieLens, so a fourth
 * column of whole numbers is a time. Fills *out, and columns, unused, comments and preview of *told.
 * PT_ECONFIG if the spec is wrong, PT_EDATA if the text is in doubt or of another kind. */
int recognise_text(struct text_format *out, struct reading *told, const struct ratings_spec *spec,
                   const char *begin, const char *end, bool known_name, const char *shown, struct error *err);

/* For the pairs of `predict`: whether one line (without its end), cut by `d`, is a header. 1: yes, and
 * d->columns and d->role are set by its names; 0: no; PT_EDATA: it names only one of user and item. */
int recognise_header_line(struct text_format *d, const char *line, const char *end, const char *shown,
                          struct error *err);
