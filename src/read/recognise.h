/* recognise.h - what a text is: sure, and then it is read; in doubt, and then it is refused with the
 * readings and the option for each; or something else, and then it is refused with what it is. Nothing is
 * guessed.
 *
 *   head       data.skip_lines, a leading block of comments (# %), Excel's sep=
 *   layout     JSON lines, Matrix Market, Netflix's blocks, item:value, lists: each by a mark of its own
 *   header     a first line with a name of column_names.h: columns by name (recognise_header.h)
 *   no header  columns by what the first 1,000 lines hold (recognise_values.h) */
#ifndef READ_RECOGNISE_H
#define READ_RECOGNISE_H

#include "base/error.h"
#include "read/text_format.h"

/* The whole lines [begin, end) are the text's first. `known_name`: the file is called as MovieLens calls
 * its files, so a fourth column of whole numbers is a time. Fills *out, and columns, unused, comments and
 * preview of *told. PT_ECONFIG where the spec itself is wrong, PT_EDATA where the text is in doubt or
 * something else. */
int recognise_text(struct text_format *out, struct reading *told, const struct ratings_spec *spec,
                   const char *begin, const char *end, bool known_name, const char *shown, struct error *err);

/* For pairs that predict is asked for: whether one line alone (without its end), cut by `d`, is a header:
 * 1, with d->columns and d->role by its names; 0: it is none; PT_EDATA: it names only one of user and item.
 */
int recognise_header_line(struct text_format *d, const char *line, const char *end, const char *shown,
                          struct error *err);

#endif
