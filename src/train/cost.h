/* cost.h - operations and bytes of training by phase, counted from the problem's sizes.
 *
 * A product and a sum count as 2 operations, an element's Adam step as 16, all else (activations,
 * exponentials, dropout) as none, so rates compare with what SGEMM reaches. Rows whose Adam is deferred count
 * as if they moved at every step: the arithmetic is the same, only later.
 *
 * Bytes are those that a phase must read and write once a step if caches hold nothing from one phase to the
 * next: weights and moments of the rows that the minibatch touches, partial sums, logits, lists of entries.
 * Where the caches do hold something the true traffic is less, and the rate shown can be above the memory's.
 */
#ifndef TRAIN_COST_H
#define TRAIN_COST_H

#include "setup/trainer.h"

struct cost {
    int64_t steps;
    double examples, ratings; /* that went through */
    double flop[PHASES], bytes[PHASES];
    double exchange; /* bytes of the sums over shards, each counted once: what workers hand each other */
};

/* The first `steps` minibatches of the current epoch. */
void cost_of_steps(struct cost *out, const struct trainer *l, int64_t steps);
/* Any whole epoch. */
void cost_of_epoch(struct cost *out, const struct trainer *l);

/* Operations of an evaluation: `examples` of them, with `entries` ratings going in and `scores` numbers that
 * come out; the selection of the best is not counted. */
double cost_of_evaluation(const struct trainer *l, double examples, double entries, double scores);

/* Of `n` rows with count[] entries each among all of a training part, those that a draw of the share `share`
 * of the entries is expected to touch. */
double cost_touched(const int64_t *count, int64_t n, double share);

/* Sums over the phases. */
double cost_flop(const struct cost *w);
double cost_bytes(const struct cost *w);

#endif
