/* Bootstrap and the paired test: worked examples, a naive twin, the normal theory that large samples
 * obey, and the rates at which intervals and tests are wrong. */
#include "support.h"

#include "base/rng.h"
#include "eval/bootstrap.h"

enum { MOST = 4000, RESAMPLES = 500 };

static const struct bootstrap_spec usual = {.resamples = RESAMPLES, .level = 0.95, .seed = 7};

static void draw_normal(double *x, int n, uint64_t stream)
{
    for (int i = 0; i < n; i++) {
        struct rng4 r = rng_philox(5, RNG_TEST, stream, 0, (uint32_t)i);
        double z[2];

        rng_normal2(r.word[0], r.word[1], z);
        x[i] = z[0];
    }
}

static void mean_and_standard_error_are_those_of_the_formula(void **state)
{
    const double value[] = {1, 2, 3, 6}; /* mean 3; squares 4 + 1 + 0 + 9 = 14 */
    struct bootstrap_figure f;

    (void)state;
    assert_int_equal(bootstrap_figure(&f, value, NULL, 4, &usual, NULL), 0);
    assert_int_equal(f.users, 4);
    assert_close(f.value, 3, 1e-15, 0);
    assert_close(f.standard_error, sqrt(14.0 / 3 / 4), 1e-14, 0);
    assert_true(f.low >= 1 && f.low < 3 && f.high > 3 && f.high <= 6);
}

static void weights_make_a_figure_of_all_ratings(void **state)
{
    /* squared errors 2 of 4 ratings, 9 of 6: MSE 1.1; off by 2 - 4.4 and 9 - 6.6 */
    const double value[] = {2, 9}, weight[] = {4, 6};
    struct bootstrap_figure f;

    (void)state;
    assert_int_equal(bootstrap_figure(&f, value, weight, 2, &usual, NULL), 0);
    assert_close(f.value, 1.1, 1e-14, 0);
    assert_close(f.standard_error, sqrt(2 * 2.4 * 2.4 * 2) / 10, 1e-13, 0);
    /* Both users one, the other, or each: the outer ones are drawn a quarter of the time each. */
    assert_close(f.low, 0.5, 1e-14, 0);
    assert_close(f.high, 1.5, 1e-14, 0);
}

