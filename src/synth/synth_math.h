/* synth_math.h - exp, log and normal numbers that have the same bits on every machine.
 *
 * A C library may round its last bit as it likes, and a compiler may fuse a product and a sum.
 * Here are only operations that IEEE 754 rounds in one way, in files that are compiled without
 * contraction (see CMakeLists.txt). Relative errors are below 1e-14. */
#pragma once

#include <float.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "synth data need double arithmetic without excess precision");

/* 2^k for -1022 <= k <= 1023. */
static inline double synth_power2(int k)
{
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x, for x clamped to [-700, 700]: x = k ln 2 + r, |r| <= .35, and a Taylor sum for e^r. */
static inline double synth_exp(double x)
{
    const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
    double r, sum = 1.0;
    int k;

    x = x < -700.0 ? -700.0 : x > 700.0 ? 700.0 : x;
    k = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    r = (x - (double)k * ln2_high) - (double)k * ln2_low;
    for (int i = 13; i >= 1; i--)
        sum = 1.0 + sum * r / (double)i;
    return sum * synth_power2(k);
}

/* ln x of a normal x > 0: x = 2^k m with m in [.7, 1.42), and 2 atanh((m - 1) / (m + 1)) as a sum. */
static inline double synth_log(double x)
{
    uint64_t bits;
    double m, z, z2, sum = 0;
    int k;

    memcpy(&bits, &x, sizeof bits);
    k = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        k++;
    }
    z = (m - 1.0) / (m + 1.0);
    z2 = z * z;
    for (int i = 21; i >= 1; i -= 2)
        sum = sum * z2 + 1.0 / (double)i;
    return (double)k * 0.6931471805599453 + 2.0 * z * sum;
}

#define SYNTH_NORMAL_UNIT 4.010403138505321 /* sqrt(64 / 4 + 1 / 12) */

/* A nearly normal number, mean 0 and standard deviation 1, of three words: the number of ones among
 * 64 random bits is binomial with standard deviation 4, and a uniform part fills the steps between. */
static inline double synth_normal(uint32_t a, uint32_t b, uint32_t c)
{
    int64_t ones = __builtin_popcountll((uint64_t)a << 32 | b);
    int64_t fixed = (ones << 32) + c - ((int64_t)65 << 31); /* 32.32 bits, centred */

    return (double)fixed / (4294967296.0 * SYNTH_NORMAL_UNIT);
}
