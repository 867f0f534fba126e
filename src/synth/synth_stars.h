/* synth_stars.h - a true preference as stars, and the expected stars of a preference. */
#ifndef SYNTH_SYNTH_STARS_H
#define SYNTH_SYNTH_STARS_H

#include <stdint.h>

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

#endif
