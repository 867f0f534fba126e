/* parser.h - lines of text into triplets.
 *
 * A parser takes blocks of whole lines one after another and appends to a triplet buffer, numbering ids in
 * two tables. It touches nothing but what it was given, so several can work on several blocks, each with
 * buffer and tables of its own, and be merged in the order of the blocks: the answer is that of one parser
 * over the whole text. */
#ifndef READ_PARSER_H
#define READ_PARSER_H

#include "read/parser_state.h"

#define PARSER_OPEN_QUOTE 1 /* the record at *stopped_at goes on behind the block */

/* The block must end with a newline and have LINES_PAD bytes behind it. PT_EDATA: stopped at a bad line,
 * see bad_line and bad_reason; PT_ENOMEM: no memory, or a frozen table is full. With that and
 * PARSER_OPEN_QUOTE *stopped_at (which may be NULL) is the line's start, and nothing of the line is
 * counted. */
int parser_take(struct parser *p, const char *begin, const char *end, const char **stopped_at);

/* Room in p->out for what a block of so many bytes can hold; false: no memory. parser_take wants it. */
bool parser_reserve(struct parser *p, int64_t bytes);

/* Whether blocks of the text can be parsed apart: no line depends on those before it. */
bool parser_lines_are_alone(const struct text_format *d);

#endif
