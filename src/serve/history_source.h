/* history_source.h - histories from a data set (history_source.c) or from text (history_text.c).
 *
 * Those of a data set's users (or items, if those are the examples), by external id.
 * All ratings count, whatever their part of a split. */
#pragma once

#include "data/ratings.h"
#include "serve/histories.h"
#include "serve/trained.h"

struct history_source {
    struct ratings *ratings; /* owned */
    struct idtable *names;   /* borrowed from the ratings: ids of the examples */
    int64_t n;               /* examples */
    int64_t *ptr, *order;    /* (n + 1), (ratings) owned: each example's ratings */
    int32_t *column_of;      /* owned: the model's column of each of the data's; -1: not in training */
    int64_t unknown;         /* ratings of such columns */
    double min_rating;       /* lower ratings are not recommended again, but are not input */
};

/* `path`: used instead of the run's data.path, or NULL. PT_EDATA with a hint if it cannot be read, or if the
 * run's data.path now has other ratings than those of the training. */
int history_source_read(struct history_source **out, const struct trained *trained, const char *path,
                        struct error *err);
/* Adds the history of example e. false: no memory. */
bool history_source_add(const struct history_source *h, const struct trained *trained, int64_t e,
                        struct histories *p);
void history_source_free(struct history_source *h);
SCOPED(history_source_free, struct history_source)

/* history_text.c: histories as text: a paragraph a user, a line an item; or a JSON object a user and line.
 *
 *     Toy Story (1995)           id or title (trained.h says how titles are found);
 *     1210<tab>4                 rating models want a rating behind it
 *
 *     Heat (1995)                the next user
 *
 *     {"user": "ann", "items": ["Heat (1995)", 1210], "ratings": [5, 4]}
 *
 * A user of a pipe is given as soon as the paragraph or line ends. */
struct history_text;

enum history_form { HISTORY_PARAGRAPHS, HISTORY_JSON_LINES };

/* `path`: a file, or "-" for stdin. `warn` gets a text for lines that name no item; they are skipped. */
int history_text_open(struct history_text **out, struct trained *trained, const char *path,
                      enum history_form form, void (*warn)(void *arg, const char *text), void *arg,
                      struct error *err);
/* Adds up to `most` histories; at the end of the text p->n does not grow. PT_EDATA, with the line, for a
 * rating that is missing or not a number, a line that is not such an object, or in paragraphs one that is. */
int history_text_next(struct history_text *t, struct histories *p, int64_t most, struct error *err);
/* Whether the next call would wait for somebody to write. */
bool history_text_would_wait(const struct history_text *t);
/* The "user" of history i of the last call; NULL: it has none. Borrowed until the next call. */
const char *history_text_name(const struct history_text *t, int64_t i);
/* The number of lines so far; *unknown: lines that name no item of the model. */
int64_t history_text_lines(const struct history_text *t, int64_t *unknown);
void history_text_close(struct history_text *t);
SCOPED(history_text_close, struct history_text)

/* A list of items, one id or title a line: sets flag[item] to `value`. `warn` gets a text for lines that name
 * no item. PT_EDATA if the file cannot be read. */
int history_text_items(struct trained *trained, const char *path, uint8_t *flag, uint8_t value,
                       void (*warn)(void *arg, const char *text), void *arg, struct error *err);
