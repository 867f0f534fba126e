/* reduce.c - which buffers and which additions is decided once, in reduce_new, by playing the round through:
 * a worker's run of shards is pushed leaf by leaf on a stack of open nodes, and the two on top are merged
 * while they are siblings. A slot is a place in the worker's stack, so slots are buffers. */
#include "par/reduce.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* One addition: buffer `from` is added to buffer `to`. */
struct merge {
    int to, from;
};

struct node {
    int64_t level, index;
    int buffer;
};

/* Open nodes, by shard. */
struct stack {
    int height;
    struct node node[128];
};

struct worker_plan {
    int first;         /* own shard */
    int slots;         /* buffers */
    float **slot;      /* (slots), each rows x ld floats */
    struct stack open; /* node i is in slot i; changes during a round */
};

/* What several ranks need besides. Nodes are numbered over all ranks, in shard order. */
struct rank_plan {
    int64_t *nodes;      /* (ranks + 1): a rank has nodes [nodes[q], nodes[q + 1]) */
    struct merge *merge; /* (all nodes): additions by node number */
    int merges;
    float *out, *in, *sum; /* packed for the ranks; from them; the root */
};

struct reduce {
    struct mem_pool pool; /* of all arrays */
    int shards, workers;
    struct worker_plan *plan; /* (workers) */
    struct rank_plan ranks;   /* unused where there is one */
    float **buffer;           /* (open nodes of all workers), in shard order */
    struct merge *merge;      /* (merges) of them */
    int merges;
    struct stack open; /* what is left then; with one rank the root */
    float *root;       /* borrowed: one of the buffers */
    struct team *team;
    int64_t floats; /* of a buffer */
};

/* A node whose right sibling would begin beyond the last shard stands for its parent too. */
static void lift(struct node *n, int shards)
{
    while (n->index > 0 && n->index % 2 == 0 && ((n->index + 1) << n->level) >= shards) {
        n->index /= 2;
        n->level++;
    }
}

static bool siblings(const struct node *left, const struct node *right)
{
    return left->level == right->level && left->index % 2 == 0 && right->index == left->index + 1;
}

/* Merges siblings at the top; stores the additions in `merge` and returns their number. */
static int push(struct stack *s, struct node node, int shards, struct merge *merge)
{
    struct node *top = &s->node[s->height++];
    int merges = 0;

    *top = node;
    lift(top, shards);
    for (; top > s->node && siblings(top - 1, top); top--, s->height--) {
        merge[merges++] = (struct merge){top[-1].buffer, top->buffer};
        top[-1].index /= 2;
        top[-1].level++;
        lift(top - 1, shards);
    }
    return merges;
}

/* Pushes all of `from`, whose buffers get the numbers from `first` on. */
static int push_all(struct stack *s, const struct stack *from, int first, int shards, struct merge *merge)
{
    int merges = 0;

    for (int i = 0; i < from->height; i++) {
        struct node node = from->node[i];

        node.buffer = first + i;
        merges += push(s, node, shards, merge + merges);
    }
    return merges;
}

static int push_leaf(struct worker_plan *p, int shard, int shards, struct merge *merge)
{
    return push(&p->open, (struct node){0, shard, p->open.height}, shards, merge);
}

/* The open nodes that the run [first, end) of shards ends with, and how many buffers it takes. */
static int plan_run(struct worker_plan *p, int shards, int64_t first, int64_t end)
{
    struct merge unused[64];

    p->first = (int)first;
    for (int s = p->first; s < end; s++) {
        p->slots = p->slots > p->open.height ? p->slots : p->open.height + 1;
        push_leaf(p, s, shards, unused);
    }
    return p->open.height;
}

/* The open nodes of the rank's workers, in shard order, pushed on one stack. */
static void plan_merges(struct reduce *r)
{
    int count = 0;

    for (int id = 0; id < r->workers; id++) {
        struct worker_plan *p = &r->plan[id];

        r->merges += push_all(&r->open, &p->open, count, r->shards, r->merge + r->merges);
        for (int i = 0; i < p->open.height; i++)
            r->buffer[count++] = p->slot[i];
    }
    r->root = r->ranks.nodes ? r->ranks.sum : r->buffer[0];
}

