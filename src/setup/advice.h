/* advice.h - from what a set of ratings looks like to settings, each with its reason: `partrain start`. */
#pragma once

#include "data/facts.h"
#include "data/ratings.h"

#define ADVICE_SETTINGS   32
#define ADVICE_CANDIDATES 10
#define ADVICE_MINUTES    6 /* longer trainings are for those who ask for them */
#define ADVICE_JUDGED     5 /* ratings of a user from which some can be held out (split.min_fold_in) */

struct advice_setting {
    char key[48], value[128];
    char reason[160]; /* "": none is due */
};

struct advice_list {
    int n;
    struct advice_setting setting[ADVICE_SETTINGS];
};

/* A model worth trying, with its settings over the common ones. */
struct advice_candidate {
    const char *name;
    char note[160]; /* what it is, for a comment */
    char kind[16];  /* model.kind */
    bool network;   /* trained in minibatches: minutes, where others take seconds */
    double minutes; /* about how long on two cores; 0: not known, not long */
    struct advice_list own;
};

struct advice {
    bool ratings;    /* predict ratings; else rank what was chosen */
    bool all_chosen; /* every rating counts as chosen; else those from `chosen` on */
    double chosen;
    char values[160];                     /* what the values are, in a sentence */
    int64_t kept, dropped, users, judged; /* ratings; users with one that is kept, and with enough of them */
    struct advice_list common;            /* data, split, training */
    int candidates; /* the first is the usual choice, the best but slowest may be the last */
    struct advice_candidate candidate[ADVICE_CANDIDATES];
};

/* `ratings`: to predict them, where there are any. `given` (settings of the user, KEY=VALUE) stand as they
 * are. Leaves out models that this build does not have, or that would not fit into memory.
 * PT_EDATA: too few ratings to evaluate anything; PT_ECONFIG, PT_ENOMEM. */
int advice_make(struct advice *out, const struct ratings *r, const struct facts *f, bool ratings,
                char **given, int n_given, struct error *err);

/* A candidate as a configuration file with the reasons as comments, for free(), after a failure
 * too. PT_ENOMEM. */
int advice_text(char **out, size_t *length, const struct advice *a, int candidate, const char *path,
                char **given, int n_given, struct error *err);
