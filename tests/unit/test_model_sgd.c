/* Matrix factorisation by blocks (train.optimizer: sgd) against a naive twin in double, and that it has one
 * answer. */
#include "support.h"

#include "model/mf_sgd.h"
#include "support_world.h"

#include <math.h>

static struct world_spec problem(bool ranged)
{
    struct world_spec s = world_default(MODEL_MF);

    s.users = 90;
    s.items = 70;
    s.density = 0.2;
    s.shards = 8;
    s.model.sgd = true;
    s.model.penalty = 0.07;
    s.model.penalty_bias = 0.05;
    s.model.latent = 19;
    s.adam.lr = 0.1;
    if (ranged) {
        s.model.range_low = 0.5;
        s.model.range_high = 5.5;
    }
    return s;
}

/* Rounds [from, to) of an epoch, some at a time. */
static void train(struct world *w, int64_t epoch, int64_t from, int64_t to, int64_t piece)
{
    scheduler_epoch(&w->batches, epoch);
    adam_plan_epoch(&w->plan, epoch, scheduler_first_step(&w->batches, epoch));
    for (; from < to; from += piece) {
        int64_t end = from + piece < to ? from + piece : to;
        struct model_steps steps = {&w->batches, from, end, w->batches.steps, true, true};

        w->model->ops->train(w->model, &steps);
    }
}

/* ---- the twin ---- */

struct twin {
    int64_t users, items, k;
    double *p, *q, *bias[2], *start[2], *square[2], *bias_square[2], *penalty[2];
};

static const float *tensor(const struct model *m, const char *name, int64_t row)
{
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = &m->params.param[i];
        int64_t at = 0;

        for (int64_t s = 0; strcmp(p->name, name) == 0 && s < p->spans; s++) {
            struct span span = p->span(p->owner, s, 0);
            int64_t rows = p->cols ? span.count : span.length;

            if (row < at + rows)
                return span.data + (row - at) * (p->cols ? span.stride : 1);
            at += rows;
        }
    }
    fail_msg("no %s", name);
    return NULL;
}

static double *copy_of(const struct model *m, const char *name, int64_t rows, int64_t k)
{
    double *out = ref_array(rows * k);

    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < k; i++)
            out[r * k + i] = (double)tensor(m, name, r)[i];
    return out;
}

static void twin_init(struct twin *t, const struct world *w)
{
    const struct matrix *x = w->matrix;
    const int64_t *count[2] = {x->row_count, x->column_count};

    *t = (struct twin){.users = x->examples, .items = x->columns, .k = w->model->spec.latent};
    t->p = copy_of(w->model, "user.weight", t->users, t->k);
    t->q = copy_of(w->model, "item.weight", t->items, t->k);
    for (int side = 0; side < 2; side++) {
        int64_t rows = side ? t->items : t->users;

        t->bias[side] = copy_of(w->model, side ? "item.bias" : "user.bias", rows, 1);
        t->start[side] = copy_of(w->model, side ? "item.bias" : "user.bias", rows, 1);
        t->square[side] = ref_array(rows);
        t->bias_square[side] = ref_array(rows);
        t->penalty[side] = ref_array(rows);
        for (int64_t i = 0; i < rows; i++) {
            t->square[side][i] = t->bias_square[side][i] = 1.0;
            t->penalty[side][i] = w->model->spec.penalty *
                                  sqrt((double)x->entries / (double)rows / fmax((double)count[side][i], 1.0));
        }
    }
}

static void twin_fini(struct twin *t)
{
    free(t->p);
    free(t->q);
    for (int side = 0; side < 2; side++) {
        free(t->bias[side]);
        free(t->start[side]);
        free(t->square[side]);
        free(t->bias_square[side]);
        free(t->penalty[side]);
    }
}

