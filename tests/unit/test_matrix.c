#include "support.h"

#include "base/mem.h"
#include "support_problem.h"

static struct team *team_of(int workers)
{
    struct team *t;
    struct error err;

    assert_int_equal(team_new(&t, workers, NULL, BIND_NONE, &err), 0);
    return t;
}

/* Brute force: a dense table of what should be there; 0 is no entry. */
static void check(const struct matrix *m, const double *dense, bool coded)
{
    bool several = false; /* a single value is not stored */

    for (int64_t i = 0; i < m->examples * m->columns; i++)
        several |= dense[i] != 0.0 && (float)dense[i] != m->code_value[0];
    int64_t entries = 0;

    for (int s = 0; s < m->shards; s++) {
        const struct matrix_part *p = &m->part[s];

        assert_true((p->code != NULL) == (coded && several));
        assert_true((p->value != NULL) == !coded);
        assert_int_equal(p->ptr[0], 0);
        for (int64_t e = 0; e < m->examples; e++) {
            int64_t row = matrix_row(m, e), i = p->ptr[row];

            for (int64_t c = m->cut[s].begin; c < m->cut[s].end; c++) /* ascending, and nothing else */
                if (dense[e * m->columns + c] != 0.0) {
                    assert_true(i < p->ptr[row + 1]);
                    assert_int_equal(p->col[i], c - m->cut[s].begin);
                    assert_true((double)matrix_value(m, p, i) == dense[e * m->columns + c]);
                    i++;
                    entries++;
                }
            assert_int_equal(i, p->ptr[row + 1]);
        }
    }
    assert_int_equal(m->entries, entries);
    for (int64_t e = 0; e < m->examples; e++) {
        double squares = 0.0;
        int64_t n = 0;

        for (int64_t c = 0; c < m->columns; c++) {
            squares += dense[e * m->columns + c] * dense[e * m->columns + c];
            n += dense[e * m->columns + c] != 0.0;
        }
        assert_int_equal(m->row_count[e], n);
        assert_close((double)m->row_norm[e], sqrt(squares), 1e-6, 0.0);
    }
    for (int64_t c = 0; c < m->columns; c++) {
        int64_t n = 0;

        for (int64_t e = 0; e < m->examples; e++)
            n += dense[e * m->columns + c] != 0.0;
        assert_int_equal(m->column_count[c], n);
    }
}

static void check_spec(const struct ratings *r, const struct matrix_spec *spec, int shards, int workers,
                       bool coded)
{
    struct team *team = team_of(workers);
    double *dense = mem_zalloc(spec->examples * spec->columns, sizeof *dense);
    int64_t *count = matrix_count_columns(r, spec);
    struct shard cut[80];
    struct matrix *m;
    struct error err;

    for (int64_t i = 0; i < r->n; i++)
        if (!spec->part || spec->part[i] & spec->mask)
            dense[matrix_example_of(r, spec->side)[i] * spec->columns + matrix_column_of(r, spec->side)[i]] =
                spec->binary ? 1.0 : (double)(r->value[i] - spec->shift);
    shard_cut(cut, shards, count, spec->columns, 2.0);
    assert_int_equal(matrix_new(&m, r, spec, cut, shards, team, &err), 0);
    memset(cut, 0xff, sizeof cut); /* copied */
    check(m, dense, coded);
    matrix_free(m);
    mem_free(count);
    mem_free(dense);
    team_free(team);
}

static void matrix_holds_each_rating_in_its_place(void **state)
{
    struct ratings *r = support_ratings(37, 53, 0.2, 3);

    (void)state;
    for (int side = 0; side < 2; side++)
        for (int shards = 1; shards <= 80; shards += shards < 4 ? 1 : 19) {
            struct matrix_spec spec = {
                .side = side, .examples = side ? 37 : 53, .columns = side ? 53 : 37, .shift = 0.25f};

            check_spec(r, &spec, shards, 1 + shards % 3, true);
            spec.binary = true;
            check_spec(r, &spec, shards, 5, true);
        }
    ratings_free(r);
}

static void only_the_parts_asked_for(void **state)
{
    struct ratings *r = support_ratings(20, 30, 0.4, 4);
    uint8_t *part = mem_alloc(r->n, 1);

    (void)state;
    for (int64_t i = 0; i < r->n; i++)
        part[i] = (uint8_t)(i % 7);
    for (int mask = 1; mask < 8; mask++) {
        struct matrix_spec spec = {
            .part = part, .mask = (uint8_t)mask, .side = 1, .examples = 20, .columns = 30};

        check_spec(r, &spec, 4, 2, true);
    }
    mem_free(part);
    ratings_free(r);
}

/* A part of few examples, as validation is, does not pay for the others in every shard. */
static void few_examples_have_few_rows(void **state)
{
    struct ratings *r = support_ratings(40, 30, 0.4, 6);
    uint8_t *part = mem_alloc(r->n, 1);
    struct matrix_spec spec = {.part = part, .mask = 1, .side = 1, .examples = 40, .columns = 30};
    struct team *team = team_of(1);
    struct shard cut[2] = {{0, 15}, {15, 30}};
    struct matrix *m;
    struct error err;

    (void)state;
    for (int every = 1; every < 60; every += 5) {
        int64_t full = 0;

        for (int64_t i = 0; i < r->n; i++)
            part[i] = r->user[i] % every == every / 2;
        check_spec(r, &spec, 4, 3, true);
        assert_int_equal(matrix_new(&m, r, &spec, cut, 2, team, &err), 0);
        for (int64_t e = 0; e < 40; e++)
            full += m->row_count[e] > 0;
        assert_int_equal(m->rows, every == 1 ? 40 : full + 1);
        matrix_free(m);
    }
    team_free(team);
    mem_free(part);
    ratings_free(r);
}

static void more_than_256_values_are_kept_as_floats(void **state)
{
    struct ratings *r = support_ratings(40, 40, 0.5, 5);
    struct matrix_spec spec = {.side = 1, .examples = 40, .columns = 40};

    (void)state;
    for (int64_t i = 0; i < r->n; i++)
        r->value[i] = 0.5f + (float)(i % 256) / 300.0f;
    check_spec(r, &spec, 6, 2, true);
    for (int64_t i = 0; i < r->n; i++)
        r->value[i] = 0.5f + (float)(i % 257) / 300.0f;
    check_spec(r, &spec, 6, 2, false);
    ratings_free(r);
}

static void an_empty_matrix_is_fine(void **state)
{
    struct ratings *r = support_ratings(5, 6, 0.0, 5);
    struct matrix_spec spec = {.side = 1, .examples = 5, .columns = 6};

    (void)state;
    assert_int_equal(r->n, 0);
    check_spec(r, &spec, 3, 2, true);
    matrix_free(NULL);
    ratings_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_holds_each_rating_in_its_place),
        cmocka_unit_test(only_the_parts_asked_for),
        cmocka_unit_test(few_examples_have_few_rows),
        cmocka_unit_test(more_than_256_values_are_kept_as_floats),
        cmocka_unit_test(an_empty_matrix_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
