/* autorec.c - AutoRec (Sedhain, Menon, Sanner, Xie: "AutoRec: Autoencoders Meet Collaborative Filtering", WWW
 * 2015).
 *
 *     out = f( W g( V x + mu ) + b )        h(r; theta) of the paper; x: the ratings of one item or one user
 *
 * with any list of hidden layers between V and W, and dropout on the last code. The loss counts observed
 * cells only; the paper's penalty on V and W is Adam's l2. x is sparse: a cell without a rating puts nothing
 * in and asks for nothing out. */
#include "model/dense.h"

#include "base/mem.h"
#include "model/encoder.h"
#include "model/rating_decoder.h"

#include <string.h>

struct autorec {
    struct model model;        /* first: a model is an autorec */
    struct encoder enc;        /* V, mu */
    struct chain mid;          /* hidden layers in between; h[0] is the encoder's code, h[n] the last one */
    struct rating_decoder dec; /* W, b */
    float *code; /* (rows, K) owned: the last code after dropout; the same as h[n] where there is none */
};

static struct autorec *autorec_of(struct model *m)
{
    return (struct autorec *)m;
}

static float *last_code(struct autorec *a)
{
    return a->mid.h[a->mid.n];
}

static void forward(struct worker *w, struct autorec *a, const struct batch *b)
{
    int64_t first, end, ld = a->dec.w.ld;

    encoder_finish(w, &a->enc, b->rows, a->mid.h[0]);
    team_range(b->rows, w->id, w->count, &first, &end);
    chain_forward(w, &a->mid, first, end, true);
    if (a->code != last_code(a)) {
        memcpy(a->code + first * ld, last_code(a) + first * ld, (size_t)((end - first) * ld) * sizeof(float));
        model_drop_code(&a->model, b, first, end, a->dec.w.k, a->code);
    }
    rating_decoder_prepare(w, &a->dec, b);
    team_barrier(w);
}

/* Errors, W's gradient and Adam, dh. */
static void decode(struct worker *w, struct autorec *a, const struct batch *b, bool measure)
{
    int end, first = own_shards(w, &a->model, &end);
    bool two_passes = a->dec.loss == LOSS_ROOT; /* its scale needs all errors */
    float scale = 1.0f;

    for (int s = first; s < end && two_passes; s++)
        rating_decoder_scores(w, &a->dec, s, &a->enc.view[s], b, a->code);
    if (two_passes) {
        team_barrier(w);
        rating_decoder_share(w, &a->dec);
    }
    scale = rating_decoder_scale(&a->dec, b);
    for (int s = first; s < end; s++)
        rating_decoder_apply(w, &a->dec, s, &a->enc.view[s], b, a->code, scale, two_passes, measure);
    rating_decoder_finish(w, &a->dec, b->rows, a->mid.d[a->mid.n]);
}

/* Own slice of the rows; ends with a barrier. */
static void backward(struct worker *w, struct autorec *a, const struct batch *b)
{
    int64_t first, end;

    team_range(b->rows, w->id, w->count, &first, &end);
    if (a->code != last_code(a))
        model_drop_code(&a->model, b, first, end, a->dec.w.k, a->mid.d[a->mid.n]);
    chain_backward(w, &a->mid, first, end);
    encoder_back(w, &a->enc, b->rows, a->mid.d[0], a->mid.h[0]);
    rating_decoder_share(w, &a->dec);
    if (w->id == 0) {
        double squares;

        a->model.sums.loss += rating_decoder_loss(&a->dec, b, &squares);
        a->model.sums.squares += squares;
        for (int64_t p = 0; p < b->rows; p++)
            a->model.sums.cells += a->model.eng.train->row_count[b->example[p]];
        a->model.sums.steps++;
    }
    team_barrier(w);
}

/* The factor of all gradients, from norms that all workers have measured. */
static float clip_factor(struct worker *w, struct autorec *a, const struct batch *b)
{
    chain_measure(w, &a->mid, b->rows);
    encoder_measure(w, &a->enc, a->mid.d[0], b->rows);
    team_barrier(w);
    return model_clip(&a->model, rating_decoder_squared_norm(&a->dec) + chain_squared_norm(&a->mid) +
                                     encoder_squared_norm(&a->enc));
}

static void autorec_begin(struct worker *w, struct model *m, const struct batch *b)
{
    struct autorec *a = autorec_of(m);
    int end, first = own_shards(w, m, &end);

    for (int s = first; s < end; s++)
        encoder_shard(w, &a->enc, s, b);
    chain_begin(w, &a->mid);
}

