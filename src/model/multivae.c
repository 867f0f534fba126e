/* multivae.c - Multi-VAE and Mult-DAE (Liang, Krishnan, Hoffman, Jebara: "Variational Autoencoders for
 * Collaborative Filtering", WWW 2018).
 *
 *   h  = f( dropout(x / |x|) V + mu ) ... hidden layers     encoder
 *   (m, s) = linear(h)                                      mean and log variance of q(z | x), L units each
 *   z  = m + exp(s / 2) eps,  eps ~ N(0, noise_std^2)       sampled in training only; else z = m
 *   h' = hidden layers of z, mirrored;  dropout(h')
 *   l  = h' W^T + b                                         logits
 *   loss = multinomial(l, x) + kl_weight 1/B sum_p KL(q(z | x_p) || N(0, 1))
 *   KL = 1/2 sum_k (exp(s_k) + m_k^2 - 1 - s_k)
 *
 * With model.decoder linear no hidden layer stands behind z (Mult-DAE: its bottleneck): l = z W^T + b.
 * Mult-DAE has no s and no KL: its bottleneck is one more hidden layer with the activation f. The weight
 * of the KL term is constant, or grows by 1 / kl_anneal_steps a step up to kl_weight (section 2.2.2), or is
 * kl_per_click times the number of a row's clicks (Shenbin et al. 2020). */
#include "model/dense.h"

#include "base/mem.h"
#include "base/real.h"
#include "base/rng.h"
#include "model/click_decoder.h"
#include "model/encoder.h"
#include "model/item_weights.h"

#include <string.h>

struct multivae {
    struct model model;       /* first: a model is a multivae */
    bool variational;         /* Multi-VAE; else Mult-DAE */
    struct encoder enc;       /* V, mu */
    struct chain down;        /* from the encoder's code to (m, s), or to the last hidden layer of Mult-DAE */
    struct chain up;          /* from z to h'; unused in Mult-DAE */
    struct click_decoder dec; /* W, b */
    float *scaled_noise;      /* (B, L padded) owned: exp(s / 2) eps */
    float *code;              /* (B, K) owned: h' after dropout; h' itself where there is none */
    double *row_kl;           /* (B) owned */
    struct companion linear;  /* only where the spec has one */
};

static struct multivae *multivae_of(struct model *m)
{
    return (struct multivae *)m;
}

/* The layers before the softmax layer. */
static struct chain *last_chain(struct multivae *a)
{
    return a->variational ? &a->up : &a->down;
}

static float *last_code(struct multivae *a)
{
    return last_chain(a)->h[last_chain(a)->n];
}

static double kl_weight(const struct multivae *a, const struct batch *b)
{
    const struct model_spec *spec = &a->model.spec;
    double grown;

    if (!spec->kl_anneal_steps)
        return spec->kl_weight;
    grown = (double)b->step / (double)spec->kl_anneal_steps;
    return grown < spec->kl_weight ? grown : spec->kl_weight;
}

/* The weight of a row's KL; with kl_per_click it depends on the number of the row's clicks. */
static double row_kl_weight(const struct multivae *a, const struct batch *b, int64_t p)
{
    double per_click = a->model.spec.kl_per_click;

    return per_click > 0.0 ? per_click * (double)a->model.eng.train->row_count[b->example[p]]
                           : kl_weight(a, b);
}

