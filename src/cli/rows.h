/* rows.h - recommendations and predictions as TSV, CSV or JSON lines; lists of ids. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "base/error.h"

#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>

enum rows_form { ROWS_TSV, ROWS_CSV, ROWS_JSONL };

/*   TSV    user  rank  item  score  title     without a header; tabs, line ends and \ as \t, \n, \r, \\
 *   CSV    the same with a header, quoted where needed
 *   JSONL  {"user": "1", "items": [{"item": "260", "score": 3.2, "title": "..."}, ...]}     a line a user
 */
struct rows;
int rows_new(struct rows **out, FILE *file, enum rows_form form, struct error *err);
void rows_begin(struct rows *r, const char *user);
/* `title` may be NULL. */
void rows_item(struct rows *r, int rank, const char *item, const char *title, double score);
void rows_end(struct rows *r);
/* A prediction: user, item, rating, title; in JSON {"user": "1", "item": "260", "rating": 4.1}.
 */
void rows_prediction(struct rows *r, const char *user, const char *item, const char *title, double rating);
void rows_free(struct rows *r);

/* Ids from a file, one a line, or from the text itself, separated by commas; without blanks around them. */
struct list;
int list_read(struct list **out, const char *text, bool file, struct error *err);
int64_t list_count(const struct list *l);
const char *list_at(const struct list *l, int64_t i);
void list_free(struct list *l);

#endif
