/* The elementwise functions of the kernels: activations, softmax, dropout, noise. */
#include "support.h"

#include "base/mem.h"
#include "base/real.h"
#include "base/rng.h"
#include "math/kernels.h"

#include <float.h>

static const char *const path_name[] = {"baseline", "avx2", "avx512"};

static void on_every_path(void (*check)(const struct kernels *k))
{
    for (int i = 0; i < 3; i++) {
        const struct kernels *k;
        struct error err;

        if (kernels_pick(&k, path_name[i], &err) == 0)
            check(k);
    }
}

static float *draw(int64_t n, uint32_t number, double size)
{
    struct rng_stream s = rng_stream(7, RNG_TEST, number, 0);
    float *x = mem_array(n, sizeof *x);

    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(size * (2.0 * rng_next_unit(&s) - 1.0));
    return x;
}

static const enum activation every[] = {ACT_IDENTITY, ACT_SIGMOID, ACT_TANH,  ACT_RELU,
                                        ACT_ELU,      ACT_SELU,    ACT_SWISH, ACT_GELU};
#define ACTS 8

static double exact(enum activation f, double x)
{
    switch (f) {
    case ACT_IDENTITY:
        return x;
    case ACT_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case ACT_TANH:
        return tanh(x);
    case ACT_RELU:
        return x > 0.0 ? x : 0.0;
    case ACT_ELU:
        return x > 0.0 ? x : expm1(x);
    case ACT_SELU:
        return 1.0507009873554805 * (x > 0.0 ? x : 1.6732632423543772 * expm1(x));
    case ACT_SWISH:
        return x / (1.0 + exp(-x));
    case ACT_GELU:
        return 0.5 * x * erfc(-x / sqrt(2.0));
    }
    return 0.0;
}

static double exact_slope(enum activation f, double x)
{
    double y = exact(f, x);

    switch (f) {
    case ACT_IDENTITY:
        return 1.0;
    case ACT_SIGMOID:
        return y * (1.0 - y);
    case ACT_TANH:
        return 1.0 - y * y;
    case ACT_RELU:
        return x > 0.0 ? 1.0 : 0.0;
    case ACT_ELU:
        return x > 0.0 ? 1.0 : exp(x);
    case ACT_SELU:
        return 1.0507009873554805 * (x > 0.0 ? 1.0 : 1.6732632423543772 * exp(x));
    case ACT_SWISH:
        return (1.0 + x * exp(-x) / (1.0 + exp(-x))) / (1.0 + exp(-x));
    case ACT_GELU:
        return 0.5 * erfc(-x / sqrt(2.0)) + x * exp(-0.5 * x * x) / sqrt(2.0 * 3.14159265358979323846);
    }
    return 0.0;
}

static double ulps(float got, double want)
{
    float near = fabsf((float)want);
    double ulp = (double)(nextafterf(near, INFINITY) - near);

    if (near < FLT_MIN) /* denormals may be flushed */
        ulp = (double)FLT_MIN;
    return fabs((double)got - want) / ulp;
}

#define POINTS 400000
#define REACH  30.0

static void check_activations(const struct kernels *k)
{
    static const double bound[ACTS] = {0.5, 4.0, 4.0, 0.5, 4.0, 5.0, 5.0, 6.0};
    float *x = mem_array(POINTS, sizeof *x), *y = mem_array(POINTS, sizeof *y);

    for (int i = 0; i < POINTS; i++) { /* half of them evenly, half by powers of two around zero */
        double at = 2.0 * (double)(i / 2) / (POINTS / 2) - 1.0;

        x[i] = (float)(i % 2 ? REACH * at : copysign(REACH * exp2(-40.0 * fabs(at)), at));
    }
    for (int f = 0; f < ACTS; f++) {
        double worst = 0.0, where = 0.0;

        memcpy(y, x, POINTS * sizeof *x);
        k->activate(every[f], y, POINTS);
        for (int i = 0; i < POINTS; i++) {
            double u =
                every[f] == ACT_GELU /* by its argument: it approximates the factor of that */
                    ? ulps((float)((double)x[i] + (double)y[i] - exact(every[f], (double)x[i])), (double)x[i])
                    : ulps(y[i], exact(every[f], (double)x[i]));

            if (!(u <= worst)) {
                worst = u;
                where = (double)x[i];
            }
        }
        if (getenv("SHOW_ULPS"))
            print_message("%s %d: %.2f ulp at %.9g\n", k->name, f, worst, where);
        if (!(worst <= bound[f]))
            fail_msg("%s: activation %d is off by %.2f ulp at %.9g", k->name, f, worst, where);
    }
    mem_free(x);
    mem_free(y);
}

