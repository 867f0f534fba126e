#include "base/rng.h"

#include "base/real.h"

#include <math.h>

void rng_normal2(uint32_t a, uint32_t b, double out[2])
{
    double radius = sqrt(-2.0 * real_log((double)rng_unit_open(a))), sine, cosine;

    real_sincos((double)rng_unit(b), &sine, &cosine);
    out[0] = radius * cosine;
    out[1] = radius * sine;
}

struct rng_stream rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t step, uint32_t position)
{
    return (struct rng_stream){.seed = seed, .step = step, .purpose = purpose, .position = position};
}

uint32_t rng_next(struct rng_stream *s)
{
    if (!s->left) {
        s->words = rng_philox(s->seed, s->purpose, s->step, s->position, s->group);
        s->left = 4;
        if (!++s->group) /* 2^34 words: go on in the next position */
            s->position += 0x80000000u;
    }
    return s->words.word[4 - s->left--];
}

static uint64_t next64(struct rng_stream *s)
{
    uint64_t high = rng_next(s);

    return high << 32 | rng_next(s);
}

uint64_t rng_next_below(struct rng_stream *s, uint64_t n)
{
    uint64_t reject = -n % n; /* 2^64 mod n: the draws below it would make small results likelier */
    uint64_t draw;

    do
        draw = next64(s);
    while (draw < reject);
    return draw % n;
}

double rng_next_unit(struct rng_stream *s)
{
    return (double)(next64(s) >> 11) * 0x1p-53;
}

void rng_permutation(struct rng_stream *s, int64_t n, int64_t *order)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t j = (int64_t)rng_next_below(s, (uint64_t)i + 1);

        order[i] = order[j];
        order[j] = i;
    }
}
