/* real.h - exp, log and other functions of double with the same bits on every machine.
 *
 * IEEE 754 rounds +, -, *, / and sqrt in one way; a C library rounds its functions as it likes. What leads
 * to a weight or a figure takes these (docs/one-answer.md). Errors are in units in the last place of the
 * result and held in tests/unit/test_real.c. Results too small for a normal number are 0. Pure; callable
 * from any thread. */
#pragma once

#include <stdint.h>
#include <string.h>

/* 2^k, -1022 <= k <= 1023. */
static inline double real_two_to(int k)
{
    uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double power;

    memcpy(&power, &bits, sizeof power);
    return power;
}

/* real_exp for x in [-708, 709.78], in a form that a compiler can make vectors of.
 * x = k ln 2 + r with |r| <= .35; e^r = 1 + r + r^2 (1/2! + r/3! + ... + r^11/13!), the sum in two chains. */
static inline double real_exp_within(double x)
{
    const double ln2_high = 0x1.62e42feep-1; /* 33 bits: whole numbers of 20 bits times it are exact */
    const double ln2_low = 0x1.a39ef35793c76p-33;
    int k = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = x - (double)k * ln2_high, low = (double)k * ln2_low, r2 = (r - low) * (r - low);
    double a = 1.0 / 479001600 * r2 + 1.0 / 3628800, b = 1.0 / 6227020800 * r2 + 1.0 / 39916800;

    a = a * r2 + 1.0 / 40320;
    b = b * r2 + 1.0 / 362880;
    a = a * r2 + 1.0 / 720;
    b = b * r2 + 1.0 / 5040;
    a = a * r2 + 1.0 / 24;
    b = b * r2 + 1.0 / 120;
    a = a * r2 + 0.5;
    b = b * r2 + 1.0 / 6;
    r = 1.0 + (r - (low - r2 * (a + (r - low) * b)));
    return r * real_two_to(k / 2) * real_two_to(k - k / 2); /* 2^1024 is too large for one factor */
}

double real_exp(double x);  /* within 1 ulp; 0 below -708, infinity above 709.7 */
double real_log(double x);  /* within 1.5 ulp; -infinity of 0, NaN below */
double real_log2(double x); /* within 2 ulp, and exact of powers of two */
/* x^n, n >= 0, by squaring: within n + 1 ulp. */
double real_power(double x, int64_t n);
/* Sine and cosine of 2 pi times `turns`, |turns| < 2^30: within 2 ulp, exact of whole quarters. */
void real_sincos(double turns, double *sine, double *cosine);
