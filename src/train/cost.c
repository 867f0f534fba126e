#include "train/cost.h"

#include "base/real.h"
#include "model/item_weights.h"

enum { ADAM_FLOP = 16, ADAM_BYTES = 24 /* weight and two moments, read and written */ };

struct sizes {
    double first, last; /* row lengths of the encoder's and the decoder's table; mf: of both tables */
    double dense;       /* weights of the layers between them */
};

static struct sizes sizes_of(const struct model_spec *s)
{
    const struct model_traits *t = model_traits(s->kind);
    double latent = s->latent, dense = 0.0;
    bool linear = s->decoder == DECODER_LINEAR;
    int n = s->hiddens;

    if (t->by_rating || t->closed || t->alternating)
        return (struct sizes){latent, latent, 0.0};
    for (int i = 0; i + 1 < n; i++) /* the decoder of clicks mirrors the encoder */
        dense += (t->clicks && !linear ? 2.0 : 1.0) * s->hidden[i] * s->hidden[i + 1];
    if (!t->clicks)
        return (struct sizes){s->hidden[0], s->hidden[n - 1], dense};
    if (!n)
        return (struct sizes){t->variational ? 2.0 * latent : latent, latent, 0.0};
    /* means and variances, and back */
    dense += ((t->variational ? 2.0 : 1.0) + !linear) * s->hidden[n - 1] * latent;
    return (struct sizes){s->hidden[0], linear ? latent : s->hidden[0], dense};
}

/* Of `n` rows with count[] entries each, those that a random share of all entries touches, on average. */
static double touched(const int64_t *count, int64_t n, double share)
{
    double sum = 0.0;

    for (int64_t i = 0; i < n; i++)
        sum += 1.0 - real_power(1.0 - share, count[i]);
    return sum;
}

/* Adds of the tree over the shards, for one sum of rows x ld. Every second leaf is added by whoever makes it
 * (see reduce.h), which is not counted. */
static void add_reduce(struct cost *w, const struct problem *p, double rows, double ld)
{
    double adds = p->shards - 1 - p->shards / 2;

    w->flop[PHASE_REDUCE] += adds * rows * ld;
    w->bytes[PHASE_REDUCE] += adds * rows * ld * 12.0;
    w->exchange += rows * ld * 4.0;
}

/* `share`: of all examples, in a minibatch; `enc`: of the steps, that train the encoder. The decoder is
 * trained in all of them, or with recvae in the others. */
static void add_autoencoder(struct cost *w, const struct model_spec *s, const struct problem *p, double share,
                            double enc)
{
    struct sizes z = sizes_of(s);
    double dec = model_traits(s->kind)->in_turn ? 1.0 - enc : 1.0;
    double steps = (double)w->steps, columns = (double)p->columns, all = steps * columns;
    double ld0 = (double)row_pad((int64_t)z.first), ld1 = (double)row_pad((int64_t)z.last);
    double rows = steps * touched(p->train->column_count, p->columns, share);
    bool clicks = model_traits(s->kind)->clicks;

    w->ld = (int64_t)(ld0 > ld1 ? ld0 : ld1);
    w->floats = p->columns * (int64_t)(ld0 + ld1);
    w->bytes[PHASE_BATCH] += w->ratings * 32.0;
    w->flop[PHASE_ENCODE] += 2.0 * z.first * w->ratings;
    w->bytes[PHASE_ENCODE] += rows * ld0 * 4.0 + w->ratings * 8.0;
    add_reduce(w, p, w->examples, ld0);
    w->flop[PHASE_HIDDEN] += z.dense * ((2.0 + 4.0 * enc) * w->examples + enc * steps * ADAM_FLOP);
    w->bytes[PHASE_HIDDEN] += enc * steps * (ADAM_BYTES + 12) * z.dense;
    if (clicks) {
        w->flop[PHASE_DECODE] += 2.0 * (1.0 + enc + dec) * z.last * columns * w->examples;
        w->bytes[PHASE_DECODE] += all * ld1 * 8.0 + w->examples * columns * 12.0;
        w->flop[PHASE_UPDATE] += dec * all * ADAM_FLOP * z.last;
        w->bytes[PHASE_UPDATE] += dec * all * ld1 * ADAM_BYTES;
    } else {
        w->flop[PHASE_DECODE] += 6.0 * z.last * w->ratings + all * ADAM_FLOP * z.last;
        w->bytes[PHASE_DECODE] += rows * ld1 * ADAM_BYTES;
    }
    add_reduce(w, p, w->examples, ld1);
    w->flop[PHASE_UPDATE] += enc * (2.0 * z.first * w->ratings + all * ADAM_FLOP * z.first);
    w->bytes[PHASE_UPDATE] += enc * rows * ld0 * ADAM_BYTES;
    w->kernel[COST_GATHER] = w->ratings * ((1.0 + enc) * ld0 + (clicks ? 0.0 : 3.0 * ld1));
    w->kernel[COST_ADAM] = enc * (rows * ld0 + steps * z.dense) + dec * (clicks ? all : rows) * ld1;
    w->kernel[COST_IDLE] = enc * (all - rows) * (ld0 + (clicks ? 0.0 : ld1));
    w->kernel[COST_PRODUCT] =
        2.0 * w->examples *
        ((1.0 + 2.0 * enc) * z.dense + (clicks ? (1.0 + enc + dec) * ld1 * columns : 0.0));
}

