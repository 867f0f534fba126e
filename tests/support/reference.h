/* reference.h - every model once more: dense, in double, one loop after the other, by the formulas of the
 * papers. What the engine is measured against (test_model_*.c), and itself measured by finite differences
 * (test_reference.c).
 *
 * Dropout masks and noise are read from rng.h under the engine's keys (purpose, step, place in the batch,
 * coordinate); nothing else is shared with the engine but the structs that describe a model. */
#pragma once

#include "batch/batch.h"
#include "model/registry.h"

struct ref_tensor {
    const char *name;
    int64_t rows, cols, n; /* n: numbers in all; a bias has cols 0 */
    double *w, *g, *m, *v; /* (n) each, owned */
    double *start;         /* (n) owned: w at the beginning */
};

struct reference {
    struct model_spec spec;
    struct adam_spec adam;
    int64_t examples, columns;
    double *value; /* (examples, columns) owned */
    bool *has;     /* (examples, columns) owned */
    const struct cells *cells;
    int64_t steps, turn; /* recvae: of an epoch; those of them that train the encoder (0: any step does) */
    double *old;         /* recvae: (examples, 2 latent) owned: the middle part of the prior */
    int tensors;
    struct ref_tensor tensor[PARAMS_MOST];
};

/* A twin of `m` with its weights as they are now. Data: the ratings `r` (side 1: users are examples). Fails
 * the test where memory runs out. */
struct reference *ref_new(const struct model *m, const struct adam_spec *adam, const struct ratings *r,
                          bool binary, int side);
void ref_free(struct reference *ref);

/* The minibatch's loss; with `gradients`, also every tensor's g. */
double ref_loss(struct reference *ref, const struct batch *b, bool gradients);
/* Loss, gradients, clipping, Adam. `epoch` and `total` (steps of the whole run) are for the schedule. */
double ref_step(struct reference *ref, const struct batch *b, int64_t epoch, int64_t total);
/* Outputs of one example for all columns, without dropout and noise. mf: of a user for all items. */
void ref_output(struct reference *ref, int64_t example, double *out);

/* The largest of |ours - ref| / |ref - start| over the model's tensors, in Euclidean norms; *worst: which. */
double ref_distance(const struct reference *ref, const struct model *m, const char **worst);

/* ---- for reference*.c ---------------------------------------------------------------------------- */

struct ref_tensor *ref_tensor(struct reference *ref, const char *name); /* NULL: there is none */
double ref_activation(enum activation f, double x);
double ref_slope(enum activation f, double x); /* derivative at x */
double *ref_array(int64_t n);                  /* zero */
double ref_net_loss(struct reference *ref, const struct batch *b, bool gradients);
void ref_net_output(struct reference *ref, int64_t example, double *out);
void ref_net_keep_old(struct reference *ref); /* recvae: the prior from the encoder as it is */
double ref_mf_loss(struct reference *ref, const struct batch *b, bool gradients);
void ref_mf_output(struct reference *ref, int64_t example, double *out);
