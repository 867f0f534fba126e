/* plan.h - memory and time estimate before a run starts. Memory is an upper bound by part: a minibatch
 * counts as its longest examples. */
#pragma once

#include "config/config.h"
#include "setup/problem.h"

struct memory_plan {
    int64_t data;       /* the program, ratings and matrices: resident now */
    int64_t weights;    /* parameters, with the padding of rows */
    int64_t moments;    /* Adam's two */
    int64_t batch;      /* minibatches, hidden layers and sums */
    int64_t logits;     /* of it: outputs of a softmax model for a (micro)batch and all columns */
    int64_t evaluation; /* views, scores and figures of validation and test */
    int64_t files;      /* of the best model, in memory while it is read for the test part */
    int64_t total;
    int64_t limit;      /* what the machine or the cgroup has; 0: unknown */
    int64_t microbatch; /* the largest that fits if logits are too large; 0: none fits, or not needed */
    int64_t items_most; /* likewise of model.items_most if items x items is too large */
    int64_t companion;  /* of weights and minibatches: model.ease */
    double epoch_s;     /* an epoch of training, about; 0 before plan_time */
};

/* `folder`: the best model is kept in a file, else in memory. PT_ENOMEM: too little memory to estimate. */
int plan_make(struct memory_plan *out, const struct config *c, const struct problem *p, bool folder,
              struct error *err);

/* A usual step, for measurements. */
extern const struct adam_step plan_adam_step;

/* Sets epoch_s, by measurements of some milliseconds. PT_ENOMEM. */
int plan_time(struct memory_plan *m, const struct config *c, struct problem *p, struct error *err);

/* PT_ENOMEM, naming the options to change, if the total is above the limit. */
int plan_check(const struct memory_plan *m, const struct config *c, struct error *err);
