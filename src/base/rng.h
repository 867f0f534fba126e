/* rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al. 2011).
 *
 * A draw is a pure function of where it is used, so it does not depend on the order
 * of draws or on the number of threads:
 *
 *     key     = seed (64 bits)
 *     counter = purpose (8 bits) | step (56 bits) | position (32 bits) | group (32 bits)
 *
 * One call gives the four 32-bit words of a group; coordinate k of a row is word
 * k % 4 of group k / 4. Pure; callable from any thread. */
#pragma once

#include <stdint.h>

/* What a stream is drawn for. Values are part of the answer: append, never renumber. */
enum rng_purpose {
    RNG_INIT = 1,      /* step: tensor number; position: row */
    RNG_SHUFFLE,       /* step: epoch */
    RNG_INPUT_DROPOUT, /* step: minibatch; position: place in the batch */
    RNG_DROPOUT,       /* likewise */
    RNG_NOISE,         /* likewise */
    RNG_SPLIT,         /* see split.h */
    RNG_SYNTH,         /* see synth.h */
    RNG_BOOTSTRAP,
    RNG_TUNE,
    RNG_TEST,
    RNG_BLOCKS, /* position: block of the grid of train.optimizer sgd */
};

struct rng4 {
    uint32_t word[4];
};

static inline struct rng4 rng_philox(uint64_t seed, enum rng_purpose purpose, uint64_t step,
                                     uint32_t position, uint32_t group)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = group, c1 = position, c2 = (uint32_t)step,
             c3 = (uint32_t)(step >> 32 << 8) | (uint32_t)purpose;

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (struct rng4){{c0, c1, c2, c3}};
}

/* A word as a float in [0, 1), 24 bits; as one in (0, 1], for a logarithm. */
static inline float rng_unit(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

static inline float rng_unit_open(uint32_t word)
{
    return (float)((word >> 8) + 1) * 0x1p-24f;
}

/* A word as an integer in [0, n), n < 2^32, by multiplication: bias below n / 2^32. */
static inline uint32_t rng_below(uint32_t word, uint32_t n)
{
    return (uint32_t)(((uint64_t)word * n) >> 32);
}

/* Two independent standard normal numbers of two words (Box-Muller). */
void rng_normal2(uint32_t a, uint32_t b, double out[2]);

/* A stream for serial code: consecutive words of one (seed, purpose, step, position). */
struct rng_stream {
    uint64_t seed, step;
    enum rng_purpose purpose;
    uint32_t position, group;
    struct rng4 words;
    int left;
};

struct rng_stream rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t step, uint32_t position);
uint32_t rng_next(struct rng_stream *s);
/* Uniform in [0, n) for any n > 0, without bias (rejection). */
uint64_t rng_next_below(struct rng_stream *s, uint64_t n);
double rng_next_unit(struct rng_stream *s); /* [0, 1), 53 bits */

/* order[0..n) = a random permutation of 0..n-1 (Fisher-Yates on a stream). */
void rng_permutation(struct rng_stream *s, int64_t n, int64_t *order);
