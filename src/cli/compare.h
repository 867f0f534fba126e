/* compare.h - a run's figures and its users', kept apart from the model, so that a second run can be judged
 * when the first one's memory has been given back. */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "data/idtable.h"
#include "eval/eval.h"

struct evaluation {
    struct eval_spec spec;
    struct eval_result result;
    struct eval_result other; /* eval.seen is zero: with remove */
    bool has_other;
    struct idtable *users; /* ids by row; owned unless `borrows` */
    bool borrows;
    uint64_t *held_out;           /* (users) owned: a sum over the held-out items' ids, to compare by */
    int64_t n[METRICS_MOST];      /* users with a figure of this metric */
    int64_t *user[METRICS_MOST];  /* (n) owned: rows, ascending */
    double *value[METRICS_MOST];  /* (n) owned: see evaluator_per_user */
    double *weight[METRICS_MOST]; /* (n) owned */
    bool same_data, same_split;   /* as in loaded.h */
    int64_t dropped;
    int64_t left_out; /* of `on`: ratings that the run was trained on */
    int64_t trained;  /* other ratings than the run's: judged users of whom the run knows ratings too */
    int64_t folded;   /* mf: judged users who have a row from their input (fold_in.h), not from training */
    int64_t unknown;  /* mf: judged users who have neither */
};

/* Judges the run in `folder`, with n overrides, on its test or validation part, or on the file `on` (NULL:
 * none; load_run_on); and, where `popular` is not
 * NULL, what is popular on the same: it borrows the users of `out`, and is freed before it. PT_EUSAGE, before
 * anything is judged, where there is no such part, or a figure that what is popular cannot have. */
int evaluate_run(struct evaluation *out, struct evaluation *popular, const char *folder, const char *on,
                 char *const *override, int n, bool valid, struct error *err);
/* Takes a zeroed one too. */
void evaluation_free(struct evaluation *j);

/* b's values and weights for metric i in the order of a's users; (n of a), for mem_free. PT_EUSAGE where the
 * two were not judged on the same held-out ratings of the same users. */
int evaluation_align(const struct evaluation *a, const struct evaluation *b, int i, double **value,
                     struct error *err);

#endif
