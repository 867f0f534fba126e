/* parser_layouts.h - lines that are not one rating each:
 *
 *   lists          user item item ...          each pair is a rating of 1
 *   counted_lists  n item item ...             users are numbered by line from 1
 *   item_values    user item:value item:value ...
 *   cell_lists     user,"[item, item]"
 *   netflix        item:                       then user,rating,date lines of that item
 *   matrix         value,value,...             a row is a user, a column an item */
#pragma once

#include "read/parser_state.h"

/* One line of a layout other than FORMAT_DELIMITED and FORMAT_JSON, without its end; errors as
 * parser_parse_lines.
 */
int parser_parse_layout(struct parser *p, const char *line, const char *end);
