/* predict.h - ratings of pairs of an example and a column. Pairs are sorted by example, and each example goes
 * through the model once. */
#pragma once

#include "serve/rank.h"

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
