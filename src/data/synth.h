/* synth.h - rating data that partrain makes itself, the same on every machine from its seed.
 *
 * A planted low-rank model with user and item biases plus noise, rounded to half or whole stars;
 * popularity and activity as skewed as in the published set of the same shape. Only integer
 * arithmetic and exactly rounded operations (+ - * / sqrt) decide what is drawn, so that every
 * machine and compiler gives the same set. */
#ifndef DATA_SYNTH_H
#define DATA_SYNTH_H

#include "data/ratings.h"

/* `name`: ml-100k, ml-1m, ml-20m, small (a toy for tests), or USERSxITEMSxRATINGS ("1000x500x40000"). */
int synth_make(struct ratings **out, const char *name, uint64_t seed, struct error *err);

/* The names that synth_make knows, for messages: "ml-100k, ml-1m, ...". */
const char *synth_names(void);

#endif
