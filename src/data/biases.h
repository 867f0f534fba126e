/* biases.h - two shrunken means: the bias of each user and of each item, without a model.
 *
 *     r_ui ~ mean + b_u + b_i
 *     b_i = sum over its ratings (r - mean - b_u) / (n_i + shrinkage), b_u likewise
 *
 * from b = 0, BIASES_ROUNDS times in turn: columns, then examples, so an example's bias depends on its
 * ratings and the columns' biases alone. A row without ratings has the bias 0. docs/metrics.md */
#pragma once

#include "data/ratings.h"
#include "par/team.h"

#define BIASES_ROUNDS 10

struct biases {
    double mean;
    double user_shrink, item_shrink; /* 0: not chosen yet */
    float *column, *example;         /* owned; NULL: not known */
};

/* Of the ratings with PART_TRAIN. Shrinkages that are 0 are chosen: by RMSE on those with PART_VALID_OUT
 * (users: 3, 5, 10, 20; items: 1, 3, 5, 10, 20), else 10 and 5. b->mean is set; `side` says what an example
 * is. Examples without a training rating get their bias from their input ratings. The same bits
 * at any number of workers. PT_ENOMEM. */
int biases_fit(struct biases *b, const struct ratings *r, const uint8_t *part, int side, struct team *team,
               struct error *err);
/* Biases of examples from their input ratings (PART_TRAIN, PART_VALID_IN, PART_TEST_IN) and the columns'
 * biases. Examples with known[example] keep theirs (NULL: none does). b->example has a place for each
 * example. PT_ENOMEM. */
int biases_of_histories(struct biases *b, const struct ratings *r, const uint8_t *part, int side,
                        const uint8_t *known, struct error *err);
void biases_fini(struct biases *b);