static void activations_are_within_a_few_ulps(void **state)
{
    (void)state;
    on_every_path(check_activations);
}

static void check_slopes(const struct kernels *k)
{
    const int n = 4001;

    for (int f = 0; f < ACTS; f++) {
        float *x = draw(n, 1, 8.0), *y = draw(n, 1, 8.0), *d = draw(n, 2, 1.0), *before = draw(n, 2, 1.0);

        k->activate(every[f], y, n);
        k->activate_back(every[f], d, activation_keeps_input(every[f]) ? x : y, n);
        for (int i = 0; i < n; i++)
            assert_close((double)d[i], (double)before[i] * exact_slope(every[f], (double)x[i]), 1e-6, 3e-7);
        mem_free(x);
        mem_free(y);
        mem_free(d);
        mem_free(before);
    }
}

static void slopes_are_taken_from_the_outputs(void **state)
{
    (void)state;
    on_every_path(check_slopes);
}

static void check_norm(const struct kernels *k)
{
    for (int n = 1; n < 130; n = n * 3 / 2 + 1) {
        float *y = draw(160, 1, 3.0), *x = draw(160, 1, 3.0), *gain = draw(160, 2, 1.0),
              *offset = draw(160, 3, 1.0);
        float *scaled = draw(160, 4, 0.0), *d = draw(160, 5, 1.0), *d0 = draw(160, 5, 1.0), inverse;
        double mean = 0.0, variance = 0.0, along = 0.0, even = 0.0;

        for (int i = 0; i < n; i++)
            mean += (double)x[i] / n;
        for (int i = 0; i < n; i++)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean) / n;
        for (int i = n; i < 160; i++)
            x[i] = y[i] = d[i] = gain[i] = 0.0f;
        inverse = k->norm(y, scaled, n, gain, offset, 0.1f);
        assert_close((double)inverse, 1.0 / sqrt(variance + 0.1), 1e-6, 0.0);
        for (int i = 0; i < n; i++) {
            double s = ((double)x[i] - mean) / sqrt(variance + 0.1);

            assert_close((double)scaled[i], s, 1e-5, 1e-5);
            assert_close((double)y[i], (double)gain[i] * s + (double)offset[i], 1e-5, 1e-5);
            even += (double)d0[i] * (double)gain[i] / n;
            along += (double)d0[i] * (double)gain[i] * s / n;
        }
        k->norm_back(d, scaled, n, gain, inverse);
        for (int i = 0; i < n; i++) {
            double s = ((double)x[i] - mean) / sqrt(variance + 0.1);

            assert_close((double)scaled[i], (double)d0[i] * s, 1e-5, 1e-5);
            assert_close((double)d[i], ((double)d0[i] * (double)gain[i] - even - s * along) * (double)inverse,
                         1e-5, 1e-5);
        }
        for (int i = n; i < 160; i++)
            assert_true(y[i] == 0.0f && d[i] == 0.0f && scaled[i] == 0.0f);
        mem_free(y), mem_free(x), mem_free(gain), mem_free(offset), mem_free(scaled), mem_free(d),
            mem_free(d0);
    }
}

static void layer_norm_is_that_of_the_row(void **state)
{
    (void)state;
    on_every_path(check_norm);
}

/* Against densities in double; what is drawn is exp(s / 2) times the normal number. */
static void check_mixture(const struct kernels *k)
{
    const double weight[] = {0.15, 0.75, 0.1}, pi = 3.14159265358979323846;

    for (int n = 1; n < 150; n = 2 * n + 3) {
        float *m = draw(2 * n, 1, 2.0), *old = draw(2 * n, 2, 2.0), *noise = draw(n, 3, 2.0),
              *eps = draw(n, 3, 2.0);
        float *z = draw(n, 4, 1.0), *slope = draw(n, 4, 1.0);
        double kl = k->sample_mixture(n, m, old, noise, z, slope), want = 0.0;

        for (int i = 0; i < n; i++) {
            double mean[] = {0.0, (double)old[i], 0.0},
                   variance[] = {1.0, exp((double)old[n + i]), exp(10.0)};
            double s = (double)m[n + i], at = (double)m[i] + exp(s / 2.0) * (double)eps[i], sum = 0.0,
                   along = 0.0;

            for (int j = 0; j < 3; j++) {
                double away = at - mean[j], density = weight[j] * exp(-away * away / (2.0 * variance[j])) /
                                                      sqrt(2.0 * pi * variance[j]);

                sum += density;
                along += density * away / variance[j];
            }
            want += -0.5 * (log(2.0 * pi) + s + (double)eps[i] * (double)eps[i]) - log(sum);
            assert_close((double)noise[i], exp(s / 2.0) * (double)eps[i], 1e-6, 1e-7);
            assert_close((double)z[i], at, 1e-6, 1e-6);
            assert_close((double)slope[i], along / sum, 2e-5, 2e-5);
        }
        assert_close(kl, want, 1e-5, 1e-6 * n);
        mem_free(m), mem_free(old), mem_free(noise), mem_free(eps), mem_free(z), mem_free(slope);
    }
}