static void users_who_are_all_alike_leave_no_doubt(void **state)
{
    double value[50], weight[50];
    struct bootstrap_figure f;

    (void)state;
    for (int i = 0; i < 50; i++) {
        weight[i] = i + 1;
        value[i] = 0.25 * weight[i];
    }
    assert_int_equal(bootstrap_figure(&f, value, weight, 50, &usual, NULL), 0);
    assert_close(f.value, 0.25, 1e-14, 0);
    assert_close(f.standard_error, 0, 0, 1e-15);
    assert_close(f.low, 0.25, 1e-14, 0);
    assert_close(f.high, 0.25, 1e-14, 0);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The header's account of which user is drawn when, taken literally. */
static void the_draws_are_the_documented_ones(void **state)
{
    enum { N = 37, R = 101 };
    const struct bootstrap_spec spec = {.resamples = R, .level = 0.9, .seed = 0x123456789abcull};
    double value[N], weight[N], other[N], figure[R];
    struct bootstrap_difference d;
    int as_far = 1;

    (void)state;
    draw_normal(value, N, 1);
    draw_normal(other, N, 2);
    for (int i = 0; i < N; i++)
        weight[i] = 1 + i % 5;
    for (int r = 0; r < R; r++) {
        double values = 0, weights = 0, flipped = 0, plain = 0;

        for (int j = 0; j < N; j++) {
            uint32_t word = rng_philox(spec.seed, RNG_BOOTSTRAP, (uint64_t)r, 0, (uint32_t)j / 4).word[j % 4];
            uint32_t u = rng_below(word, N);
            uint32_t sign =
                rng_philox(spec.seed, RNG_BOOTSTRAP, (uint64_t)r, 1, (uint32_t)j / 128).word[j / 32 % 4];

            values += value[u];
            weights += weight[u];
            flipped += (sign >> j % 32 & 1 ? -1 : 1) * (value[j] - other[j]);
            plain += value[j] - other[j];
        }
        figure[r] = values / weights;
        as_far += fabs(flipped) >= fabs(plain);
    }
    qsort(figure, R, sizeof *figure, ascending);
    assert_int_equal(bootstrap_difference(&d, value, other, weight, N, &spec, NULL), 0);
    assert_close(d.a.low, figure[5], 1e-12, 1e-15); /* .05 of 100 steps: the sixth */
    assert_close(d.a.high, figure[95], 1e-12, 1e-15);
    assert_close(d.p, as_far / (R + 1.0), 1e-15, 0);
}

static void a_large_sample_has_the_interval_of_the_normal_theory(void **state)
{
    const struct bootstrap_spec spec = {.resamples = 2000, .level = 0.95, .seed = 3};
    double value[MOST];
    struct bootstrap_figure f;

    (void)state;
    draw_normal(value, MOST, 3);
    assert_int_equal(bootstrap_figure(&f, value, NULL, MOST, &spec, NULL), 0);
    assert_close(f.standard_error, 1 / sqrt(MOST), 0.05, 0);
    assert_close(f.low, f.value - 1.96 * f.standard_error, 0, 0.15 * f.standard_error);
    assert_close(f.high, f.value + 1.96 * f.standard_error, 0, 0.15 * f.standard_error);
}

/* 400 samples of 60 skewed figures of mean 1: the interval should miss it in about 1 of 20. */
static void the_interval_holds_the_truth_about_as_often_as_it_says(void **state)
{
    int held = 0;

    (void)state;
    for (int sample = 0; sample < 400; sample++) {
        struct bootstrap_spec spec = usual;
        double value[60];
        struct bootstrap_figure f;

        spec.seed = (uint64_t)sample;
        for (int i = 0; i < 60; i++)
            value[i] = -log(
                (double)rng_unit_open(rng_philox(6, RNG_TEST, (uint64_t)sample, 0, (uint32_t)i).word[0]));
        assert_int_equal(bootstrap_figure(&f, value, NULL, 60, &spec, NULL), 0);
        held += f.low <= 1 && 1 <= f.high;
    }
    assert_in_range(held, 356, 392); /* .89 to .98; binomial error .011, skewness costs a point or two */
}

static void seeds_decide_and_nothing_else_does(void **state)
{
    struct bootstrap_spec other = usual;
    double value[200];
    struct bootstrap_figure x, y, z;

    (void)state;
    other.seed++;
    draw_normal(value, 200, 4);
    assert_int_equal(bootstrap_figure(&x, value, NULL, 200, &usual, NULL), 0);
    assert_int_equal(bootstrap_figure(&y, value, NULL, 200, &usual, NULL), 0);
    assert_int_equal(bootstrap_figure(&z, value, NULL, 200, &other, NULL), 0);
    assert_true(x.low == y.low && x.high == y.high);
    assert_true(x.low != z.low && x.high != z.high);
    assert_true(x.value == z.value && x.standard_error == z.standard_error);
}

static void a_model_against_itself_is_no_different(void **state)
{
    double a[300];
    struct bootstrap_difference d;

    (void)state;
    draw_normal(a, 300, 5);
    assert_int_equal(bootstrap_difference(&d, a, a, NULL, 300, &usual, NULL), 0);
    assert_true(d.difference.value == 0 && d.difference.low == 0 && d.difference.high == 0);
    assert_true(d.p == 1);
    assert_true(d.a.low == d.b.low && d.a.high == d.b.high);
}

/* Users differ far more than models do: what pairing is for. */
static void a_small_difference_shows_between_pairs(void **state)
{
    double a[400], b[400], noise[400];
    struct bootstrap_difference d, back;

    (void)state;
    draw_normal(b, 400, 6);
    draw_normal(noise, 400, 7);
    for (int i = 0; i < 400; i++)
        a[i] = b[i] + 0.02 + 0.05 * noise[i];
    assert_int_equal(bootstrap_difference(&d, a, b, NULL, 400, &usual, NULL), 0);
    assert_true(d.a.low < d.b.high && d.b.low < d.a.high); /* apart, they cannot be told from each other */
    assert_true(d.difference.low > 0.01 && d.difference.high < 0.03);
    assert_close(d.p, 1.0 / (RESAMPLES + 1), 1e-15, 0);
    assert_close(d.difference.value, d.a.value - d.b.value, 1e-9, 0);

    assert_int_equal(bootstrap_difference(&back, b, a, NULL, 400, &usual, NULL), 0);
    assert_close(back.difference.low, -d.difference.high, 1e-12, 0);
    assert_close(back.difference.high, -d.difference.low, 1e-12, 0);
    assert_true(back.p == d.p);
}

/* Differences 1, 2, 3, 4: two of the 16 choices of signs sum to 10 one way or the other, and two more,
 * those that turn the 1 over, to 8. */
static void p_nears_that_of_all_sign_choices(void **state)
{
    const struct bootstrap_spec spec = {.resamples = 20000, .level = 0.95, .seed = 2};
    const double a[] = {1, 2, 3, 4}, a2[] = {-1, 2, 3, 4}, zero[] = {0, 0, 0, 0};
    struct bootstrap_difference d;

    (void)state;
    assert_int_equal(bootstrap_difference(&d, a, zero, NULL, 4, &spec, NULL), 0);
    assert_close(d.p, 2.0 / 16, 0, 0.01);
    assert_int_equal(bootstrap_difference(&d, a2, zero, NULL, 4, &spec, NULL), 0);
    assert_close(d.p, 4.0 / 16, 0, 0.015);
}

static void equal_models_are_called_different_as_rarely_as_p_says(void **state)
{
    int called = 0, trials = 600;

    (void)state;
    for (int trial = 0; trial < trials; trial++) {
        struct bootstrap_spec spec = {.resamples = 199, .level = 0.95, .seed = (uint64_t)trial};
        double a[40], b[40];
        struct bootstrap_difference d;

        draw_normal(a, 40, 1000 + 2 * (uint64_t)trial);
        draw_normal(b, 40, 1001 + 2 * (uint64_t)trial);
        assert_int_equal(bootstrap_difference(&d, a, b, NULL, 40, &spec, NULL), 0);
        called += d.p <= 0.05;
    }
    assert_in_range(called, 12, 48); /* 30 expected, standard deviation 5.3 */
}

static void what_cannot_be_judged_is_refused(void **state)
{
    const double fine[] = {1, 2}, bad[] = {1, NAN};
    struct bootstrap_figure f;
    struct bootstrap_difference d;
    struct error err;

    (void)state;
    assert_int_equal(bootstrap_figure(&f, fine, NULL, 1, &usual, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "needs at least 2"));
    assert_int_equal(bootstrap_figure(&f, bad, NULL, 2, &usual, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "user 1"));
    assert_int_equal(bootstrap_difference(&d, fine, bad, NULL, 2, &usual, &err), PT_EDATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_standard_error_are_those_of_the_formula),
        cmocka_unit_test(weights_make_a_figure_of_all_ratings),
        cmocka_unit_test(users_who_are_all_alike_leave_no_doubt),
        cmocka_unit_test(the_draws_are_the_documented_ones),
        cmocka_unit_test(a_large_sample_has_the_interval_of_the_normal_theory),
        cmocka_unit_test(the_interval_holds_the_truth_about_as_often_as_it_says),
        cmocka_unit_test(seeds_decide_and_nothing_else_does),
        cmocka_unit_test(a_model_against_itself_is_no_different),
        cmocka_unit_test(a_small_difference_shows_between_pairs),
        cmocka_unit_test(p_nears_that_of_all_sign_choices),
        cmocka_unit_test(equal_models_are_called_different_as_rarely_as_p_says),
        cmocka_unit_test(what_cannot_be_judged_is_refused),
    };

    return cmocka_run_group_tests_name("bootstrap", tests, NULL, NULL);
}
