/* tune.h - searches over configurations, as a `tune:` block says (docs/tune.md).
 *
 * Trials run one after another, each with all threads, in DIR/trial-N: a killed search goes on where it was.
 * A trial's figure is train.monitor on the validation part; the test part is never evaluated. */
#pragma once

#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "model/item_weights.h"

#include <signal.h>

/* ---- tune_space.c: what to search, and the values of each trial ---- */

enum tune_method { TUNE_RANDOM, TUNE_GRID, TUNE_HALVING };
extern const char *const tune_method_name[];

struct tune_axis {
    const char *key;
    const char **choice; /* (choices) the values as text; NULL: a range */
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
    struct mem_pool pool; /* keys and choices */
};

/* The block of a file. PT_ECONFIG with path:line:column; also where there is none. Freed by tune_spec_free.
 */
int tune_spec_read(struct tune_spec **out, const char *path, struct error *err);
void tune_spec_free(struct tune_spec *s);
SCOPED(tune_spec_free, struct tune_spec)

/* The values of trial `id`, from 1 on, one text an axis, in memory of `pool`: a function of the block and id
 * alone. */
void tune_draw(const struct tune_spec *s, int64_t id, char **value, struct mem_pool *pool);
/* How many trials a grid has; -1: more than a million. */
int64_t tune_grid_size(const struct tune_spec *s);

/* ---- a search ---- */

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

/* ---- tune_trial.c: a trial's configuration, its training in DIR/trial-N, its line in trials.jsonl, and the
 * best trial so far ---- */

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
