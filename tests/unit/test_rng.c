#include "base/rng.h"
#include "support.h"

/* The known answers of Random123 for philox4x32-10. Counter words 0 to 3 are group, position, step's low
 * half, and step's high 24 bits above the purpose; key words 0 and 1 are seed's low and high half. */
static void known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t *c = cases[i].counter, *k = cases[i].key;
        struct rng4 r = rng_philox((uint64_t)k[1] << 32 | k[0], (enum rng_purpose)(c[3] & 0xFF),
                                   (uint64_t)(c[3] >> 8) << 32 | c[2], c[1], c[0]);

        for (int w = 0; w < 4; w++)
            assert_int_equal(r.word[w], cases[i].answer[w]);
    }
}

/* No two of them may share a counter and key. */
static void every_argument_counts(void **state)
{
    struct rng4 r[9] = {
        rng_philox(1, RNG_INIT, 2, 3, 4),
        rng_philox(1 + (1ull << 32), RNG_INIT, 2, 3, 4),
        rng_philox(1, RNG_SHUFFLE, 2, 3, 4),
        rng_philox(1, RNG_INIT, 3, 3, 4),
        rng_philox(1, RNG_INIT, 2, 4, 4),
        rng_philox(1, RNG_INIT, 2, 3, 5),
        rng_philox(2, RNG_INIT, 2, 3, 4),
        rng_philox(1, RNG_INIT, 2 + (1ull << 32), 3, 4),
        rng_philox(1, RNG_INIT, 2 + (1ull << 55), 3, 4),
    };

    (void)state;
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(&r[i], &r[j], sizeof *r);
}

static void a_stream_is_the_groups_in_order(void **state)
{
    struct rng_stream s = rng_stream(5, RNG_TEST, 6, 7);

    (void)state;
    for (uint32_t group = 0; group < 100; group++) {
        struct rng4 r = rng_philox(5, RNG_TEST, 6, 7, group);

        for (int w = 0; w < 4; w++)
            assert_int_equal(rng_next(&s), r.word[w]);
    }
}

static void a_stream_outlives_its_group_counter(void **state)
{
    struct rng_stream s = rng_stream(5, RNG_TEST, 6, 7);
    struct rng4 last = rng_philox(5, RNG_TEST, 6, 7, UINT32_MAX),
                next = rng_philox(5, RNG_TEST, 6, 0x80000007u, 0);

    (void)state;
    s.group = UINT32_MAX;
    for (int w = 0; w < 4; w++)
        assert_int_equal(rng_next(&s), last.word[w]);
    for (int w = 0; w < 4; w++)
        assert_int_equal(rng_next(&s), next.word[w]);
}

