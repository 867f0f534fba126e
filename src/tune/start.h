/* start.h - trains the candidates of an advice, and keeps the one that validation prefers. */
#pragma once

#include "setup/advice.h"
#include "train/train.h"

struct start_trial {
    bool done;
    double figure, seconds; /* the validation figure that chooses; of the whole run */
    char why[160];          /* not done: the reason */
    struct train_result result;
};

struct start_result {
    struct start_trial trial[ADVICE_CANDIDATES];
    int best; /* -1: none */
    char metric[32];
    bool smaller_is_better;
    struct baseline_figures baselines; /* on the validation part; the first metric chooses */
};

struct start_options {
    const char *path, *folder; /* data.path; the folder, in which each candidate has one: NAME */
    char **given;
    int n_given;
    const volatile sig_atomic_t *stop;
    void (*begin)(void *arg, const char *name,
                  bool refit); /* a candidate is about to train; the best, again */
    void (*warn)(void *arg, const char *text);
    void *arg;
};

/* Whether a is the better figure. */
bool start_better(const struct start_result *r, double a, double b);
/* The best enum baseline_kind; -1: none is known. */
int start_best_baseline(const struct start_result *r);

/* Serial; one run at a time in a process. Only the best candidate is refitted. Its files move up into the
 * folder; the others stay where they were trained, without their weights. Autoencoders come last; their
 * companions have the settings of the best EASE. A candidate that diverges or does not fit is not done. */
int start_train(struct start_result *out, struct advice *a, const struct start_options *o, struct error *err);
