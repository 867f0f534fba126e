#include "train/cost.h"

#include <math.h>
#include <string.h>

enum { ADAM_FLOP = 16, ADAM_BYTES = 24 /* weight and two moments, read and written */ };

static const struct param *find(const struct trainer *l, const char *name)
{
    const struct param_list *list = &l->model->params;

    for (int i = 0; i < list->n; i++)
        if (strcmp(list->param[i].name, name) == 0)
            return &list->param[i];
    return NULL;
}

double cost_touched(const int64_t *count, int64_t n, double share)
{
    double sum = 0.0;

    for (int64_t i = 0; i < n; i++)
        sum += 1.0 - pow(1.0 - share, (double)count[i]);
    return sum;
}

/* Adds of the tree over the shards, for one sum of rows x ld. Every second leaf is added by whoever makes it
 * (see reduce.h), which is not counted. */
static void add_reduce(struct cost *w, const struct trainer *l, double rows, double ld)
{
    int shards = l->problem->shards;
    double adds = shards - 1 - shards / 2;

    w->flop[PHASE_REDUCE] += adds * rows * ld;
    w->bytes[PHASE_REDUCE] += adds * rows * ld * 12.0;
    w->exchange += rows * ld * 4.0;
}

/* The small layers between encoder and decoder: their products, and Adam. */
static void add_hidden(struct cost *w, const struct trainer *l, const struct param *first,
                       const struct param *last)
{
    for (int i = 0; i < l->model->params.n; i++) {
        const struct param *q = &l->model->params.param[i];
        double size = (double)q->rows * (double)q->cols;

        if (!q->cols || q == first || q == last)
            continue;
        w->flop[PHASE_HIDDEN] += 6.0 * size * w->examples + (double)w->steps * ADAM_FLOP * size;
        w->bytes[PHASE_HIDDEN] += (double)w->steps * (ADAM_BYTES + 12) * size;
    }
}

static void add_autoencoder(struct cost *w, const struct trainer *l)
{
    const struct problem *p = l->problem;
    const struct param *v = find(l, "encoder.weight"), *o = find(l, "decoder.weight");
    double steps = (double)w->steps, columns = (double)p->columns;
    double k0 = (double)v->cols, k1 = (double)o->cols;
    double ld0 = (double)row_pad(v->cols), ld1 = (double)row_pad(o->cols);
    double share = w->examples / steps / (double)l->scheduler.examples;
    double rows = steps * cost_touched(p->train->column_count, p->columns, share < 1.0 ? share : 1.0);
    bool masked = !model_traits(l->model->spec.kind)->clicks;

    w->bytes[PHASE_BATCH] += w->ratings * 32.0;
    w->flop[PHASE_ENCODE] += 2.0 * k0 * w->ratings;
    w->bytes[PHASE_ENCODE] += rows * ld0 * 4.0 + w->ratings * 8.0;
    add_reduce(w, l, w->examples, ld0);
    add_hidden(w, l, v, o);
    if (masked) {
        w->flop[PHASE_DECODE] += 6.0 * k1 * w->ratings + steps * ADAM_FLOP * columns * k1;
        w->bytes[PHASE_DECODE] += rows * ld1 * ADAM_BYTES;
    } else {
        w->flop[PHASE_DECODE] += 6.0 * k1 * columns * w->examples;
        w->bytes[PHASE_DECODE] += steps * columns * ld1 * 8.0 + w->examples * columns * 12.0;
        w->flop[PHASE_UPDATE] += steps * ADAM_FLOP * columns * k1;
        w->bytes[PHASE_UPDATE] += steps * columns * ld1 * ADAM_BYTES;
    }
    add_reduce(w, l, w->examples, ld1);
    w->flop[PHASE_UPDATE] += 2.0 * k0 * w->ratings + steps * ADAM_FLOP * columns * k0;
    w->bytes[PHASE_UPDATE] += rows * ld0 * ADAM_BYTES;
}

static void add_factors(struct cost *w, const struct trainer *l)
{
    const struct problem *p = l->problem;
    double steps = (double)w->steps, k = (double)l->model->spec.latent;
    double ld = (double)row_pad(l->model->spec.latent);
    double share = w->examples / steps / (double)l->scheduler.examples, rows;

    share = share < 1.0 ? share : 1.0;
    rows = steps * (cost_touched(p->train->row_count, p->examples, share) +
                    cost_touched(p->train->column_count, p->columns, share));
    w->flop[PHASE_ENCODE] += 2.0 * k * w->examples;
    w->bytes[PHASE_ENCODE] += 16.0 * ld * w->examples; /* both rows, read and copied */
    w->flop[PHASE_UPDATE] +=
        4.0 * k * w->examples + steps * ADAM_FLOP * (double)params_count(&l->model->params);
    w->bytes[PHASE_UPDATE] += 16.0 * ld * w->examples + rows * ld * ADAM_BYTES;
    w->exchange += 8.0 * ld * w->examples; /* the copies, read by the rows' owners */
}

static bool by_rating(const struct trainer *l)
{
    return model_traits(l->model->spec.kind)->by_rating;
}

static void add_phases(struct cost *w, const struct trainer *l)
{
    if (w->steps <= 0)
        return;
    if (by_rating(l))
        add_factors(w, l);
    else
        add_autoencoder(w, l);
}

void cost_of_steps(struct cost *out, const struct trainer *l, int64_t steps)
{
    const int64_t *count = l->problem->train->row_count;

    *out = (struct cost){.steps = steps};
    for (int64_t i = 0; i < steps; i++) {
        struct batch b = scheduler_batch(&l->scheduler, i);

        out->examples += (double)b.rows;
        for (int64_t p = 0; p < b.rows; p++)
            out->ratings += by_rating(l) ? 1.0 : (double)count[b.example[p]];
    }
    add_phases(out, l);
}

void cost_of_epoch(struct cost *out, const struct trainer *l)
{
    *out = (struct cost){.steps = scheduler_max_steps(&l->scheduler),
                         .examples = (double)l->scheduler.examples,
                         .ratings = (double)l->problem->train->entries};
    add_phases(out, l);
}

double cost_of_evaluation(const struct trainer *l, double examples, double entries, double scores)
{
    const struct param *v = find(l, "encoder.weight"), *o = find(l, "decoder.weight");
    double flop;

    if (by_rating(l))
        return 2.0 * (double)l->model->spec.latent * scores;
    flop = 2.0 * (double)v->cols * entries + 2.0 * (double)o->cols * scores;
    for (int i = 0; i < l->model->params.n; i++) {
        const struct param *q = &l->model->params.param[i];

        if (q->cols && q != v && q != o)
            flop += 2.0 * (double)q->rows * (double)q->cols * examples;
    }
    return flop;
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
