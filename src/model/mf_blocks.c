/* mf_blocks.c - ratings in blocks: each worker fills the blocks of its own users. */
#include "model/mf_sgd.h"

#include "base/rng.h"

struct filling {
    struct mf_sgd *s;
    const struct cells *cells;
    int32_t *user_shard, *item_shard; /* of each row */
    int64_t *next;                    /* (P^2): ratings of a block; then where the next one goes */
};

static int bits_of(int64_t n)
{
    int bits = 0;

    while (((int64_t)1 << bits) < n)
        bits++;
    return bits;
}

static int64_t widest(const struct shard *cut, int n)
{
    int64_t most = 1;

    for (int i = 0; i < n; i++)
        most = shard_width(&cut[i]) > most ? shard_width(&cut[i]) : most;
    return most;
}

static void find_shards(int32_t *out, const struct shard *cut, int n)
{
    for (int i = 0; i < n; i++)
        for (int64_t row = cut[i].begin; row < cut[i].end; row++)
            out[row] = i;
}

static void shuffle(const struct mf_sgd *s, int64_t block)
{
    struct rng_stream stream = rng_stream(s->mf.model.spec.seed, RNG_BLOCKS, 0, (uint32_t)block);
    struct sgd_rating *r = s->rating + s->start[block];

    for (int64_t n = s->start[block + 1] - s->start[block]; n > 1; n--) {
        int64_t j = (int64_t)rng_next_below(&stream, (uint64_t)n);
        struct sgd_rating last = r[n - 1];

        r[n - 1] = r[j];
        r[j] = last;
    }
}

static void fill(struct worker *w, void *arg)
{
    const struct filling *f = arg;
    struct mf_sgd *s = f->s;
    const struct cells *cells = f->cells;
    int64_t first, end;

    team_range(s->p, w->id, w->count, &first, &end);
    for (int64_t i = 0; i < cells->n; i++) {
        int32_t shard = f->user_shard[cells->user[i]];

        if (shard >= first && shard < end)
            f->next[(int64_t)shard * s->p + f->item_shard[cells->item[i]]]++;
    }
    team_barrier(w);
    if (w->id == 0)
        for (int64_t b = 0; b < (int64_t)s->p * s->p; b++) {
            s->start[b + 1] = s->start[b] + f->next[b];
            f->next[b] = s->start[b];
        }
    team_barrier(w);
    for (int64_t i = 0; i < cells->n; i++) {
        int64_t user = cells->user[i], item = cells->item[i];
        int32_t a = f->user_shard[user], b = f->item_shard[item];

        if (a < first || a >= end)
            continue;
        s->rating[f->next[(int64_t)a * s->p + b]++] =
            (struct sgd_rating){(uint32_t)(user - s->mf.user.t.cut[a].begin) << s->shift |
                                    (uint32_t)(item - s->mf.item.t.cut[b].begin),
                                cells->value[i]};
    }
    for (int64_t b = first * s->p; b < end * s->p; b++)
        shuffle(s, b);
}

int mf_blocks_init(struct mf_sgd *s, struct error *err)
{
    const struct table *user = &s->mf.user.t, *item = &s->mf.item.t;
    struct mem_pool *pool = &s->mf.pool;
    scoped_value(mem_pool_free) struct mem_pool scratch = {0};
    struct filling f = {.s = s, .cells = s->mf.model.eng.cells};
    int64_t blocks = (int64_t)s->p * s->p;

    s->shift = bits_of(widest(item->cut, item->shards));
    if (s->shift + bits_of(widest(user->cut, user->shards)) > 32)
        return error_set(
            err, PT_ECONFIG,
            "run.shards: a block of %d x %d shards has too many users and items to be numbered; set "
            "run.shards to more, or 0",
            s->p, s->p);
    s->rating = mem_pool_array(pool, f.cells->n, sizeof *s->rating);
    s->start = mem_pool_zalloc(pool, blocks + 1, sizeof *s->start);
    f.next = mem_pool_zalloc(&scratch, blocks, sizeof *f.next);
    f.user_shard = mem_pool_alloc(&scratch, user->columns, sizeof *f.user_shard);
    f.item_shard = mem_pool_alloc(&scratch, item->columns, sizeof *f.item_shard);
    TRY(need_memory(!pool->failed && !scratch.failed, err));
    find_shards(f.user_shard, user->cut, user->shards);
    find_shards(f.item_shard, item->cut, item->shards);
    team_run(s->mf.model.eng.team, fill, &f);
    return 0;
}
