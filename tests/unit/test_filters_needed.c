/* Which filters ratings need, found by several workers: the same as by one. */
#include "support.h"

#include "base/mem.h"
#include "data/filter.h"

enum { MANY = 300000, ITEMS = 20000, EACH = 90 }; /* enough for a team */

/* Users of EACH ratings in a row, no pair twice, rows in order of first appearance; some names are long. */
static struct ratings *make(int64_t n)
{
    static const float odd[] = {-0.0f, 0.0f, 1e-40f, 0.25f, 63.0f, 63.5f, 1e9f, -3.0f, 3.3f};
    struct ratings *r = mem_zalloc(1, sizeof *r);
    char *name = malloc(100001);
    int64_t users = (n + EACH - 1) / EACH, items = 0;

    assert_non_null(r);
    assert_non_null(name);
    memset(name, 'n', 100000);
    r->n = n;
    r->user = mem_alloc(n, sizeof *r->user);
    r->item = mem_alloc(n, sizeof *r->item);
    r->value = mem_alloc(n, sizeof *r->value);
    r->given = mem_alloc(n, 1);
    r->users = idtable_new();
    r->items = idtable_new();
    for (int64_t k = 0; k < n; k++) {
        int64_t item = rand() % 4 == 0 ? rand() % ITEMS : k % EACH * 7 + rand() % 7;

        if (item >= items)
            item = items < ITEMS ? items++ : item % ITEMS;
        for (int64_t j = k - k % EACH; j < k; j++)
            if (r->item[j] == item) {
                item = items < ITEMS ? items++ : (item + 1) % ITEMS;
                j = k - k % EACH - 1; /* from the start with another one */
            }
        r->user[k] = (int32_t)(k / EACH);
        r->item[k] = (int32_t)item;
        r->value[k] =
            rand() % 50 ? (float)(rand() % 11) / 2 : odd[(size_t)rand() % (sizeof odd / sizeof *odd)];
        r->given[k] = k < n / 2 ? GIVEN_TRAIN : GIVEN_TEST;
    }
    for (int side = 0; side < 2; side++)
        for (int64_t row = 0; row < (side ? items : users); row++) {
            int length = sprintf(name, "%d", (int)row);

            name[length] = 'n';
            idtable_put(side ? r->items : r->users, name,
                        row == 777        ? 100000
                        : row % 3000 < 40 ? 3000
                                          : (size_t)length);
        }
    free(name);
    return r;
}

static struct filters_needed look_at(const struct ratings *r, int workers)
{
    struct filters_needed look;

    filters_needed_find(&look, r, workers);
    return look;
}

static void the_look_sees_what_there_is_to_do(void **state)
{
    struct ratings *r;
    int32_t kept;

    (void)state;
    srand(29);
    r = make(MANY);
    for (int workers = 2; workers <= 5; workers++) {
        struct filters_needed look = look_at(r, workers);
        int64_t end = MANY - MANY % EACH - 1; /* the last rating of a user */

        assert_true(look.pairs_once);
        assert_true(look.in_order);
        assert_true(look.low == -3.0f);
        assert_true(look.high == 1e9f);
        for (int part = 0; part < 7; part++) { /* wherever a range ends */
            int64_t last = end - part * (MANY / 7 / EACH * EACH);

            kept = r->item[last];
            r->item[last] = r->item[last - EACH + 1];
            look = look_at(r, workers);
            assert_false(look.pairs_once);
            r->item[last] = kept;
            kept = r->user[last];
            r->user[last] = 0; /* not together any more */
            look = look_at(r, workers);
            assert_false(look.pairs_once);
            r->user[last] = kept;
        }
        idtable_put(r->users, "nobody", 6); /* without a rating */
        idtable_put(r->users, "no one", 6);
        assert_true(look_at(r, workers).pairs_once);
        assert_false(look_at(r, workers).in_order);
        for (int64_t at = 3 * EACH; at < MANY; at += MANY / 9 / EACH * EACH) {
            kept = r->user[at];
            r->user[at] = 0; /* the first user again, in this range and in others */
            assert_false(look_at(r, workers).pairs_once);
            r->user[at] = kept;
        }
        idtable_put(r->items, workers % 2 ? "one" : "two", 3);
        assert_false(look_at(r, workers).in_order);
        ratings_free(r);
        srand(29);
        r = make(MANY);
    }
    kept = r->item[0];
    r->item[0] = r->item[1];
    r->item[1] = kept;
    assert_false(look_at(r, 3).in_order);
    r->item[1] = r->item[0];
    r->item[0] = kept;
    r->user[0] = (int32_t)(idtable_count(r->users) - 1);
    assert_false(look_at(r, 3).in_order);
    assert_false(look_at(r, 1).in_order); /* a single worker does not look */
    ratings_free(r);
}

/* Values as small as these are zero to a team's workers. */
static void the_look_tells_denormal_values_apart(void **state)
{
    struct ratings *r = make(MANY);

    (void)state;
    for (int64_t k = 0; k < r->n; k++)
        r->value[k] = k % 2 ? 2e-40f : 1e-40f;
    assert_memory_equal(&(float){look_at(r, 2).low}, &(float){1e-40f}, sizeof(float));
    assert_memory_equal(&(float){look_at(r, 2).high}, &(float){2e-40f}, sizeof(float));
    ratings_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_look_sees_what_there_is_to_do),
        cmocka_unit_test(the_look_tells_denormal_values_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
