/* warm.h - train.init: the weights of a former run as the start of this one.
 *
 *     former run                    this run
 *     row 0  "260"  ------------->  row 7  "260"      rows of items and users are found by external id;
 *     row 1  "1"    ------------->  row 2  "1"        one that the former run did not have keeps the weights
 *     row 2  "99"   (dropped)       row 0  "new"      that were drawn for it
 *
 * Tensors without rows of items or users are taken as they are. Adam's moments start at zero. */
#ifndef TRAIN_WARM_H
#define TRAIN_WARM_H

#include "model/model.h"
#include "train/problem.h"

/* Rows of items and users that were taken over, and that are new. */
struct warm_counts {
    int64_t items, new_items, users, new_users; /* of tables that have such rows */
};

/* `folder`: the former run's. PT_ECONFIG where it holds another kind of model or other sizes of layers;
 * PT_EFILE where its files are missing or damaged; PT_EDATA where none of its ids is among this run's. */
int warm_start(struct model *m, const struct problem *p, const struct config *c, const char *folder,
               struct warm_counts *counts, struct error *err);

#endif
