/* run.h - what the files of a run share: train.c (the way), rundir.c (its folder), summary.c (its report). */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/file.h"
#include "train/checkpoint.h"
#include "train/learner.h"
#include "train/train.h"

struct rundir;

struct run {
    const struct config *config;
    const struct train_options *options;
    struct rundir *dir; /* owned; NULL: nothing is written */
    struct problem *problem;
    struct learner learner;
    struct eval_spec spec;
    int monitor;                    /* number of the metric that chooses; -1: none */
    struct evaluator *valid, *test; /* NULL: no such part */
    struct run_state state;
    struct eval_result tested;
    struct eval_result last_tested;
    char weights_hash[33];
    double *epoch_s; /* (epochs) owned: training time of each, of this process */
    int64_t epochs_timed;
    double phase_s[PHASES]; /* summed over workers */
    double started, saved_at;
    bool new_best; /* the weights at hand are the best, and not saved yet */
};

int64_t run_examples(const struct run *r); /* that train in an epoch */
double run_epoch_median(const struct run *r);

/* ---- rundir.c: the folder ---- */

/* Takes the folder: makes it, locks it (the lock dies with its holder), sweeps leftovers. PT_EUSAGE where a
 * run is in it and `resume` is not set, or where another process holds it. */
int rundir_open(struct rundir **out, const char *folder, bool resume, struct error *err);
void rundir_close(struct rundir *d);
bool rundir_has_checkpoint(const struct rundir *d);
bool rundir_has_summary(const struct rundir *d);
const char *rundir_path(const struct rundir *d, const char *name); /* borrowed until the next call */
/* config.yaml, items.tsv, users.tsv. */
int rundir_write_start(const struct run *r, struct error *err);
/* The configuration that the folder's run was started with; PT_ECONFIG where `c` may not resume it. */
int rundir_check_config(const struct rundir *d, const struct config *c, struct error *err);
/* A text as a field of a table of ids: tabs, line ends and backslashes escaped. load_ids undoes it. */
void rundir_put_field(struct file_writer *w, const char *text);
int rundir_add_metrics(struct run *r, double epoch_s, struct error *err);
int rundir_save_model(struct run *r, struct error *err);
int rundir_save_checkpoint(struct run *r, struct error *err);

/* ---- summary.c ---- */

int summary_write(const struct run *r, struct error *err);

/* Work of one epoch of training, from the problem's sizes: floating-point operations, and bytes of weights
 * and moments moved where every row that is touched is read and written once. */
void run_work(const struct run *r, double *flop, double *bytes);

#endif
