#include "synth/synth_stars.h"

#include "synth/synth_math.h"

#include <math.h>

static const double NOISE = 0.82; /* standard deviation */

/* below[k]: the chance that fewer than k of 64 bits are ones. */
static void binomial(double below[66])
{
    double chance = synth_power2(-64);

    below[0] = 0;
    for (int k = 0; k <= 64; k++) {
        below[k + 1] = below[k] + chance;
        chance = chance * (double)(64 - k) / (double)(k + 1);
    }
}

/* The chance that synth_normal gives less than z: ones plus a uniform part is less than x. */
static double normal_below(const double below[66], double z)
{
    double x = z * SYNTH_NORMAL_UNIT + 32.5, k = floor(x);

    if (x <= 0)
        return 0;
    if (x >= 65)
        return 1;
    return below[(int)k] + (x - k) * (below[(int)k + 1] - below[(int)k]);
}

void synth_stars_init(struct synth_stars *s, double low, double step)
{
    double below[66];

    binomial(below);
    s->low = low;
    s->step = step;
    for (int i = 0; i <= STARS_CELLS; i++) {
        double truth = (double)i / STARS_GRID, mean = low;

        /* Each further star is given when truth + noise is at least half a step below it. */
        for (double star = low + step; star <= 5.0; star += step)
            mean += step * (1.0 - normal_below(below, (star - step / 2.0 - truth) / NOISE));
        s->expected[i] = mean;
    }
}

double synth_stars_give(const struct synth_stars *s, double truth, uint32_t a, uint32_t b, uint32_t c)
{
    double value = truth + NOISE * synth_normal(a, b, c);

    value = floor(value / s->step + 0.5) * s->step;
    return value < s->low ? s->low : value > 5.0 ? 5.0 : value;
}

double synth_stars_expected(const struct synth_stars *s, double truth)
{
    double x = truth * STARS_GRID;
    int cell = (int)x;

    if (cell >= STARS_CELLS)
        return s->expected[STARS_CELLS];
    return s->expected[cell] + (x - cell) * (s->expected[cell + 1] - s->expected[cell]);
}
