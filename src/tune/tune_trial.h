/* tune_trial.h - one trial of a search: its configuration, its training in DIR/trial-N, its line in
 * trials.jsonl, and the best trial so far. */
#pragma once

#include "base/json.h"
#include "config/config.h"
#include "model/item_weights.h"
#include "tune/tune_space.h"

#include <signal.h>

enum tune_status { TUNE_WAITING, TUNE_DONE, TUNE_DIVERGED, TUNE_REFUSED };

struct tune_trial {
    int64_t id;   /* 0: the configuration at hand */
    char **value; /* (axes) NULL: trial 0 */
    enum tune_status status;
    int rung;      /* rounds of halving that it has done, less 1 */
    double figure; /* best validation figure; NaN where not done */
    int64_t epochs, best_epoch;
    double train_s; /* of the last round */
    char weights_hash[33];
    char *reason; /* why it diverged or was refused; NULL where it was not */
};

struct tune_result {
    struct tune_spec *spec;   /* owned; NULL: it could not be read */
    struct tune_trial *trial; /* (n) */
    int64_t n, best;          /* -1: none is done */
    char metric[32];
    bool smaller_is_better;
    bool time_is_up;
    char *best_path;      /* owned: the best configuration as YAML; NULL: none */
    struct mem_pool pool; /* trials, their values and reasons */
};

struct tune_options {
    const char *file;  /* the configuration with its tune: block */
    char **assignment; /* KEY=VALUE over it */
    int assignments;
    const char *folder;
    bool resume, keep; /* keep: weights of all trials, not of the best alone */
    const volatile sig_atomic_t *stop;
    /* A trial has ended, now or in an earlier call (again). */
    void (*listen)(void *arg, const struct tune_result *r, const struct tune_trial *t, bool again);
    void (*warn)(void *arg, const char *text);
    void *arg;
};

/* Whether a has the better figure; one without a figure is worse than any. */
bool tune_better(const struct tune_result *r, const struct tune_trial *a, const struct tune_trial *b);

struct search {
    const struct tune_options *options;
    const struct tune_spec *spec;
    struct tune_result *result;
    struct config *base; /* owned: the file and the assignments, not checked */
    struct json *line;   /* owned: an array, trials.jsonl of earlier calls; NULL: none */
    int64_t begun;       /* trials that this call began */
    int64_t epochs;      /* train.epochs of the last round; 0: as each trial says */
    double started;
    struct item_counts counts; /* owned; shared by the trials */
};

/* The configuration of a trial (NULL: the one at hand), `epochs` 0: its own. */
int tune_config(struct config **out, const struct search *s, const struct tune_trial *t, int64_t epochs,
                struct error *err);
/* Trains t, or recalls what became of it; result->time_is_up: it has not begun. */
int tune_try(struct search *s, struct tune_trial *t, int64_t epochs, struct error *err);
int tune_read_lines(struct search *s, struct error *err);
void tune_drop_weights(const struct search *s, const struct tune_trial *t);
/* folder/name (trial -1) or folder/trial-N/name, for mem_free. */
char *tune_path(const struct search *s, int64_t trial, const char *name);
