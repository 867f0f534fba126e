/* Alternating least squares (ials) against a naive twin in double, and that it has one answer. */
#include "support.h"

#include "support_world.h"

#include <math.h>

enum { K = 6 };

static struct world_spec problem(void)
{
    struct world_spec s = world_default(MODEL_IALS);

    s.binary = true;
    s.model.latent = K;
    s.model.penalty = 0.02;
    s.model.unobserved_weight = 0.1;
    return s;
}

static void train(struct world *w, int epochs)
{
    for (int e = 0; e < epochs; e++) {
        struct model_steps steps = {&w->batches, 0, 1, 1, true, true};

        w->model->ops->train(w->model, &steps);
    }
}

static float *item(const struct world *w, int64_t row)
{
    const struct param *p = &w->model->params.param[0];
    int64_t at = 0;

    for (int64_t s = 0; s < p->spans; s++) {
        struct span span = p->span(p->owner, s, 0);

        if (row < at + span.count)
            return span.data + (row - at) * span.stride;
        at += span.count;
    }
    return NULL;
}

/* ---- the twin ---- */

/* Each row of `to` from all rows of `from`: a system by Gauss's elimination. */
static void half(const struct world *w, double *to, int64_t rows, const double *from, int64_t others,
                 const double *weight, int64_t row_step, int64_t other_step)
{
    const struct model_spec *s = &w->spec.model;

    for (int64_t r = 0; r < rows; r++) {
        double a[K][K + 1] = {{0}}, n = 0.0;

        for (int64_t o = 0; o < others; o++) {
            double chosen = weight[r * row_step + o * other_step];

            n += chosen;
            for (int i = 0; i < K; i++) {
                for (int j = 0; j < K; j++)
                    a[i][j] += (s->unobserved_weight + chosen) * from[o * K + i] * from[o * K + j];
                a[i][K] += chosen * from[o * K + i];
            }
        }
        for (int i = 0; i < K; i++)
            a[i][i] += s->penalty * (n + s->unobserved_weight * (double)others);
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K; j++) {
                double share = a[j][i] / a[i][i];

                for (int c = i; c <= K && j != i; c++)
                    a[j][c] -= share * a[i][c];
            }
        for (int i = 0; i < K; i++)
            to[r * K + i] = a[i][K] / a[i][i];
    }
}

struct scoring {
    struct world *w;
    struct view *view;
    const int64_t *example;
    float *out;
};

static void score_all(struct worker *worker, void *arg)
{
    const struct scoring *s = arg;
    struct model *m = s->w->model;
    const struct matrix *x = s->w->matrix;
    struct input in = {
        .matrix = x, .view = s->view, .example = s->example, .rows = s->w->spec.model.eval_batch};
    int end, first = own_shards(worker, m, &end);

    m->ops->infer(worker, m, &in);
    for (int k = first; k < end; k++)
        m->ops->score(worker, m, k, in.rows, s->out + x->cut[k].begin, x->columns);
}

static void compare_with_the_twin(enum confidence confidence)
{
    struct world_spec spec = problem();
    struct world w;
    double has[64 * 64] = {0.0};
    double user[64 * K], items[64 * K];
    int64_t example[16];
    float out[16 * 64];
    struct scoring s = {.w = &w, .example = example, .out = out};
    struct error err;

    spec.model.confidence = confidence;
    spec.model.alpha = 0.7;
    spec.binary = confidence == CONFIDENCE_NONE;
    world_init(&w, &spec);
    for (int64_t i = 0; i < w.ratings->n; i++) {
        double v = (double)w.ratings->value[i];

        has[w.ratings->user[i] * spec.items + w.ratings->item[i]] =
            confidence == CONFIDENCE_LINEAR ? 1.0 + 0.7 * v
            : confidence == CONFIDENCE_LOG  ? 1.0 + 0.7 * log(1.0 + v)
                                            : 1.0;
    }
    for (int64_t i = 0; i < spec.items; i++)
        for (int k = 0; k < K; k++)
            items[i * K + k] = (double)item(&w, i)[k];
    for (int epoch = 0; epoch < 3; epoch++) {
        half(&w, user, spec.users, items, spec.items, has, spec.items, 1);
        half(&w, items, spec.items, user, spec.users, has, 1, spec.items);
    }
    train(&w, 3);
    for (int64_t i = 0; i < spec.items; i++)
        for (int k = 0; k < K; k++)
            assert_close((double)item(&w, i)[k], items[i * K + k], 1e-3, 1e-4);

    half(&w, user, spec.users, items, spec.items, has, spec.items, 1);
    for (int i = 0; i < spec.model.eval_batch; i++)
        example[i] = i + 3;
    assert_int_equal(views_new(&s.view, w.matrix, spec.model.eval_batch, w.team, &err), 0);
    team_run(w.team, score_all, &s);
    for (int64_t p = 0; p < spec.model.eval_batch; p++)
        for (int64_t i = 0; i < spec.items; i++) {
            double want = 0.0;

            for (int k = 0; k < K; k++)
                want += user[(p + 3) * K + k] * items[i * K + k];
            assert_close((double)out[p * spec.items + i], want, 1e-3, 1e-3);
        }
    views_free(s.view, w.matrix->shards);
    world_fini(&w);
}

static void follows_the_twin(void **state)
{
    (void)state;
    compare_with_the_twin(CONFIDENCE_NONE);
}

static void values_weigh_pairs(void **state)
{
    (void)state;
    compare_with_the_twin(CONFIDENCE_LINEAR);
    compare_with_the_twin(CONFIDENCE_LOG);
}

static void workers_change_nothing(void **state)
{
    static const int workers[] = {1, 2, 3, 5, 8};
    char one[33], other[33];

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct world_spec spec = problem();
        struct world w;
        struct error err;

        spec.users = 90;
        spec.items = 140;
        spec.shards = 13;
        spec.model.latent = 21;
        spec.workers = workers[i];
        world_init(&w, &spec);
        train(&w, 2);
        assert_null(params_not_finite(&w.model->params));
        assert_int_equal(params_hash(&w.model->params, i ? other : one, &err), 0);
        if (i)
            assert_string_equal(one, other);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_twin),
        cmocka_unit_test(values_weigh_pairs),
        cmocka_unit_test(workers_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
