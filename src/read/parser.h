/* parser.h - lines of text into triplets.
 *
 * A parser takes blocks of whole lines one after another and appends to a triplet buffer, numbering ids in
 * two tables. Parsers share nothing. So several can parse several blocks, each with its own buffer and
 * tables; merged in the order of the blocks, the result is that of one parser over the whole text. */
#pragma once

#include "read/lines.h"
#include "read/parser_state.h"

#define PARSER_OPEN_QUOTE 1 /* the record at *stopped_at continues after the block */

/* The block must end with a newline and have LINES_PAD bytes after it. PT_EDATA: stopped at a bad line, see
 * bad_line and bad_reason. PT_ENOMEM. After PARSER_OPEN_QUOTE *stopped_at (which may be NULL) is the
 * start of the line, which is not counted. */
int parser_parse_lines(struct parser *p, const char *begin, const char *end, const char **stopped_at);

/* Parses the block of `lines` at hand; a record that goes on behind it begins the next block. */
int parser_parse_block(struct parser *p, struct lines *lines, const char *begin, const char *end);

/* Room in p->out for the ratings of a block of `bytes` bytes. False: no memory. Call it before
 * parser_parse_lines.
 */
bool parser_reserve(struct parser *p, int64_t bytes);

/* Whether blocks of the text can be parsed apart: no line depends on those before it. */
bool parser_lines_are_alone(const struct text_format *d);

/* One line of a layout other than FORMAT_DELIMITED, without its end; errors as parser_parse_lines:
 *
 *   lists          user item item ...          each pair is a rating of 1
 *   counted_lists  n item item ...             users are numbered by line from 1
 *   item_values    user item:value item:value ...
 *   cell_lists     user,"[item, item]"
 *   netflix        item:                       then user,rating,date lines of that item
 *   matrix         value,value,...             a row is a user, a column an item */
int parser_parse_layout(struct parser *p, const char *line, const char *end);
/* A JSON object: keys are columns, and a point joins the keys of nested objects (user.id). */
int json_lines_parse(struct parser *p, const char *line, const char *end);
