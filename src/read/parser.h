/* parser.h - lines of text into triplets.
 *
 * A parser takes blocks of whole lines one after another and appends to ratings, numbering ids in
 * two tables. Parsers share nothing. So several can parse several blocks, each with its own ratings and
 * tables; merged in the order of the blocks, the result is that of one parser over the whole text. */
#pragma once

#include "base/error.h"
#include "data/idtable.h"
#include "read/lines.h"
#include "read/text_format.h"

#define PARSER_KINDS      16
#define PARSER_OPEN_QUOTE 1 /* the record at *stopped_at continues after the block */

/* Counts that struct reading has too, under the same names. */
#define PARSER_TOLD(DO)                                                                                      \
    DO(headers) DO(comments) DO(elsewhere) DO(no_rating) DO(no_time) DO(rounded) DO(missing)

struct parser {
    const struct text_format *format; /* borrowed */
    struct ratings *out;              /* borrowed: its triplets, users and items */
    bool skip_bad, keep_time;
    enum missing if_missing; /* what to do with a rating whose user or item is a word for "missing" */
    bool past_head;
    bool last;          /* the block of parser_parse_lines is the text's last */
    int64_t line;       /* lines passed, of any kind */
    int64_t lines_read; /* non-empty lines without the head, repeated headers and comments */
    int64_t lines_bad;
    int64_t thousands;  /* ratings that may be */
    int64_t fractions;  /* ratings of three digits behind the point that are no thousands */
    int64_t bad_line;   /* number of the first bad line; 0: none */
    bool never_skipped; /* the bad line is an error even if bad lines are skipped */
    char bad_reason[512];
    const char *at, *at_end; /* the current line */
    char bad_text[64];       /* the first bad line's beginning */
    int64_t headers, comments, elsewhere, no_rating, no_time, rounded, missing;
    char kind[PARSER_KINDS][32];
    int64_t kind_count[PARSER_KINDS];
    int64_t people;             /* number of users, in layouts that number them by line */
    char block_item[TEXT_WORD]; /* Netflix: the item of the block */
};

/* The block must end with a newline and have LINES_PAD bytes after it. PT_EDATA: stopped at a bad line, see
 * bad_line and bad_reason. PT_ENOMEM. After PARSER_OPEN_QUOTE *stopped_at (which may be NULL) is the
 * start of the line, which is not counted. */
int parser_parse_lines(struct parser *p, const char *begin, const char *end, const char **stopped_at);

/* Parses the block of `lines` at hand; a record that goes on behind it begins the next block. */
int parser_parse_block(struct parser *p, struct lines *lines, const char *begin, const char *end);

/* Room in p->out for so many more ratings; false: no memory. */
bool parser_reserve_ratings(struct parser *p, int64_t more);
/* The same for the ratings of a block of `bytes` bytes. Call it before
 * parser_parse_lines. */
bool parser_reserve(struct parser *p, int64_t bytes);

/* Whether blocks of the text can be parsed apart: no line depends on those before it. */
bool parser_lines_are_alone(const struct text_format *d);

/* The same for what is left of a text of parser_lines_are_alone by several workers, in blocks of about so
 * many bytes (reader_team.c); `whole`: its parser, past its head. 0 too where lines are left for lines_next:
 * behind an open quote, which a block may begin within, and where fewer threads are allowed, or reading
 * failed. */
int reader_team_parse(struct parser *whole, struct lines *lines, int workers, size_t bytes);

/* --- a line: a rating, or a bad line ------------------------------------------------------------- */

/* Notes a bad line. PT_EDATA, or 0 if bad lines are skipped. */
int parser_bad(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for a line that is an error whatever data.bad_lines says: always PT_EDATA. */
#define parser_refuse(p, ...) ((p)->never_skipped = true, parser_bad(p, __VA_ARGS__))

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

/* --- plain lines, which nearly all lines are (parser_plain.c) ----------------------------------------
 *
 *   line   1 , 31 , 3.5 , 1112486027 \n        at most 63 bytes before its end
 *          ids: 1 to 8 bytes, no blank or quote; a rating: d or d.d; a time: 1 to 16 digits
 *
 * One comparison of 32 bytes (two for a longer line) finds the ends of the fields and of the line. So the
 * next line's start is known before this line's fields are read, and the processor works on several lines at
 * once. Lines as this one, of numbers alone, are known by one more, without a look at each field. Other lines
 * go to the general path in parser.c, which gives the same result for plain lines. */

#define PLAIN_COLUMNS 8 /* of a text whose lines can be plain */

struct plain_form {
    int columns, of[ROLES];
    bool skips, skip[PLAIN_COLUMNS];
    unsigned width; /* of the delimiter: one character, or the same one twice */
    char delimiter;
    bool ids_alone; /* neither ratings nor times, which no header has: a word without a digit may be one's */
};

/* False: no line of this text can be plain. */
bool parser_plain_form(struct plain_form *out, const struct text_format *d);

/* Parses lines from `begin` on while they are plain. Returns `end`, or the start of the first line that is
 * not plain or for which there is no memory; nothing of that line is stored. */
const char *parser_parse_plain(const struct plain_form *form, struct parser *p, const char *begin,
                               const char *end);
