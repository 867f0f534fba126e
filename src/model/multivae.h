/* multivae.h - what Multi-VAE, Mult-DAE and RecVAE share: an autoencoder of clicks. The formulas are in
 * multivae.c and recvae.c. */
#pragma once

#include "model/click_decoder.h"
#include "model/dense.h"
#include "model/encoder.h"
#include "model/item_weights.h"

/* latent.c: the latent units of Multi-VAE and RecVAE: the sample z, its KL term, and the way back.
 *
 *     z = m + exp(s / 2) eps,  eps ~ N(0, noise_std^2)     in training only; else z = m
 *
 *     Multi-VAE   KL(q(z | x) || N(0, 1)) = 1/2 sum_k (exp(s_k) + m_k^2 - 1 - s_k)
 *     RecVAE      log q(z | x) - log p(z) at the sample, with a prior for each unit (Shenbin et al. 2020)
 *
 *         p(z_k) = .15 N(0, 1) + .75 N(m'_k, exp(s'_k)) + .1 N(0, exp(10))
 *
 *     m', s': what the encoder said of the example without dropout before the turn, in `old`.
 *
 * The weight of the KL term is constant, or grows by 1 / kl_anneal_steps a step up to kl_weight (Liang et
 * al., section 2.2.2), or is kl_per_click times the number of a row's clicks (RecVAE). */
struct latent {
    int64_t ld, ld_old; /* of the rows of z; of those of `old` */
    float *noise;       /* (B, ld): exp(s / 2) eps */
    double *kl;         /* (B) */
    bool mixture;       /* RecVAE */
    float *slope;       /* mixture: (B, ld): the KL term's gradient with respect to z */
    float *old;         /* mixture: (examples, ld_old): m', then s' */
    struct mem_pool pool;
    const struct model *model;
};

int latent_init(struct latent *l, bool mixture, const struct model *m, struct error *err);
void latent_fini(struct latent *l);

/* z of rows [first, end) from (m, s), rows `ldm` apart; `b` NULL: without noise. */
void latent_sample(struct latent *l, int64_t first, int64_t end, const struct batch *b, const float *m,
                   int64_t ldm, float *z);
/* From dz to the gradients of m and s, with those of the KL term. */
void latent_backward(const struct latent *l, int64_t first, int64_t end, const struct batch *b,
                     const float *m, int64_t ldm, const float *dz, float *dm);
/* Mean KL of the minibatch's rows, times their weights; *kl: without. */
double latent_loss(const struct latent *l, const struct batch *b, double *kl);

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
