/* reduce.c - which buffers and which additions is decided once, in reduce_new, by playing the round through:
 * a worker's run of shards is pushed leaf by leaf on a stack of open nodes, and the two on top are merged
 * while they are siblings. A slot is a place in the worker's stack, so slots are buffers. */
#include "par/reduce.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

struct worker_plan {
    int first, end; /* own shards */
    int slots;      /* buffers */
    float **slot;   /* (slots), each rows x ld floats */
    int open;       /* slots in use; changes during a round */
    int64_t level[64], index[64];
};

/* One addition of the last part: buffer `from` is added to buffer `to`. */
struct merge {
    float *to, *from;
};

/* What several ranks need besides. Nodes are numbered over all ranks, in shard order. */
struct rank_plan {
    int64_t *nodes;     /* (ranks + 1): a rank has nodes [nodes[q], nodes[q + 1]) */
    float *node[128];   /* buffers of this rank's nodes */
    struct pair *merge; /* (all nodes): additions by node number */
    int merges;
    float *out, *in, *sum; /* packed for the ranks; from them; the root */
    int64_t *size;         /* (6 x ranks): places and lengths of messages */
};

struct pair {
    int to, from;
};

struct reduce {
    struct mem_pool pool; /* of all arrays */
    int shards, workers;
    struct worker_plan *plan; /* (workers) */
    struct rank_plan ranks;   /* unused where there is one */
    struct merge *merge;      /* (merges) */
    int merges;
    float *root; /* borrowed: one of the buffers */
    struct team *team;
    int64_t floats; /* of a buffer */
};

/* A node whose right sibling would begin beyond the last shard stands for its parent too. */
static void lift(int64_t *level, int64_t *index, int shards)
{
    while (*index > 0 && *index % 2 == 0 && ((*index + 1) << *level) >= shards) {
        *index /= 2;
        ++*level;
    }
}

static bool siblings(int64_t left_level, int64_t left, int64_t right_level, int64_t right)
{
    return left_level == right_level && left % 2 == 0 && right == left + 1;
}

/* Merges siblings at the top of a stack; returns the new height. add(below, top) is called for each merge. */
static int merge_top(int64_t *level, int64_t *index, int height, int shards, void (*add)(void *, int, int),
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

/* The open nodes that the run [first, end) of shards ends with, and how many buffers it takes. */
static int plan_run(struct worker_plan *p, int shards, int64_t first, int64_t end)
{
    p->first = (int)first;
    p->end = (int)end;
    p->open = 0;
    for (int s = p->first; s < p->end; s++) {
        p->level[p->open] = 0;
        p->index[p->open++] = s;
        if (p->open > p->slots)
            p->slots = p->open;
        p->open = merge_top(p->level, p->index, p->open, shards, add_nothing, NULL);
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

/* The open nodes of the rank's workers, in shard order, pushed on one stack. With one rank one is left. */
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
            height = merge_top(level, index, height, r->shards, add_merge, &c);
        }
    }
    r->root = c.buffer[0];
    if (!r->ranks.nodes)
        return;
    assert(height == r->ranks.nodes[team_ranks(r->team)->id + 1] - r->ranks.nodes[team_ranks(r->team)->id]);
    memcpy(r->ranks.node, c.buffer, sizeof c.buffer);
}

struct pairs {
    struct rank_plan *plan;
    int node[128];
};

static void add_pair(void *arg, int below, int top)
{
    struct pairs *p = arg;

    p->plan->merge[p->plan->merges++] = (struct pair){p->node[below], p->node[top]};
}

