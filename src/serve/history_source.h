/* history_source.h - histories of a data set's users (or items, if those are the examples), by external id.
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
