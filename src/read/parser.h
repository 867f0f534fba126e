/* parser.h - lines of text into triplets.
 *
 * A parser takes blocks of whole lines one after another and appends to a triplet buffer, numbering ids in
 * two tables. It touches nothing but what it was given, so several can work on several blocks, each with
 * buffer and tables of its own, and be merged in the order of the blocks: the answer is that of one parser
 * over the whole text. */
#ifndef READ_PARSER_H
#define READ_PARSER_H

#include "base/error.h"
#include "data/idtable.h"
#include "read/dialect.h"

#include <stdbool.h>
#include <stdint.h>

struct triplets {
    int64_t n, space;
    int32_t *user, *item; /* (space) owned */
    float *value;         /* (space) owned */
    int64_t *time;        /* (space) owned; NULL where times are not kept */
};

/* Room for `more` beyond n; false: no memory. */
bool triplets_reserve(struct triplets *t, int64_t more, bool times);
void triplets_fini(struct triplets *t);

struct parser {
    const struct dialect *dialect; /* borrowed */
    struct idtable *users, *items; /* borrowed */
    struct triplets *out;          /* borrowed */
    bool skip_bad, keep_time;
    bool past_header;
    int64_t line;       /* lines passed, of any kind */
    int64_t lines_read; /* lines with something on them, less the header */
    int64_t lines_bad;
    int64_t bad_line; /* number of the first bad line; 0: none */
    bool bad_number;  /* what is wrong with it is a rating or a time that is no number */
    char bad_reason[512];
};

/* The block must end with a newline and have LINES_PAD bytes behind it. PT_EDATA: stopped at a bad line, see
 * bad_line and bad_reason (never with skip_bad); PT_ENOMEM: no memory, or a frozen table is full; then
 * *stopped_at (which may be NULL) is the line's start, and nothing of the line is counted. */
int parser_take(struct parser *p, const char *begin, const char *end, const char **stopped_at);

/* Room in p->out for what a block of so many bytes can hold; false: no memory. parser_take wants it. */
bool parser_reserve(struct parser *p, int64_t bytes);

#endif
