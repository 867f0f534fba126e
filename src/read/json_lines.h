/* json_lines.h - texts with a JSON object a line: keys are columns, and a line is a rating. A point joins the
 * keys of nested objects: user.id. */
#ifndef READ_JSON_LINES_H
#define READ_JSON_LINES_H

#include "read/parser_state.h"
#include "read/sample.h"

/* A table of the first lines; `name` has the keys of all lines. *name is for mem_free, and so is *arena,
 * which holds the texts. PT_EDATA if a line is not an object, or has too many keys. */
int json_lines_sample(struct sample *s, struct field **name, char **arena, const char *begin, const char *end,
                      struct error *err);

/* Parses one line by the keys of p->format. */
int json_lines_take(struct parser *p, const char *line, const char *end);

#endif
