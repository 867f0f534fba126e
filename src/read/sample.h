/* sample.h - the first lines of a text as a table of fields, and the kinds of values in each column. */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "read/text_format.h"

#define SAMPLE_LINES 1000

struct sample {
    const char *shown; /* borrowed: the text's name */
    int lines;         /* records, without blank ones and comments */
    struct {
        const char *begin, *end; /* borrowed, without line ends */
        int64_t number;          /* of the line in the text */
        int fields;              /* at most TEXT_COLUMNS + 1 */
    } line[SAMPLE_LINES];
    int columns;                     /* of most lines; of the table */
    int alike;                       /* lines with that many columns */
    int rows, first;                 /* rows of the table; the first one that is data (1 behind a header) */
    struct field *cell;              /* (rows, columns) */
    int *line_of;                    /* (rows) */
    struct field name[TEXT_COLUMNS]; /* (columns) of the header, or keys of JSON lines */
    struct mem_pool pool;            /* owned: the table */
};

/* Fills s->line with the records of [begin, end), cut by `d`; `number`: the line before the first. */
void sample_read_lines(struct sample *s, const struct text_format *d, const char *begin, const char *end,
                       int64_t number);
/* Finds the delimiter and stores it in d; the rules are in sample.c. `columns`: their number if given, else
 * 0. */
void sample_find_delimiter(struct text_format *d, struct sample *s, const char *begin, const char *end,
                           int columns);
/* The fields of a line; their number. */
int sample_cut(const struct sample *s, const struct text_format *d, int line, struct field f[TEXT_COLUMNS]);
/* The table of all lines that have s->columns fields. PT_ENOMEM. */
int sample_make_table(struct sample *s, const struct text_format *d, struct error *err);
/* A table of so many rows of empty fields (JSON lines). PT_ENOMEM. */
int sample_new_table(struct sample *s, int rows, int columns, struct error *err);
/* The first row becomes the names. */
void sample_take_names(struct sample *s);
/* The one column with this name; -1: none, or several. */
int sample_find_name(const struct sample *s, const char *text, size_t length);
void sample_free(struct sample *s); /* takes NULL */
SCOPED(sample_free, struct sample)

static inline const struct field *sample_cell(const struct sample *s, int row, int column)
{
    return &s->cell[(size_t)row * (size_t)s->columns + (size_t)column];
}

/* A column's filled cells from s->first on: how many are of each kind. What is said of all of them allows for
 * words in up to half, whose lines the parser reports. */
struct column_look {
    int filled;                            /* neither empty nor a word for "missing" */
    int words, number, date, epoch, truth; /* a column of true and false, or yes and no, is one of numbers */
    int fraction, point;                   /* 1.5; 1.0 too */
    bool numbers, whole, dates, epochs;    /* all of them; dates and epochs are times */
    bool counting;                         /* one more from line to line, on three and more */
    double low, high;
};
struct column_look sample_look(const struct sample *s, int column);

bool field_is_number(const struct field *f);
/* Whether it is made of these characters. */
bool field_is_of(const struct field *f, const char *characters);
