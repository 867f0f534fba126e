/* synth.h - generated ratings, the same on every machine for the same seed.
 *
 * A planted low-rank model with user and item biases plus noise, rounded to half or whole stars;
 * popularity and activity as skewed as in the published set of the same shape. Users pick items by
 * popularity times the exponential of their affinity, so the choice of items tells about taste too.
 * Only integer arithmetic and exactly rounded operations (+ - * / sqrt) decide what is drawn, so that
 * every machine and compiler gives the same set (synth_math.h, synth_world.h).
 *
 * External ids are "1", "2", ...; titles "Film 17". Every user and item has a rating, and no pair is
 * repeated. The ratings of a user are adjacent. noise_floor is the RMSE, on all ratings, of the best possible
 * prediction: the expected stars, from the planted parameters. A model that is trained on other ratings can
 * beat it only by chance. */
#pragma once

#include "data/ratings.h"

/* `name`: ml-100k, ml-1m, ml-20m, small (a toy for tests), or USERSxITEMSxRATINGS ("1000x500x40000").
 * There are no times (see synth_add_times) and `digest` is left empty. PT_ECONFIG for an unknown
 * name or an impossible size; PT_ENOMEM. */
int synth_make(struct ratings **out, const char *name, uint64_t seed, struct error *err);

/* Adds times to ratings of synth_make, in seconds since 1970: each user rates in one evening of some hours,
 * or in several over months, in the order of the ratings. */
int synth_add_times(struct ratings *r, uint64_t seed, struct error *err);
