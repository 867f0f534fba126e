/* run.h - what the files of a run share: run_open.c (from the configuration to the first step), run.c (the
 * way), run_report.c (what it says), rundir.c (its folder) and rundir_files.c (what it writes there), resume.c
 * (checkpoints to go on from), summary.c (its report). */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/file.h"
#include "setup/trainer.h"
#include "store/run_files.h"
#include "train/checkpoint.h"
#include "train/train.h"

#define RUN_VERSIONS 101 /* train.keep_checkpoints is at most 100, and there may be a model more */

struct rundir;

struct run {
    const struct config *config;
    const struct train_options *options;
    struct rundir *dir; /* owned; NULL: nothing is written */
    struct ranks ranks; /* every rank runs all of this; rank 0 writes */
    bool found;         /* there is a checkpoint to go on from */
    struct problem *problem;
    struct trainer trainer;
    struct eval_spec spec;
    int monitor;                    /* number of the metric that chooses; -1: none */
    struct evaluator *valid, *test; /* NULL: no such part */
    double epoch_began_s;           /* state.train_s when this process began the epoch at hand, */
    int64_t epoch_began_at;         /* and its step then: not 0 where an earlier process had begun it */
    struct run_state state;
    struct eval_result tested;
    struct eval_result last_tested;
    double valid_of_mean,
        test_of_mean; /* RMSE of the training mean there; NAN: no such part, or no ratings */
    char weights_hash[33];
    double *epoch_s; /* (epochs) owned: training time of each, of this process */
    int64_t epochs_timed;
    double phase_s[PHASES]; /* summed over workers */
    double started, saved_at;
    double ready_s; /* from the start to the first step: reading, splitting, matrices, weights */
    bool judged;    /* the epoch at hand has a validation figure */
    bool new_best;  /* the weights at hand are the best, and not saved yet */
    /* The best model of an epoch after the last checkpoint: in a temporary file, not flushed and not under
     * its name before the next checkpoint, which is the first to refer to it. Owned; NULL: none. */
    struct tensors_writer *best_model;
    float *best_weights; /* owned: the best model of a run without a folder; NULL: none, or not needed */
};

/* ---- run_open.c ---- */

/* r->config, r->options, r->ranks and r->started are set, the rest is zero. `done`: nothing is left to do (a
 * dry run, or a run that had finished). run_close takes whatever a failure left. */
int run_open(struct run *r, bool *done, struct error *err);
void run_close(struct run *r);
/* A model that no checkpoint will overwrite, with its minibatches and evaluators, for `epochs` epochs: from
 * train.init, where that is given. */
int run_start_model(struct run *r, int64_t epochs, struct error *err);
/* train.refit: the validation part moves into training; the model at hand goes. */
int run_join_validation(struct run *r, struct error *err);

/* ---- run_report.c ---- */

void run_warn(const struct run *r, const char *text);
void run_tell(const struct run *r, enum train_event event, int64_t epochs);
/* Loss or weights have become infinite or no numbers in the steps of the epoch behind `from`; every weight
 * has seen all steps. PT_EDIVERGED. */
int run_diverged(const struct run *r, int64_t from, struct error *err);
/* The state was saved: PT_EINTERRUPTED, and how to go on. */
int run_interrupted(const struct run *r, struct error *err);
/* A warning where a rating model has come to nothing: it is no better than the training mean. */
void run_judge_use(const struct run *r);
void run_report(const struct run *r, struct train_result *out);
int64_t run_examples(const struct run *r);    /* that train in an epoch */
double run_epoch_median(const struct run *r); /* training time of one, of this process */

/* ---- rundir.c: the folder. What takes a run is entered by all ranks; rank 0 writes. ---- */

/* Takes the folder: makes it, locks it (the lock dies with its holder), sweeps leftovers. PT_EUSAGE where a
 * run is in it and `resume` is not set, or where another process holds it. A rank that does not write only
 * notes the name. */
int rundir_open(struct rundir **out, const char *folder, bool resume, bool writes, struct error *err);
void rundir_close(struct rundir *d);
bool rundir_has_checkpoint(const struct rundir *d);
bool rundir_has_summary(const struct rundir *d);
const char *rundir_path(const struct rundir *d, const char *name); /* borrowed until the next call */
const char *rundir_folder(const struct rundir *d);                 /* borrowed, as it was given */
/* From here on something is in the folder: rundir_close leaves it there. */
void rundir_stays(struct rundir *d);
/* rc of rank 0, which does what the folder needs first, for the ranks that go on behind it; else their own.
 */
int rundir_after_rank_0(struct run *r, int rc, struct error *err);
/* What the process has done so far, in .lock, where a kill leaves it: state.resumes and state.steps_run. */
void rundir_note(const struct run *r);
/* Takes up those of an earlier process; false: there was none. */
bool rundir_take_note(struct run *r);
/* Before the run goes on: it is not finished any more. */
int rundir_drop_summary(const struct rundir *d, struct error *err);
/* After the summary: earlier checkpoints and models go. */
void rundir_tidy(const struct rundir *d);

/* ---- rundir_files.c: what is in it. Entered by all ranks likewise. ---- */

/* config.yaml, items.tsv, users.tsv. */
int rundir_write_start(const struct run *r, struct error *err);
/* The configuration that the folder's run was started with; PT_ECONFIG where `c` may not resume it. */
int rundir_check_config(const struct rundir *d, const struct config *c, struct error *err);
int rundir_add_metrics(struct run *r, double epoch_s, struct error *err);
/* The weights at hand as r->best_model. */
int rundir_write_model(struct run *r, struct error *err);
/* r->best_model under its name, on disk. */
int rundir_commit_model(struct run *r, struct error *err);
/* That, metrics.jsonl on disk, and then the checkpoint. */
int rundir_save_checkpoint(struct run *r, struct error *err);

/* ---- resume.c ---- */

/* The newest checkpoint that is whole, and the best model that it refers to, under their names; its state into
 * r->state. One that is damaged is put aside with a warning. */
int rundir_find_checkpoint(struct run *r, struct error *err);
/* Its weights into the model, which was made for r->state: of a refit, on training plus validation. */
int rundir_load_checkpoint(struct run *r, struct error *err);
/* PT_EFILE unless model.safetensors is whole and holds the model of state.model_hash. */
int rundir_check_model(const struct run *r, struct error *err);

/* ---- placement.c ---- */

struct json;
/* Where workers run, and on which of the machine's nodes the pages of each shard's weights and moments lie.
 */
struct json *placement_json(const struct run *r, int nodes);

/* ---- summary.c ---- */

int summary_write(struct run *r, struct error *err);

#endif
