/* json_lines.h - texts with a JSON object a line: the keys as columns, and lines as ratings. A key of an
 * object in the object is written with a point: user.id. */
#ifndef READ_JSON_LINES_H
#define READ_JSON_LINES_H

#include "read/parser_state.h"
#include "read/sample.h"

/* A table of the first lines: names has the keys (row 0's are those of all lines). Both are of *arena, for
 * mem_free. PT_EDATA where a line is no object, or there are too many keys. */
int json_lines_sample(struct sample *s, struct field **name, char **arena, const char *begin, const char *end,
                      struct error *err);

/* One line, by the keys of p->format. */
int json_lines_take(struct parser *p, const char *line, const char *end);

#endif
