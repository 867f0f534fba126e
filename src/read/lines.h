/* lines.h - a text as blocks of whole lines: from a file, a member of an archive, or stdin.
 *
 *   block    line\n line\n ... line\n | LINES_PAD bytes    the parser may look into the pad
 *
 * A missing newline at the end of the text is added; a byte order mark at its start is removed.
 * Files are read, not mapped: a file that shrinks meanwhile is an error, not a signal, and a large
 * file needs one block of memory. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_PAD     64
#define LINES_LONGEST ((size_t)16 << 20) /* bytes of a line */

struct lines;

/* `path`: a file, or "-" for stdin; `member`: of an archive, else NULL; `shown`: for messages, borrowed.
 * Freed by lines_close. */
int lines_open(struct lines **out, const char *path, const char *member, const char *shown,
               struct error *err);
/* The next block, borrowed until the next call; *begin == *end after the last one. `line`: lines so far,
 * for the message about a line that is too long (PT_EDATA). */
int lines_next(struct lines *l, int64_t line, const char **begin, const char **end, struct error *err);
/* From now on a block ends where a pipe or terminal has nothing more at the moment. */
void lines_set_eager(struct lines *l);
/* Whether lines_next would wait for somebody to write. */
bool lines_would_wait(const struct lines *l);
/* The next block begins at `from`, a place in this block, and reaches further. False: the text has ended. */
bool lines_keep(struct lines *l, const char *from);
void lines_close(struct lines *l);
SCOPED(lines_close, struct lines)
