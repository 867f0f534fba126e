/* compare.h - a run evaluated: its figures and those of each user, to compare two runs user by user.
 * They are kept apart from the model, whose memory is freed before a second run is opened. */
#pragma once

#include "base/mem.h"
#include "data/idtable.h"
#include "eval/baseline.h"
#include "serve/eval_run.h"

struct evaluation {
    struct eval_spec spec;
    struct eval_result result;
    struct eval_result other; /* eval.seen is zero: with remove */
    bool has_other;
    struct idtable *users; /* ids by row; owned unless `borrows` */
    bool borrows;
    struct mem_pool pool;         /* of the arrays below */
    uint64_t *held_out;           /* (users): a sum over the held-out items' ids, to compare by */
    int64_t n[METRICS_MOST];      /* users with a figure of this metric */
    int64_t *user[METRICS_MOST];  /* (n): rows, ascending */
    double *value[METRICS_MOST];  /* (n): see evaluator_per_user */
    double *weight[METRICS_MOST]; /* (n) */
    bool same_data, same_split;   /* as in eval_run.h */
    int64_t dropped;
    int64_t left_out; /* of `on`: ratings that the run was trained on */
    int64_t trained;  /* with other ratings than the run's: evaluated users that the run has too */
    int64_t folded;   /* mf: evaluated users with a row from their input (fold_in.h), not from training */
    int64_t unknown;  /* mf: evaluated users with neither */
};

/* A run, with overrides KEY=VALUE, on its test or validation part or on the file `on` (eval_run.h). */
struct eval_request {
    const char *folder, *on; /* on: may be NULL */
    struct eval_ratings ratings;
    char *const *override;
    int overrides;
    bool valid;
    bool quiet;                  /* not what was read and kept, only warnings of it */
    enum baseline_kind baseline; /* evaluated too, if `against` is not NULL */
    void (*warn)(void *arg, const char *text);
    void *arg;
};

/* Evaluates the run and, where `against` is not NULL, q->baseline on the same part: it borrows the users
 * of `out` and is freed before it. PT_EUSAGE if there is no such part, or a metric does not fit the
 * baseline; else as eval_run_open. */
int evaluate_run(struct evaluation *out, struct evaluation *against, const struct eval_request *q,
                 struct error *err);
/* Lists of a program against what was held out: files of user, item, score (higher is better) or rank
 * (1, 2, ...; a file in which every user's are), in any form that ratings have; and of user, item[,
 * rating]. */
struct lists_request {
    const char *lists, *truth;
    char *const *metric; /* rankings, without coverage */
    int metrics;
    double relevant; /* ratings of the truth from here on count */
    void (*warn)(void *arg, const char *text);
    void *arg;
};

/* compare_lists.c. Users of the truth without a list have the figure 0. PT_EUSAGE where a metric does
 * not fit; PT_EDATA where nothing can be evaluated. */
int evaluate_lists(struct evaluation *out, const struct lists_request *q, struct error *err);
/* Room in out->pool for the figures of `users` users by each metric; its `failed` is set without memory. */
void evaluation_alloc(struct evaluation *out, int64_t users);
/* A zeroed struct is allowed. */
void evaluation_free(struct evaluation *e);

/* b's values and weights for metric i in the order of a's users; (n of a), for mem_free. PT_EUSAGE if
 * the two were not evaluated on the same held-out ratings of the same users. */
int evaluation_align(const struct evaluation *a, const struct evaluation *b, int i, double **value,
                     struct error *err);