static void mixture_is_that_of_densities(void **state)
{
    (void)state;
    on_every_path(check_mixture);
}

static void check_extremes(const struct kernels *k)
{
    static const float low[] = {-INFINITY, 0.0f, -1.0f, 0.0f, -1.0f, -1.75809934f};
    static const float high[ACTS] = {INFINITY, 1.0f, 1.0f, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};

    for (int f = 0; f < ACTS; f++) {
        float x[40];

        for (int i = 0; i < 40; i++)
            x[i] = i % 4 == 0 ? NAN : i % 4 == 1 ? -INFINITY : i % 4 == 2 ? INFINITY : 0.0f;
        k->activate(every[f], x, 40);
        for (int i = 0; i < 40; i += 4) {
            assert_true(isnan(x[i]));
            if (!activation_keeps_input(every[f])) /* a product of -infinity with 0 */
                assert_true(x[i + 1] == low[f] || fabsf(x[i + 1] - low[f]) < 1e-6f);
            assert_true(x[i + 2] == high[f]);
            assert_true(x[i + 3] == (f == 1 ? 0.5f : 0.0f));
        }
    }
}

static void nan_stays_and_infinity_saturates(void **state)
{
    (void)state;
    on_every_path(check_extremes);
}

static void check_places(const struct kernels *k)
{
    for (int f = 0; f < ACTS; f++)
        for (int n = 1; n < 70; n++) {
            float *all = draw(n, 3, 6.0), *one = draw(n, 3, 6.0), *d = draw(n, 4, 1.0), *d1 = draw(n, 4, 1.0);

            k->activate(every[f], all, n);
            k->activate_back(every[f], d, all, n);
            for (int i = 0; i < n; i++) {
                k->activate(every[f], one + i, 1);
                k->activate_back(every[f], d1 + i, one + i, 1);
            }
            assert_memory_equal(all, one, (size_t)n * sizeof *all);
            assert_memory_equal(d, d1, (size_t)n * sizeof *d);
            mem_free(all);
            mem_free(one);
            mem_free(d);
            mem_free(d1);
        }
}

static void bits_do_not_hang_on_the_place_in_a_row(void **state)
{
    (void)state;
    on_every_path(check_places);
}

/* ---- softmax ---------------------------------------------------------------------------------------- */

static void check_exp(const struct kernels *k)
{
    for (int n = 1; n < 100; n++) {
        float *x = draw(n + 16, 5, 20.0), *y = draw(n + 16, 5, 20.0), max, sum, max2, sum2, top = x[0];
        double want = 0.0;

        for (int i = 0; i < n; i++)
            top = fmaxf(top, x[i]);
        for (int i = 0; i < n; i++)
            want += exp((double)x[i] - (double)top);
        k->exp_stats(y, n, &max2, &sum2);
        assert_memory_equal(x, y, (size_t)(n + 16) * sizeof *x);
        k->exp_row(y, n, &max, &sum);
        assert_true(max == top && max2 == top);
        assert_close((double)sum, want, 1e-6, 0.0);
        assert_memory_equal(&sum, &sum2, sizeof sum);
        for (int i = 0; i < n; i++)
            assert_close((double)y[i], exp((double)x[i] - (double)top), 3e-6, 1e-30);
        assert_memory_equal(x + n, y + n, 16 * sizeof *x);
        mem_free(x);
        mem_free(y);
    }
}

static void exponentials_of_a_row(void **state)
{
    (void)state;
    on_every_path(check_exp);
}

