/* train.h - the run: from a configuration to a trained, evaluated and saved model. */
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "eval/baseline.h"
#include "train/plan.h"

#include <signal.h>

enum train_event {
    TRAIN_PLANNED, /* dry_run: the estimate of memory and time */
    TRAIN_READY,   /* data and model are ready; the first step follows */
    TRAIN_STEPS,   /* some more minibatches are done (several times a second) */
    TRAIN_EPOCH,   /* an epoch is done, with its evaluation if one was due */
    TRAIN_REFIT,   /* training on training plus validation begins */
    TRAIN_TESTED,  /* the test part has been read */
};

/* Argument of a listener; everything is borrowed for the call. */
struct train_progress {
    enum train_event event;
    int64_t epoch, epochs; /* current one, from 1; train.epochs */
    double share;          /* of the epoch that is done */
    double loss;           /* mean over the epoch's minibatches so far */
    double examples_per_s, seconds_left;
    int64_t best_epoch;
    const struct eval_spec *spec;
    const struct eval_result *valid; /* the last one; NULL: none yet */
    bool validated;                  /* TRAIN_EPOCH: it is of this epoch */
    const struct eval_result *test;  /* TRAIN_TESTED; NULL: no test part */
    const struct memory_plan *plan;  /* TRAIN_PLANNED only; then only it and the problem are set */
    const struct problem *problem;
    const struct model *model;
};

struct train_options {
    const char *folder; /* for the run's files; NULL: nothing is written */
    bool resume;
    bool no_test; /* do not evaluate the test part: for a search over configurations */
    /* train.refit: stop before it, with the validation figure; a resume trains the rest. Needs a folder. */
    bool hold_refit;
    /* NULL: none. Runs on the same ratings that share it count the items' common users once (ease). */
    struct item_counts *counts;
    bool dry_run; /* reads the data, reports the plan (TRAIN_PLANNED) and returns; writes nothing */
    /* Each may be NULL. `stop` not 0: finish the minibatch, save, return PT_EINTERRUPTED. `save` changed:
     * save and go on. */
    const volatile sig_atomic_t *stop, *save;
    void (*listen)(void *arg, const struct train_progress *p); /* may be NULL */
    void (*warn)(void *arg, const char *text);                 /* may be NULL */
    void *arg;
};

/* Results, for a caller without a folder (tune, bench). */
struct train_result {
    struct eval_spec spec;
    struct eval_result best_valid, last_valid, test;
    struct baseline_figures baselines; /* of the test part, else of validation */
    bool has_valid, has_test;
    int64_t epochs, best_epoch;
    bool last_is_best; /* of the epochs that were to be */
    char weights_hash[33], model_hash[33];
    double train_s, epoch_s_median;
};

/* Serial: one run at a time in a process (it owns the worker threads). `out` may be NULL.
 * A folder with a run is refused without `resume` (PT_EUSAGE); with it, a finished run returns 0 at once. */
int train_run(const struct config *c, const struct train_options *o, struct train_result *out,
              struct error *err);
