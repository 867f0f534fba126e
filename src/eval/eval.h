/* eval.h - figures of a model on the validation or test part. Examples pass through the model in blocks, as
 * minibatches do. Sums are in the order of shards, then of examples: every figure is the same at any thread
 * count. Definitions: docs/metrics.md. */
#pragma once

#include "eval/metrics.h"
#include "model/model.h"
#include "setup/problem.h"

#define METRICS_MOST 64

struct eval_spec {
    int n;
    struct metric metric[METRICS_MOST];
    bool clip; /* predicted ratings, to [low, high] */
    double low, high, shift;
    enum untrained untrained; /* the prediction if the example or the column has no training rating */
    double cold;              /* the prediction if neither has one */
    bool seen_zero;           /* eval.seen: zero */
    double relevant;          /* held-out ratings of at least this are relevant (-1e30: all) */
    int64_t batch;            /* examples a block */
};

struct eval_result {
    int n;
    double value[METRICS_MOST]; /* NAN: nothing is held out */
    int64_t examples;           /* with held-out ratings */
    int64_t cells;              /* held-out ratings */
    double seconds;
};

struct evaluator;

/* Allocates all memory of evaluate. Borrows all arguments. */
int evaluator_new(struct evaluator **out, const struct eval_spec *spec, const struct eval_part *part,
                  struct model *model, const struct problem *p, struct error *err);
void evaluator_free(struct evaluator *e);
SCOPED(evaluator_free, struct evaluator)

void evaluate(struct evaluator *e, struct eval_result *out);

/* Users' figures of metric i from the last evaluate, for docs/metrics.md's F = sum value / sum weight: of a
 * ranking metric the user's figure, weight 1; of ratings the sum of squared (absolute) errors, weight their
 * number. Users ascend; those without a figure are left out. Each array has room for evaluator_users_most
 * numbers. Returns their number: 0 for coverage and for a rating model's loss, which no single user has. */
int64_t evaluator_per_user(const struct evaluator *e, int i, int64_t *user, double *value, double *weight);
int64_t evaluator_users_most(const struct evaluator *e);

/* ---- eval_make.c ---- */

/* The metrics of a configuration; PT_ECONFIG if a name is unknown or does not fit the model. */
int eval_spec_make(struct eval_spec *out, const struct config *c, const struct problem *p, struct error *err);
