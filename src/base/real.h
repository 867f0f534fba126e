/* real.h - exp, log and other functions of double with the same bits on every machine.
 *
 * IEEE 754 rounds +, -, *, / and sqrt in one way; a C library rounds its functions as it likes. What leads
 * to a weight or a figure takes these (docs/one-answer.md). Errors are in units in the last place of the
 * result and held in tests/unit/test_real.c. Results too small for a normal number are 0. Pure; callable
 * from any thread. */
#pragma once

#include <stdint.h>

double real_exp(double x);  /* within 1 ulp; 0 below -708, infinity above 709.7 */
double real_log(double x);  /* within 1.5 ulp; -infinity of 0, NaN below */
double real_log2(double x); /* within 2 ulp, and exact of powers of two */
/* x^n, n >= 0, by squaring: within n + 1 ulp. */
double real_power(double x, int64_t n);
/* Sine and cosine of 2 pi times `turns`, |turns| < 2^30: within 2 ulp, exact of whole quarters. */
void real_sincos(double turns, double *sine, double *cosine);
