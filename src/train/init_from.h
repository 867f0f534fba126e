/* init_from.h - train.init: the weights of a former run as the start of this one.
 *
 *     former run                    this run
 *     row 0  "260"  ------------->  row 7  "260"      rows of items and users are found by external id;
 *     row 1  "1"    ------------->  row 2  "1"        one that the former run did not have keeps the weights
 *     row 2  "99"   (dropped)       row 0  "new"      that were drawn for it
 *
 * Tensors without rows of items or users are copied whole. Adam's moments start at zero. */
#ifndef TRAIN_INIT_FROM_H
#define TRAIN_INIT_FROM_H

#include "model/model.h"
#include "setup/problem.h"

/* Rows of items and users that were copied, and that are new. */
struct init_from_counts {
    int64_t items, new_items, users, new_users; /* in tables of items or users */
};

/* `folder`: the former run's. PT_ECONFIG where it holds another kind of model or other sizes of layers;
 * PT_EFILE where its files are missing or damaged; PT_EDATA where none of its ids is among this run's. */
int init_from_run(struct model *m, const struct problem *p, const struct config *c, const char *folder,
                  struct init_from_counts *counts, struct error *err);

/* Whether the run of train.init may have trained on ratings that are held out here: 1, and what to say; 0
 * where the two splits keep them apart. Of the former run only its configuration and the digest of its
 * ratings are known. Errors as of init_from_run. */
int init_from_leaks(char *text, size_t size, const struct problem *p, const struct config *c,
                    struct error *err);

#endif