static void check_bad_rows(const struct kernels *k)
{
    float max, sum;

    for (int n = 1; n < 70; n++)
        for (int bad = 0; bad < n; bad++) {
            float x[70];

            for (int i = 0; i < n; i++)
                x[i] = (float)i;
            x[bad] = NAN;
            k->exp_stats(x, n, &max, &sum);
            assert_true(isnan(sum) && isnan(max));
            k->exp_row(x, n, &max, &sum);
            assert_true(isnan(sum) && isnan(max));
            for (int i = 0; i < n; i++)
                x[i] = (float)i;
            x[bad] = INFINITY;
            k->exp_row(x, n, &max, &sum);
            assert_true(isnan(sum));
            for (int i = 0; i < n; i++)
                x[i] = i == bad ? 5.0f : -INFINITY;
            k->exp_row(x, n, &max, &sum);
            assert_true(sum == 1.0f && max == 5.0f && x[bad] == 1.0f);
        }
}

static void bad_logits_make_the_sum_nan(void **state)
{
    (void)state;
    on_every_path(check_bad_rows);
}

/* ---- ranking ----------------------------------------------------------------------------------------- */

static void check_reach(const struct kernels *k)
{
    for (int n = 0; n < 100; n++)
        for (int step = 1; step < 20; step += 3) {
            float x[100];
            int32_t at[100], want[100];
            int64_t wanted = 0;

            for (int i = 0; i < n; i++) {
                x[i] = (i * 7 + n) % step == 0 ? 2.5f + (float)(i % 3) : i % 5 == 0 ? NAN : 2.4f - (float)i;
                if (x[i] >= 2.5f)
                    want[wanted++] = i;
            }
            assert_int_equal(k->above_threshold(x, n, 2.5f, at), wanted);
            assert_memory_equal(at, want, (size_t)wanted * sizeof *at);
            assert_int_equal(k->above_threshold(x, n, INFINITY, at), 0);
        }
}

static void places_that_reach_a_bar(void **state)
{
    (void)state;
    on_every_path(check_reach);
}

/* Bit for bit what real_exp gives. */
static void check_exp_wide(const struct kernels *k)
{
    static const float edges[] = {0.0f,   -0.0f,   88.7f, 88.8f,  -87.0f,   -103.0f,  709.5f,
                                  710.0f, -708.5f, 1e30f, -1e30f, INFINITY, -INFINITY};
    enum { EDGES = sizeof edges / sizeof *edges };
    float *x = draw(1000, 8, 120.0), out[1000], nan = NAN;

    memcpy(x + 100, edges, sizeof edges);
    for (int n = 1; n <= 1000; n += 111) {
        k->exp_wide(x, 0.5f, out, n);
        for (int i = 0; i < n; i++) {
            float want = (float)real_exp((double)(0.5f * x[i]));

            assert_memory_equal(&out[i], &want, sizeof want);
        }
    }
    k->exp_wide(&nan, 1.0f, out, 1);
    assert_true(isnan(out[0]));
    mem_free(x);
}

static void exponentials_in_double_are_those_of_real_exp(void **state)
{
    (void)state;
    on_every_path(check_exp_wide);
}

/* ---- random ------------------------------------------------------------------------------------------ */

static void check_dropout(const struct kernels *k)
{
    static const float rates[] = {0.05f, 0.3f, 0.5f, 0.8f};

    for (int r = 0; r < 4; r++)
        for (int n = 1; n < 200; n += 7) {
            float x[200], keep = 1.0f / (1.0f - rates[r]);
            double bar = floor((double)rates[r] * 4294967296.0);

            for (int i = 0; i < 200; i++)
                x[i] = (float)i - 50.5f;
            k->dropout(x, n, rates[r], 0x123456789abcdefull, RNG_DROPOUT, 1ull << 33 | 5, 77);
            for (int i = 0; i < n; i++) {
                struct rng4 w =
                    rng_philox(0x123456789abcdefull, RNG_DROPOUT, 1ull << 33 | 5, 77, (uint32_t)i / 4);
                float want = (double)w.word[i % 4] < bar ? 0.0f : ((float)i - 50.5f) * keep;

                assert_true(x[i] == want);
            }
            for (int i = n; i < 200; i++)
                assert_true(x[i] == (float)i - 50.5f);
        }
}

static void check_drop_at(const struct kernels *k)
{
    int32_t column[100], row[100];
    float x[100];

    for (int n = 0; n < 100; n += 9) {
        for (int i = 0; i < n; i++) {
            column[i] = (i * 37) % 91;
            row[i] = i / 7;
            x[i] = (float)i + 1.0f;
        }
        k->drop_at(x, n, column, row, 1000, 0.4f, 77, RNG_INPUT_DROPOUT, 1ull << 40 | 3);
        for (int i = 0; i < n; i++) {
            struct rng4 w = rng_philox(77, RNG_INPUT_DROPOUT, 1ull << 40 | 3, (uint32_t)row[i],
                                       (uint32_t)(1000 + column[i]) / 4);

            assert_true(x[i] == ((double)w.word[(1000 + column[i]) % 4] < floor((double)0.4f * 4294967296.0)
                                     ? 0.0f
                                     : (float)i + 1.0f));
        }
    }
}

