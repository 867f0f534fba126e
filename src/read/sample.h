/* sample.h - the first lines of a text as a table of fields, and the kinds of values in each column. */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "read/text_format.h"

#define SAMPLE_LINES 1000
#define TIME_LEAST   100000000.0  /* seconds since 1970 begin in 1973 ... */
#define TIME_MOST    5000000000.0 /* ... and end in 2128; also a thousand times that */

struct sample {
    const char *shown; /* borrowed: the text's name */
    int lines;         /* records, without blank ones and comments */
    struct {
        const char *begin, *end; /* borrowed, without line ends */
        int64_t number, fields;  /* line in the text; number of its fields */
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
/* The table of all lines that have s->columns fields. PT_ENOMEM. */
int sample_make_table(struct sample *s, const struct text_format *d, struct error *err);
/* A table of so many rows of empty fields (JSON lines). PT_ENOMEM. */
int sample_new_table(struct sample *s, int rows, int columns, struct error *err);
/* The first row becomes the names; lines that repeat it are removed. */
void sample_take_names(struct sample *s);
void sample_free(struct sample *s); /* takes NULL */

static inline const struct field *sample_cell(const struct sample *s, int row, int column)
{
    return &s->cell[(size_t)row * (size_t)s->columns + (size_t)column];
}

/* The kinds of values in a column's filled cells, from s->first on. A kind holds for all cells; up to half
 * may still be words beside numbers or dates, and the parser reports their lines. */
struct column_look {
    int filled;                                /* cells that are neither empty nor a word for "missing" */
    int words;                                 /* neither numbers nor dates */
    int some_number, some_date, some_epoch;    /* how many */
    int some_fraction, some_point, some_truth; /* 1.5; 1.0 too; true and false */
    bool numbers, whole, truths;               /* numbers; whole ones; true and false */
    bool dates, epochs;                        /* times, as dates or as numbers */
    bool counting; /* each is one more than the one before, on three lines and more */
    double low, high;
};
struct column_look sample_look(const struct sample *s, int column);

bool field_is_number(const struct field *f);

/* PT_EDATA with a message about a line in doubt; `row`: of the table, or -1. */
int sample_doubt(const struct sample *s, int row, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
