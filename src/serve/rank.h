/* rank.h - recommendations and predictions of a trained model, the same at any thread count. Histories go
 * through the model in minibatches (scoring.h). */
#pragma once

#include "eval/topk.h"
#include "serve/history_source.h"

struct rank_spec {
    int k;                 /* at least 1 */
    bool keep_seen;        /* recommend columns of the history too */
    const uint8_t *hidden; /* 1: never recommended; (columns), for rank_users (examples); or NULL */
};

struct ranker;
/* Borrows the model and spec->hidden. */
int ranker_new(struct ranker **out, const struct trained *trained, const struct rank_spec *spec,
               struct error *err);
void ranker_free(struct ranker *r);
SCOPED(ranker_free, struct ranker)

/* The best columns of each history e, best first, from best + e * k on: count[e] of them: fewer than k if
 * fewer may be recommended; none for a user of mf without a row and ratings. score: the model's output plus
 * trained->problem->shift. */
int ranker_run(struct ranker *r, const struct histories *h, struct scored *best, int *count,
               struct error *err);

/* Outputs for given columns: those of history e in `want`; output (want->entries) in their order. NAN if
 * there is no prediction: a column without training ratings, a history without input or row. */
int ranker_predict(struct ranker *r, const struct histories *h, const struct histories *want, float *output,
                   struct error *err);

/* For models whose columns are users (item-based AutoRec): the best items of `n` users, columns of the
 * model, in one pass over all items of `h`. As ranker_run; the numbers are examples of `h`. Memory grows
 * with n k. */
int rank_users(const struct trained *trained, const struct history_source *h, const struct rank_spec *spec,
               const int32_t *user, int64_t n, struct scored *best, int *count, struct error *err);

/* ---- predict.c: ratings of pairs, sorted by example: each goes through the model once ---- */

struct rating_pair {
    int32_t example;        /* user (item for item-based models), as `add` numbers them; -1: unknown */
    int32_t column;         /* of the model; -1: unknown */
    int64_t place;          /* of its rating in the result */
    int64_t person, output; /* set by predict_pairs */
};

struct predict_counts {
    int64_t half;  /* predicted by trained_stand_in: one side is known */
    int64_t shown; /* pairs that are among the ratings which the model is given of their example */
};

/* rating[place] of each of the n pairs, which come out in another order; NAN: neither side is known. `add`
 * appends an example's history, false: no memory. Adds to *counts. PT_ENOMEM. */
int predict_pairs(struct ranker *r, const struct trained *trained, struct rating_pair *pair, int64_t n,
                  bool (*add)(void *arg, int32_t example, struct histories *to), void *arg, double *rating,
                  struct predict_counts *counts, struct error *err);