static void check_dropout_rate(const struct kernels *k)
{
    const int n = 100000;
    float *x = mem_array(n, sizeof *x);
    int dropped = 0;
    double sum = 0.0;

    for (int i = 0; i < n; i++)
        x[i] = 1.0f;
    k->dropout(x, n, 0.3f, 1, RNG_DROPOUT, 0, 0);
    for (int i = 0; i < n; i++) {
        dropped += x[i] == 0.0f;
        sum += (double)x[i];
    }
    assert_close(dropped, 0.3 * n, 0.0, 5.0 * sqrt(0.3 * 0.7 * n));
    assert_close(sum / n, 1.0, 0.0, 0.02); /* inverted: the mean stays */
    mem_free(x);
}

static void dropout_follows_philox_word_by_word(void **state)
{
    (void)state;
    on_every_path(check_dropout);
    on_every_path(check_drop_at);
    on_every_path(check_dropout_rate);
}

static void check_normal(const struct kernels *k)
{
    const int n = 400000;
    float *x = mem_array(n, sizeof *x), part[101];
    double sum = 0.0, square = 0.0, cube = 0.0, fourth = 0.0, together = 0.0;
    int beyond2 = 0, beyond4 = 0;

    k->normal(x, n, 1.5f, 42, RNG_NOISE, 3, 9);
    for (int i = 0; i < n; i += 2) {
        struct rng4 w = rng_philox(42, RNG_NOISE, 3, 9, (uint32_t)i / 4);
        double want[2];

        rng_normal2(w.word[i % 4], w.word[i % 4 + 1], want);
        assert_close((double)x[i], 1.5 * want[0], 2e-6, 2e-6);
        assert_close((double)x[i + 1], 1.5 * want[1], 2e-6, 2e-6);
        together += (double)x[i] * (double)x[i + 1] / 2.25;
    }
    for (int i = 0; i < n; i++) {
        double z = (double)x[i] / 1.5;

        assert_true(fabs(z) < 6.0);
        sum += z;
        square += z * z;
        cube += z * z * z;
        fourth += z * z * z * z;
        beyond2 += fabs(z) > 2.0;
        beyond4 += fabs(z) > 4.0;
    }
    assert_close(sum / n, 0.0, 0.0, 5.0 / sqrt(n));
    assert_close(square / n, 1.0, 0.0, 5.0 * sqrt(2.0 / n));
    assert_close(cube / n, 0.0, 0.0, 5.0 * sqrt(15.0 / n));
    assert_close(fourth / n, 3.0, 0.0, 5.0 * sqrt(96.0 / n));
    assert_close(together / (n / 2), 0.0, 0.0, 5.0 / sqrt(n / 2));
    assert_close(beyond2, 0.0455003 * n, 0.0, 5.0 * sqrt(0.0455 * n));
    assert_close(beyond4, 6.334e-5 * n, 0.0, 5.0 * sqrt(6.334e-5 * n));
    for (int len = 1; len <= 100;
         len++) { /* a shorter row has the same numbers, and nothing behind it moves */
        part[len] = 9.0f;
        k->normal(part, len, 1.5f, 42, RNG_NOISE, 3, 9);
        assert_memory_equal(part, x, (size_t)len * sizeof *x);
        assert_true(part[len] == 9.0f);
    }
    mem_free(x);
}

static void normal_numbers_are_box_muller_s(void **state)
{
    (void)state;
    on_every_path(check_normal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_are_within_a_few_ulps),
        cmocka_unit_test(layer_norm_is_that_of_the_row),
        cmocka_unit_test(mixture_is_that_of_densities),
        cmocka_unit_test(slopes_are_taken_from_the_outputs),
        cmocka_unit_test(nan_stays_and_infinity_saturates),
        cmocka_unit_test(bits_do_not_hang_on_the_place_in_a_row),
        cmocka_unit_test(exponentials_of_a_row),
        cmocka_unit_test(bad_logits_make_the_sum_nan),
        cmocka_unit_test(places_that_reach_a_bar),
        cmocka_unit_test(exponentials_in_double_are_those_of_real_exp),
        cmocka_unit_test(dropout_follows_philox_word_by_word),
        cmocka_unit_test(normal_numbers_are_box_muller_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
