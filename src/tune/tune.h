/* tune.h - the search over configurations: a `tune:` block says what to try.
 *
 *   tune:
 *     method: random                      random, grid or halving
 *     trials: 30                          random, halving: configurations to draw, besides the one at hand
 *     seed: 1
 *     minutes: 20                         no trial begins later; 0: no limit
 *     min_epochs: 5                       halving: epochs of the first round; the next has eta times as many
 *     eta: 3                              halving: one of eta goes on
 *     space:
 *       model.latent: [50, 100, 200]      one of these
 *       train.lr: {from: 1e-4, to: 1e-2, scale: log}       anything between; grid: `points` of them
 *
 * Trials run one after another, each with all threads, in DIR/trial-N: a killed search goes on where it was.
 * Every trial is judged by train.monitor on the validation part; the test part is never judged. */
#ifndef TUNE_TUNE_H
#define TUNE_TUNE_H

#include "base/error.h"
#include "config/config.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum tune_method { TUNE_RANDOM, TUNE_GRID, TUNE_HALVING };

struct tune_axis {
    char *key;     /* owned */
    char **choice; /* (choices) owned, each too: the values as text; NULL: a range */
    int choices;
    double from, to;
    bool logarithmic, whole;
    int points; /* of a range in a grid; 0: not given */
    int line, column;
};

struct tune_spec {
    enum tune_method method;
    int64_t trials, seed, min_epochs, eta; /* trials 0, min_epochs 0: not given */
    double minutes;
    struct tune_axis *axis; /* (axes) owned */
    int axes;
};

/* The block of a file. PT_ECONFIG with path:line:column; also where there is none. Freed by tune_spec_free.
 */
int tune_spec_read(struct tune_spec **out, const char *path, struct error *err);
void tune_spec_free(struct tune_spec *s);

/* The values of trial `id`, from 1 on, one text an axis, each for mem_free: a function of the block and id
 * alone. False: no memory. */
bool tune_draw(const struct tune_spec *s, int64_t id, char **value);
/* How many trials a grid has; -1: more than a million. */
int64_t tune_grid_size(const struct tune_spec *s);

enum tune_status { TUNE_WAITING, TUNE_DONE, TUNE_DIVERGED, TUNE_REFUSED };

struct tune_trial {
    int64_t id;   /* 0: the configuration at hand */
    char **value; /* (axes) owned; NULL: trial 0 */
    enum tune_status status;
    int rung;      /* rounds of halving that it has done, less 1 */
    double figure; /* best validation figure; NaN where not done */
    int64_t epochs, best_epoch;
    double train_s; /* of the last round */
    char weights_hash[33];
    char *reason; /* owned: why it diverged or was refused; NULL where it was not */
};

struct tune_result {
    struct tune_trial *trial; /* (n) owned */
    int64_t n, best;          /* -1: none is done */
    int axes;
    char metric[32];
    bool smaller_is_better;
    bool time_is_up;
    char *best_path; /* owned: the best configuration as YAML; NULL: none */
};

struct tune_options {
    const char *file;  /* the configuration with its tune: block */
    char **assignment; /* KEY=VALUE over it */
    int assignments;
    const char *folder;
    bool resume, keep; /* keep: weights of all trials, not of the best alone */
    const volatile sig_atomic_t *stop;
    /* A trial is about to begin (ended false), or has ended, now or in an earlier call (again true). */
    void (*listen)(void *arg, const struct tune_spec *s, const struct tune_result *r,
                   const struct tune_trial *t, bool ended, bool again);
    void (*warn)(void *arg, const char *text);
    void *arg;
};

/* Serial; one run or search at a time in a process. *out is filled also where it fails half way;
 * freed by tune_result_fini. PT_EINTERRUPTED: the same call with `resume` goes on. */
int tune_run(const struct tune_options *o, struct tune_result *out, struct error *err);
void tune_result_fini(struct tune_result *r);

/* Whether a has the better figure; one without a figure is worse than any. */
bool tune_better(const struct tune_result *r, const struct tune_trial *a, const struct tune_trial *b);

#endif
