/* synth_shape.h - how many ratings each user gives and each item gets in a synthetic set. */
#ifndef SYNTH_SYNTH_SHAPE_H
#define SYNTH_SYNTH_SHAPE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Quantiles: the share at[i] of all rows have at most value[i] ratings; between two of them the
 * value grows geometrically. */
enum { CURVE_KNOTS = 10 };

struct curve {
    double at[CURVE_KNOTS], value[CURVE_KNOTS];
};

struct synth_shape {
    int64_t users, items, ratings;
    int64_t min_user; /* no user gives fewer */
    const struct curve *user_curve, *item_curve;
    bool half_stars; /* .5, 1, ..., 5 instead of 1, 2, ..., 5 */
};

/* The shape of that name (see synth.h); PT_ECONFIG for an unknown name or an impossible size. */
int synth_shape_find(struct synth_shape *out, const char *name, struct error *err);

/* count[0..n) in ascending order along the curve, each in [low, high], their sum exactly `total`
 * (low * n <= total <= high * n). 0, or -1 where there is no memory. */
int synth_shape_spread(const struct curve *curve, int64_t n, int64_t total, int64_t low, int64_t high,
                       int64_t *count);

/* The names that synth_shape_find knows, for messages: "ml-100k, ml-1m, ...". */
const char *synth_names(void);

#endif