/* Which nodes each rank will have open, and how they are added up: the same on every rank. */
static void plan_ranks(struct reduce *r, int64_t rows, int64_t ld)
{
    const struct ranks *self = team_ranks(r->team);
    struct rank_plan *p = &r->ranks;
    struct stack open = {0};
    int64_t first, end, mine;
    int all = 0;

    p->nodes = mem_pool_zalloc(&r->pool, self->count + 1, sizeof *p->nodes);
    p->merge = mem_pool_alloc(&r->pool, 64 * self->count, sizeof *p->merge);
    if (r->pool.failed)
        return;
    for (int q = 0; q < self->count; q++) {
        struct worker_plan run = {0};

        team_range(r->shards, q, self->count, &first, &end);
        plan_run(&run, r->shards, first, end);
        p->merges += push_all(&open, &run.open, all, r->shards, p->merge + p->merges);
        all += run.open.height;
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
    r->buffer = mem_pool_zalloc(&r->pool, open + 1, sizeof *r->buffer);
    if (team_ranks(team)->count > 1)
        plan_ranks(r, rows, ld);
    if (r->pool.failed)
        return error_set(err, PT_ENOMEM, "reduce: out of memory for the shards' partial sums");
    plan_merges(r);
    team_run(team, touch, r);
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
    struct stack *open = &p->open;

    if (shard == p->first)
        open->height = 0; /* a new round */
    *add = open->height > 0 && siblings(&open->node[open->height - 1], &(struct node){.index = shard});
    return p->slot[open->height - *add];
}

static void add_floats(float *to, const float *from, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

void reduce_done(struct reduce *r, const struct worker *w, int shard, bool added, int64_t count)
{
    struct worker_plan *p = &r->plan[w->id];
    struct merge merge[64];
    int merges = push_leaf(p, shard, r->shards, merge);

    for (int i = added; i < merges; i++) /* the first one is that of the leaf and its sibling */
        add_floats(p->slot[merge[i].to], p->slot[merge[i].from], count);
}

static void merge_rows(struct reduce *r, int64_t first, int64_t end, int64_t ld)
{
    for (int64_t row = first; row < end; row++)
        for (int i = 0; i < r->merges; i++)
            add_floats(r->buffer[r->merge[i].to] + row * ld, r->buffer[r->merge[i].from] + row * ld, ld);
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
    int64_t nodes = r->open.height;

    for (int q = 0; q < self->count; q++) {
        int64_t low, high, from, to;

        team_range(rows, q, self->count, &low, &high);
        from = first > low ? first : low;
        to = end < high ? end : high;
        for (int64_t i = 0; i < nodes && from < to; i++)
            memcpy(r->ranks.out + (nodes * low + i * (high - low) + from - low) * ld,
                   r->buffer[r->open.node[i].buffer] + from * ld, (size_t)((to - from) * ld) * sizeof(float));
    }
}

/* Everybody's nodes for the rows that this rank adds up. */
static void exchange_nodes(struct reduce *r, struct ranks *self, int64_t rows, int64_t ld)
{
    const struct rank_plan *p = &r->ranks;
    int64_t send_at[RANKS_MOST], send[RANKS_MOST], get_at[RANKS_MOST], get[RANKS_MOST];
    int64_t nodes = r->open.height, row = ld * (int64_t)sizeof(float), low, high, mine;

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
    for (int i = 0; i < p->merges; i++)
        add_floats(p->in + (p->merge[i].to * mine + first) * ld,
                   p->in + (p->merge[i].from * mine + first) * ld, (end - first) * ld);
    memcpy(p->sum + (low + first) * ld, p->in + first * ld, (size_t)((end - first) * ld) * sizeof(float));
    team_share(w, p->sum, rows, ld * (int64_t)sizeof(float));
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
