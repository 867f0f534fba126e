/* Against the C library in long double, in units in the last place; and known values, to the bit. */
#include "support.h"

#include "base/real.h"
#include "base/rng.h"

#include <float.h>

#define DRAWS 400000

static double worst;

/* How far `got` is from `want`, in units in the last place of a double. */
static void compare(double got, long double want)
{
    double size = fabs((double)want), unit = nextafter(size, INFINITY) - size;
    double off = (double)(fabsl((long double)got - want) / (long double)unit);

    worst = off > worst ? off : worst;
}

static void assert_worst(double most)
{
    if (!(worst <= most))
        fail_msg("%.3f units in the last place, at most %.3f allowed", worst, most);
    worst = 0.0;
}

static void exponentials(void **state)
{
    struct rng_stream s = rng_stream(1, RNG_TEST, 1, 0);

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        double x = (rng_next_unit(&s) - 0.5) * (i % 2 ? 4.0 : 1400.0);

        compare(real_exp(x), expl((long double)x));
    }
    assert_worst(1.0);
    assert_true(real_exp(0.0) == 1.0 && real_exp(-0.0) == 1.0);
    assert_true(real_exp(-INFINITY) == 0.0 && real_exp(-708.1) == 0.0);
    assert_true(real_exp(INFINITY) == INFINITY && real_exp(710.0) == INFINITY);
    assert_true(real_exp(709.7) > 1e308 && real_exp(709.7) < INFINITY);
    assert_true(isnan(real_exp(NAN)));
}

static void logarithms(void **state)
{
    struct rng_stream s = rng_stream(1, RNG_TEST, 2, 0);

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        double x = i % 2 ? 0.5 + 1.5 * rng_next_unit(&s) : ldexp(0.5 + rng_next_unit(&s), i % 2000 - 1000);

        compare(real_log(x), logl((long double)x));
    }
    assert_worst(1.5);
    for (int i = 0; i < DRAWS; i++)
        compare(real_log2(i + 2.0), log2l(i + 2.0L));
    assert_worst(2.0);
    for (int i = -1000; i <= 1000; i++)
        assert_true(real_log2(ldexp(1.0, i)) == i);
    assert_true(real_log(1.0) == 0.0);
    assert_true(real_log(0.0) == -INFINITY && real_log2(0.0) == -INFINITY);
    assert_true(real_log(INFINITY) == INFINITY && real_log2(INFINITY) == INFINITY);
    assert_true(isnan(real_log(-1.0)) && isnan(real_log(NAN)) && isnan(real_log2(-INFINITY)));
}

static void powers(void **state)
{
    static const double base[] = {0.9, 0.999, 0.95, 0.5, 1.01};

    (void)state;
    for (int i = 0; i < 5; i++)
        for (int n = 0; n < 3000; n++) {
            long double want = powl((long double)base[i], (long double)n);

            compare(real_power(base[i], n), want);
            assert_worst(n + 1.0);
        }
    assert_true(real_power(0.0, 0) == 1.0 && real_power(3.0, 5) == 243.0 && real_power(0.9, 1) == 0.9);
    assert_true(real_power(0.9, INT64_C(1) << 40) == 0.0);
}

static void sines(void **state)
{
    struct rng_stream s = rng_stream(1, RNG_TEST, 3, 0);
    double sine, cosine;

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        double turns = i % 2 ? (double)rng_unit(rng_next(&s)) : 3.0 * rng_next_unit(&s) - 1.5;
        long double angle = 6.283185307179586476925286766559L * (long double)turns;

        real_sincos(turns, &sine, &cosine);
        /* the angle itself is off by 2^-64 of its size, which counts near a zero */
        if (fabs(sine) > 0.05)
            compare(sine, sinl(angle));
        if (fabs(cosine) > 0.05)
            compare(cosine, cosl(angle));
    }
    for (int i = 1; i < DRAWS; i++) {
        double turns = i * 0.01 / DRAWS;

        real_sincos(turns, &sine, &cosine);
        compare(sine, sinl(6.283185307179586476925286766559L * (long double)turns));
    }
    assert_worst(2.0);
    for (int quarter = -9; quarter <= 9; quarter++) {
        static const double want[] = {0.0, 1.0, 0.0, -1.0};

        real_sincos(0.25 * quarter, &sine, &cosine);
        assert_true(sine == want[quarter & 3] && cosine == want[(quarter + 1) & 3]);
    }
}

/* What a machine gives must be what another one gives. */
static void bits_are_these(void **state)
{
    double sine, cosine, sum = 0.0;

    (void)state;
    for (int i = 1; i < 1000; i++) {
        real_sincos(i / 977.0, &sine, &cosine);
        sum += real_exp(-i / 37.0) + real_log(i) + real_log2(i / 3.0) + real_power(0.97, i) + sine * cosine;
    }
    if (sum != 0x1.937dcfbfe9375p+13)
        fail_msg("%a", sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponentials), cmocka_unit_test(logarithms),     cmocka_unit_test(powers),
        cmocka_unit_test(sines),        cmocka_unit_test(bits_are_these),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
