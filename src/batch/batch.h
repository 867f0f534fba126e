/* batch.h - minibatches: which examples, in which order, in which step. Everything is a pure function of
 * (seed, epoch, step), so a resumed run repeats the same minibatches. */
#ifndef BATCH_BATCH_H
#define BATCH_BATCH_H

#include "base/choices.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct batch {
    const int64_t *example; /* (rows) borrowed from the scheduler; with rollover an example can occur twice */
    int64_t rows;
    int64_t in_epoch; /* number of the step in its epoch */
    uint64_t step;    /* number of the step in the run: the key of random draws */
};

struct scheduler {
    int64_t examples; /* that train */
    int64_t size;     /* rows of a full batch */
    enum last_batch last;
    bool shuffle;
    uint64_t seed;
    int64_t *pool;  /* (examples) owned: the examples that train, ascending */
    int64_t *order; /* (2 examples) owned: this epoch's order, then the next one's (rollover) */
    int64_t epoch;  /* the epoch of `order`; -1: none */
    int64_t steps;  /* steps of that epoch */
    int64_t offset; /* rollover: where in the order the epoch begins */
};

/* usable[e] != 0: example e trains (NULL: all). The caller leaves out examples without entries. */
int scheduler_init(struct scheduler *s, int64_t examples, const uint8_t *usable, int64_t size,
                   enum last_batch last, bool shuffle, uint64_t seed, struct error *err);
/* The largest number of steps of an epoch. */
int64_t scheduler_max_steps(const struct scheduler *s);
/* Steps before `epoch` begins. */
int64_t scheduler_first_step(const struct scheduler *s, int64_t epoch);
void scheduler_epoch(struct scheduler *s, int64_t epoch);
/* Step i < s->steps of the current epoch. */
struct batch scheduler_batch(const struct scheduler *s, int64_t i);
void scheduler_fini(struct scheduler *s);

#endif