static double twin_step(struct twin *t, const struct world *w, int64_t u, int64_t c, double r)
{
    const struct model_spec *s = &w->spec.model;
    double *p = t->p + u * t->k, *q = t->q + c * t->k, width = s->range_high - s->range_low;
    double out = t->bias[0][u] + t->bias[1][c], slope = 1.0, e, g, pp = 0.0, qq = 0.0;
    double rp = w->spec.adam.lr / sqrt(t->square[0][u]), rq = w->spec.adam.lr / sqrt(t->square[1][c]);
    int64_t row[2] = {u, c};

    for (int64_t i = 0; i < t->k; i++)
        out += p[i] * q[i];
    if (width > 0.0) {
        double sigmoid = 1.0 / (1.0 + exp(-out));

        out = s->range_low + width * sigmoid;
        slope = width * sigmoid * (1.0 - sigmoid);
    }
    e = out - r;
    for (int64_t i = 0; i < t->k; i++) {
        double gp = e * slope * q[i] + t->penalty[0][u] * p[i],
               gq = e * slope * p[i] + t->penalty[1][c] * q[i];

        pp += gp * gp;
        qq += gq * gq;
        p[i] -= rp * gp;
        q[i] -= rq * gq;
    }
    t->square[0][u] += pp / (double)t->k;
    t->square[1][c] += qq / (double)t->k;
    for (int side = 0; side < 2; side++) {
        double *b = &t->bias[side][row[side]], *square = &t->bias_square[side][row[side]];

        g = e * slope + s->penalty_bias * (*b - t->start[side][row[side]]);
        *b -= w->spec.adam.lr / sqrt(*square) * g;
        *square += g * g;
    }
    return e * e;
}

/* An epoch in the engine's order: round by round, block by block. */
static double twin_epoch(struct twin *t, const struct world *w)
{
    const struct mf_sgd *s = mf_sgd_of(w->model);
    double squares = 0.0;

    for (int64_t round = 0; round < s->p; round++)
        for (int64_t i = 0; i < s->p; i++) {
            int64_t j = (i + round) % s->p;

            for (int64_t n = s->start[i * s->p + j]; n < s->start[i * s->p + j + 1]; n++)
                squares += twin_step(t, w, s->mf.user.t.cut[i].begin + (s->rating[n].at >> s->shift),
                                     s->mf.item.t.cut[j].begin + (s->rating[n].at & ((1 << s->shift) - 1)),
                                     (double)s->rating[n].value);
        }
    return squares;
}

static void follows_the_twin(void **state)
{
    (void)state;
    for (int ranged = 0; ranged < 2; ranged++) {
        struct world_spec spec = problem(ranged);
        struct world w;
        struct twin t;

        world_init(&w, &spec);
        twin_init(&t, &w);
        for (int epoch = 0; epoch < 3; epoch++) {
            double squares = twin_epoch(&t, &w);

            w.model->sums = (struct epoch_sums){0};
            train(&w, epoch, 0, spec.shards, 3);
            assert_close(w.model->sums.squares, squares, 1e-5, 0.0);
            assert_int_equal(w.model->sums.cells, w.ratings->n);
            assert_int_equal(w.model->sums.steps, spec.shards);
        }
        for (int64_t u = 0; u < t.users; u++) {
            assert_close((double)*tensor(w.model, "user.bias", u), t.bias[0][u], 1e-4, 1e-5);
            assert_close((double)*tensor(w.model, "user.mean", u), t.start[0][u], 0.0, 0.0);
            for (int64_t i = 0; i < t.k; i++)
                assert_close((double)tensor(w.model, "user.weight", u)[i], t.p[u * t.k + i], 1e-4, 1e-5);
        }
        for (int64_t c = 0; c < t.items; c++) {
            assert_close((double)*tensor(w.model, "item.bias", c), t.bias[1][c], 1e-4, 1e-5);
            for (int64_t i = 0; i < t.k; i++)
                assert_close((double)tensor(w.model, "item.weight", c)[i], t.q[c * t.k + i], 1e-4, 1e-5);
        }
        twin_fini(&t);
        world_fini(&w);
    }
}

/* ---- blocks and means ---- */

