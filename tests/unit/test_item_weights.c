/* EASE against its definition, in doubles by Gauss-Jordan, where items are inverted and where users are
 * (few ratings); its scores; one answer at any number of workers. */
#include "support.h"
#include "support_world.h"

#include "base/mem.h"
#include "math/spd.h"
#include "model/item_weights.h"

static struct world_spec ease(int items, int64_t most, bool by_users)
{
    struct world_spec s = world_default(MODEL_EASE);

    s.users = by_users ? 200 : 60;
    s.density = by_users ? 0.004 : 0.3;
    s.items = items;
    s.model.l2 = 2.5;
    s.model.input_dropout = 0.4;
    s.model.items_most = most;
    return s;
}

static void train(struct world *w)
{
    struct model_steps s = {.batches = &w->batches, .to = 1, .count = 1, .begin = true, .flush = true};

    w->model->ops->train(w->model, &s);
}

/* The columns that are in B: all, or the most popular ones, ascending. */
static int choose(int *out, const struct world *w)
{
    int64_t columns = w->matrix->columns, most = w->spec.model.items_most;
    int n = 0;

    for (int64_t c = 0; c < columns; c++) {
        int64_t before = 0;

        for (int64_t d = 0; d < columns; d++)
            before += w->matrix->column_count[d] > w->matrix->column_count[c] ||
                      (w->matrix->column_count[d] == w->matrix->column_count[c] && d < c);
        if (!most || before < most)
            out[n++] = (int)c;
    }
    return n;
}

/* a (n, n) becomes its inverse. */
static void invert(double *a, int n)
{
    for (int k = 0; k < n; k++) {
        double pivot = 1.0 / a[k * n + k];

        a[k * n + k] = 1.0;
        for (int j = 0; j < n; j++)
            a[k * n + j] *= pivot;
        for (int i = 0; i < n; i++) {
            double factor = a[i * n + k];

            if (i == k)
                continue;
            a[i * n + k] = 0.0;
            for (int j = 0; j < n; j++)
                a[i * n + j] -= factor * a[k * n + j];
        }
    }
}

/* B (n, n) by the definition, and the loss. */
static double naive(double *b, double *x, const struct world *w, const int *item, int n)
{
    const struct ratings *r = w->ratings;
    const struct model_spec *m = &w->spec.model;
    int users = w->spec.users, place[512];
    double loss = 0.0, *g = calloc((size_t)(n * n), sizeof *g);

    for (int c = 0; c < w->spec.items; c++)
        place[c] = -1;
    for (int k = 0; k < n; k++)
        place[item[k]] = k;
    for (int64_t i = 0; i < r->n; i++)
        if (place[r->item[i]] >= 0)
            x[r->user[i] * n + place[r->item[i]]] = 1.0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int u = 0; u < users; u++)
                g[i * n + j] += x[u * n + i] * x[u * n + j];
    memcpy(b, g, (size_t)(n * n) * sizeof *b);
    for (int i = 0; i < n; i++)
        b[i * n + i] += m->l2 + m->input_dropout / (1.0 - m->input_dropout) * g[i * n + i];
    invert(b, n);
    for (int j = 0; j < n; j++) {
        double p = b[j * n + j];

        for (int i = 0; i < n; i++)
            b[i * n + j] = i == j ? 0.0 : -b[i * n + j] / p;
    }
    for (int j = 0; j < n; j++) {
        for (int u = 0; u < users; u++) {
            double error = x[u * n + j];

            for (int i = 0; i < n; i++)
                error -= x[u * n + i] * b[i * n + j];
            loss += error * error;
        }
        for (int i = 0; i < n; i++)
            loss += (m->l2 + m->input_dropout / (1.0 - m->input_dropout) * g[i * n + i]) * b[i * n + j] *
                    b[i * n + j];
    }
    free(g);
    return loss / users;
}

struct scoring {
    struct world *w;
    struct view *view;
    const int64_t *example;
    float *out;      /* (users, items) */
    struct input in; /* until the scores are there */
};

static void score(struct worker *worker, void *arg)
{
    const struct scoring *s = arg;
    struct model *m = s->w->model;
    int end, first = own_shards(worker, m, &end);

    m->ops->infer(worker, m, &s->in);
    for (int k = first; k < end; k++)
        m->ops->score(worker, m, k, 10, s->out + s->w->matrix->cut[k].begin, s->w->matrix->columns);
}