/* Which nodes each rank will have open, and how they are added up: the same on every rank. */
static void plan_ranks(struct reduce *r, int64_t rows, int64_t ld)
{
    const struct ranks *self = team_ranks(r->team);
    struct rank_plan *p = &r->ranks;
    struct pairs pairs = {.plan = p};
    int64_t level[128], index[128], first, end, mine;
    int height = 0, all = 0;

    p->nodes = mem_pool_zalloc(&r->pool, self->count + 1, sizeof *p->nodes);
    p->size = mem_pool_zalloc(&r->pool, 6 * self->count, sizeof *p->size);
    p->merge = mem_pool_alloc(&r->pool, 64 * self->count, sizeof *p->merge);
    if (r->pool.failed)
        return;
    for (int q = 0; q < self->count; q++) {
        struct worker_plan run = {0};

        team_range(r->shards, q, self->count, &first, &end);
        plan_run(&run, r->shards, first, end);
        for (int i = 0; i < run.open; i++) {
            level[height] = run.level[i];
            index[height] = run.index[i];
            pairs.node[height++] = all++;
            height = merge_top(level, index, height, r->shards, add_pair, &pairs);
        }
        p->nodes[q + 1] = all;
    }
    mine = p->nodes[self->id + 1] - p->nodes[self->id];
    p->out = mem_pool_array(&r->pool, (mine ? mine : 1) * rows * ld, sizeof(float));
    p->in = mem_pool_array(&r->pool, all * (rows / self->count + 1) * ld, sizeof(float));
    p->sum = mem_pool_array(&r->pool, rows * ld, sizeof(float));
}

static void touch(struct worker *w, void *arg)
{
    struct reduce *r = arg;
    struct worker_plan *p = &r->plan[w->id];

    for (int i = 0; i < p->slots; i++)
        memset(p->slot[i], 0, (size_t)r->floats * sizeof(float));
}

int reduce_new(struct reduce **out, int shards, struct team *team, const int *bound, int64_t rows, int64_t ld,
               struct error *err)
{
    scoped(reduce_free) struct reduce *r = mem_zalloc(1, sizeof *r);
    int64_t first, end;
    int open = 0;

    if (!r)
        return error_set(err, PT_ENOMEM, "reduce: out of memory for the shards' partial sums");
    *r = (struct reduce){.shards = shards, .workers = team_workers(team), .team = team, .floats = rows * ld};
    r->plan = mem_pool_zalloc(&r->pool, r->workers, sizeof *r->plan);
    team_rank_own(team, shards, &first, &end);
    for (int id = 0; id < r->workers && r->plan; id++) {
        struct worker_plan *p = &r->plan[id];
        int64_t from, to;

        team_range(end - first, id, r->workers, &from, &to);
        open += bound ? plan_run(p, shards, bound[id], bound[id + 1])
                      : plan_run(p, shards, first + from, first + to);
        p->slot = mem_pool_rows(&r->pool, p->slots, r->floats);
    }
    r->merge = mem_pool_alloc(&r->pool, open, sizeof *r->merge);
    if (team_ranks(team)->count > 1)
        plan_ranks(r, rows, ld);
    if (r->pool.failed)
        return error_set(err, PT_ENOMEM, "reduce: out of memory for the shards' partial sums");
    plan_merges(r);
    if (r->ranks.nodes)
        r->root = r->ranks.sum;
    team_run(team, touch, r);
    for (int id = 0; id < r->workers; id++)
        r->plan[id].open = 0;
    *out = handed_on(r);
    return 0;
}

void reduce_free(struct reduce *r)
{
    if (r)
        mem_pool_free(&r->pool);
    mem_free(r);
}

float *reduce_leaf(struct reduce *r, const struct worker *w, int shard, bool *add)
{
    struct worker_plan *p = &r->plan[w->id];

    if (shard == p->first)
        p->open = 0; /* a new round */
    *add = p->open > 0 && siblings(p->level[p->open - 1], p->index[p->open - 1], 0, shard);
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
    p->open = merge_top(p->level, p->index, p->open, r->shards, add_buffers, &a);
}

static void merge_rows(struct reduce *r, int64_t first, int64_t end, int64_t ld)
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