static void every_rating_is_in_its_block_once(void **state)
{
    struct world_spec spec = problem(false);
    struct world w;
    const struct mf_sgd *s;
    double *left = ref_array((int64_t)spec.users * spec.items);

    (void)state;
    world_init(&w, &spec);
    s = mf_sgd_of(w.model);
    assert_int_equal(s->start[s->p * s->p], w.ratings->n);
    for (int64_t i = 0; i < w.ratings->n; i++)
        left[(int64_t)w.ratings->user[i] * spec.items + w.ratings->item[i]] = (double)w.ratings->value[i];
    for (int64_t a = 0; a < s->p; a++)
        for (int64_t b = 0; b < s->p; b++)
            for (int64_t n = s->start[a * s->p + b]; n < s->start[a * s->p + b + 1]; n++) {
                int64_t u = s->mf.user.t.cut[a].begin + (s->rating[n].at >> s->shift);
                int64_t c = s->mf.item.t.cut[b].begin + (s->rating[n].at & ((1 << s->shift) - 1));

                assert_true(u < s->mf.user.t.cut[a].end && c < s->mf.item.t.cut[b].end);
                assert_true(left[u * spec.items + c] == (double)s->rating[n].value);
                left[u * spec.items + c] = 0.0;
            }
    for (int64_t i = 0; i < (int64_t)spec.users * spec.items; i++)
        assert_true(left[i] == 0.0);
    free(left);
    world_fini(&w);
}

/* sum(r - m - b_u) = (n_i + l) b_i with one l for all items at the end of their last half round, and of users
 * likewise: l is what two rows say, and all others must agree. */
static void biases_begin_at_shrunken_means(void **state)
{
    struct world_spec spec = problem(false);
    struct world w;
    double *sum, l = NAN;

    (void)state;
    world_init(&w, &spec);
    sum = ref_array(spec.users);
    for (int64_t i = 0; i < w.ratings->n; i++)
        sum[w.ratings->user[i]] +=
            (double)w.ratings->value[i] - (double)*tensor(w.model, "item.bias", w.ratings->item[i]);
    for (int64_t u = 0; u < spec.users; u++) {
        double b = (double)*tensor(w.model, "user.bias", u), n = (double)w.matrix->row_count[u];

        for (int k = 0; k < spec.model.latent; k++)
            assert_true(tensor(w.model, "user.weight", u)[k] == 0.0f);
        if (n == 0.0 || fabs(b) < 0.05)
            continue;
        if (isnan(l))
            l = sum[u] / b - n;
        assert_true(l > 0.0);
        assert_close(b, sum[u] / (n + l), 1e-4, 1e-5);
    }
    assert_false(isnan(l));
    free(sum);
    world_fini(&w);
}

/* ---- one answer ---- */

static void workers_and_pieces_change_nothing(void **state)
{
    static const int workers[] = {1, 2, 3, 5, 8};

    (void)state;
    for (int ranged = 0; ranged < 2; ranged++) {
        char one[33], other[33];

        for (int i = 0; i < 5; i++) {
            struct world_spec spec = problem(ranged);
            struct world w;
            struct error err;

            spec.workers = workers[i];
            world_init(&w, &spec);
            train(&w, 0, 0, spec.shards, 1 + i);
            train(&w, 1, 0, 5, 2);
            train(&w, 1, 5, spec.shards, 9);
            assert_int_equal(params_hash(&w.model->params, i ? other : one, &err), 0);
            if (i)
                assert_string_equal(one, other);
            world_fini(&w);
        }
    }
}

static void seeds_and_shards_change_the_answer(void **state)
{
    char hash[3][33];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct world_spec spec = problem(false);
        struct world w;
        struct error err;

        spec.model.seed += i == 1;
        spec.shards -= i == 2;
        world_init(&w, &spec);
        train(&w, 0, 0, spec.shards, 100);
        assert_int_equal(params_hash(&w.model->params, hash[i], &err), 0);
        world_fini(&w);
    }
    assert_string_not_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[0], hash[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_twin),
        cmocka_unit_test(every_rating_is_in_its_block_once),
        cmocka_unit_test(biases_begin_at_shrunken_means),
        cmocka_unit_test(workers_and_pieces_change_nothing),
        cmocka_unit_test(seeds_and_shards_change_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
