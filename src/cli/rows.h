/* rows.h - recommendations and predictions as TSV, CSV or JSON lines; lists of ids. */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>

enum rows_form { ROWS_TSV, ROWS_CSV, ROWS_JSONL };

/*   TSV    user  rank  item  score  title     without a header; tabs, line ends and \ as \t, \n, \r, \\
 *   CSV    the same with a header, quoted where needed
 *   JSONL  {"user": "1", "items": [{"item": "260", "score": 3.2, "title": "..."}, ...]}     a line a user
 */
struct rows {
    FILE *file; /* borrowed */
    enum rows_form form;
    bool similar;     /* of items near an item, not of a user: {"item": "1", "similar": [...]} */
    const char *user; /* borrowed, between begin and end */
    int items;        /* of the user at hand */
    bool header;      /* is written */
};

void rows_begin(struct rows *r, const char *user);
/* `title` may be NULL. */
void rows_item(struct rows *r, int rank, const char *item, const char *title, double score);
void rows_end(struct rows *r);
/* A prediction: user, item, rating, title; in JSON {"user": "1", "item": "260", "rating": 4.1}.
 */
void rows_prediction(struct rows *r, const char *user, const char *item, const char *title, double rating);
/* A field of CSV, in quotes where it needs them. */
void rows_csv_field(FILE *f, const char *text);

/* Ids from a file, one a line, or from the text itself, separated by commas; without blanks around them. */
struct list {
    char *text;   /* owned */
    char **entry; /* (n) owned; into text */
    int64_t n;
};
int list_read(struct list **out, const char *text, bool file, struct error *err);
void list_free(struct list *l);
SCOPED(list_free, struct list)