static void add_factors(struct cost *w, const struct model_spec *s, const struct problem *p, double share)
{
    double steps = (double)w->steps, k = (double)s->latent, ld = (double)row_pad(s->latent);
    double all = (double)(p->examples + p->columns);
    double rows = steps * (touched(p->train->row_count, p->examples, share) +
                           touched(p->train->column_count, p->columns, share));

    w->ld = (int64_t)ld;
    w->floats = (p->examples + p->columns) * w->ld;
    w->flop[PHASE_ENCODE] += 2.0 * k * w->examples;
    w->bytes[PHASE_ENCODE] += 16.0 * ld * w->examples; /* both rows, read and copied */
    w->flop[PHASE_UPDATE] += 4.0 * k * w->examples + steps * ADAM_FLOP * all * (k + s->biases);
    w->bytes[PHASE_UPDATE] += 16.0 * ld * w->examples + rows * ld * ADAM_BYTES;
    w->exchange += 8.0 * ld * w->examples;           /* the copies, read by the rows' owners */
    w->kernel[COST_GATHER] = 6.0 * ld * w->examples; /* two copies, the score, two sums and their zeros */
    w->kernel[COST_ADAM] = rows * ld;
    w->kernel[COST_IDLE] = (steps * all - rows) * ld;
}

/* A rating: the score, both gradients, the sums of their squares, both steps. Both rows are read, and read
 * and written once more, beside what a rating has to itself. */
static void add_blocks(struct cost *w, const struct model_spec *s, const struct problem *p)
{
    double k = (double)s->latent, ld = (double)row_pad(s->latent);

    w->ld = row_pad(s->latent);
    w->floats = (p->users + p->items) * w->ld;
    w->flop[PHASE_UPDATE] += (2.0 + 6.0 + 4.0 + 4.0) * k * w->examples;
    w->bytes[PHASE_UPDATE] += (8.0 + 16.0 * ld + 48.0) * w->examples;
    w->kernel[COST_GATHER] = (6.0 * ld + 64.0) * w->examples;
}

/* Counting pairs of a user's items, then factor and inverse, whose float64 products take twice the time of
 * float32 (math/spd.h). */
static void add_closed(struct cost *w, const struct model_spec *s, const struct problem *p)
{
    int64_t kept = item_weights_kept(p->columns, s->items_most);
    double n = (double)kept, work = item_solver_work(p->train->rows, p->train->entries, kept), pairs = 0.0;

    for (int64_t u = 0; u < p->examples; u++)
        pairs += 0.5 * (double)p->train->row_count[u] * (double)p->train->row_count[u];
    w->ld = row_pad(64);
    w->floats = p->columns * w->ld;
    w->flop[PHASE_ENCODE] += pairs;
    w->bytes[PHASE_ENCODE] += 4.0 * n * n;
    w->flop[PHASE_UPDATE] += work;
    w->bytes[PHASE_UPDATE] += 24.0 * n * n;
    w->kernel[COST_GATHER] = 2.0 * pairs;
    w->kernel[COST_PRODUCT] = 2.0 * work;
}

/* Two half steps: the upper half of sums of outer products, a system for each row. */
static void add_alternating(struct cost *w, const struct model_spec *s, const struct problem *p)
{
    double k = (double)s->latent, ld = (double)row_pad(s->latent), rows = (double)(p->examples + p->columns);

    w->ld = row_pad(s->latent);
    w->floats = (p->examples + p->columns) * w->ld;
    w->flop[PHASE_UPDATE] += k * (k + 1.0) * (2.0 * w->ratings + rows) + k * k * k / 3.0 * rows;
    w->bytes[PHASE_UPDATE] += 4.0 * ld * (2.0 * w->ratings + 2.0 * rows);
    w->kernel[COST_GATHER] = ld * (2.0 * w->ratings + k * rows);
    w->kernel[COST_PRODUCT] = 2.0 * (double)normal_floats(w->ld) * (2.0 * w->ratings + rows);
}

