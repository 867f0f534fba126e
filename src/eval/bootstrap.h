/* bootstrap.h - uncertainty of a figure: standard errors, bootstrap intervals, paired tests.
 *
 * The unit is the user: users are resampled, not items or ratings, whose errors are correlated within a
 * user. A figure is
 *
 *     F = sum_u value[u] / sum_u weight[u]          weight NULL: all 1, the mean over users
 *
 * so that value = the user's sum of squared errors and weight = the user's number of ratings gives the
 * MSE of all ratings; the RMSE and the ends of its interval are the roots of those of the MSE.
 *
 * Resample r draws user j as number rng_below(word, n) of word j % 4 of
 * rng_philox(seed, RNG_BOOTSTRAP, r, 0, j / 4): the same users for every figure of a seed. The signs of
 * permutation r come from position 1: bit u % 32 of word (u / 32) % 4 of group u / 128.
 * Results depend on nothing else. Formulas: docs/metrics.md.
 *
 * Pure functions, callable from any thread; time is resamples * n draws, about 5 ns each. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct bootstrap_spec {
    int resamples; /* at least 100; 2000 serves for an interval of .95 */
    double level;  /* of the interval, in (0, 1): .95 */
    uint64_t seed;
};

struct bootstrap_figure {
    int64_t users;
    double value;          /* F */
    double standard_error; /* by the formula, not by resampling */
    double low, high;      /* percentile interval of the resamples */
};

struct bootstrap_difference {
    struct bootstrap_figure a, b, difference; /* a - b */
    double p;                                 /* two-sided, by flipping signs; at least 1 / (resamples + 1) */
};

/* value, weight: (n), weights above 0. PT_EDATA if n < 2 or a value is not finite; PT_ENOMEM. */
int bootstrap_figure(struct bootstrap_figure *out, const double *value, const double *weight, int64_t n,
                     const struct bootstrap_spec *spec, struct error *err);

/* The same users under two models: a, b, weight: (n). */
int bootstrap_difference(struct bootstrap_difference *out, const double *a, const double *b,
                         const double *weight, int64_t n, const struct bootstrap_spec *spec,
                         struct error *err);
