#include "base/real.h"

#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "one answer needs double arithmetic without excess precision");

#define LN2_HIGH 0x1.62e42feep-1 /* 33 bits: whole numbers of 20 bits times it are exact */
#define LN2_LOW  0x1.a39ef35793c76p-33

static uint64_t bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

double real_exp(double x)
{
    if (!(x > -708.0))
        return x == x ? 0.0 : x;
    return x > 709.78 ? INFINITY : real_exp_within(x);
}

/* x = 2^k (1 + f) with 1 + f in [.7, 1.42): ln(1 + f) = 2 atanh(s), s = f / (2 + f), written as f minus
 * what it is less, so that little is rounded. */
static double log_parts(double x, int *k)
{
    static const double term[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                                  2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
    uint64_t bits = bits_of(x);
    double f, s, z, half, sum = 0.0;

    *k = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
    if (from_bits(bits) > 1.4142135623730951) {
        bits -= (uint64_t)1 << 52;
        ++*k;
    }
    f = from_bits(bits) - 1.0;
    s = f / (2.0 + f);
    z = s * s;
    half = 0.5 * f * f;
    for (int i = 9; i >= 0; i--)
        sum = sum * z + term[i];
    return f - (half - s * (half + sum * z));
}

double real_log(double x)
{
    double part;
    int k;

    if (!(x >= DBL_MIN))
        return x != x || x <= -DBL_MIN ? NAN : -INFINITY;
    if (x > DBL_MAX)
        return x;
    part = log_parts(x, &k);
    return (double)k * LN2_HIGH + (part + (double)k * LN2_LOW);
}

double real_log2(double x)
{
    double part;
    int k;

    if (!(x >= DBL_MIN) || x > DBL_MAX)
        return real_log(x);
    part = log_parts(x, &k);
    return (double)k + part * 1.4426950408889634;
}

double real_power(double x, int64_t n)
{
    double power = 1.0;

    for (; n > 0; n >>= 1, x *= x)
        if (n & 1)
            power *= x;
    return power;
}

void real_sincos(double turns, double *sine, double *cosine)
{
    static const double s_term[] = {
        1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800,
        1.0 / 362880,          -1.0 / 5040,          1.0 / 120,        -1.0 / 6};
    static const double c_term[] = {1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800,
                                    1.0 / 40320,          -1.0 / 720,         1.0 / 24};
    int64_t quarter = (int64_t)(4.0 * turns + (turns < 0 ? -0.5 : 0.5));
    double x = (turns - 0.25 * (double)quarter) * 6.283185307179586, z = x * x, s = s_term[0], c = c_term[0],
           swap;

    for (int i = 1; i < 8; i++)
        s = s * z + s_term[i];
    for (int i = 1; i < 7; i++)
        c = c * z + c_term[i];
    s = x + x * (z * s);
    c = 1.0 - (0.5 * z - z * z * c);
    if (quarter & 1) {
        swap = s;
        s = c;
        c = -swap;
    }
    *sine = quarter & 2 ? -s : s;
    *cosine = quarter & 2 ? -c : c;
}
