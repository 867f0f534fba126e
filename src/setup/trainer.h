/* trainer.h - a model, the order of its minibatches and Adam's steps. A run (train/run.c) and a measurement
 * (bench/bench.c) use the same trainer.
 *
 *     trainer_epoch(t, e)      trainer_steps(t, 0, 10, ...)  trainer_steps(t, 10, 20, ...)  ...
 *
 * Serial: trainer_steps returns when all workers are done. */
#pragma once

#include "batch/batch.h"
#include "config/config.h"
#include "setup/problem.h"

struct trainer {
    struct problem *problem; /* borrowed */
    struct model *model;     /* owned, as is the rest */
    struct scheduler scheduler;
    struct adam_plan plan;
    int64_t steps; /* of the current epoch; a measurement may lower it after trainer_epoch */
};

/* A model with initial weights, for `epochs` epochs of the problem's training part. The struct must not
 * move: the model points to its plan. trainer_fini is due after a failure too, and takes a zero struct. */
int trainer_init(struct trainer *t, const struct config *c, struct problem *p, int64_t epochs,
                 struct error *err);
void trainer_fini(struct trainer *t);

/* Makes `epoch` (from 0) the current one. */
void trainer_epoch(struct trainer *t, int64_t epoch);

/* Steps [from, to) of the current epoch (struct model_steps in model/model.h). */
void trainer_steps(struct trainer *t, int64_t from, int64_t to, bool begin, bool flush);
