/* multivae.h - what Multi-VAE, Mult-DAE and RecVAE share: an autoencoder of clicks. The formulas are in
 * multivae.c and recvae.c. */
#pragma once

#include "model/click_decoder.h"
#include "model/dense.h"
#include "model/encoder.h"
#include "model/item_weights.h"
#include "model/latent.h"

struct multivae {
    struct model model;       /* first: a model is a multivae */
    bool variational;         /* not Mult-DAE */
    struct encoder enc;       /* V, mu */
    struct chain down;        /* from the encoder's code to (m, s), or to the last hidden layer of Mult-DAE */
    struct latent latent;     /* unused in Mult-DAE */
    struct chain up;          /* from z to h'; unused in Mult-DAE */
    struct click_decoder dec; /* W, b */
    float *code;              /* (B, K) owned: h' after dropout; h' itself where there is none */
    struct companion linear;  /* only where the spec has one */
};

/* Operations of struct model_ops. */
int multivae_init(struct model *m, struct error *err);
void multivae_draw(struct model *m);
void multivae_fini(struct model *m);
void multivae_begin(struct worker *w, struct model *m, const struct batch *b);
void multivae_step(struct worker *w, struct model *m, const struct batch *b, const struct batch *next);
void multivae_flush(struct worker *w, struct model *m, int64_t steps);
void multivae_set_step(struct worker *w, struct model *m, int64_t steps);
void multivae_infer(struct worker *w, struct model *m, const struct input *in);
void multivae_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld);
bool multivae_product(struct model *m, int shard, struct score_product *out);
struct companion *multivae_companion(struct model *m);

/* Runs examples through the encoder, to the end of a->down: the worker's own slice [*first, *end) of them. */
void multivae_encode(struct worker *w, struct multivae *a, const struct input *in, int64_t *first,
                     int64_t *end);
