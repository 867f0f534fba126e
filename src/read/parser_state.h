/* parser_state.h - what a parser has and counts, and the two ways a line ends: as a rating, or as a bad
 * one. */
#ifndef READ_PARSER_STATE_H
#define READ_PARSER_STATE_H

#include "base/error.h"
#include "data/idtable.h"
#include "read/text_format.h"
#include "read/triplets.h"

#include <stdbool.h>
#include <stdint.h>

#define PARSER_ID    4096 /* longest id */
#define PARSER_KINDS 16

struct parser {
    const struct text_format *format; /* borrowed */
    struct idtable *users, *items;    /* borrowed */
    struct triplets *out;             /* borrowed */
    bool skip_bad, keep_time;
    bool skip_missing; /* a line whose rating is a word for "missing" is left out */
    bool past_head;
    bool last;          /* no text follows what parser_take is given */
    int64_t line;       /* lines passed, of any kind */
    int64_t lines_read; /* lines with something on them, less the head, repeated headers and comments */
    int64_t lines_bad;
    int64_t bad_line;   /* number of the first bad line; 0: none */
    bool never_skipped; /* the bad line is one that is an error even where bad lines are skipped */
    char bad_reason[512];
    const char *at, *at_end; /* the line at hand */
    char bad_text[64];       /* the first bad line's beginning */
    int64_t headers, comments, elsewhere, no_rating, no_time, rounded;
    char kind[PARSER_KINDS][32];
    int64_t kind_count[PARSER_KINDS];
    int64_t people;             /* of layouts that number users by line */
    char block_item[TEXT_WORD]; /* Netflix: the item of the block */
};

/* The line is bad: PT_EDATA, or 0 where bad lines are skipped. */
int parser_bad(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for what is no data whatever data.bad_lines says: always PT_EDATA. */
int parser_refuse(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The field as an id, without doubled quotes; NULL or what is wrong with it. */
const char *parser_id(const struct field *f, char scratch[PARSER_ID], struct field *out);

/* One more rating; the buffer has room. PT_ENOMEM: no memory for an id, or a frozen table is full. */
int parser_put(struct parser *p, const struct field *user, const struct field *item, float value,
               int64_t time);

void parser_count_kind(struct parser *p, const char *text, size_t length, int64_t count);

#endif
