/* kernels_functions.h - exp, tanh and other functions of one element, by polynomials: the same operations in
 * a vector's lane and in a scalar tail. Error bounds are checked in tests/unit/test_kernels_elementwise.c. */
#pragma once

#include "math/kernels_isa.h"

/* x = n ln 2 + r: *power is 2^n, and exp(r) - 1 is returned, by a polynomial (minimax on |r| <= ln 2 / 2,
 * coefficients of the Cephes library's expf). For x in [-87, 88.3]. */
INLINE float exp_within(float clamped, float *power)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float n, r, p;
    union {
        uint32_t u;
        float f;
    } bits;

    n = FMA(clamped, 1.44269504f, magic) - magic;
    r = FMA(n, -0.693359375f, clamped);
    r = FMA(n, 2.12194440e-4f, r);
    p = FMA(1.9875691500e-4f, r, 1.3981999507e-3f);
    p = FMA(p, r, 8.3334519073e-3f);
    p = FMA(p, r, 4.1665795894e-2f);
    p = FMA(p, r, 1.6666665459e-1f);
    p = FMA(p, r, 5.0000001201e-1f);
    bits.u = (uint32_t)((int32_t)n + 127) << 23;
    *power = bits.f;
    return FMA(p, r * r, r);
}

/* The same for any x, clamped (NaN to -87, as n must fit an integer). */
INLINE float exp_parts(float x, float *power)
{
    float low = x > -87.0f ? x : -87.0f;

    return exp_within(low < 88.3f ? low : 88.3f, power);
}

/* Within 2 ulp for x in [-87, 88]; 0 below, 2^127.4 above. */
INLINE float exp_element(float x)
{
    float power, p = exp_parts(x, &power) + 1.0f;

    p *= power;
    p = x < -87.0f ? 0.0f : p;
    return x == x ? p : x; /* NaN stays NaN */
}

/* exp_element, bit for bit, for x <= 0. */
INLINE float exp_below(float x)
{
    float power, p = exp_within(x > -87.0f ? x : -87.0f, &power) + 1.0f;

    p *= power;
    p = x < -87.0f ? 0.0f : p;
    return x == x ? p : x;
}

/* exp(x) - 1 for x <= 0, without cancellation near 0. */
INLINE float expm1_element(float x)
{
    float power, p = exp_parts(x, &power);

    p = FMA(power, p, power - 1.0f);
    return x == x ? p : x;
}

/* 1 + exp(x) for x up to 87, and clamped to it: the inverse is never so small that it would be flushed,
 * which a compiler that computes it beforehand does not do. NaN is lost. */
INLINE float one_plus_exp(float x)
{
    float power, p = exp_parts(x < 87.0f ? x : 87.0f, &power);

    return FMA(power, p, power + 1.0f);
}

/* ln x for normal x > 0, within 2 ulp of the result or 1e-7 (Cephes' logf). */
INLINE float log_element(float x)
{
    union {
        float f;
        uint32_t u;
    } bits = {x};
    int32_t exponent = (int32_t)(bits.u >> 23) - 126;
    float m, z, p, low;

    bits.u = (bits.u & 0x007fffffu) | 0x3f000000u; /* mantissa in [.5, 1) */
    m = bits.f;
    low = m < 0.707106781f ? 1.0f : 0.0f;
    exponent -= (int32_t)low;
    m = FMA(low, m, m - 1.0f); /* exact */
    z = m * m;
    p = FMA(7.0376836292e-2f, m, -1.1514610310e-1f);
    p = FMA(p, m, 1.1676998740e-1f);
    p = FMA(p, m, -1.2420140846e-1f);
    p = FMA(p, m, 1.4249322787e-1f);
    p = FMA(p, m, -1.6668057665e-1f);
    p = FMA(p, m, 2.0000714765e-1f);
    p = FMA(p, m, -2.4999993993e-1f);
    p = FMA(p, m, 3.3333331174e-1f);
    p = p * m * z;
    p = FMA((float)exponent, -2.12194440e-4f, p);
    p = FMA(-0.5f, z, p);
    return FMA((float)exponent, 0.693359375f, m + p);
}

INLINE float sigmoid_element(float x)
{
    float s = 1.0f / one_plus_exp(-x);

    return x == x ? s : x;
}

INLINE float tanh_element(float x)
{
    float z = x * x, p, big, size = x < 0.0f ? -x : x;

    p = FMA(-5.70498872745e-3f, z, 2.06390887954e-2f);
    p = FMA(p, z, -5.37397155531e-2f);
    p = FMA(p, z, 1.33314422036e-1f);
    p = FMA(p, z, -3.33332819422e-1f);
    p = FMA(p * z, x, x); /* small |x|: odd polynomial, as in Cephes' tanhf */
    big = 1.0f - 2.0f / one_plus_exp(2.0f * size);
    big = x < 0.0f ? -big : big;
    return size < 0.625f ? p : x == x ? big : x;
}

#define SELU_SCALE 1.05070098f
#define SELU_ALPHA 1.67326324f

INLINE float elu_element(float x)
{
    return x > 0.0f ? x : expm1_element(x);
}

INLINE float selu_element(float x)
{
    return SELU_SCALE * (x > 0.0f ? x : SELU_ALPHA * expm1_element(x));
}

INLINE float swish_slope(float x)
{
    float s = sigmoid_element(x);

    return s * FMA(x, 1.0f - s, 1.0f);
}

/* The normal distribution function at x, within 1e-7 (Abramowitz and Stegun 26.2.17); *density: its slope. */
INLINE float normal_element(float x, float *density)
{
    float size = x < 0.0f ? -x : x, t = 1.0f / FMA(0.2316419f, size, 1.0f), p;

    *density = 0.398942280f * exp_element(-0.5f * x * x);
    p = FMA(1.330274429f, t, -1.821255978f);
    p = FMA(p, t, 1.781477937f);
    p = FMA(p, t, -0.356563782f);
    p = FMA(p, t, 0.319381530f);
    p = p * t * *density;
    return x < 0.0f ? p : 1.0f - p;
}

INLINE float gelu_element(float x)
{
    float density;

    return x * normal_element(x, &density);
}

INLINE float gelu_slope(float x)
{
    float density, p = normal_element(x, &density);

    return FMA(x, density, p);
}
