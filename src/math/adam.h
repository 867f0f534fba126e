/* adam.h - the shared optimiser: Adam (Kingma & Ba 2015, algorithm 1) with the field's two kinds of decay.
 *
 *   g  = gradient + l2 w                          torch.optim.Adam(weight_decay=l2)
 *   m  = beta1 m + (1 - beta1) g
 *   v  = beta2 v + (1 - beta2) g^2
 *   w  = (1 - lr weight_decay) w                  torch.optim.AdamW, fastai
 *        - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * adam_plan_epoch computes the factors of each step (struct adam_step) once. The elementwise part
 * is in kernels_adam.c, inlined into the fused and the deferred path.
 * Step sizes and momenta follow a schedule over the whole training. */
#pragma once

#include "base/choices.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct adam_step {
    float step_size;  /* lr / (1 - beta1^t) */
    float root_scale; /* 1 / sqrt(1 - beta2^t) */
    float eps;
    float beta1, one_beta1;
    float beta2, one_beta2;
    float keep; /* 1 - lr weight_decay */
    float l2;
};

struct adam_spec {
    double lr, beta1, beta2, eps, l2, weight_decay;
    bool decay_biases; /* l2 and weight_decay apply to biases too */
    enum schedule schedule;
    double lr_decay; /* step, exponential */
    int64_t lr_step; /* step: epochs between two drops */
    double momentum_high, momentum_low;
    int64_t total_steps; /* of the whole training: cosine, one_cycle */
};

/* The steps of one epoch, for weights and for biases. */
struct adam_plan {
    struct adam_spec spec;
    int64_t steps;            /* steps an epoch at most */
    struct adam_step *weight; /* (steps) owned */
    struct adam_step *bias;   /* (steps) owned */
};

int adam_plan_init(struct adam_plan *p, const struct adam_spec *spec, int64_t steps_per_epoch,
                   struct error *err);
/* Fills in the steps of `epoch` (from 0); first_step: optimiser steps before it. */
void adam_plan_epoch(struct adam_plan *p, int64_t epoch, int64_t first_step);
/* Steps [from, to) of the epoch alone, for weights that take a share of all steps; first_step: theirs before.
 */
void adam_plan_part(struct adam_plan *p, int64_t from, int64_t to, int64_t epoch, int64_t first_step,
                    double share);
void adam_plan_fini(struct adam_plan *p);

/* Step size and beta1 of a global step, of spec->total_steps, by the schedule. */
void adam_schedule(const struct adam_spec *spec, int64_t epoch, int64_t step, double *lr, double *beta1);
