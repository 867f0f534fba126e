/* lines.h - a text as blocks of whole lines: from a file, a member of an archive, or stdin.
 *
 *   block    line\n line\n ... line\n | LINES_PAD bytes    the parser may look into the pad
 *
 * A missing newline at the end of the text is added; a byte order mark at its start is removed.
 * Files are read, not mapped: a file that shrinks meanwhile is an error, not a signal, and a large
 * file needs a few blocks of memory. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_PAD     64
#define LINES_LONGEST ((size_t)16 << 20)  /* bytes of a line */
#define LINES_BLOCK   ((size_t)512 << 10) /* usual bytes of a block: it stays in a core's cache */

struct lines;

struct lines_block {
    char *text; /* (space + LINES_PAD + 1) owned: freed by mem_free */
    size_t length, space;
};

/* `path`: a file, or "-" for stdin; `member`: of an archive, else NULL; `shown`: for messages, borrowed;
 * `eager`: a block ends where a pipe or terminal has nothing more at the moment. Freed by lines_close. */
int lines_open(struct lines **out, const char *path, const char *member, const char *shown, bool eager,
               struct error *err);
/* The next block, borrowed until the next call; *begin == *end after the last one. `line`: lines so far,
 * for the message about a line that is too long (PT_EDATA). */
int lines_next(struct lines *l, int64_t line, const char **begin, const char **end, struct error *err);
/* The next block of about so many bytes into the caller's; length 0 after the last one. Nonzero: it cannot
 * be read, and the next lines_next says why. */
int lines_read(struct lines *l, struct lines_block *b, size_t bytes);
/* The next block begins with these bytes of blocks that were given out, and reaches further. */
void lines_give_back(struct lines *l, const char *from, size_t bytes);
/* Whether lines_next would wait for somebody to write. */
bool lines_would_wait(const struct lines *l);
/* False: the text has ended with the last block. */
bool lines_have_more(const struct lines *l);
/* How many times as much as was read is ahead, about; 0: unknown. */
double lines_ahead(const struct lines *l);
void lines_close(struct lines *l);
SCOPED(lines_close, struct lines)
