/* histories.h - whom a trained model is used for: blocks of examples with their histories, from any source.
 *
 *   ptr   0    3 4         9       person p has entries [ptr[p], ptr[p + 1]): columns ascending, each once
 *   column  2 7 9  7  ...
 *
 * An entry is what a person knows already (it is not recommended again), and, unless its rating is below
 * data.min_rating, input to the model too. */
#ifndef SERVE_HISTORIES_H
#define SERVE_HISTORIES_H

#include "serve/trained.h"

struct histories {
    int64_t n, space, entries, entry_space;
    int64_t *ptr;    /* (n + 1) owned */
    int32_t *row;    /* (n) owned: mf: the user's row; -1: none, the ratings have to do (fold_in.h) */
    int32_t *column; /* (entries) owned */
    float *value;    /* (entries) owned */
    uint8_t *use;    /* (entries) owned: HISTORY_INPUT or HISTORY_SEEN */
};

enum { HISTORY_INPUT = 1, HISTORY_SEEN = 2 };

/* Zero-initialised is empty. histories_end ends the person whose entries were added since the last call: sorted
 * and, where a column stands twice, the last one counts. false: no memory. */
bool histories_add(struct histories *p, int32_t column, float value, int use);
bool histories_end(struct histories *p, int32_t row);
void histories_clear(struct histories *p);
void histories_fini(struct histories *p);

/* Histories of the examples of a data set (users, or items where those are the examples), by external id.
 * Every rating of the source counts as known, whatever part of a split it was in. */
struct history_source {
    struct ratings *ratings; /* owned */
    struct idtable *names;   /* borrowed from them: of the examples */
    int64_t n;               /* examples */
    int64_t *ptr, *order;    /* (n + 1), (ratings) owned: each example's ratings */
    int32_t *column_of;      /* owned: the model's column of each of the data's; -1: not in training */
    int64_t unknown;         /* ratings of such columns */
    double min_rating;       /* lower ones are known, but no input */
};

/* `path`: instead of the run's data.path, or NULL. PT_EDATA with a hint where it cannot be read, and where
 * the run's data.path leads to other ratings than those of its training. */
int history_source_read(struct history_source **out, const struct trained *u, const char *path,
                        struct error *err);
/* Adds example e as a person. false: no memory. */
bool history_source_take(const struct history_source *h, const struct trained *u, int64_t e,
                         struct histories *p);
void history_source_free(struct history_source *h);

#endif
