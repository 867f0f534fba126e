/* tune_trial.h - one trial of a search, for tune.c: its configuration, its training in DIR/trial-N, its line in
 * trials.jsonl, and the best trial so far. */
#ifndef TUNE_TUNE_TRIAL_H
#define TUNE_TUNE_TRIAL_H

#include "base/json.h"
#include "config/config.h"
#include "tune/tune.h"

struct search {
    const struct tune_options *options;
    const struct tune_spec *spec;
    struct tune_result *result;
    struct config *base; /* owned: the file and the assignments, not checked */
    struct json *line;   /* owned: an array, trials.jsonl of earlier calls; NULL: none */
    int64_t begun;       /* trials that this call began */
    int64_t epochs;      /* train.epochs of the last round; 0: as each trial says */
    double started;
};

/* The configuration of a trial (NULL: the one at hand), `epochs` 0: its own. */
int tune_config(struct config **out, const struct search *s, const struct tune_trial *t, int64_t epochs,
                struct error *err);
/* Trains t, or recalls what became of it; result->time_is_up: it has not begun. */
int tune_try(struct search *s, struct tune_trial *t, int64_t epochs, struct error *err);
int tune_read_lines(struct search *s, struct error *err);
void tune_drop_weights(const struct search *s, const struct tune_trial *t);
/* folder/name (trial -1) or folder/trial-N/name, for free(). */
char *tune_path(const struct search *s, int64_t trial, const char *name);

#endif
