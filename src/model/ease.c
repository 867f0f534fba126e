/* ease.c - EASE and EDLAE as a model: an epoch is one step, the closed form of item_weights.h. */
#include "model/item_weights.h"

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
    int rc = item_weights_init(&a->weights, m, m->spec.items_most, err);

    if (rc < 0)
        return rc;
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
    struct view_input as_it_is = {0};
    int end, first = own_shards(w, m, &end);

    team_barrier(w); /* the views of the block before have been read, by other workers too */
    for (int s = first; s < end; s++)
        view_build(&in->view[s], in->matrix, s, in->example, in->rows, &as_it_is, false);
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