/* z of rows [first, end). In training z has noise, and row_kl gets the KL of each row. */
static void sample(struct multivae *a, int64_t first, int64_t end, const struct batch *b)
{
    const struct model_spec *spec = &a->model.spec;
    int n = spec->latent;
    int64_t ld = a->down.ld[a->down.n], ldz = a->up.ld[0];

    for (int64_t p = first; p < end; p++) {
        const float *m = a->down.h[a->down.n] + p * ld, *s = m + n;
        float *z = a->up.h[0] + p * ldz, *noise = a->scaled_noise + p * ldz;
        double kl = 0.0;

        memcpy(z, m, (size_t)n * sizeof *z);
        if (!b)
            continue;
        a->model.eng.kern->normal(noise, n, (float)spec->noise_std, spec->seed, RNG_NOISE, b->step,
                                  (uint32_t)p);
        for (int k = 0; k < n; k++) {
            float deviation = (float)real_exp((double)(0.5f * s[k]));

            noise[k] *= deviation;
            z[k] += noise[k];
            kl += (double)deviation * (double)deviation + (double)m[k] * (double)m[k] - 1.0 - (double)s[k];
        }
        a->row_kl[p] = 0.5 * kl;
    }
}

/* From dz to the gradients of m and s, with those of the KL term:
 *
 *   dm = dz + kl_weight m / B
 *   ds = dz (z - m) / 2 + kl_weight (exp(s) - 1) / 2B */
static void latent_backward(struct multivae *a, int64_t first, int64_t end, const struct batch *b)
{
    int n = a->model.spec.latent;
    int64_t ld = a->down.ld[a->down.n], ldz = a->up.ld[0];

    for (int64_t p = first; p < end; p++) {
        const float *m = a->down.h[a->down.n] + p * ld, *s = m + n;
        const float *dz = a->up.d[0] + p * ldz, *noise = a->scaled_noise + p * ldz;
        float *dm = a->down.d[a->down.n] + p * ld, *ds = dm + n;
        float kl_factor = (float)(row_kl_weight(a, b, p) / (double)b->rows);

        for (int k = 0; k < n; k++) {
            dm[k] = dz[k] + kl_factor * m[k];
            ds[k] = 0.5f * (dz[k] * noise[k] + kl_factor * ((float)real_exp((double)s[k]) - 1.0f));
        }
    }
}

/* The worker's own slice of the rows. `b` NULL: without noise and dropout. */
static void forward(struct worker *w, struct multivae *a, int64_t rows, const struct batch *b)
{
    int64_t first, end, ld = a->dec.w.ld;

    encoder_finish(w, &a->enc, rows, a->down.h[0]);
    team_range(rows, w->id, w->count, &first, &end);
    chain_forward(w, &a->down, first, end);
    if (a->variational) {
        sample(a, first, end, b);
        chain_forward(w, &a->up, first, end);
    }
    if (b && a->code != last_code(a)) {
        memcpy(a->code + first * ld, last_code(a) + first * ld, (size_t)((end - first) * ld) * sizeof(float));
        model_drop_code(&a->model, b, first, end, a->dec.w.k, a->code);
    }
}

/* From dh' to dz of the encoder, for the same slice. Ends with a barrier. */
static void backward(struct worker *w, struct multivae *a, const struct batch *b)
{
    struct chain *last = last_chain(a);
    int64_t first, end;

    team_range(b->rows, w->id, w->count, &first, &end);
    if (a->code != last_code(a))
        model_drop_code(&a->model, b, first, end, a->dec.w.k, last->d[last->n]);
    if (a->variational) {
        chain_backward(w, &a->up, first, end);
        latent_backward(a, first, end, b);
    }
    chain_backward(w, &a->down, first, end);
    encoder_back(w, &a->enc, b->rows, a->down.d[0], a->down.h[0]);
    if (w->id == 0) {
        double kl = 0.0, weighted = 0.0;

        for (int64_t p = 0; p < b->rows && a->variational; p++) {
            kl += a->row_kl[p];
            weighted += row_kl_weight(a, b, p) * a->row_kl[p];
        }
        kl /= (double)b->rows;
        weighted = a->model.spec.kl_per_click > 0.0 ? weighted / (double)b->rows : kl_weight(a, b) * kl;
        a->model.sums.kl += kl;
        a->model.sums.loss += click_decoder_loss(&a->dec, b) + weighted;
        a->model.sums.steps++;
    }
    team_barrier(w);
}

