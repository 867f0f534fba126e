/* parser_state.h - state and counts of a parser, and the two results of a line: a rating or a bad line. */
#pragma once

#include "base/error.h"
#include "data/idtable.h"
#include "read/text_format.h"

#include <stdbool.h>
#include <stdint.h>

#define PARSER_KINDS 16

/* A growing buffer of ratings. */
struct triplets {
    int64_t n, space;
    int32_t *user, *item; /* (space) owned */
    float *value;         /* (space) owned */
    int64_t *time;        /* (space) owned; NULL where times are not kept */
};

/* Room for `more` beyond n; false: no memory. */
bool triplets_reserve(struct triplets *t, int64_t more, bool times);
/* Rating `from` takes the place of `to`. */
static inline void triplets_move(struct triplets *t, int64_t to, int64_t from)
{
    t->user[to] = t->user[from];
    t->item[to] = t->item[from];
    t->value[to] = t->value[from];
    if (t->time)
        t->time[to] = t->time[from];
}
void triplets_fini(struct triplets *t);

struct parser {
    const struct text_format *format; /* borrowed */
    struct idtable *users, *items;    /* borrowed */
    struct triplets *out;             /* borrowed */
    bool skip_bad, keep_time;
    bool skip_missing; /* leave out lines whose rating is a word for "missing" */
    bool past_head;
    bool last;          /* the block of parser_parse_lines is the text's last */
    int64_t line;       /* lines passed, of any kind */
    int64_t lines_read; /* non-empty lines without the head, repeated headers and comments */
    int64_t lines_bad;
    int64_t bad_line;   /* number of the first bad line; 0: none */
    bool never_skipped; /* the bad line is an error even if bad lines are skipped */
    char bad_reason[512];
    const char *at, *at_end; /* the current line */
    char bad_text[64];       /* the first bad line's beginning */
    int64_t headers, comments, elsewhere, no_rating, no_time, rounded;
    char kind[PARSER_KINDS][32];
    int64_t kind_count[PARSER_KINDS];
    int64_t people;             /* number of users, in layouts that number them by line */
    char block_item[TEXT_WORD]; /* Netflix: the item of the block */
};

/* Notes a bad line. PT_EDATA, or 0 if bad lines are skipped. */
int parser_bad(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for a line that is an error whatever data.bad_lines says: always PT_EDATA. */
int parser_refuse(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a rating; the buffer has room. PT_ENOMEM. */
int parser_put(struct parser *p, const struct field *user, const struct field *item, float value,
               int64_t time);
/* The same by the line's fields of each role (NULL: the text has none) and, if there is one, of the kind of
 * event. A field that is wrong is a bad line. */
int parser_put_fields(struct parser *p, const struct field *const of[ROLES], const struct field *event);
/* The same by the fields of all columns. A line that data.where leaves out is counted. */
int parser_put_columns(struct parser *p, const struct field *f);

/* Adds the lines and counts of `part`, whose lines follow, to the whole's, and sets them to 0. */
void parser_move_counts(struct parser *whole, struct parser *part);
void parser_count_kind(struct parser *p, const char *text, size_t length, int64_t count);
