/* reduce.c - which buffers and which additions is decided once, in reduce_new, by playing the round through:
 * a worker's run of shards is pushed leaf by leaf on a stack of open nodes, and the two on top are merged
 * while they are siblings. A slot is a place in the worker's stack, so slots are buffers. */
#include "par/reduce.h"

#include "base/mem.h"

#include <string.h>

/* An open node: its level and number in it, and the buffer that holds it. */
struct node {
    int level;
    int64_t index;
    int owner, slot;
};

struct worker_plan {
    int first, end; /* own shards */
    int slots;      /* buffers */
    float **slot;   /* (slots) owned, each rows x ld floats */
    int open;       /* slots in use; changes during a round */
    int64_t level[64], index[64];
};

/* One addition of the last part: buffer `from` is added to buffer `to`. */
struct merge {
    float *to, *from;
};

struct reduce {
    int shards, workers;
    struct worker_plan *plan; /* (workers) owned */
    struct merge *merge;      /* (merges) owned */
    int merges;
    float *root; /* borrowed: one of the buffers */
    struct team *team;
    int64_t floats; /* of a buffer */
};

/* A node whose right sibling would begin beyond the last shard stands for its parent too. */
static void lift(int64_t *level, int64_t *index, int shards)
{
    while (*index % 2 == 0 && ((*index + 1) << *level) < (int64_t)1 << 40 &&
           ((*index + 1) << *level) >= shards && *index > 0) {
        *index /= 2;
        ++*level;
    }
}

static bool siblings(int64_t left_level, int64_t left, int64_t right_level, int64_t right)
{
    return left_level == right_level && left % 2 == 0 && right == left + 1;
}

/* Merges the top of a stack while it can be; returns the new height. add(below, top) is called for each
 * merge. */
static int settle(int64_t *level, int64_t *index, int height, int shards, void (*add)(void *, int, int),
                  void *arg)
{
    lift(&level[height - 1], &index[height - 1], shards);
    while (height > 1 &&
           siblings(level[height - 2], index[height - 2], level[height - 1], index[height - 1])) {
        add(arg, height - 2, height - 1);
        height--;
        index[height - 1] /= 2;
        level[height - 1]++;
        lift(&level[height - 1], &index[height - 1], shards);
    }
    return height;
}

static void add_nothing(void *arg, int below, int top)
{
    (void)arg, (void)below, (void)top;
}

static int plan_worker(struct worker_plan *p, int shards, int workers, int id)
{
    int64_t first, end;

    team_range(shards, id, workers, &first, &end);
    p->first = (int)first;
    p->end = (int)end;
    p->open = 0;
    for (int s = p->first; s < p->end; s++) {
        p->level[p->open] = 0;
        p->index[p->open++] = s;
        if (p->open > p->slots)
            p->slots = p->open;
        p->open = settle(p->level, p->index, p->open, shards, add_nothing, NULL);
    }
    return p->open;
}

struct collector {
    struct reduce *r;
    float *buffer[128];
};

static void add_merge(void *arg, int below, int top)
{
    struct collector *c = arg;

    c->r->merge[c->r->merges++] = (struct merge){c->buffer[below], c->buffer[top]};
}

/* The open nodes of all workers, in shard order, pushed on one stack. */
static void plan_merges(struct reduce *r)
{
    struct collector c = {.r = r};
    int64_t level[128], index[128];
    int height = 0;

    for (int id = 0; id < r->workers; id++) {
        const struct worker_plan *p = &r->plan[id];

        for (int i = 0; i < p->open; i++) {
            level[height] = p->level[i];
            index[height] = p->index[i];
            c.buffer[height++] = p->slot[i];
            height = settle(level, index, height, r->shards, add_merge, &c);
        }
    }
    r->root = c.buffer[0];
}

static void touch(struct worker *w, void *arg)
{
    struct reduce *r = arg;
    struct worker_plan *p = &r->plan[w->id];

    for (int i = 0; i < p->slots; i++)
        memset(p->slot[i], 0, (size_t)r->floats * sizeof(float));
}

