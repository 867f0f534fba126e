/* Two shrunken means: a plain twin in doubles, the choice of the shrinkage, and what histories give. */
#include "support.h"
#include "support_problem.h"

#include "base/mem.h"
#include "data/biases.h"
#include "data/split.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { U = 23, I = 17 };

static struct idtable *ids(int n)
{
    struct idtable *t = idtable_new();

    for (int i = 0; i < n; i++) {
        char name[16];

        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(idtable_put(t, name, strlen(name)), i);
    }
    return t;
}

static struct ratings *make_ratings(double density, uint64_t seed)
{
    struct ratings *r = support_ratings(U, I, density, seed);

    r->users = ids(U);
    r->items = ids(I);
    return r;
}

/* By the definition, columns (side 1: items) first. */
static void twin(const struct ratings *r, const uint8_t *part, double mean, int side, double user,
                 double item, double *bu, double *bi)
{
    for (int u = 0; u < U; u++)
        bu[u] = 0.0;
    for (int i = 0; i < I; i++)
        bi[i] = 0.0;
    for (int half = 0; half < 2 * BIASES_ROUNDS; half++) {
        bool of_items = (half % 2 == 0) == (side == 1);
        double sum[U + I] = {0}, n[U + I] = {0};

        for (int64_t k = 0; k < r->n; k++)
            if (part[k] & PART_TRAIN) {
                int row = of_items ? r->item[k] : r->user[k];

                sum[row] += (double)r->value[k] - mean - (of_items ? bu[r->user[k]] : bi[r->item[k]]);
                n[row] += 1.0;
            }
        for (int row = 0; row < (of_items ? I : U); row++)
            (of_items ? bi : bu)[row] = sum[row] / (n[row] + (of_items ? item : user));
    }
}

/* Training, and every fourth rating to validate on; nothing of user 5 or item 3 trains. */
static void split(const struct ratings *r, uint8_t *part, double *mean)
{
    double sum = 0.0, n = 0.0;

    for (int64_t k = 0; k < r->n; k++) {
        bool out = k % 4 == 0;

        part[k] = out ? PART_VALID_OUT : PART_TRAIN | PART_VALID_IN | PART_TEST_IN;
        if (!out && (r->user[k] == 5 || r->item[k] == 3))
            part[k] = r->user[k] == 5 ? PART_VALID_IN : 0;
        if (part[k] & PART_TRAIN) {
            sum += (double)r->value[k];
            n += 1.0;
        }
    }
    *mean = sum / n;
}

static double history(const struct ratings *r, const uint8_t *part, double mean, int user, const double *bi,
                      double shrink)
{
    double sum = 0.0, n = 0.0;

    for (int64_t k = 0; k < r->n; k++)
        if (r->user[k] == user && (part[k] & PART_VALID_IN)) {
            sum += (double)r->value[k] - mean - bi[r->item[k]];
            n += 1.0;
        }
    return sum / (n + shrink);
}

static void biases_are_those_of_the_definition(void **state)
{
    struct ratings *r = make_ratings(0.5, 3);
    uint8_t *part = mem_alloc(r->n, 1);
    struct team *team;
    struct error err;

    (void)state;
    assert_int_equal(team_new(&team, 2, NULL, BIND_NONE, &err), 0);
    for (int side = 0; side < 2; side++) {
        struct biases b = {.user_shrink = 7.0, .item_shrink = 2.0};
        double bu[U], bi[I];

        split(r, part, &b.mean);
        assert_int_equal(biases_fit(&b, r, part, side, team, &err), 0);
        twin(r, part, b.mean, side, 7.0, 2.0, bu, bi);
        for (int i = 0; i < I; i++)
            if (i != 3 || side == 1) /* item 3 as an example would have a history */
                assert_close((double)(side ? b.column : b.example)[i], bi[i], 1e-6, 1e-6);
        for (int u = 0; u < U; u++)
            if (u != 5)
                assert_close((double)(side ? b.example : b.column)[u], bu[u], 1e-6, 1e-6);
        if (side) { /* user 5 did not train, and is known by what goes in */
            assert_close((double)b.example[5], history(r, part, b.mean, 5, bi, 7.0), 1e-6, 1e-6);
            assert_true(fabs((double)b.example[5]) > 0.01);
        }
        biases_fini(&b);
    }
    team_free(team);
    mem_free(part);
    ratings_free(r);
}

/* The best pair on validation, the same at any number of workers; without validation 10 and 5. */
static void shrinkages_are_chosen_on_validation(void **state)
{
    static const double users[] = {3, 5, 10, 20}, items[] = {1, 3, 5, 10, 20};
    struct ratings *r = make_ratings(0.5, 8);
    uint8_t *part = mem_alloc(r->n, 1);
    double mean, best = INFINITY, user = 0.0, item = 0.0;
    struct error err;

    (void)state;
    split(r, part, &mean);
    for (int64_t k = 0; k < r->n; k++)
        if (part[k] == PART_VALID_IN) /* no histories: the twin knows none */
            part[k] = 0;
    for (int a = 0; a < 4; a++)
        for (int c = 0; c < 5; c++) {
            double bu[U], bi[I], sum = 0.0;

            twin(r, part, mean, 1, users[a], items[c], bu, bi);
            for (int64_t k = 0; k < r->n; k++)
                if (part[k] & PART_VALID_OUT)
                    sum += pow((double)r->value[k] - mean - bu[r->user[k]] - bi[r->item[k]], 2.0);
            if (sum < best) {
                best = sum;
                user = users[a];
                item = items[c];
            }
        }
    for (int workers = 1; workers < 4; workers++) {
        struct biases b = {.mean = mean};
        struct team *team;

        assert_int_equal(team_new(&team, workers, NULL, BIND_NONE, &err), 0);
        assert_int_equal(biases_fit(&b, r, part, 1, team, &err), 0);
        assert_true(b.user_shrink == user && b.item_shrink == item);
        biases_fini(&b);
        b = (struct biases){.mean = mean};
        for (int64_t k = 0; k < r->n && workers == 3; k++)
            part[k] &= (uint8_t)~PART_VALID_OUT;
        if (workers == 3) {
            assert_int_equal(biases_fit(&b, r, part, 1, team, &err), 0);
            assert_true(b.user_shrink == 10.0 && b.item_shrink == 5.0);
            biases_fini(&b);
        }
        team_free(team);
    }
    mem_free(part);
    ratings_free(r);
}

/* Known examples keep theirs; the others get what a fit gives. */
static void histories_give_the_bits_of_a_fit(void **state)
{
    struct ratings *r = make_ratings(0.4, 5);
    uint8_t *part = mem_alloc(r->n, 1), known[U] = {[2] = 1};
    struct biases b = {.user_shrink = 5.0, .item_shrink = 3.0};
    float before[U];
    struct team *team;
    struct error err;

    (void)state;
    assert_int_equal(team_new(&team, 1, NULL, BIND_NONE, &err), 0);
    split(r, part, &b.mean);
    assert_int_equal(biases_fit(&b, r, part, 1, team, &err), 0);
    for (int u = 0; u < U; u++) {
        before[u] = b.example[u];
        b.example[u] = 99.0f;
    }
    assert_int_equal(biases_of_histories(&b, r, part, 1, known, &err), 0);
    for (int u = 0; u < U; u++)
        assert_true(b.example[u] == (u == 2 ? 99.0f : before[u]));
    biases_fini(&b);
    team_free(team);
    mem_free(part);
    ratings_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(biases_are_those_of_the_definition),
        cmocka_unit_test(shrinkages_are_chosen_on_validation),
        cmocka_unit_test(histories_give_the_bits_of_a_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