static void autorec_step(struct worker *w, struct model *m, const struct batch *b, const struct batch *next)
{
    struct autorec *a = autorec_of(m);
    const struct adam_plan *plan = m->eng.plan;
    bool clipped = m->spec.clip_norm > 0.0;
    int end, first = own_shards(w, m, &end);
    float scale = 1.0f;

    forward(w, a, b);
    decode(w, a, b, clipped);
    backward(w, a, b);
    if (clipped) {
        scale = clip_factor(w, a, b);
        for (int s = first; s < end; s++)
            rating_decoder_update(w, &a->dec, s, &a->enc.view[s], b, a->code, scale);
    }
    chain_update(w, &a->mid, b->rows, plan->weight + b->in_epoch, plan->bias + b->in_epoch, scale);
    encoder_update_mu(w, &a->enc, b, a->mid.d[0], scale);
    for (int s = first; s < end; s++) {
        encoder_update_shard(w, &a->enc, s, b, a->mid.d[0], scale);
        if (next)
            encoder_shard(w, &a->enc, s, next);
    }
}

static void autorec_flush(struct worker *w, struct model *m, int64_t steps)
{
    encoder_flush(w, &autorec_of(m)->enc, steps);
    model_flush_table(w, m, &autorec_of(m)->dec.w, steps);
}

static void autorec_set_step(struct worker *w, struct model *m, int64_t steps)
{
    encoder_set_step(w, &autorec_of(m)->enc, steps);
    model_set_table_step(w, &autorec_of(m)->dec.w, steps);
}

static void autorec_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct autorec *a = autorec_of(m);
    int end, first = own_shards(w, m, &end);
    int64_t from, to;

    for (int s = first; s < end; s++)
        encoder_infer_shard(w, &a->enc, s, in);
    encoder_finish(w, &a->enc, in->rows, a->mid.h[0]);
    team_range(in->rows, w->id, w->count, &from, &to);
    chain_forward(w, &a->mid, from, to, false);
    team_barrier(w);
}

static void autorec_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    struct autorec *a = autorec_of(m);

    (void)w;
    rating_decoder_score_all(&a->dec, shard, last_code(a), rows, out, ld);
}

static bool autorec_product(struct model *m, int shard, struct score_product *out)
{
    struct autorec *a = autorec_of(m);
    const struct table_part *part = &a->dec.w.part[shard];

    *out = (struct score_product){
        .code = last_code(a), .weight = part->row.w, .bias = part->bias.w, .ld = a->dec.w.ld};
    return a->dec.act == ACT_IDENTITY;
}

static void autorec_score_cells(struct worker *w, struct model *m, int shard, const struct view *cells,
                                float *out)
{
    struct autorec *a = autorec_of(m);

    (void)w;
    rating_decoder_score_cells(&a->dec, shard, last_code(a), cells, out);
}

static void autorec_fini(struct model *m)
{
    struct autorec *a = autorec_of(m);

    if (a->code != last_code(a))
        mem_free(a->code);
    rating_decoder_fini(&a->dec);
    chain_fini(&a->mid);
    encoder_fini(&a->enc);
}

static void autorec_draw(struct model *m)
{
    struct autorec *a = autorec_of(m);
    struct init_spec init = m->spec.init;

    encoder_draw(&a->enc, &init);
    chain_draw(&a->mid, &init, 16);
    init.fan_in = a->dec.w.k;
    init.fan_out = a->dec.w.columns;
    table_draw(&a->dec.w, m->eng.team, &init, 4);
}

static int autorec_init(struct model *m, struct error *err)
{
    struct autorec *a = autorec_of(m);
    struct model_spec *spec = &m->spec;
    int n = spec->hiddens - 1, last;

    spec->normalize_input = false;
    if (n < 0 || n >= CHAIN_MOST)
        return error_set(err, PT_ECONFIG, "model.hidden: autorec needs 1 to %d hidden layers", CHAIN_MOST);
    last = spec->hidden[n];
    TRY(encoder_init(&a->enc, m, spec->hidden[0], false, false, err));
    TRY(chain_init(&a->mid, "hidden", n, spec->hidden, false, m, err));
    TRY(rating_decoder_init(&a->dec, m, last, last == spec->hidden[0] ? a->enc.reduce : NULL, a->enc.view,
                            err));
    a->code = last_code(a);
    if (spec->dropout > 0.0 && !(a->code = mem_array(spec->batch * row_pad(last), sizeof(float))))
        return error_set(err, PT_ENOMEM, "autorec: out of memory");
    encoder_list(&a->enc, &m->params);
    chain_list(&a->mid, &m->params);
    params_add_table(&m->params, &a->dec.w);
    return 0;
}

const struct model_ops autorec_ops = {
    .size = sizeof(struct autorec),
    .init = autorec_init,
    .draw = autorec_draw,
    .fini = autorec_fini,
    .train = model_train_minibatches,
    .begin = autorec_begin,
    .step = autorec_step,
    .flush = autorec_flush,
    .set_step = autorec_set_step,
    .infer = autorec_infer,
    .score = autorec_score,
    .product = autorec_product,
    .score_cells = autorec_score_cells,
};
