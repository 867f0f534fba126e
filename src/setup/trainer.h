/* trainer.h - a model and what drives it: the order of minibatches, Adam's steps, and the workers' way
 * through them. A run (run.c) and a measurement (bench.c) train through the same one.
 *
 *     trainer_epoch(l, e)      trainer_steps(l, 0, 10, ...)  trainer_steps(l, 10, 20, ...)  ...
 *
 * Serial: trainer_steps lets all workers in and returns when they are done. */
#ifndef SETUP_TRAINER_H
#define SETUP_TRAINER_H

#include "batch/batch.h"
#include "config/config.h"
#include "setup/problem.h"

struct trainer {
    struct problem *problem; /* borrowed */
    struct model *model;     /* owned, as is the rest */
    struct scheduler scheduler;
    struct adam_plan plan;
    int64_t steps; /* of the epoch at hand; a measurement may lower it after trainer_epoch */
};

/* A model with fresh weights, for `epochs` epochs of the problem's training part. It must stay where it is:
 * the model points to its plan. trainer_fini takes what trainer_init left where it failed, and zeroes. */
int trainer_init(struct trainer *l, const struct config *c, struct problem *p, int64_t epochs,
                 struct error *err);
void trainer_fini(struct trainer *l);

/* The minibatches and the optimiser's steps are those of `epoch` (from 0) from here on. */
void trainer_epoch(struct trainer *l, int64_t epoch);

/* Minibatches [from, to) of the epoch at hand, each given the next one too, which it encodes. `begin`:
 * nothing is encoded yet (the epoch's first steps, or the first ones after a checkpoint was loaded). `flush`:
 * afterwards every weight has seen all steps up to `to`: before weights are read, and at an epoch's end. */
void trainer_steps(struct trainer *l, int64_t from, int64_t to, bool begin, bool flush);

#endif
