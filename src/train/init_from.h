/* init_from.h - train.init: the weights of a former run as the start of this one.
 *
 *     former run                    this run
 *     row 0  "260"  ------------->  row 7  "260"      rows of items and users are matched by external
 *     row 1  "1"    ------------->  row 2  "1"        id; a row that the former run did not have keeps its
 *     row 2  "99"   (dropped)       row 0  "new"      initial weights
 *
 * Tensors without rows of items or users are copied whole. Adam's moments start at zero. */
#ifndef TRAIN_INIT_FROM_H
#define TRAIN_INIT_FROM_H

#include "model/model.h"
#include "setup/problem.h"

/* Rows of items and users: copied and new. */
struct init_from_counts {
    int64_t items, new_items, users, new_users; /* in tables of items or users */
};

/* `folder`: the former run's. PT_ECONFIG if it has another kind of model or other sizes of layers;
 * PT_EFILE if its files are missing or damaged; PT_EDATA if the two runs share no id. */
int init_from_run(struct model *m, const struct problem *p, const struct config *c, const char *folder,
                  struct init_from_counts *counts, struct error *err);

/* Whether the run of train.init may have trained on ratings that are held out here. 1: yes, with a warning in
 * `text`; 0: the two splits keep them apart. It compares configurations and digests of ratings, not ratings.
 * Errors as in init_from_run. */
int init_from_leaks(char *text, size_t size, const struct problem *p, const struct config *c,
                    struct error *err);

#endif
