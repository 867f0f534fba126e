/* run.h - shared by the files of a run: run_open.c (from the configuration to the first step), run.c
 * (epochs), run_report.c (progress, messages, results), rundir.c (the folder and its files), checkpoint.c
 * (the state on disk), companion.c and summary.c. */
#pragma once

#include "base/tensors.h"
#include "eval/baseline.h"
#include "setup/trainer.h"
#include "store/run_files.h"
#include "train/train.h"

/* State of a run after a minibatch. */
struct run_state {
    int64_t epochs;   /* train.epochs when this was written */
    int64_t epoch;    /* complete epochs */
    int64_t in_epoch; /* steps done of the next one */
    int64_t steps_run, resumes;
    int64_t best_epoch; /* 0: none yet */
    int64_t stale;      /* at the last evaluation: epochs since the best one */
    int64_t lines;      /* of metrics.jsonl */
    int64_t refit;      /* training on training plus validation has begun */
    bool finished;
    bool other_numerics;    /* steps in another arithmetic: they do not go on */
    double best;            /* the monitored figure at best_epoch */
    struct epoch_sums sums; /* of the incomplete epoch */
    double train_s, eval_s;
    double ease_weight; /* model.ease_weight, given or chosen; NaN: not yet */
    struct eval_result best_valid, last_valid;
    char model_hash[33];
};

struct rundir;

struct run {
    const struct config *config;
    const struct train_options *options;
    struct rundir *dir; /* owned; NULL: no files are written */
    struct ranks ranks; /* every rank runs the same; rank 0 writes */
    bool found;         /* there is a checkpoint to resume from */
    struct problem *problem;
    struct trainer trainer;
    struct eval_spec spec;
    int monitor;                    /* number of the metric that chooses the best model; -1: none */
    struct evaluator *valid, *test; /* NULL: no such part */
    double epoch_began_s;           /* training seconds when this process entered the current epoch */
    int64_t epoch_began_at;         /* step at that moment; above 0 after a resume */
    struct run_state state;
    struct eval_result tested;
    struct eval_result last_tested;
    double valid_mean_rmse,
        test_mean_rmse; /* RMSE of the training mean on these parts; NAN: no such part, or no ratings */
    struct baseline_figures baselines; /* on the test part, else on validation */
    double lists_ndcg, popular_ndcg;   /* a model of ratings: ndcg@10 on the test part; NaN: not evaluated */
    char weights_hash[33];
    double *epoch_s; /* (epochs) owned: training time of each, of this process */
    int64_t epochs_timed;
    double phase_s[PHASES]; /* summed over workers */
    double started, saved_at;
    double ready_s; /* from the start to the first step: reading, splitting, matrices, weights */
    bool validated; /* the current epoch has a validation figure */
    bool new_best;  /* the current weights are the best, and not saved yet */
    /* The best model since the last checkpoint: a temporary file until the next checkpoint, which is the
     * first to refer to it. Owned; NULL: none. */
    struct tensors_writer *best_model;
    float *best_weights; /* owned: the best model of a run without a folder; NULL: none, or not needed */
};

/* ---- run.c ---- */

/* Of two figures of the monitored metric. */
bool run_figure_is_better(const struct run *r, double a, double b);
/* Copies the current weights to *kept, for mem_free; *kept NULL: allocates it. */
int run_keep_weights(struct run *r, float **kept, struct error *err);

/* ---- run_open.c ---- */

/* r->config, r->options, r->ranks and r->started are set, the rest is zero. *done: a dry run, or the
 * run had finished. Call run_close after a failure too. */
int run_open(struct run *r, bool *done, struct error *err);
void run_close(struct run *r);
/* A new model with its minibatches and evaluators, for `epochs` epochs: from train.init if that is
 * set. */
int run_start_model(struct run *r, int64_t epochs, struct error *err);
/* train.refit: the validation part moves into training; the model is freed. */
int run_join_validation(struct run *r, struct error *err);

/* ---- companion.c ---- */

/* model.ease: solves the companion, chooses its multiple on the validation part where it is not given, and
 * makes the best model the one with it; the weights at hand stay the last step's. `only_choose`: before a
 * refit. Nothing happens where the model has none. */
int run_add_companion(struct run *r, bool only_choose, struct error *err);
/* Adds the companion's weights to the model's list. */
void run_list_companion(struct run *r);