static void units_stay_in_their_interval(void **state)
{
    struct rng_stream s = rng_stream(1, RNG_TEST, 0, 0);
    double sum = 0, squares = 0;
    const int n = 200000;

    (void)state;
    assert_true(rng_unit(0) == 0.0f && rng_unit(UINT32_MAX) < 1.0f);
    assert_true(rng_unit_open(0) > 0.0f && rng_unit_open(UINT32_MAX) == 1.0f);
    for (int i = 0; i < n; i++) {
        double u = rng_next_unit(&s);

        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    assert_close(sum / n, .5, 0, 5 * .2887 / sqrt(n));
    assert_close(squares / n, 1. / 3, 0, 5 * .2981 / sqrt(n));
}

static void below_is_below_and_even(void **state)
{
    static const uint64_t limits[] = {1, 2, 3, 7, 1000, 1ull << 32, (1ull << 63) + 1, UINT64_MAX};
    struct rng_stream s = rng_stream(2, RNG_TEST, 0, 0);
    int counts[7] = {0}, third = 0;
    const int n = 70000;
    double chi2 = 0;

    (void)state;
    assert_int_equal(rng_below(UINT32_MAX, 10), 9);
    assert_int_equal(rng_below(0, 10), 0);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (int k = 0; k < 200; k++)
            assert_true(rng_next_below(&s, limits[i]) < limits[i]);
    for (int k = 0; k < n; k++)
        counts[rng_next_below(&s, 7)]++;
    for (int i = 0; i < 7; i++)
        chi2 += (counts[i] - n / 7.) * (counts[i] - n / 7.) / (n / 7.);
    assert_true(chi2 < 27.9); /* six degrees of freedom: .0001 */
    /* n = 3 * 2^62: a plain modulo would give the lowest third twice its share. */
    for (int k = 0; k < n; k++)
        third += rng_next_below(&s, 3ull << 62) < 1ull << 62;
    assert_close((double)third / n, 1. / 3, 0, 5 * .4714 / sqrt(n));
}

static void normals_have_their_moments(void **state)
{
    struct rng_stream s = rng_stream(3, RNG_TEST, 0, 0);
    double m[4] = {0}, cross = 0;
    const int n = 100000;

    (void)state;
    for (int i = 0; i < n; i++) {
        double z[2];
        uint32_t a = rng_next(&s), b = rng_next(&s);

        rng_normal2(a, b, z);
        cross += z[0] * z[1];
        for (int k = 0; k < 2; k++) {
            double power = 1;

            assert_true(isfinite(z[k]));
            for (int p = 0; p < 4; p++)
                m[p] += power *= z[k];
        }
    }
    assert_close(m[0] / (2 * n), 0, 0, 5 / sqrt(2 * n));
    assert_close(m[1] / (2 * n), 1, 0, 5 * sqrt(2. / (2 * n)));
    assert_close(m[2] / (2 * n), 0, 0, 5 * sqrt(15. / (2 * n)));
    assert_close(m[3] / (2 * n), 3, 0, 5 * sqrt(96. / (2 * n)));
    assert_close(cross / n, 0, 0, 5 / sqrt(n));
}

static void a_permutation_has_everything_once(void **state)
{
    static const int64_t sizes[] = {0, 1, 2, 10, 1000, 100003};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t n = sizes[i], *order = calloc((size_t)n + 1, sizeof *order),
                *again = calloc((size_t)n + 1, sizeof *order);
        bool *seen = calloc((size_t)n + 1, sizeof *seen);
        struct rng_stream s = rng_stream(4, RNG_SHUFFLE, 1, 0);

        order[n] = again[n] = -77;
        rng_permutation(&s, n, order);
        for (int64_t k = 0; k < n; k++) {
            assert_true(order[k] >= 0 && order[k] < n && !seen[order[k]]);
            seen[order[k]] = true;
        }
        assert_int_equal(order[n], -77);
        s = rng_stream(4, RNG_SHUFFLE, 1, 0);
        rng_permutation(&s, n, again);
        assert_memory_equal(order, again, (size_t)n * sizeof *order);
        if (n > 100) {
            s = rng_stream(4, RNG_SHUFFLE, 2, 0);
            rng_permutation(&s, n, again);
            assert_memory_not_equal(order, again, (size_t)n * sizeof *order);
        }
        free(order);
        free(again);
        free(seen);
    }
}

/* All 24 orders of four things come equally often. */
static void permutations_are_even(void **state)
{
    struct rng_stream s = rng_stream(6, RNG_SHUFFLE, 0, 0);
    int counts[256] = {0}, kinds = 0;
    const int n = 48000;
    double chi2 = 0;

    (void)state;
    for (int i = 0; i < n; i++) {
        int64_t o[4];

        rng_permutation(&s, 4, o);
        counts[o[0] | o[1] << 2 | o[2] << 4 | o[3] << 6]++;
    }
    for (int i = 0; i < 256; i++)
        if (counts[i]) {
            kinds++;
            chi2 += (counts[i] - n / 24.) * (counts[i] - n / 24.) / (n / 24.);
        }
    assert_int_equal(kinds, 24);
    assert_true(chi2 < 56.5); /* 23 degrees of freedom: .0001 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(every_argument_counts),
        cmocka_unit_test(a_stream_is_the_groups_in_order),
        cmocka_unit_test(a_stream_outlives_its_group_counter),
        cmocka_unit_test(units_stay_in_their_interval),
        cmocka_unit_test(below_is_below_and_even),
        cmocka_unit_test(normals_have_their_moments),
        cmocka_unit_test(a_permutation_has_everything_once),
        cmocka_unit_test(permutations_are_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
