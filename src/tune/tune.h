/* tune.h - searches over configurations, as a `tune:` block says (tune_space.h).
 *
 * Trials run one after another, each with all threads, in DIR/trial-N: a killed search goes on where it was.
 * A trial's figure is train.monitor on the validation part; the test part is never evaluated. */
#ifndef TUNE_TUNE_H
#define TUNE_TUNE_H

#include "base/mem.h"
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

/* Serial; one run or search at a time in a process. *out is filled also where it fails half way;
 * freed by tune_result_fini. PT_EINTERRUPTED: the same call with `resume` goes on. */
int tune_run(const struct tune_options *o, struct tune_result *out, struct error *err);
void tune_result_fini(struct tune_result *r);

#endif