static void check(int items, int64_t most, bool by_users)
{
    struct world_spec spec = ease(items, most, by_users);
    struct world w;
    struct error err;
    int64_t example[10];
    int item[512], n;
    double *b = calloc((size_t)(items * items), sizeof *b),
           *x = calloc((size_t)(items * spec.users), sizeof *x), loss;
    float *own = calloc((size_t)(items * items), sizeof *own),
          *out = calloc((size_t)(items * 10), sizeof *out);
    struct scoring s = {.w = &w, .example = example, .out = out};

    world_init(&w, &spec);
    train(&w);
    n = choose(item, &w);
    loss = naive(b, x, &w, item, n);
    assert_close(w.model->sums.loss, loss, 1e-9, 0.0);
    assert_int_equal(w.model->params.n, most ? 2 : 1);
    assert_int_equal(w.model->params.param[0].rows, n);
    assert_int_equal(params_held(&w.model->params), (n * n + (most ? n : 0)) * (int64_t)sizeof(float));
    params_keep(&w.model->params, own, false);
    for (int i = 0; i < n * n; i++)
        assert_close((double)own[i], b[i], 1e-6, 1e-7);
    for (int i = 0; most && i < n; i++)
        assert_int_equal((int)own[n * n + i], item[i]);
    assert_int_equal(views_new(&s.view, w.matrix, 10, w.team, &err), 0);
    for (int p = 0; p < 10; p++)
        example[p] = 3 * p + 1; /* user 1 has rated nothing */
    s.in = (struct input){.matrix = w.matrix, .view = s.view, .example = example, .rows = 10};
    team_run(w.team, score, &s);
    for (int p = 0; p < 10; p++) {
        float *row = out + p * items;

        for (int k = 0; k < n; k++) {
            double want = 0.0;

            for (int i = 0; i < n; i++)
                want += x[example[p] * n + i] * b[i * n + k];
            assert_close((double)row[item[k]], want, 1e-5, 1e-6);
            row[item[k]] = 0.0f;
        }
        for (int c = 0; c < items; c++) /* others */
            assert_true(row[c] == 0.0f);
    }
    views_free(s.view, w.matrix->shards);
    world_fini(&w);
    free(b);
    free(x);
    free(own);
    free(out);
}

static void weights_and_scores_are_those_of_the_definition(void **state)
{
    (void)state;
    check(41, 0, false);
    check(300, 0, false);
    check(300, 0, true);
    check(300, 250, true);
}

static void only_popular_items_have_weights(void **state)
{
    (void)state;
    check(41, 1, false);
    check(41, 17, false);
    check(300, 200, false);
}

static void workers_change_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        char first[33], other[33];

        for (int workers = 1; workers < 6; workers++) {
            struct world_spec s = ease(400, kind % 2 ? 330 : 0, kind > 1);
            struct world w;
            struct error err;

            s.workers = workers;
            world_init(&w, &s);
            train(&w);
            assert_int_equal(params_hash(&w.model->params, workers == 1 ? first : other, &err), 0);
            if (workers > 1)
                assert_string_equal(first, other);
            world_fini(&w);
        }
    }
}

/* The second solver takes the counts that the first one left, whatever the penalty, and counts anew where
 * the entries are others. */
static void counts_are_shared_between_penalties(void **state)
{
    struct item_counts counts = {0};
    char alone[33], shared[33], of[33] = "";

    (void)state;
    for (int k = 0; k < 4; k++) { /* the last one has other items */
        struct world_spec s = ease(400, k == 3 ? 330 : 0, false);
        struct world w;
        struct error err;

        s.model.l2 = 0.7 + k;
        for (int with = 0; with < 2; with++) {
            s.model.counts = with ? &counts : NULL;
            world_init(&w, &s);
            train(&w);
            assert_int_equal(params_hash(&w.model->params, with ? shared : alone, &err), 0);
            world_fini(&w);
        }
        assert_string_equal(shared, alone);
        assert_int_equal(k > 0 && strcmp(of, counts.hash) == 0, k == 1 || k == 2);
        memcpy(of, counts.hash, sizeof of);
    }
    counts.count[SPD_TILE_SIZE + 1] += 5; /* a pair's: it must be seen in the weights */
    {
        struct world_spec s = ease(400, 330, false);
        struct world w;
        struct error err;

        s.model.l2 = 3.7;
        s.model.counts = &counts;
        world_init(&w, &s);
        train(&w);
        assert_int_equal(params_hash(&w.model->params, shared, &err), 0);
        assert_string_not_equal(shared, alone);
        world_fini(&w);
    }
    item_counts_fini(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_and_scores_are_those_of_the_definition),
        cmocka_unit_test(only_popular_items_have_weights),
        cmocka_unit_test(workers_change_nothing),
        cmocka_unit_test(counts_are_shared_between_penalties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
