/* ease.c - EASE and EDLAE as a model: an epoch is one step, the closed form of item_weights.h; and as a
 * companion of other models. */
#include "model/item_weights.h"

#include <math.h>

struct ease {
    struct model model; /* first: a model is an ease */
    struct item_weights weights;
    struct item_solver *solver; /* owned; NULL where the model is fixed */
};

static struct ease *ease_of(struct model *m)
{
    return (struct ease *)m;
}

static int ease_init(struct model *m, struct error *err)
{
    struct ease *a = ease_of(m);

    TRY(item_weights_init(&a->weights, m, m->spec.items_most, err));
    item_weights_list(&a->weights, &m->params);
    return m->spec.fixed ? 0 : item_solver_new(&a->solver, &a->weights, err);
}

/* Zeros, which table_init has left. */
static void ease_draw(struct model *m)
{
    (void)m;
}

static void ease_fini(struct model *m)
{
    item_solver_free(ease_of(m)->solver);
    item_weights_fini(&ease_of(m)->weights);
}

static void ease_train(struct model *m, const struct model_steps *s)
{
    if (s->from >= s->to)
        return;
    m->sums.loss += item_weights_solve(ease_of(m)->solver, m->spec.l2, m->spec.input_dropout);
    m->sums.steps++;
}

static void ease_infer(struct worker *w, struct model *m, const struct input *in)
{
    int end, first = own_shards(w, m, &end);

    team_barrier(w); /* the views of the block before have been read, by other workers too */
    for (int s = first; s < end; s++)
        view_build(&in->view[s], in->matrix, s, in->example, in->rows, NULL, false);
    item_weights_infer(w, &ease_of(m)->weights, in);
    team_barrier(w);
}

static void ease_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    (void)w;
    for (int64_t p = 0; p < rows; p++)
        for (int64_t c = 0; c < shard_width(&m->eng.train->cut[shard]); c++)
            out[p * ld + c] = 0.0f;
    item_weights_add(&ease_of(m)->weights, shard, rows, 1.0f, out, ld);
}

const struct model_ops ease_ops = {
    .size = sizeof(struct ease),
    .init = ease_init,
    .draw = ease_draw,
    .fini = ease_fini,
    .train = ease_train,
    .infer = ease_infer,
    .score = ease_score,
};

/* ---- beside another model ---- */

int companion_init(struct companion *c, struct model *m, struct error *err)
{
    TRY(item_weights_init(&c->weights, m, m->spec.items_most, err));
    return vector_init(&c->scale, "ease.scale", 1, false, err);
}

void companion_fini(struct companion *c)
{
    item_weights_fini(&c->weights);
    vector_fini(&c->scale);
}

void companion_list(struct companion *c, struct model *m, bool listed)
{
    if (listed == c->listed)
        return;
    if (listed) {
        item_weights_list(&c->weights, &m->params);
        params_add_vector(&m->params, &c->scale);
    } else {
        m->params.n -= c->weights.column ? 3 : 2;
    }
    c->listed = listed;
}

int companion_solve(struct companion *c, double l2, double dropout, struct error *err)
{
    scoped(item_solver_free) struct item_solver *s = NULL;

    TRY(item_solver_new(&s, &c->weights, err));
    return isfinite(item_weights_solve(s, l2, dropout))
               ? 0
               : error_set(err, PT_EDIVERGED,
                           "model.ease_l2 (%g) is too small for an inverse in float64; set it to 1 or more",
                           l2);
}
