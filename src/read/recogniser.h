/* recogniser.h - the inside of recognise.h. Each function looks at one thing of a text's first lines, sets
 * g->d and says it in g->told, or refuses: PT_EDATA, or PT_ECONFIG where the options cannot be. */
#pragma once

#include "read/sample.h"

#include <stdio.h>

struct recogniser {
    struct text_format *d;
    struct reading *told;
    const struct ratings_spec *spec;
    bool by_name, by_position; /* what data.columns gives, if it is set */
    struct sample *s;
    const char *begin, *end;       /* behind the head */
    int64_t head;                  /* lines of the head */
    const char *names, *names_end; /* the last comment of the head: it may hold the names */
    bool known_name;
    struct error *err;
};

#define NONE           (-1) /* no column */
#define REPORT(g, ...) snprintf((g)->told->columns, sizeof(g)->told->columns, __VA_ARGS__)

/* The way out of every doubt: PT_EDATA with the line of this row (of the table; -1: the first line), what it
 * may be, and the option for each. */
int recogniser_doubt(const struct recogniser *g, int row, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void recogniser_pass_line(struct recogniser *g);
/* The sample's first line is the header, which is no data if it stands again. */
void recogniser_set_header(struct recogniser *g);

/* --- options: data.delimiter, data.columns, data.where --- */
int option_delimiter(struct recogniser *g);
/* The columns of the roles, by position or by the sample's names; -1: none. */
int option_columns(const struct recogniser *g, int of[ROLES]);
/* Sets d->where. `named`: the sample has names. */
int option_where(struct recogniser *g, bool named);

/* --- columns by names of a header, or keys of JSON lines --- */

/* Which of user and item n names name: the sum of these. */
enum { HEADER_USER = 1, HEADER_ITEM = 2, HEADER_BOTH = 3 };
int header_ids(const struct field *name, int n);
/* Whether the first row of the table is a header. */
enum first_line {
    FIRST_DATA,
    FIRST_NAMES,   /* it has a known name */
    FIRST_UNKNOWN, /* words above numbers */
    FIRST_DOUBT,   /* words that fit nothing below */
};
enum first_line header_first_line(const struct sample *s);
/* Sets roles and the column of events by the sample's names, and says why others are unused. */
int header_roles(struct recogniser *g);

/* --- columns by what they hold --- */
int values_roles(struct recogniser *g);
/* Whether each cell of the column begins with one of these marks, or, `within`, has this one in it; a blank
 * between digits. */
bool values_have_mark(const struct sample *s, int c, const char *marks, bool within);
/* 1: lists of items, or of item:value, between blanks: of several lengths, or pairs. 0: a table. */
int values_lists(struct recogniser *g);
/* Lists in cells of the item's column. */
int values_cell_lists(struct recogniser *g);

/* --- other layouts --- */

/* The layout by the mark that the first line has; `banner`: the text's very first line. */
enum text_layout layout_of_mark(const struct recogniser *g, const char *banner);
/* A table of the first lines of JSON, and the keys of all of them as its names. */
int json_lines_sample(struct sample *s, const char *begin, const char *end, int64_t head, struct error *err);
int layout_json(struct recogniser *g);
int layout_matrix_market(struct recogniser *g, const char *banner);
int layout_netflix(struct recogniser *g);
int layout_matrix(struct recogniser *g);
int layout_cell_lists(struct recogniser *g);
int layout_lists(struct recogniser *g);