static float clip_factor(struct worker *w, struct multivae *a, const struct batch *b)
{
    double norm;

    chain_measure(w, &a->down, b->rows);
    if (a->variational)
        chain_measure(w, &a->up, b->rows);
    encoder_measure(w, &a->enc, a->down.d[0], b->rows);
    click_decoder_share_norms(w, &a->dec);
    team_barrier(w);
    norm = click_decoder_squared_norm(&a->dec) + chain_squared_norm(&a->down) + encoder_squared_norm(&a->enc);
    return model_clip(&a->model, norm + (a->variational ? chain_squared_norm(&a->up) : 0.0));
}

static void multivae_begin(struct worker *w, struct model *m, const struct batch *b)
{
    int end, first = encoder_own(w, &multivae_of(m)->enc, &end);

    for (int s = first; s < end; s++)
        encoder_shard(w, &multivae_of(m)->enc, s, b);
}

static void multivae_step(struct worker *w, struct model *m, const struct batch *b, const struct batch *next)
{
    struct multivae *a = multivae_of(m);
    const struct adam_step *weight = m->eng.plan->weight + b->in_epoch,
                           *bias = m->eng.plan->bias + b->in_epoch;
    struct chain *last = last_chain(a);
    bool clipped = m->spec.clip_norm > 0.0;
    int end, first = encoder_own(w, &multivae_of(m)->enc, &end);
    float scale = 1.0f;

    forward(w, a, b->rows, b);
    click_decoder_step(w, &a->dec, a->enc.view, b, a->code, last->d[last->n], clipped);
    backward(w, a, b);
    if (clipped) {
        scale = clip_factor(w, a, b);
        click_decoder_update(w, &a->dec, b, scale);
    }
    if (a->variational)
        chain_update(w, &a->up, b->rows, weight, bias, scale);
    chain_update(w, &a->down, b->rows, weight, bias, scale);
    encoder_update_mu(w, &a->enc, b, a->down.d[0], scale);
    for (int s = first; s < end; s++) {
        encoder_update_shard(w, &a->enc, s, b, a->down.d[0], scale);
        if (next)
            encoder_shard(w, &a->enc, s, next);
    }
}

static void multivae_flush(struct worker *w, struct model *m, int64_t steps)
{
    encoder_flush(w, &multivae_of(m)->enc, steps);
}

static void multivae_set_step(struct worker *w, struct model *m, int64_t steps)
{
    encoder_set_step(w, &multivae_of(m)->enc, steps);
}

static void multivae_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct multivae *a = multivae_of(m);
    int end, first = encoder_own(w, &multivae_of(m)->enc, &end);

    team_barrier(w); /* the views of the block before have been read, by other workers too */
    for (int s = first; s < end; s++)
        encoder_infer_shard(w, &a->enc, s, in);
    forward(w, a, in->rows, NULL);
    if (m->spec.companion)
        item_weights_infer(w, &a->linear.weights, in);
    team_barrier(w);
}

static struct companion *multivae_companion(struct model *m)
{
    return m->spec.companion ? &multivae_of(m)->linear : NULL;
}

static void multivae_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    struct multivae *a = multivae_of(m);

    (void)w;
    click_decoder_score(&a->dec, shard, last_code(a), rows, out, ld);
    if (m->spec.companion && a->linear.scale.row.w[0] != 0.0f)
        item_weights_add(&a->linear.weights, shard, rows, a->linear.scale.row.w[0], out, ld);
}

static void multivae_fini(struct model *m)
{
    struct multivae *a = multivae_of(m);

    if (a->code != last_code(a))
        mem_free(a->code);
    mem_free(a->scaled_noise);
    mem_free(a->row_kl);
    if (m->spec.companion)
        companion_fini(&a->linear);
    click_decoder_fini(&a->dec);
    chain_fini(&a->up);
    chain_fini(&a->down);
    encoder_fini(&a->enc);
}

