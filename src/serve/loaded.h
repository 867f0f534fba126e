/* loaded.h - a run's folder opened for use: its configuration, its model, and ratings to use it on.
 *
 *   config.yaml + overrides -> ratings -> rows as in the run's training (items.tsv, users.tsv) -> problem
 *   model.safetensors                                                                          -> model
 *
 * Ratings are those of the run, read again, or others (another data.path): then the model's columns are found
 * by external id, ratings of columns that it does not know are left out, and examples may be people (or
 * items) that it has never seen. mf makes rows for users whom it was not trained on, from the ratings that
 * the split leaves them as input (fold_in.h). */
#ifndef SERVE_LOADED_H
#define SERVE_LOADED_H

#include "config/config.h"
#include "data/ratings.h"
#include "model/model.h"
#include "setup/problem.h"

/* Where a user's row of mf comes from. ROW_NONE: not trained, and without input. */
enum { ROW_TRAINED, ROW_FOLDED, ROW_NONE };

struct loaded {
    char *folder;            /* owned */
    struct config *config;   /* owned: the run's, with the overrides */
    struct problem *problem; /* owned */
    struct model *model;     /* owned; weights of model.safetensors */
    bool same_data;          /* the ratings are those of the training, row for row */
    bool same_split;         /* and no split.* key was overridden */
    int64_t dropped;         /* other ratings, or of `on`: how many have an id that the model does not know */
    const char *on;          /* borrowed: load_run_on's file, or NULL */
    int64_t asked, left_out; /* of it: ratings that are the test part; left out, since they were trained on */
    int64_t known;           /* users whom the model knows; mf: others have the rows behind theirs */
    uint8_t *row_of;         /* (users) owned, mf only: ROW_... */
};

/* `override`: n words KEY=VALUE for data.*, split.*, eval.* and run.*; model.* and train.* are part of the
 * trained model (PT_ECONFIG). Where data.* is not overridden, ratings that differ from the run's are an
 * error (PT_EDATA). PT_EFILE where the folder holds no model, or files that do not belong together.
 * One at a time may train or evaluate, as everywhere (team.h). Freed by loaded_free (takes NULL). */
int load_run(struct loaded **out, const char *folder, char *const *override, int n, struct error *err);

/* The same with the ratings of the file `on` (NULL: load_run) for a test part, in the place of the run's
 * split, and all other ratings of the run's data as input (load_on.c). data.* and split.* cannot be
 * overridden (PT_EUSAGE); PT_EDATA where nothing is left to judge. `on` must outlive *out. */
int load_run_on(struct loaded **out, const char *folder, const char *on, char *const *override, int n,
                struct error *err);

void loaded_free(struct loaded *l);

/* loaded_fold_in.c, for load_run: rows and row_of of mf's users. PT_ENOMEM. */
int load_fold_users(struct loaded *l, struct error *err);

/* load_on.c, for load_run_on: the ratings of l->on in the place of those of `own` that are held out of them.
 * `refitted`: the run was trained on its validation part too. */
int load_on(struct loaded *l, struct ratings *own, bool refitted, struct error *err);

#endif
