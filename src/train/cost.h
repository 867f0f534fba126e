/* cost.h - operations and bytes of training by phase, counted from the problem's sizes.
 *
 * A product and a sum count as 2 operations, an element's Adam step as 16, all else (activations,
 * exponentials, dropout) as none, so rates compare with those of SGEMM. Rows with deferred Adam count at
 * every step: the arithmetic is the same, only later.
 *
 * Bytes are those that a phase must read and write once a step if caches keep nothing between phases: weights
 * and moments of the rows that the minibatch touches, partial sums, logits, lists of entries. If caches keep
 * data, the true traffic is lower and the reported rate can exceed the memory's. */
#pragma once

#include "setup/trainer.h"

/* Kernels that take nearly all the time of training: their work, for a time estimate (plan_time.c). */
enum cost_kernel {
    COST_GATHER, /* rows that ratings read and add to (encoder, scores, gradients); floats, as the next two */
    COST_ADAM,   /* Adam on rows that a minibatch touches, or all rows (a softmax's) */
    COST_IDLE,   /* deferred Adam on the others */
    COST_PRODUCT, /* of matrices: a softmax's logits and gradients, hidden layers; operations */
    COST_KERNELS
};

struct cost {
    int64_t steps;
    double examples, ratings; /* processed */
    double flop[PHASES], bytes[PHASES];
    double kernel[COST_KERNELS];
    int64_t ld, floats; /* of the longest rows of tables; of all tables' weights */
    double exchange;    /* bytes of sums over shards that workers exchange, each counted once */
};

/* The first `steps` minibatches of the current epoch. */
void cost_of_steps(struct cost *out, const struct trainer *t, int64_t steps);
/* Any whole epoch. */
void cost_of_epoch(struct cost *out, const struct trainer *t);

/* An epoch, before the model exists. */
void cost_of_plan(struct cost *out, const struct model_spec *spec, const struct problem *p);

/* Operations of an evaluation of `examples` examples with `entries` input ratings and `scores` outputs; the
 * selection of the best is not counted. */
double cost_of_evaluation(const struct trainer *t, double examples, double entries, double scores);

/* Sums over the phases. */
double cost_flop(const struct cost *w);
double cost_bytes(const struct cost *w);