/* ---- run_report.c ---- */

#define run_warn(r, ...) warn_printf((r)->options->warn, (r)->options->arg, __VA_ARGS__)
void run_progress(const struct run *r, enum train_event event, int64_t epochs);
/* PT_EDIVERGED: loss or weights became non-finite in the epoch's steps since `from`. Call it when every
 * weight has seen all steps. */
int run_diverged(const struct run *r, int64_t from, struct error *err);
/* PT_EINTERRUPTED, with how to resume; the state has been saved. */
int run_interrupted(const struct run *r, struct error *err);
/* Warns where a rating model is no better than the training mean. */
void run_compare_baselines(const struct run *r);
void run_result(const struct run *r, struct train_result *out);
int64_t run_examples(const struct run *r);    /* that train in an epoch */
double run_epoch_median(const struct run *r); /* training time of one, of this process */

/* ---- rundir.c: the folder. Functions with a struct run are entered by all ranks; rank 0 writes. ---- */

/* Creates and locks the folder (the lock ends with its holder), and removes leftovers. PT_EUSAGE if it has a
 * run and `resume` is not set, or if another process holds it. A rank that does not write only stores the
 * name. */
int rundir_open(struct rundir **out, const char *folder, bool resume, bool writes, struct error *err);
void rundir_close(struct rundir *d);
SCOPED(rundir_close, struct rundir)
bool rundir_has_checkpoint(const struct rundir *d);
bool rundir_has_summary(const struct rundir *d);
const char *rundir_path(const struct rundir *d, const char *name); /* borrowed until the next call */
/* After rank 0 worked on the folder: on the other ranks its failure, else `rc`. */
int rundir_follow_rank_0(struct run *r, int rc, struct error *err);
/* Writes state.resumes and state.steps_run to .lock, where they survive a kill. */
void rundir_write_counts(const struct run *r);
/* Reads those of an earlier process; false: there are none. */
bool rundir_read_counts(struct run *r);
/* Removes summary.json before training resumes: the run is no longer finished. */
int rundir_drop_summary(const struct rundir *d, struct error *err);
/* Removes earlier checkpoints and models, after the summary. */
void rundir_drop_old(const struct rundir *d);

/* config.yaml, items.tsv, users.tsv. */
int rundir_write_start(const struct run *r, struct error *err);
/* Compares `c` with the configuration of the folder's run; PT_ECONFIG if `c` may not resume it. */
int rundir_check_config(const struct rundir *d, const struct config *c, struct error *err);
/* An object of the figures by their names. */
struct json *run_figures_json(const struct eval_spec *spec, const struct eval_result *r);
int rundir_add_metrics(struct run *r, double epoch_s, struct error *err);
/* Writes the current weights to r->best_model. */
int rundir_write_model(struct run *r, struct error *err);
/* Commits r->best_model under its name. */
int rundir_commit_model(struct run *r, struct error *err);
/* The same, then flushes metrics.jsonl, then commits the checkpoint. */
int rundir_save_checkpoint(struct run *r, struct error *err);

/* ---- checkpoint.c ---- */

/* A checkpoint of this moment, as model_file_write. */
int checkpoint_write(struct tensors_writer **out, const char *path, const struct run *r, struct error *err);

/* Finds the newest undamaged checkpoint and the best model that it refers to, gives them their names, and
 * reads the state into r->state. A damaged checkpoint is renamed, with a warning. */
int rundir_find_checkpoint(struct run *r, struct error *err);
/* Loads its weights into the model, which was made for r->state (in a refit: on training plus validation). */
int rundir_load_checkpoint(struct run *r, struct error *err);
/* PT_EFILE unless model.safetensors is undamaged and has the model of state.model_hash. */
int rundir_check_model(const struct run *r, struct error *err);

/* ---- summary.c ---- */

int summary_write(struct run *r, struct error *err);

/* ---- init_from.c ----
 *
 * train.init: the weights of a former run as the start of this one.
 *
 *     former run                    this run
 *     row 0  "260"  ------------->  row 7  "260"      rows of items and users are matched by external
 *     row 1  "1"    ------------->  row 2  "1"        id; a row that the former run did not have keeps its
 *     row 2  "99"   (dropped)       row 0  "new"      initial weights
 *
 * Tensors without rows of items or users are copied whole. Adam's moments start at zero. */
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
