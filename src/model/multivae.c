/* multivae.c - Multi-VAE and Mult-DAE (Liang, Krishnan, Hoffman, Jebara: "Variational Autoencoders for
 * Collaborative Filtering", WWW 2018).
 *
 *   h  = f( dropout(x / |x|) V + mu ) ... hidden layers     encoder
 *   (m, s) = linear(h)                                      mean and log variance of q(z | x), L units each
 *   z  = m + exp(s / 2) eps                                 multivae.h
 *   h' = hidden layers of z, mirrored;  dropout(h')
 *   l  = h' W^T + b                                         logits
 *   loss = multinomial(l, x) + 1/B sum_p kl_weight KL(q(z | x_p) || prior)
 *
 * With model.decoder linear no hidden layer stands behind z (Mult-DAE: its bottleneck): l = z W^T + b.
 * Mult-DAE has no s and no KL: its bottleneck is one more hidden layer with the activation f. */
#include "model/multivae.h"

#include <string.h>

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

/* From the encoder's sums to the end of `down`, in the worker's own slice of the rows. */
static void encode(struct worker *w, struct multivae *a, int64_t rows, bool training, int64_t *first,
                   int64_t *end)
{
    encoder_finish(w, &a->enc, rows, a->down.h[0]);
    team_range(rows, w->id, w->count, first, end);
    chain_forward(w, &a->down, *first, *end, training);
}

/* The worker's own slice of the rows. `b` NULL: without noise and dropout. */
static void forward(struct worker *w, struct multivae *a, int64_t rows, const struct batch *b)
{
    int64_t first, end, ld = a->dec.w.ld;

    encode(w, a, rows, b != NULL, &first, &end);
    if (a->variational) {
        latent_sample(&a->latent, first, end, b, a->down.h[a->down.n], a->down.ld[a->down.n], a->up.h[0]);
        chain_forward(w, &a->up, first, end, b != NULL);
    }
    if (b && a->code != last_code(a)) {
        memcpy(a->code + first * ld, last_code(a) + first * ld, (size_t)((end - first) * ld) * sizeof(float));
        model_drop_code(&a->model, b, first, end, a->dec.w.k, a->code);
    }
}

/* From dh' to dz of the encoder, for the same slice. */
static void backward(struct worker *w, struct multivae *a, const struct batch *b)
{
    struct chain *last = last_chain(a);
    int64_t first, end;

    team_range(b->rows, w->id, w->count, &first, &end);
    if (a->code != last_code(a))
        model_drop_code(&a->model, b, first, end, a->dec.w.k, last->d[last->n]);
    if (a->variational) {
        struct chain *down = &a->down;

        chain_backward(w, &a->up, first, end);
        latent_backward(&a->latent, first, end, b, down->h[down->n], down->ld[down->n], a->up.d[0],
                        down->d[down->n]);
    }
    chain_backward(w, &a->down, first, end);
    encoder_back(w, &a->enc, b->rows, a->down.d[0], a->down.h[0]);
}

static void add_sums(struct multivae *a, const struct batch *b)
{
    double kl = 0.0;

    a->model.sums.loss += click_decoder_loss(&a->dec, b);
    if (a->variational)
        a->model.sums.loss += latent_loss(&a->latent, b, &kl);
    a->model.sums.kl += kl;
    a->model.sums.steps++;
}

static float clip_factor(struct worker *w, struct multivae *a, const struct batch *b)
{
    double norm;

    if (!a->enc.frozen) {
        chain_measure(w, &a->down, b->rows);
        if (a->variational)
            chain_measure(w, &a->up, b->rows);
        encoder_measure(w, &a->enc, a->down.d[0], b->rows);
    }
    click_decoder_share_norms(w, &a->dec);
    team_barrier(w);
    norm = click_decoder_squared_norm(&a->dec);
    if (!a->enc.frozen)
        norm += chain_squared_norm(&a->down) + encoder_squared_norm(&a->enc);
    return model_clip(&a->model,
                      norm + (a->variational && !a->enc.frozen ? chain_squared_norm(&a->up) : 0.0));
}

void multivae_begin(struct worker *w, struct model *m, const struct batch *b)
{
    int end, first = encoder_own(w, &multivae_of(m)->enc, &end);

    for (int s = first; s < end; s++)
        encoder_shard(w, &multivae_of(m)->enc, s, b);
    chain_begin(w, &multivae_of(m)->down);
    chain_begin(w, &multivae_of(m)->up);
}

/* Everything before the decoder: Adam of the dense layers and of V, whose rows are in cache for the next
 * minibatch then. */
static void update(struct worker *w, struct multivae *a, const struct batch *b, const struct batch *next,
                   float scale)
{
    const struct adam_plan *plan = a->model.eng.plan;
    const struct adam_step *weight = plan->weight + b->in_epoch, *bias = plan->bias + b->in_epoch;
    int end, first = encoder_own(w, &a->enc, &end);

    if (!a->enc.frozen) {
        if (a->variational)
            chain_update(w, &a->up, b->rows, weight, bias, scale);
        chain_update(w, &a->down, b->rows, weight, bias, scale);
        encoder_update_mu(w, &a->enc, b, a->down.d[0], scale);
    }
    for (int s = first; s < end; s++) {
        if (!a->enc.frozen)
            encoder_update_shard(w, &a->enc, s, b, a->down.d[0], scale);
        if (next)
            encoder_shard(w, &a->enc, s, next);
    }
}