/* `total`: examples of a pass; `enc` as in add_autoencoder. */
static void add_phases(struct cost *w, const struct model_spec *s, const struct problem *p, double total,
                       double enc)
{
    double share = w->examples / (double)w->steps / total;

    if (s->sgd)
        add_blocks(w, s, p);
    else if (model_traits(s->kind)->alternating)
        add_alternating(w, s, p);
    else if (model_traits(s->kind)->closed)
        add_closed(w, s, p);
    else if (w->steps > 0 && model_traits(s->kind)->by_rating)
        add_factors(w, s, p, share < 1.0 ? share : 1.0);
    else if (w->steps > 0)
        add_autoencoder(w, s, p, share < 1.0 ? share : 1.0, enc);
}

/* Of the first `steps` of `all` steps of an epoch, the share that trains the encoder. */
static double encoder_share(const struct model_spec *s, double steps, double all)
{
    double turn = all * RECVAE_ENCODER_PASSES / RECVAE_PASSES;

    return model_traits(s->kind)->in_turn && steps > turn ? turn / steps : 1.0;
}

static double passes(const struct model_spec *s)
{
    return model_traits(s->kind)->in_turn ? RECVAE_PASSES : 1.0;
}

void cost_of_steps(struct cost *out, const struct trainer *t, int64_t steps)
{
    const int64_t *count = t->problem->train->row_count;
    const struct model_spec *spec = &t->model->spec;

    if (model_traits(spec->kind)->closed || model_traits(spec->kind)->alternating) {
        cost_of_epoch(out, t);
        out->steps = steps;
        return;
    }
    *out = (struct cost){.steps = steps};
    for (int64_t i = 0; i < steps; i++) {
        struct batch b = scheduler_batch(&t->scheduler, i);

        out->examples += (double)b.rows;
        for (int64_t p = 0; p < b.rows; p++)
            out->ratings += model_traits(spec->kind)->by_rating ? 1.0 : (double)count[b.example[p]];
    }
    if (spec->sgd) /* steps are rounds of about as many ratings each */
        out->examples = out->ratings =
            (double)t->problem->cells.n * (double)steps / (double)scheduler_max_steps(&t->scheduler);
    add_phases(out, spec, t->problem, (double)t->scheduler.examples,
               encoder_share(spec, (double)steps, (double)scheduler_max_steps(&t->scheduler)));
}

void cost_of_epoch(struct cost *out, const struct trainer *t)
{
    const struct model_spec *spec = &t->model->spec;
    double examples = spec->sgd ? (double)t->problem->cells.n : (double)t->scheduler.examples;

    *out = (struct cost){.steps = scheduler_max_steps(&t->scheduler),
                         .examples = passes(spec) * examples,
                         .ratings = passes(spec) * (double)t->problem->train->entries};
    add_phases(out, spec, t->problem, examples, encoder_share(spec, 1.0, 1.0));
}

void cost_of_plan(struct cost *out, const struct model_spec *spec, const struct problem *p)
{
    int64_t n = model_traits(spec->kind)->by_rating ? p->cells.n : p->examples;

    *out = (struct cost){.steps = (int64_t)passes(spec) * ((n + spec->batch - 1) / spec->batch),
                         .examples = passes(spec) * (double)n,
                         .ratings = passes(spec) * (double)p->train->entries};
    add_phases(out, spec, p, (double)n, encoder_share(spec, 1.0, 1.0));
}

double cost_of_evaluation(const struct trainer *t, double examples, double entries, double scores)
{
    struct sizes z = sizes_of(&t->model->spec);

    if (model_traits(t->model->spec.kind)->closed)
        return 2.0 * entries * (double)t->model->params.param[0].rows;
    if (model_traits(t->model->spec.kind)->by_rating)
        return 2.0 * z.last * scores;
    if (model_traits(t->model->spec.kind)->alternating)
        return 2.0 * z.last * (scores + z.last * entries) + z.last * z.last * z.last / 3.0 * examples;
    return 2.0 * z.first * entries + 2.0 * z.last * scores + 2.0 * z.dense * examples;
}

double cost_flop(const struct cost *w)
{
    double sum = 0.0;

    for (int i = 0; i < PHASES; i++)
        sum += w->flop[i];
    return sum;
}

double cost_bytes(const struct cost *w)
{
    double sum = 0.0;

    for (int i = 0; i < PHASES; i++)
        sum += w->bytes[i];
    return sum;
}