static void multivae_draw(struct model *m)
{
    struct multivae *a = multivae_of(m);
    struct init_spec init = m->spec.init;

    encoder_draw(&a->enc, &init);
    chain_draw(&a->down, &init, 16);
    if (a->variational)
        chain_draw(&a->up, &init, 64);
    init.fan_in = a->dec.w.k;
    init.fan_out = a->dec.w.columns;
    table_draw(&a->dec.w, m->eng.team, &init, 4);
}

/* Widths of both chains. Multi-VAE: hidden..., 2 L and L, ...hidden reversed; Mult-DAE: hidden..., L,
 * ...reversed in one. A linear decoder has nothing behind L. */
static int init_chains(struct multivae *a, int *k0, int *k1, struct error *err)
{
    const struct model_spec *s = &a->model.spec;
    int down[2 * CHAIN_MOST + 2], up[CHAIN_MOST + 2], n = s->hiddens, rc;
    int mirrored = s->decoder == DECODER_LINEAR ? 0 : n;

    if (2 * n > CHAIN_MOST)
        return error_set(err, PT_ECONFIG, "model.hidden: at most %d layers for this model", CHAIN_MOST / 2);
    for (int i = 0; i < n; i++)
        down[i] = s->hidden[i];
    down[n] = a->variational ? 2 * s->latent : s->latent;
    *k0 = down[0];
    if (!a->variational) {
        for (int i = 0; i < mirrored; i++)
            down[n + 1 + i] = s->hidden[n - 1 - i];
        *k1 = down[n + mirrored];
        return chain_init(&a->down, "hidden", n + mirrored, down, false, &a->model, err);
    }
    up[0] = s->latent;
    for (int i = 0; i < mirrored; i++)
        up[i + 1] = s->hidden[n - 1 - i];
    *k1 = up[mirrored];
    if ((rc = chain_init(&a->up, "generator", mirrored, up, false, &a->model, err)) < 0)
        return rc;
    return chain_init(&a->down, "inference", n, down, true, &a->model, err); /* mean and log variance */
}

static int multivae_init(struct model *m, struct error *err)
{
    struct multivae *a = multivae_of(m);
    const struct model_spec *spec = &m->spec;
    int k0 = 0, k1 = 0, rc;

    a->variational = spec->kind == MODEL_MULTIVAE;
    if ((rc = init_chains(a, &k0, &k1, err)) < 0 ||
        (rc = encoder_init(&a->enc, m, k0, a->variational && !spec->hiddens, true, err)) < 0 ||
        (rc = click_decoder_init(&a->dec, m, k1, err)) < 0)
        return rc;
    a->code = last_code(a);
    if (spec->dropout > 0.0)
        a->code = mem_array(spec->batch * row_pad(k1), sizeof(float));
    a->scaled_noise = mem_array(spec->batch * row_pad(spec->latent), sizeof(float));
    a->row_kl = mem_zalloc(spec->batch, sizeof *a->row_kl);
    if (!a->code || !a->scaled_noise || !a->row_kl)
        return error_set(err, PT_ENOMEM, "multivae: out of memory");
    encoder_list(&a->enc, &m->params);
    chain_list(&a->down, &m->params);
    if (a->variational)
        chain_list(&a->up, &m->params);
    params_add_table(&m->params, &a->dec.w);
    if (spec->companion && (rc = companion_init(&a->linear, m, err)) < 0)
        return rc;
    if (spec->companion && spec->fixed)
        companion_list(&a->linear, m, true);
    return 0;
}

const struct model_ops multivae_ops = {
    .size = sizeof(struct multivae),
    .init = multivae_init,
    .draw = multivae_draw,
    .fini = multivae_fini,
    .train = model_train_minibatches,
    .begin = multivae_begin,
    .step = multivae_step,
    .flush = multivae_flush,
    .set_step = multivae_set_step,
    .infer = multivae_infer,
    .score = multivae_score,
    .companion = multivae_companion,
};