void multivae_step(struct worker *w, struct model *m, const struct batch *b, const struct batch *next)
{
    struct multivae *a = multivae_of(m);
    struct chain *last = last_chain(a);
    bool clipped = m->spec.clip_norm > 0.0;
    float scale = 1.0f;

    forward(w, a, b->rows, b);
    click_decoder_step(w, &a->dec, a->enc.view, b, a->code, a->enc.frozen ? NULL : last->d[last->n], clipped);
    if (!a->enc.frozen)
        backward(w, a, b);
    if (w->id == 0)
        add_sums(a, b);
    team_barrier(w);
    if (clipped) {
        scale = clip_factor(w, a, b);
        click_decoder_update(w, &a->dec, b, scale);
    }
    update(w, a, b, next, scale);
}

void multivae_flush(struct worker *w, struct model *m, int64_t steps)
{
    encoder_flush(w, &multivae_of(m)->enc, steps);
}

void multivae_set_step(struct worker *w, struct model *m, int64_t steps)
{
    encoder_set_step(w, &multivae_of(m)->enc, steps);
}

static void sum_shards(struct worker *w, struct multivae *a, const struct input *in)
{
    int end, first = encoder_own(w, &a->enc, &end);

    for (int s = first; s < end; s++)
        encoder_infer_shard(w, &a->enc, s, in);
}

void multivae_encode(struct worker *w, struct multivae *a, const struct input *in, int64_t *first,
                     int64_t *end)
{
    sum_shards(w, a, in);
    encode(w, a, in->rows, false, first, end);
}

void multivae_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct multivae *a = multivae_of(m);

    team_barrier(w); /* the views of the block before have been read, by other workers too */
    sum_shards(w, a, in);
    forward(w, a, in->rows, NULL);
    if (m->spec.companion)
        item_weights_infer(w, &a->linear.weights, in);
    team_barrier(w);
}

struct companion *multivae_companion(struct model *m)
{
    return m->spec.companion ? &multivae_of(m)->linear : NULL;
}

void multivae_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    struct multivae *a = multivae_of(m);

    (void)w;
    click_decoder_score(&a->dec, shard, last_code(a), rows, out, ld);
    if (m->spec.companion && a->linear.scale.row.w[0] != 0.0f)
        item_weights_add(&a->linear.weights, shard, rows, a->linear.scale.row.w[0], out, ld);
}

bool multivae_product(struct model *m, int shard, struct score_product *out)
{
    struct multivae *a = multivae_of(m);
    const struct table_part *part = &a->dec.w.part[shard];

    *out = (struct score_product){
        .code = last_code(a), .weight = part->row.w, .bias = part->bias.w, .ld = a->dec.w.ld};
    return !m->spec.companion || a->linear.scale.row.w[0] == 0.0f;
}

void multivae_fini(struct model *m)
{
    struct multivae *a = multivae_of(m);

    if (a->code != last_code(a))
        mem_free(a->code);
    latent_fini(&a->latent);
    if (m->spec.companion)
        companion_fini(&a->linear);
    click_decoder_fini(&a->dec);
    chain_fini(&a->up);
    chain_fini(&a->down);
    encoder_fini(&a->enc);
}

void multivae_draw(struct model *m)
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
    int down[2 * CHAIN_MOST + 2], up[CHAIN_MOST + 2], n = s->hiddens;
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
    TRY(chain_init(&a->up, "generator", mirrored, up, false, &a->model, err));
    return chain_init(&a->down, "inference", n, down, true, &a->model, err); /* mean and log variance */
}

int multivae_init(struct model *m, struct error *err)
{
    struct multivae *a = multivae_of(m);
    const struct model_spec *spec = &m->spec;
    int k0 = 0, k1 = 0;

    a->variational = spec->kind != MODEL_MULTIDAE;
    a->down.dense = spec->kind == MODEL_RECVAE;
    TRY(init_chains(a, &k0, &k1, err));
    TRY(encoder_init(&a->enc, m, k0, a->variational && !spec->hiddens, true, err));
    TRY(click_decoder_init(&a->dec, m, k1, err));
    a->code = last_code(a);
    if (spec->dropout > 0.0 && !(a->code = mem_array(spec->batch * row_pad(k1), sizeof(float))))
        return error_set(err, PT_ENOMEM, "multivae: out of memory");
    if (a->variational)
        TRY(latent_init(&a->latent, spec->kind == MODEL_RECVAE, m, err));
    encoder_list(&a->enc, &m->params);
    chain_list(&a->down, &m->params);
    if (a->variational)
        chain_list(&a->up, &m->params);
    params_add_table(&m->params, &a->dec.w);
    if (spec->companion)
        TRY(companion_init(&a->linear, m, err));
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
    .product = multivae_product,
    .companion = multivae_companion,
};
