#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "batch/batch.h"
#include "support_problem.h"

#define USERS 37
#define ITEMS 53

/* Value of (example, column), 0 where there is none; users are examples. */
static float value_of(const struct ratings *r, int64_t example, int64_t column)
{
    for (int64_t i = 0; i < r->n; i++)
        if (r->user[i] == example && r->item[i] == column)
            return r->value[i];
    return 0.0f;
}

static double input_of(const struct ratings *r, const struct view_input *in, int64_t p, int64_t example,
                       int64_t column)
{
    double x = (double)value_of(r, example, column), norm = 0.0;

    if (in->normalize) {
        for (int64_t c = 0; c < ITEMS; c++)
            norm += pow((double)value_of(r, example, c), 2.0);
        x /= sqrt(norm);
    }
    if (in->dropout > 0.0f) {
        struct rng4 w = rng_philox(in->seed, RNG_INPUT_DROPOUT, in->step, (uint32_t)p, (uint32_t)column / 4);

        x = (double)w.word[column % 4] < (double)in->dropout * 4294967296.0 ? 0.0
                                                                            : x / (1.0 - (double)in->dropout);
    }
    return x;
}

static void check_rows(const struct view *v, const struct ratings *r, const struct shard *cut,
                       const int64_t *example, int64_t rows, const struct view_input *in)
{
    int64_t i = 0;

    assert_int_equal(v->rows, rows);
    for (int64_t p = 0; p < rows; p++) {
        assert_int_equal(v->row[p], i);
        for (int64_t c = cut->begin; c < cut->end; c++) {
            float want = value_of(r, example[p], c);

            if (want == 0.0f)
                continue;
            assert_int_equal(v->col[i], c - cut->begin);
            assert_true(v->target[i] == want);
            i++;
        }
    }
    assert_int_equal(v->row[rows], i);
    assert_int_equal(v->entries, i);
    i = 0;
    for (int64_t p = 0; p < rows; p++) {
        assert_int_equal(v->input_row[p], i);
        for (int64_t c = cut->begin; c < cut->end; c++) {
            double x = input_of(r, in, p, example[p], c);

            if (value_of(r, example[p], c) == 0.0f || (x == 0.0 && !in->zeros))
                continue;
            assert_int_equal(v->input_col[i], c - cut->begin);
            assert_close((double)v->x[i], x, 1e-6, 0.0);
            i++;
        }
    }
    assert_int_equal(v->input_row[rows], i);
    assert_true(v->entries <= v->room_entries);
}

static void check_columns(const struct view *v, bool all)
{
    int64_t seen = 0;

    for (int64_t a = 0; a < v->columns; a++) {
        assert_true(a == 0 || v->active[a] > v->active[a - 1]);
        assert_true(v->start[a + 1] > v->start[a]);
        for (int64_t i = v->start[a]; i < v->start[a + 1]; i++, seen++) {
            int64_t at = v->at[i], p = v->pos[i];

            assert_true(i == v->start[a] || p > v->pos[i - 1]); /* by batch position */
            assert_int_equal(v->input_col[at], v->active[a]);
            assert_true(at >= v->input_row[p] && at < v->input_row[p + 1]);
            assert_true(v->x_by_column[i] == v->x[at]);
            assert_true(!all || v->target_by_column[i] == v->target[at]);
        }
    }
    assert_int_equal(seen, v->input_row[v->rows]);
    assert_true(!all || seen == v->entries);
}

static void view_is_the_batch_in_both_orders(void **state)
{
    struct view_input inputs[] = {{0},
                                  {.normalize = true},
                                  {.normalize = true, .dropout = 0.5f, .seed = 9, .step = 77},
                                  {.dropout = 0.2f},
                                  {.dropout = 0.4f, .zeros = true, .seed = 2}};
    enum { INPUTS = sizeof inputs / sizeof *inputs };
    struct ratings *r = support_ratings(USERS, ITEMS, 0.25, 3);
    struct rng_stream s = rng_stream(2, RNG_TEST, 1, 0);
    struct team *team;
    struct error err;
    struct matrix *m;

    (void)state;
    assert_int_equal(team_new(&team, 1, NULL, BIND_NONE, &err), 0);
    m = support_matrix(r, USERS, ITEMS, 1, false, 7, team);
    for (int i = 0; i < INPUTS; i++)
        assert_int_equal(kernels_pick(&inputs[i].kern, "auto", &err), 0);
    for (int shard = 0; shard < 7; shard++) {
        struct view v;

        assert_int_equal(view_init(&v, m, shard, 20, &err), 0);
        for (int round = 0; round < 15; round++) {
            int64_t example[20], rows = round % 3 ? 20 : (int64_t)rng_next_below(&s, 21);

            for (int64_t p = 0; p < rows; p++) /* no example more than twice */
                example[p] = p < 10 ? (round * 5 + p) % USERS : (round * 5 + p - 10) % USERS;
            view_build(&v, m, shard, example, rows, &inputs[round % INPUTS], true);
            check_rows(&v, r, &m->cut[shard], example, rows, &inputs[round % INPUTS]);
            check_columns(&v, round % INPUTS != 2 && round % INPUTS != 3);
            view_build(&v, m, shard, example, rows, &inputs[round % INPUTS], false);
            check_rows(&v, r, &m->cut[shard], example, rows, &inputs[round % INPUTS]);
        }
        view_fini(&v);
        view_fini(&v);
    }
    matrix_free(m);
    team_free(team);
    ratings_free(r);
}

/* The room is enough for the longest examples, each twice. */
static void room_is_enough_for_the_longest_examples(void **state)
{
    struct ratings *r = support_ratings(USERS, ITEMS, 0.25, 6);
    struct team *team;
    struct error err;
    struct matrix *m;

    (void)state;
    assert_int_equal(team_new(&team, 1, NULL, BIND_NONE, &err), 0);
    m = support_matrix(r, USERS, ITEMS, 1, false, 3, team);
    for (int shard = 0; shard < 3; shard++)
        for (int64_t rows = 0; rows <= 2 * USERS; rows += 3) {
            int64_t length[USERS], most = 0;
            struct view v;

            for (int64_t e = 0; e < USERS; e++) {
                length[e] = (int64_t)m->part[shard].ptr[e + 1] - m->part[shard].ptr[e];
                for (int64_t j = e; j > 0 && length[j] > length[j - 1]; j--) {
                    int64_t t = length[j];

                    length[j] = length[j - 1];
                    length[j - 1] = t;
                }
            }
            for (int64_t p = 0; p < rows; p++)
                most += length[p / 2];
            assert_int_equal(view_init(&v, m, shard, rows, &err), 0);
            assert_int_equal(v.room_entries, most);
            view_fini(&v);
        }
    matrix_free(m);
    team_free(team);
    ratings_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_is_the_batch_in_both_orders),
        cmocka_unit_test(room_is_enough_for_the_longest_examples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
