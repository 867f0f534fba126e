/* json_lines.h - texts with a JSON object a line: keys are columns, and a line is a rating. A point joins the
 * keys of nested objects: user.id. */
#pragma once

#include "read/parser_state.h"
#include "read/sample.h"

/* A table of the first lines, and the keys of all of them as its names. PT_EDATA if no line is an object. */
int json_lines_sample(struct sample *s, const char *begin, const char *end, struct error *err);

/* Parses one line by the keys of p->format. */
int json_lines_parse(struct parser *p, const char *line, const char *end);