void reduce_rows(struct reduce *r, int64_t first, int64_t end, int64_t ld)
{
    if (!r->ranks.nodes)
        merge_rows(r, first, end, ld);
}

/* The rank's nodes in rows [first, end), packed by the rank that will add those rows up, then by node. */
static void pack_rows(struct reduce *r, const struct ranks *self, int64_t rows, int64_t first, int64_t end,
                      int64_t ld)
{
    const struct rank_plan *p = &r->ranks;
    int64_t nodes = p->nodes[self->id + 1] - p->nodes[self->id];

    for (int q = 0; q < self->count; q++) {
        int64_t low, high, from, to;

        team_range(rows, q, self->count, &low, &high);
        from = first > low ? first : low;
        to = end < high ? end : high;
        for (int64_t i = 0; i < nodes && from < to; i++)
            memcpy(p->out + (nodes * low + i * (high - low) + from - low) * ld, p->node[i] + from * ld,
                   (size_t)((to - from) * ld) * sizeof(float));
    }
}

/* Everybody's nodes for the rows that this rank adds up. */
static void exchange_nodes(struct reduce *r, struct ranks *self, int64_t rows, int64_t ld)
{
    const struct rank_plan *p = &r->ranks;
    int64_t *send_at = p->size, *send = send_at + self->count, *get_at = send + self->count,
            *get = get_at + self->count, nodes = p->nodes[self->id + 1] - p->nodes[self->id], low, high, mine;
    int64_t row = ld * (int64_t)sizeof(float);

    team_range(rows, self->id, self->count, &low, &high);
    mine = high - low;
    for (int q = 0; q < self->count; q++) {
        team_range(rows, q, self->count, &low, &high);
        send_at[q] = nodes * low * row;
        send[q] = nodes * (high - low) * row;
        get_at[q] = p->nodes[q] * mine * row;
        get[q] = (p->nodes[q + 1] - p->nodes[q]) * mine * row;
    }
    ranks_exchange(self, p->out, send_at, send, p->in, get_at, get);
}

/* The sums that each rank has made, put together. */
static void gather_sums(struct reduce *r, struct ranks *self, int64_t rows, int64_t ld)
{
    int64_t *at = r->ranks.size + 4 * self->count, *size = at + self->count;

    for (int q = 0; q < self->count; q++) {
        int64_t low, high;

        team_range(rows, q, self->count, &low, &high);
        at[q] = low * ld * (int64_t)sizeof(float);
        size[q] = (high - low) * ld * (int64_t)sizeof(float);
    }
    ranks_gather(self, r->ranks.in, r->ranks.sum, at, size);
}

void reduce_ranks(struct reduce *r, struct worker *w, int64_t rows, int64_t ld)
{
    struct ranks *self = team_ranks(w->team);
    const struct rank_plan *p = &r->ranks;
    int64_t first, end, low, high, mine;

    if (!p->nodes)
        return;
    team_range(rows, w->id, w->count, &first, &end);
    merge_rows(r, first, end, ld);
    pack_rows(r, self, rows, first, end, ld);
    team_barrier(w);
    if (w->id == 0)
        exchange_nodes(r, self, rows, ld);
    team_barrier(w);
    team_range(rows, self->id, self->count, &low, &high);
    mine = high - low;
    team_range(mine, w->id, w->count, &first, &end);
    for (int i = 0; i < p->merges; i++) {
        float *to = p->in + (p->merge[i].to * mine + first) * ld;
        const float *from = p->in + (p->merge[i].from * mine + first) * ld;

#pragma omp simd
        for (int64_t k = 0; k < (end - first) * ld; k++)
            to[k] += from[k];
    }
    team_barrier(w);
    if (w->id == 0)
        gather_sums(r, self, rows, ld);
    team_barrier(w);
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
        int64_t first, end;

        team_range(shards, id, workers, &first, &end);
        plan_run(&p, shards, first, end);
        slots += p.slots;
    }
    return slots * rows * ld * (int64_t)sizeof(float);
}
