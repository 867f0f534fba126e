#include "batch/batch.h"

#include "base/mem.h"
#include "base/rng.h"

#include <string.h>

int scheduler_init(struct scheduler *s, int64_t examples, const uint8_t *usable, int64_t size,
                   enum last_batch last, bool shuffle, uint64_t seed, struct error *err)
{
    *s = (struct scheduler){.size = size, .last = last, .shuffle = shuffle, .seed = seed, .epoch = -1};
    s->pool = mem_alloc(examples, sizeof *s->pool);
    s->order = mem_alloc(2 * examples, sizeof *s->order);
    if (!s->pool || !s->order) {
        scheduler_fini(s);
        return error_set(err, PT_ENOMEM, "minibatches: out of memory");
    }
    for (int64_t e = 0; e < examples; e++)
        if (!usable || usable[e])
            s->pool[s->examples++] = e;
    if (s->size > s->examples && last != LAST_KEEP) {
        int64_t n = s->examples;

        scheduler_fini(s);
        return error_set(
            err, PT_ECONFIG,
            "train.batch: %lld is more than the %lld training examples there are; make it smaller, or set "
            "train.last_batch to keep",
            (long long)size, (long long)n);
    }
    return 0;
}

int64_t scheduler_max_steps(const struct scheduler *s)
{
    return s->last == LAST_DROP ? s->examples / s->size : (s->examples + s->size - 1) / s->size;
}

/* With rollover, epoch e trains on full batches up to and including the first that reaches past its end:
 * after e epochs ceil(e * examples / size) batches are done. */
int64_t scheduler_first_step(const struct scheduler *s, int64_t epoch)
{
    if (s->last == LAST_ROLLOVER)
        return (epoch * s->examples + s->size - 1) / s->size;
    return epoch * scheduler_max_steps(s);
}

static void draw_order(const struct scheduler *s, int64_t epoch, int64_t *order)
{
    struct rng_stream stream = rng_stream(s->seed, RNG_SHUFFLE, (uint64_t)epoch, 0);

    if (s->shuffle)
        rng_permutation(&stream, s->examples, order);
    for (int64_t i = 0; i < s->examples; i++)
        order[i] = s->pool[s->shuffle ? order[i] : i];
}

void scheduler_epoch(struct scheduler *s, int64_t epoch)
{
    if (s->epoch == epoch)
        return;
    draw_order(s, epoch, s->order);
    s->offset = 0;
    if (s->last == LAST_ROLLOVER) {
        draw_order(s, epoch + 1, s->order + s->examples);
        s->offset = scheduler_first_step(s, epoch) * s->size - epoch * s->examples;
    }
    s->epoch = epoch;
    s->steps = scheduler_first_step(s, epoch + 1) - scheduler_first_step(s, epoch);
}

struct batch scheduler_batch(const struct scheduler *s, int64_t i)
{
    int64_t begin = s->offset + i * s->size, rows = s->size;

    if (s->last == LAST_KEEP && begin + rows > s->examples)
        rows = s->examples - begin;
    return (struct batch){.example = s->order + begin,
                          .rows = rows,
                          .in_epoch = i,
                          .step = (uint64_t)(scheduler_first_step(s, s->epoch) + i)};
}

void scheduler_fini(struct scheduler *s)
{
    mem_free(s->pool);
    mem_free(s->order);
    *s = (struct scheduler){0};
}
