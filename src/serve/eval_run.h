/* eval_run.h - a trained run opened with ratings, to evaluate it.
 *
 *   configuration + overrides -> ratings -> rows as in the run's training (items.tsv, users.tsv) -> problem
 *   model.safetensors                                                                            -> model
 *
 * Ratings are those of the run, read again, or others (another data.path). Others are matched by external
 * id and split; then ratings of columns that the model does not have are left out. Examples may be new users
 * (or items).
 * mf makes rows for users outside training from their input ratings in the split (fold_in.h). */
#pragma once

#include "serve/trained.h"

/* Where a user's row of mf comes from. ROW_NONE: not trained, and without input. */
enum { ROW_TRAINED, ROW_FOLDED, ROW_NONE };

struct eval_run {
    struct trained_files files; /* items and titles, users may have moved into the problem's ratings */
    const char *folder;         /* of files */
    struct config *config;      /* of files: the run's, with the overrides */
    struct problem *problem;    /* owned */
    struct model *model;        /* owned; weights of model.safetensors */
    bool same_data;             /* the ratings are those of the training, row for row */
    bool same_split;            /* and no split.* key was overridden */
    int64_t dropped;         /* of other ratings, or of `on`: those with an id that the model does not have */
    const char *on;          /* borrowed: the file to evaluate on, or NULL */
    struct ratings *on_read; /* owned: how that file was read, without its ratings; NULL: none was */
    const struct pt_ratings *on_memory; /* borrowed: instead of a file, with `on` RATINGS_MEMORY */
    int64_t held_out, left_out; /* of `on`: ratings of the test part; left out because they were trained on */
    uint8_t *row_of;            /* (users; new ones behind those of the model) owned, mf only: ROW_... */
};

/* All zero, or NULL: the run's ratings, as they are. Ratings in memory are borrowed. */
struct eval_ratings {
    const struct pt_ratings *input;    /* instead of data.path */
    const struct pt_ratings *held_out; /* with `on` RATINGS_MEMORY */
    bool before_refit; /* the validation part is one again; the model has been trained on it */
};

/* `on` NULL: the run's split, of its own ratings or others. Else the ratings of the file `on` are the test
 * part, and all other ratings of the run's data are input (eval_run_on.c); `on` must outlive *out.
 *
 * `override`: n words KEY=VALUE for data.*, split.*, eval.* and run.*; model.* and train.* belong to the
 * trained model (PT_ECONFIG), and with `on` data.* and split.* are fixed (PT_EUSAGE). PT_EDATA if
 * data.* is not overridden and the ratings differ from the run's, or if `on` leaves nothing to evaluate;
 * else as trained_files_open. Only one may train or evaluate at a time (team.h). Freed by
 * eval_run_close (takes NULL). */
int eval_run_open(struct eval_run **out, const char *folder, const char *on, const struct eval_ratings *which,
                  char *const *override, int n, struct error *err);

void eval_run_close(struct eval_run *e);
SCOPED(eval_run_close, struct eval_run)

/* ---- for eval_run_open ---- */

/* eval_run_on.c: replaces the held-out ratings of `own` by the ratings of `on`. */
int eval_run_on(struct eval_run *e, struct ratings *own, struct error *err);