int reduce_new(struct reduce **out, int shards, struct team *team, int64_t rows, int64_t ld,
               struct error *err)
{
    struct reduce *r = mem_zalloc(1, sizeof *r);
    int open = 0;

    if (!r)
        goto fail;
    *r = (struct reduce){.shards = shards, .workers = team_workers(team), .team = team, .floats = rows * ld};
    r->plan = mem_zalloc(r->workers, sizeof *r->plan);
    if (!r->plan)
        goto fail;
    for (int id = 0; id < r->workers; id++) {
        struct worker_plan *p = &r->plan[id];

        open += plan_worker(p, shards, r->workers, id);
        p->slot = mem_zalloc(p->slots, sizeof *p->slot);
        if (!p->slot)
            goto fail;
        for (int i = 0; i < p->slots; i++)
            if (!(p->slot[i] = mem_array(r->floats, sizeof(float))))
                goto fail;
    }
    r->merge = mem_alloc(open, sizeof *r->merge);
    if (!r->merge)
        goto fail;
    plan_merges(r);
    team_run(team, touch, r);
    for (int id = 0; id < r->workers; id++)
        r->plan[id].open = 0;
    *out = r;
    return 0;
fail:
    reduce_free(r);
    return error_set(err, PT_ENOMEM, "reduce: out of memory for the shards' partial sums");
}

void reduce_free(struct reduce *r)
{
    if (!r)
        return;
    for (int id = 0; r->plan && id < r->workers; id++) {
        for (int i = 0; r->plan[id].slot && i < r->plan[id].slots; i++)
            mem_free(r->plan[id].slot[i]);
        mem_free(r->plan[id].slot);
    }
    mem_free(r->plan);
    mem_free(r->merge);
    mem_free(r);
}

float *reduce_leaf(struct reduce *r, const struct worker *w, int shard, bool can_add, bool *add)
{
    struct worker_plan *p = &r->plan[w->id];

    if (shard == p->first)
        p->open = 0; /* a new round */
    *add = can_add && p->open > 0 && siblings(p->level[p->open - 1], p->index[p->open - 1], 0, shard);
    return p->slot[*add ? p->open - 1 : p->open];
}

struct adder {
    struct worker_plan *p;
    int64_t count;
};

static void add_buffers(void *arg, int below, int top)
{
    struct adder *a = arg;
    float *to = a->p->slot[below];
    const float *from = a->p->slot[top];

#pragma omp simd
    for (int64_t i = 0; i < a->count; i++)
        to[i] += from[i];
}

void reduce_done(struct reduce *r, const struct worker *w, int shard, bool added, int64_t count)
{
    struct worker_plan *p = &r->plan[w->id];
    struct adder a = {p, count};

    if (added) { /* the leaf went into its sibling: together they are the parent */
        p->index[p->open - 1] /= 2;
        p->level[p->open - 1]++;
    } else {
        p->level[p->open] = 0;
        p->index[p->open++] = shard;
    }
    p->open = settle(p->level, p->index, p->open, r->shards, add_buffers, &a);
}

void reduce_rows(struct reduce *r, int64_t first, int64_t end, int64_t ld)
{
    for (int64_t row = first; row < end; row++)
        for (int i = 0; i < r->merges; i++) {
            float *to = r->merge[i].to + row * ld;
            const float *from = r->merge[i].from + row * ld;

#pragma omp simd
            for (int64_t k = 0; k < ld; k++)
                to[k] += from[k];
        }
}

float *reduce_root(struct reduce *r)
{
    return r->root;
}

int64_t reduce_bytes(int shards, int workers, int64_t rows, int64_t ld)
{
    int64_t slots = 0;

    for (int id = 0; id < workers; id++) {
        struct worker_plan p = {0};

        plan_worker(&p, shards, workers, id);
        slots += p.slots;
    }
    return slots * rows * ld * (int64_t)sizeof(float);
}
