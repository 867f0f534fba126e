/* text_format.h - how a text of ratings is written: what a line holds, what parts its fields, which field
 * is what. Given by the user, or recognised from the first lines (recognise.h). Here lines are cut by it.
 */
#ifndef READ_TEXT_FORMAT_H
#define READ_TEXT_FORMAT_H

#include "data/ratings.h"
#include "read/column_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_COLUMNS   256
#define TEXT_DELIMITER 16
#define TEXT_HEADER    1024 /* longest header that is known again further down */
#define TEXT_WORD      64
#define TEXT_RECORD    ((ptrdiff_t)1 << 20)

struct text_format {
    enum text_layout
        layout;  /* FORMAT_DELIMITED: a rating a line; others as in data.format, never FORMAT_AUTO */
    bool blanks; /* fields are parted by any number of spaces and tabs */
    bool quotes; /* a field may stand in "...", with line breaks in it */
    bool strict; /* a quote that is not closed, or has text behind it, is an error, not a character */
    char delimiter[TEXT_DELIMITER]; /* else by this */
    int delimiter_length;
    int64_t entries;    /* lines that Matrix Market's line of sizes promises; 0: not known */
    int64_t head_lines; /* passed over: skipped ones, comments, the header, a size line */
    char header[TEXT_HEADER];
    int header_length;          /* 0: there is none, or a longer one */
    int columns;                /* of a delimited text */
    uint8_t role[TEXT_COLUMNS]; /* enum role */
    bool has_rating, has_time;
    bool assumed;   /* columns by position */
    bool row_names; /* the header lacks the first field (R) */
    int where;      /* data.where: this column must be the word; -1: none */
    int event;      /* a column of kinds of events, which are counted; -1: none */
    char where_word[TEXT_WORD];
    char comment[TEXT_DELIMITER]; /* data.comment; "": none behind the head */
    char key[ROLES][TEXT_WORD];   /* JSON lines: the path of each role; "": none */
    char where_key[TEXT_WORD], event_key[TEXT_WORD];
    bool has_missing; /* FORMAT_MATRIX: `missing` stands for no rating */
    float missing;
    bool user_first, skip_first; /* FORMAT_MATRIX: what the first field is, if not a rating */
};

/* A field without its quotes; `doubled`: quotes inside are still doubled. */
struct field {
    const char *text;
    size_t length;
    bool doubled;
};

enum { TEXT_BEHIND_QUOTE = -1, TEXT_OPEN_QUOTE = -2 };

void text_set_delimiter(struct text_format *d, const char *delimiter);

/* The fields of a record (without its end). Returns their number (`most` are stored, more are counted),
 * TEXT_BEHIND_QUOTE or TEXT_OPEN_QUOTE: its last quote is not closed. */
int64_t text_cut(const struct text_format *d, const char *line, const char *end, struct field *fields,
                 int most);

/* The end (the newline) of the record at `line`, which has several lines where a quoted field has. NULL: a
 * quote is open at the end of what is there, or for more than TEXT_RECORD bytes. `last`: nothing follows.
 */
const char *text_record_end(const struct text_format *d, const char *line, const char *end, bool last);

/* Doubled quotes made single, in `scratch`, where there are some and they fit. */
struct field text_plain(struct field f, char *scratch, size_t space);

/* One of the words that stand for nothing: NA, nan, NULL, None, \N, N/A; empty. */
bool text_is_missing(const char *text, size_t length);
extern const char *const text_missing_words[]; /* NULL at the end */

/* "user, item, rating, time" into out, for messages. */
void text_show_columns(const struct text_format *d, char *out, size_t space);

#endif
