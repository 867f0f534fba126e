/* recvae.c - RecVAE (Shenbin, Alekseev, Tutubalina, Malykh, Nikolenko: "RecVAE: a New Variational Autoencoder
 * for Top-N Recommendations with Implicit Feedback", WSDM 2020).
 *
 *   h_1 = units(dropout(x / |x|) V + mu)       units: swish, then layer norm
 *   h_k = units(h_{k-1} W_k^T + b_k + h_1 + ... + h_{k-1}),  k = 2 .. 5
 *   (m, s) = linear(h_5);  z and its KL term with a composite prior: multivae.h;  l = z W^T + b
 *
 * It is a Multi-VAE with a dense chain, another prior and a linear decoder, whose encoder and decoder are
 * trained in turn. An epoch is RECVAE_PASSES passes over the examples: in the first RECVAE_ENCODER_PASSES
 * the encoder alone moves, in the last one the decoder, on inputs without dropout. Each has its own count of
 * Adam's steps (model_plan_epoch). In between the encoder's (m, s) of every example become the middle part
 * of the prior; they are kept in checkpoints, and no part of the model. */
#include "model/multivae.h"

#include <string.h>

struct recvae {
    struct multivae vae; /* first: a model is a recvae */
    int64_t *example;    /* (B) owned: for encode_all */
};

static struct recvae *recvae_of(struct model *m)
{
    return (struct recvae *)m;
}

/* ---- the middle part of the prior ---- */

struct encode_job {
    struct multivae *a;
    struct input in;
};

static void encode_block(struct worker *w, void *arg)
{
    const struct encode_job *j = arg;
    struct multivae *a = j->a;
    const struct chain *c = &a->down;
    struct latent *l = &a->latent;
    int64_t from, to;

    multivae_encode(w, a, &j->in, &from, &to);
    for (int64_t p = from; p < to; p++)
        memcpy(l->old + j->in.example[p] * l->ld_old, c->h[c->n] + p * c->ld[c->n],
               (size_t)l->ld_old * sizeof(float));
}

/* No minibatch is encoded now, so its views are free. */
static void encode_all(struct recvae *r)
{
    struct model *m = &r->vae.model;
    const struct matrix *x = m->eng.train;

    for (int64_t from = 0; from < x->examples; from += m->spec.batch) {
        int64_t left = x->examples - from;
        struct encode_job j = {
            &r->vae, {.matrix = x, .view = r->vae.enc.view, .example = r->example, .rows = m->spec.batch}};

        j.in.rows = left < j.in.rows ? left : j.in.rows;
        for (int64_t p = 0; p < j.in.rows; p++)
            r->example[p] = from + p;
        team_run(m->eng.team, encode_block, &j);
    }
}

static struct span old_span(const void *owner, int64_t i, int which)
{
    const struct latent *l = owner;

    (void)i, (void)which;
    return (struct span){l->old, l->model->eng.train->examples, 2 * l->model->spec.latent, l->ld_old};
}

/* ---- training in turn ---- */

static void set_turn(struct multivae *a, bool encoder)
{
    a->enc.frozen = !encoder;
    a->enc.dropout = encoder ? (float)a->model.spec.input_dropout : 0.0f;
    a->dec.frozen = encoder;
}

static void recvae_train(struct model *m, const struct model_steps *s)
{
    struct recvae *r = recvae_of(m);
    int64_t turn = s->batches->steps / RECVAE_PASSES * RECVAE_ENCODER_PASSES;
    struct model_steps part = *s;

    if (s->begin && s->from == 0 && s->batches->epoch == 0)
        encode_all(r);
    if (s->from < turn) {
        part.to = s->to < turn ? s->to : turn;
        part.count = s->count < turn ? s->count : turn;
        part.flush = s->flush || part.to == turn;
        set_turn(&r->vae, true);
        model_train_minibatches(m, &part);
        if (part.to == turn)
            encode_all(r);
    }
    if (s->to > turn || s->from >= turn) {
        part = *s;
        part.from = s->from > turn ? s->from : turn;
        part.begin = s->begin || (part.from == turn && s->to > turn);
        set_turn(&r->vae, false);
        model_train_minibatches(m, &part);
    }
}

static void recvae_fini(struct model *m)
{
    mem_free(recvae_of(m)->example);
    multivae_fini(m);
}

static int recvae_init(struct model *m, struct error *err)
{
    struct recvae *r = recvae_of(m);
    const struct latent *l = &r->vae.latent;

    TRY(multivae_init(m, err));
    if (m->spec.fixed)
        return 0;
    r->example = mem_alloc(m->spec.batch, sizeof *r->example);
    TRY(need_memory(r->example, err));
    params_add(&m->state,
               (struct param){"prior", m->eng.train->examples, 2 * m->spec.latent, l, 1, 0, false, old_span});
    return 0;
}

const struct model_ops recvae_ops = {
    .size = sizeof(struct recvae),
    .init = recvae_init,
    .draw = multivae_draw,
    .fini = recvae_fini,
    .train = recvae_train,
    .begin = multivae_begin,
    .step = multivae_step,
    .flush = multivae_flush,
    .set_step = multivae_set_step,
    .infer = multivae_infer,
    .score = multivae_score,
    .product = multivae_product,
    .companion = multivae_companion,
};
