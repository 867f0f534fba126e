/* mf_ring.c - item shards on their way round the ranks; see mf_sgd.h.
 *
 * The rank of user shard i has in round d the item shard (i + d) mod P in its slot i. Behind a round every
 * item shard goes to the slot before; only those that leave a rank are sent. */
#include "model/mf_sgd.h"

#include <string.h>

enum { VECTORS = 4 }; /* of an item: bias, two sums of squares, mean */

int64_t mf_ring_floats(int64_t widest, int64_t ld, int slots)
{
    return row_pad(widest) * (ld + VECTORS) * slots;
}

static int64_t padded_width(const struct mf_sgd *s)
{
    return shards_widest(s->mf.item.t.cut, s->p);
}

/* Floats of a slot: rows, then the vectors. */
static int64_t slot_floats(const struct mf_sgd *s)
{
    return mf_ring_floats(padded_width(s), s->mf.item.t.ld, 1);
}

int mf_ring_init(struct mf_sgd *s, struct error *err)
{
    int64_t first, end, size = slot_floats(s);
    float *room;

    team_rank_own(s->mf.model.eng.team, s->p, &first, &end);
    s->first = (int)first;
    s->end = (int)end;
    if (s->mf.model.params.ranks->count == 1)
        return 0;
    s->slot = mem_pool_zalloc(&s->mf.pool, s->p, sizeof *s->slot);
    room = mem_pool_array(&s->mf.pool, (end - first + 1) * size, sizeof *room);
    TRY(need_memory(!s->mf.pool.failed, err));
    memset(room, 0, (size_t)((end - first + 1) * size) * sizeof *room);
    for (int64_t i = first; i < end; i++)
        s->slot[i] = room + (i - first) * size;
    s->spare = room + (end - first) * size;
    return 0;
}

/* The vectors of an item shard at home. */
static void vectors_of(const struct mf_sgd *s, int shard, float *out[VECTORS])
{
    const struct table_part *p = &s->mf.item.t.part[shard];

    out[0] = p->bias.w;
    out[1] = p->bias.m;
    out[2] = p->bias.v;
    out[3] = s->item.mean + s->mf.item.t.cut[shard].begin;
}

static void copy_shard(const struct mf_sgd *s, int shard, float *slot, bool home)
{
    int64_t ld = s->mf.item.t.ld, width = shard_width(&s->mf.item.t.cut[shard]), most = padded_width(s);
    float *rows = s->mf.item.t.part[shard].row.w, *vector[VECTORS];
    size_t bytes = (size_t)width * sizeof(float);

    vectors_of(s, shard, vector);
    memcpy(home ? rows : slot, home ? slot : rows, bytes * (size_t)ld);
    for (int v = 0; v < VECTORS; v++) {
        float *there = slot + most * (ld + v);

        memcpy(home ? vector[v] : there, home ? there : vector[v], bytes);
    }
}

struct sgd_rows mf_ring_items(const struct mf_sgd *s, int slot, int shard)
{
    const struct table *t = &s->mf.item.t;
    int64_t ld = t->ld, most = padded_width(s);
    float *rows = s->slot ? s->slot[slot] : NULL;

    if (!rows)
        return mf_sgd_rows(&s->item, shard);
    return (struct sgd_rows){.row = rows,
                             .bias = rows + most * ld,
                             .square = rows + most * (ld + 1),
                             .bias_square = rows + most * (ld + 2),
                             .mean = rows + most * (ld + 3),
                             .penalty = s->item.penalty + t->cut[shard].begin};
}

static int owner_of(const struct mf_sgd *s, int64_t shard)
{
    return team_owner(s->p, s->mf.model.params.ranks->count, shard);
}

void mf_ring_move(struct mf_sgd *s, int64_t round, bool home)
{
    struct ranks *r = s->mf.model.params.ranks;
    int64_t size = slot_floats(s);

    if (!s->slot)
        return;
    for (int j = 0; j < s->p; j++) {
        int slot = (int)((j + s->p - round % s->p) % s->p);
        int at_home = owner_of(s, j), away = owner_of(s, slot);
        int from = home ? away : at_home, to = home ? at_home : away;

        if (r->id == at_home && !home)
            copy_shard(s, j, away == r->id ? s->slot[slot] : s->spare, false);
        if (from != to && r->id == from)
            ranks_send(r, home ? s->slot[slot] : s->spare, size, to);
        if (from != to && r->id == to)
            ranks_receive(r, home ? s->spare : s->slot[slot], size, from);
        if (r->id == at_home && home)
            copy_shard(s, j, away == r->id ? s->slot[slot] : s->spare, true);
    }
}

void mf_ring_turn(struct mf_sgd *s)
{
    struct ranks *r = s->mf.model.params.ranks;
    int64_t bytes = slot_floats(s) * (int64_t)sizeof(float);
    int64_t zero[RANKS_MOST] = {0}, send[RANKS_MOST] = {0}, get[RANKS_MOST] = {0};
    float *leaves;

    if (!s->slot)
        return;
    if (s->first < s->end) {
        send[owner_of(s, (s->first + s->p - 1) % s->p)] = bytes;
        get[owner_of(s, s->end % s->p)] = bytes;
    }
    leaves = s->first < s->end ? s->slot[s->first] : s->spare;
    ranks_exchange(r, leaves, zero, send, s->spare, zero, get);
    if (s->first == s->end)
        return;
    for (int i = s->first; i + 1 < s->end; i++)
        s->slot[i] = s->slot[i + 1];
    s->slot[s->end - 1] = s->spare;
    s->spare = leaves;
}
