/* facts.h - a set of ratings in figures: counts, spread, skew, and suspicious findings. */
#pragma once

#include "base/error.h"
#include "data/ratings.h"

#include <stdbool.h>
#include <stdint.h>

#define FACTS_BARS      12 /* most bars of the histogram of values */
#define FACTS_QUANTILES 7
#define FACTS_CURVE     200 /* most points of a curve of counts */

extern const double facts_share[FACTS_QUANTILES]; /* 0, .1, .25, .5, .75, .9, 1 */

/* How often the users (or the items) occur. */
struct facts_counts {
    int64_t rows;
    int64_t quantile[FACTS_QUANTILES]; /* of ratings a row, by nearest rank */
    double mean, gini;                 /* Gini: 0: all rows alike; near 1: one row has all */
    int64_t single;                    /* rows with one rating */
    int64_t nearly_all;                /* rows with ratings for 90% or more of the other side */
    int64_t constant;                  /* rows with 10 and more ratings, all of one value */
    int64_t example;                   /* a row of nearly_all; -1: none */
    int curve_points;                  /* counts in falling order, at ranks spread evenly in the logarithm */
    int64_t curve_rank[FACTS_CURVE], curve_count[FACTS_CURVE];
};

struct facts_bar {
    double low, high; /* one value: equal; else [low, high), the last one closed */
    int64_t count;
};

struct facts {
    int64_t ratings;
    double density, mean, deviation, low, high;
    struct facts_counts users, items;
    int bars;
    struct facts_bar bar[FACTS_BARS];
    int64_t zeros, negatives; /* values 0 and below */
    bool constant;            /* all values are the same */
    bool has_time;
    int64_t first_time, last_time;
};

/* Pure; PT_ENOMEM. `r` has at least one rating. */
int facts_make(struct facts *out, const struct ratings *r, struct error *err);

/* Suspicious findings: calls `tell` with one sentence for each. */
void facts_suspicions(const struct facts *f, const struct ratings *r,
                      void (*tell)(void *arg, const char *text), void *arg);
