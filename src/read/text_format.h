/* text_format.h - the format of a text of ratings: its layout, its delimiter and the role of each field. The
 * user gives it, or recognise.h finds it from the first lines. The functions here cut lines by it. */
#pragma once

#include "data/ratings.h"
#include "read/column_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TEXT_COLUMNS   256
#define TEXT_DELIMITER 16
#define TEXT_HEADER    1024 /* longest header that is recognised when repeated further down */
#define TEXT_WORD      64
#define TEXT_KEYS      64 /* of JSON lines that are looked at */
#define TEXT_RECORD    ((ptrdiff_t)1 << 20)

struct text_format {
    enum text_layout
        layout;  /* FORMAT_DELIMITED: a rating a line; others as in data.format, never FORMAT_AUTO */
    bool blanks; /* any number of spaces and tabs separates fields */
    bool quotes; /* a field may stand in "...", with line breaks in it */
    bool strict; /* an unclosed quote, or one with text after it, is an error, not a character */
    char delimiter[TEXT_DELIMITER]; /* separates fields if not `blanks` */
    int delimiter_length;
    int64_t entries;    /* number of lines by Matrix Market's line of sizes; 0: unknown */
    int64_t head_lines; /* skipped lines, comments, the header, a size line */
    char header[TEXT_HEADER];
    int header_length; /* 0: none, or longer than TEXT_HEADER */
    int columns;       /* of a delimited text */
    int of[ROLES];     /* the column of each role; -1: none */
    bool has_rating, has_time;
    bool assumed; /* columns by position */
    bool unrated; /* JSON whose first lines have no rating: a key of one further down is a doubt */
    int where;    /* data.where: the column that must have where_word; -1: none */
    int event;    /* the column of kinds of events, which are counted; -1: none */
    char where_word[TEXT_WORD];
    char comment[TEXT_DELIMITER];   /* data.comment; "": no comments after the head */
    char key[TEXT_KEYS][TEXT_WORD]; /* JSON lines: the paths of the columns that are used */
    float missing;                  /* FORMAT_MATRIX: the value of no rating; NAN: there is none */
    bool user_first, skip_first;    /* FORMAT_MATRIX: the first field is a user, or is skipped */
};
#define TEXT_FORMAT(...)                                                                                     \
    ((struct text_format){.of = {-1, -1, -1, -1, -1}, .where = -1, .event = -1, __VA_ARGS__})

/* The first newline from p on, or `end`. */
static inline const char *text_newline(const char *p, const char *end)
{
    const char *stop = memchr(p, '\n', (size_t)(end - p));

    return stop ? stop : end;
}

/* The end of a line without its carriage return. */
static inline const char *text_without_cr(const char *line, const char *end)
{
    return end > line && end[-1] == '\r' ? end - 1 : end;
}

/* Where the first character that is no blank stands, or `end`. */
static inline const char *text_behind_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static inline bool text_has_digit(const char *text, size_t length)
{
    while (length > 0 && (*text < '0' || *text > '9')) {
        length--;
        text++;
    }
    return length > 0;
}

/* Whether it begins with this prefix, which is not empty. */
static inline bool text_begins(const char *line, const char *end, const char *prefix)
{
    size_t n = strlen(prefix);

    return n && (size_t)(end - line) >= n && memcmp(line, prefix, n) == 0;
}

static inline bool text_same(const char *a, size_t n, const char *b, size_t m)
{
    return n == m && memcmp(a, b, n) == 0;
}

/* A field without its quotes; `doubled`: quotes inside are still doubled. */
struct field {
    const char *text;
    size_t length;
    bool doubled;
};

static inline bool field_same(const struct field *a, const struct field *b)
{
    return text_same(a->text, a->length, b->text, b->length);
}

enum { TEXT_BEHIND_QUOTE = -1, TEXT_OPEN_QUOTE = -2 };

void text_set_delimiter(struct text_format *d, const char *delimiter);

/* The next field of a record that ends at `end`, from p on. Returns where the next one begins, beyond `end`
 * after the last. NULL: there is none, or what is wrong is in *why. */
const char *text_next(const struct text_format *d, const char *p, const char *end, struct field *f,
                      int64_t *why);

/* Cuts a record (without its end) into fields. Stores at most `most` and returns the number of all;
 * TEXT_BEHIND_QUOTE: text after a closing quote; TEXT_OPEN_QUOTE: the last quote is not closed. */
int64_t text_cut(const struct text_format *d, const char *line, const char *end, struct field *fields,
                 int most);

/* The newline that ends the record at `line`; a record with line breaks in quotes has several lines. NULL: a
 * quote is open at `end`, or for more than TEXT_RECORD bytes. `last`: the text ends at `end`. */
const char *text_record_end(const struct text_format *d, const char *line, const char *end, bool last);

/* The field with doubled quotes made single, in `scratch`; unchanged if it has none or does not fit. */
struct field text_plain(struct field f, char *scratch, size_t space);

/* Whether the text is empty or a word for "missing": NA, nan, NULL, None, \N, N/A. */
bool text_is_missing_word(const char *text, size_t length);
static inline bool text_is_missing(const char *text, size_t length)
{
    return length == 0 || ((*text < '0' || *text > '9') && text_is_missing_word(text, length));
}

enum role text_role(const struct text_format *d, int column);
/* "user, item, rating, time" into out, for messages. */
void text_show_columns(const struct text_format *d, char *out, size_t space);
