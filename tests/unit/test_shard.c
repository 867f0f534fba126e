#include "support.h"

#include "base/rng.h"
#include "par/shard.h"

static void the_drawing_in_the_header(void **state)
{
    const int64_t entries[] = {9, 1, 1, 1, 4, 4, 4, 6, 5, 1};
    struct shard cut[3];

    (void)state;
    shard_cut(cut, 3, entries, 10, 0.0);
    assert_int_equal(cut[0].end, 4);
    assert_int_equal(cut[1].begin, 4);
    assert_int_equal(cut[1].end, 7);
    assert_int_equal(cut[2].end, 10);
}

static void heavy_column_gets_a_shard_of_its_own(void **state)
{
    const int64_t entries[] = {90, 1, 1, 1};
    struct shard cut[2];

    (void)state;
    shard_cut(cut, 2, entries, 4, 0.0);
    assert_int_equal(cut[0].end, 1);
    assert_int_equal(cut[1].end, 4);
}

/* Every cut stands within half a column's work of its goal, so a shard's work is even to one column. */
static void cuts_cover_everything_evenly(void **state)
{
    static const double cost[] = {0.0, 1.0, 64.0};
    int64_t entries[300];
    struct rng_stream s = rng_stream(1, RNG_TEST, 0, 0);

    (void)state;
    for (int round = 0; round < 200; round++) {
        int64_t columns = (int64_t)rng_next_below(&s, 301), heaviest = 0;
        int n = 1 + (int)rng_next_below(&s, 70);
        double each = cost[round % 3], total = 0.0;
        struct shard cut[70];

        for (int64_t c = 0; c < columns; c++) {
            entries[c] = (int64_t)rng_next_below(&s, 1 + rng_next_below(&s, 1000));
            heaviest = entries[c] > heaviest ? entries[c] : heaviest;
            total += (double)entries[c] + each;
        }
        shard_cut(cut, n, entries, columns, each);
        assert_int_equal(cut[0].begin, 0);
        assert_int_equal(cut[n - 1].end, columns);
        for (int i = 0; i < n; i++) {
            double work = 0.0;

            assert_true(cut[i].begin <= cut[i].end);
            assert_true(i == 0 || cut[i].begin == cut[i - 1].end);
            for (int64_t c = cut[i].begin; c < cut[i].end; c++)
                work += (double)entries[c] + each;
            assert_true(work <= total / n + (double)heaviest + each + 1e-6);
            for (int64_t c = cut[i].begin; c < cut[i].end; c++)
                assert_int_equal(shard_of(cut, n, c), i);
        }
    }
}

static void number_of_shards_follows_the_problem(void **state)
{
    (void)state;
    for (int dense = 0; dense < 2; dense++)
        for (int64_t columns = 1; columns < 3000000; columns = columns * 3 / 2 + 1)
            for (int64_t ld = 16; ld <= 1024; ld *= 2) {
                int n = shard_count(columns, ld, dense);

                assert_true(n >= 1 && n <= 128);
                assert_int_equal(n & (n - 1), 0);
                assert_true(n == 1 || columns / n >= 4);
                assert_true(n >= 16 || columns / (2 * n) < 4);
                assert_true(n <= shard_count(columns * 2, ld, dense));
            }
    assert_true(shard_count((int64_t)1 << 40, 16, false) >=
                512); /* a column's number in its shard: 32 bits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_drawing_in_the_header),
        cmocka_unit_test(heavy_column_gets_a_shard_of_its_own),
        cmocka_unit_test(cuts_cover_everything_evenly),
        cmocka_unit_test(number_of_shards_follows_the_problem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
