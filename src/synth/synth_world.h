/* synth_world.h - the planted model of a synthetic set: tastes of users, popularity of items.
 *
 * A user u and an item i have an affinity s = <p_u, q_i>, about normal with standard deviation 1.
 * It decides twice: u picks i with a weight of popularity_i * exp(TASTE s), and then rates it
 *
 *     mean + user_bias_u + item_bias_i + LIKING s + noise,    rounded to stars (synth.c).
 *
 * Factors are fixed-point numbers and affinities sums of integers, exact in any order. */
#pragma once

#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

/* Quantiles: a share of all rows (0, .1, .25, .5, .75, .9, .95, .99, .999, 1) have at most value[i] ratings;
 * between two of them the value grows geometrically. */
enum { CURVE_KNOTS = 10 };

struct curve {
    double value[CURVE_KNOTS];
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
 * (low * n <= total <= high * n). PT_ENOMEM. */
int synth_shape_spread(const struct curve *curve, int64_t n, int64_t total, int64_t low, int64_t high,
                       int64_t *count, struct error *err);

enum {
    SYNTH_RANK = 12,
    SYNTH_LANES = 16,        /* factors of a row in memory, zeros after SYNTH_RANK */
    SYNTH_FACTOR_BITS = 11,  /* fraction bits of a factor; an affinity has twice as many */
    SYNTH_TASTE_STEPS = 1536 /* affinities from -4 to 2 in steps of 1/256 */
};

/* The step of the stream of random numbers, by purpose. */
enum synth_stream {
    SYNTH_USERS = 1, /* position: user; words: factors, bias, kind of stars */
    SYNTH_ITEMS,     /* position: item */
    SYNTH_ACTIVITY,  /* the users' numbers of ratings */
    SYNTH_POPULARITY,
    SYNTH_RESERVED,
    SYNTH_CHOICE, /* position: user; group: two proposals each */
    SYNTH_RACE,   /* position: user; coordinate: item */
    SYNTH_NOISE,  /* position: user; group: rating of the user */
    SYNTH_TIMES,  /* position: user */
};

/* One column of an alias table: `self` where the coin is below `keep`, else `other`. */
struct alias {
    uint32_t keep; /* of 2^32 */
    int32_t other;
};

struct synth_world {
    struct synth_shape shape;
    uint64_t seed;
    struct mem_pool pool;               /* of all arrays */
    int64_t *activity;                  /* (users): ratings of the user */
    int16_t *user_factor;               /* (users, SYNTH_LANES) */
    int16_t *item_factor;               /* (items, SYNTH_LANES) */
    float *user_bias, *item_bias;       /* (users), (items) */
    double *weight;                     /* (items): popularity */
    struct alias *alias;                /* (items): draws an item by popularity */
    double taste[SYNTH_TASTE_STEPS];    /* exp(TASTE s) */
    uint32_t accept[SYNTH_TASTE_STEPS]; /* the same in units of 1/2^32 of the largest */
};

int synth_world_new(struct synth_world **out, const struct synth_shape *shape, uint64_t seed,
                    struct error *err);
void synth_world_free(struct synth_world *w);
SCOPED(synth_world_free, struct synth_world)

/* The affinity in units of 2^-22; exact, whatever the order of the sum. */
static inline int32_t synth_affinity(const struct synth_world *w, int64_t user, int64_t item)
{
    const int16_t *p = w->user_factor + user * SYNTH_LANES, *q = w->item_factor + item * SYNTH_LANES;
    int32_t sum = 0;

#pragma omp simd reduction(+ : sum) /* or gcc unrolls it into 16 scalar products */
    for (int k = 0; k < SYNTH_LANES; k++)
        sum += p[k] * q[k];
    return sum;
}

/* The index of an affinity in the tables taste and accept. */
static inline int synth_taste_step(int32_t affinity)
{
    int step = (affinity >> (2 * SYNTH_FACTOR_BITS - 8)) + 4 * 256;

    return step < 0 ? 0 : step >= SYNTH_TASTE_STEPS ? SYNTH_TASTE_STEPS - 1 : step;
}

/* The rating without noise, before rounding, clipped to the scale. */
double synth_truth(const struct synth_world *w, int64_t user, int64_t item);

/* ---- synth.c: a true preference as stars, and the expected stars of a preference ---- */

enum { STARS_GRID = 256, STARS_CELLS = 5 * STARS_GRID };

struct synth_stars {
    double low, step;                 /* the scale: low, low + step, ..., 5 */
    double expected[STARS_CELLS + 1]; /* mean of the stars given, at truths of 0, 1/256, ..., 5 */
};

void synth_stars_init(struct synth_stars *s, double low, double step);

/* The stars for a truth within [low, 5] and three random words: noise, then rounding to the scale. */
double synth_stars_give(const struct synth_stars *s, double truth, uint32_t a, uint32_t b, uint32_t c);

/* The mean of synth_stars_give over all words. Near the ends of the scale it differs from the truth: a
 * truth of 5 has a lower mean, because no rating is above 5. */
double synth_stars_expected(const struct synth_stars *s, double truth);
