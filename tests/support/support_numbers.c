#include "support_numbers.h"

#include <math.h>
#include <string.h>

float draw_number(struct rng_stream *s, bool wild)
{
    uint32_t bits = rng_next(s);
    float x;

    if (!wild)
        return (float)(2.0 * rng_next_unit(s) - 1.0);
    memcpy(&x, &bits, sizeof x);
    if (bits % 13 == 0)
        x = ldexpf(1.0f + (float)(bits >> 31), (int)(bits >> 5) % 250 - 125);
    return isfinite(x) ? x : 1.0f;
}

void draw_hard(struct rng_stream *s, float *a, float *x, float *y)
{
    uint32_t bits = rng_next(s);
    int shift = (int)(rng_next(s) % 60) - 30;

    *a = ldexpf((float)(0x800000 + (bits & 0x7fffff)), -23);
    *x = bits >> 30 ? ldexpf((float)(0x800001 + (rng_next(s) & 0x3ff)), -23)
                    : 1.0f + 0x1p-12f * (float)(bits & 7);
    *y = ldexpf((float)(0x800000 + (rng_next(s) & 0x7fffff)), shift - 23);
    *y = bits & 0x1000 ? -*y : *y;
    if (bits % 5 == 0)
        *y = -(*a * *x);
    if (bits % 7 == 0)
        *y = nextafterf(-(*a * *x), *y);
}
