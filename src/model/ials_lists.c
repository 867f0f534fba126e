/* ials_lists.c - who chose what. A rank has the columns of its own shards of the example matrix; for its
 * users it gets the other columns from the ranks that have them. */
#include "model/ials.h"

#include "base/real.h"
#include "par/ranks.h"

#include <math.h>
#include <string.h>

double ials_weight(const struct model_spec *s, float value)
{
    switch (s->confidence) {
    case CONFIDENCE_LINEAR:
        return 1.0 + s->alpha * (double)value;
    case CONFIDENCE_LOG:
        return 1.0 + s->alpha * real_log(1.0 + (double)value);
    default:
        return 1.0;
    }
}

static bool lists_new(struct lists *l, int64_t rows, int64_t entries, bool weights, struct mem_pool *pool)
{
    l->start = mem_pool_zalloc(pool, rows + 1, sizeof *l->start);
    l->other = mem_pool_alloc(pool, entries, sizeof *l->other);
    l->root = weights ? mem_pool_alloc(pool, entries, sizeof *l->root) : NULL;
    l->weight = mem_pool_zalloc(pool, rows, sizeof *l->weight);
    return !pool->failed;
}

/* Filled, each start has moved to where the next one begins. */
static void put_back(int64_t *start, int64_t rows)
{
    memmove(start + 1, start, (size_t)rows * sizeof *start);
    start[0] = 0;
}

/* All users' items of own shards. */
static int list_items(struct lists *l, const struct model *m, int64_t from, int64_t to, struct error *err)
{
    const struct matrix *x = m->eng.train;
    int64_t n = 0;

    for (int64_t u = 0; u < x->examples; u++) {
        l->start[u] = n;
        for (int64_t s = from; s < to; s++) {
            const struct matrix_part *p = &x->part[s];
            int64_t row = matrix_row(x, u);

            for (uint32_t i = p->ptr[row]; i < p->ptr[row + 1]; i++) {
                double weight = l->root ? ials_weight(&m->spec, matrix_value(x, p, i)) : 1.0;

                if (!(weight > 0.0))
                    return error_set(
                        err, PT_EDATA,
                        "model.confidence: the value %g gives no weight above 0; keep such values "
                        "out (data.min_rating), or set model.confidence to none",
                        (double)matrix_value(x, p, i));
                l->other[n] = (int32_t)(x->cut[s].begin + p->col[i]);
                if (l->root)
                    l->root[n] = (float)sqrt(weight);
                n++;
            }
        }
    }
    l->start[x->examples] = n;
    return 0;
}

/* The users of each item, from all users' items. */
static void list_users(struct lists *item, const struct lists *user, int64_t users, int64_t items)
{
    for (int64_t i = 0; i < user->start[users]; i++)
        item->start[user->other[i] + 1]++;
    for (int64_t i = 0; i < items; i++)
        item->start[i + 1] += item->start[i];
    for (int64_t u = 0; u < users; u++)
        for (int64_t i = user->start[u]; i < user->start[u + 1]; i++) {
            int64_t at = item->start[user->other[i]]++;

            item->other[at] = (int32_t)u;
            if (item->root)
                item->root[at] = user->root[i];
        }
    put_back(item->start, items);
}

static void add_weights(struct lists *l, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = l->start[r]; i < l->start[r + 1]; i++)
            l->weight[r] += l->root ? (double)l->root[i] * (double)l->root[i] : 1.0;
}

/* ---- ranks ---- */

/* 4-byte words: of each rank q [at[q], at[q] + n[q]), in bytes. */
struct parcels {
    int64_t at[RANKS_MOST], n[RANKS_MOST];
};

static void put_parcels(struct parcels *p, int ranks)
{
    for (int64_t q = 0, at = 0; q < ranks; q++) {
        p->at[q] = at;
        at += p->n[q];
    }
}

struct sending {
    struct parcels out, in;
    int32_t *own;   /* (all users): entries of each on this rank */
    int32_t *count; /* (ranks, own users): entries of each on each rank */
    int64_t *bound; /* (ranks + 1): users of each rank */
};

/* Entries of own users on every rank into `to`, which holds them one rank after the other. */
static void send_words(struct ranks *r, const struct sending *s, const void *from, void *to)
{
    ranks_exchange(r, from, s->out.at, s->out.n, to, s->in.at, s->in.n);
}

/* From one rank after the other to one user after the other. */
static void merge(const struct sending *s, int ranks, int64_t users, const uint32_t *from, void *words)
{
    unsigned char *to = words;
    int64_t next[RANKS_MOST];

    for (int q = 0; q < ranks; q++)
        next[q] = s->in.at[q] / 4;
    for (int64_t u = 0; u < users; u++)
        for (int q = 0; q < ranks; q++) {
            int64_t n = s->count[q * users + u];

            memcpy(to, from + next[q], (size_t)n * sizeof *from);
            next[q] += n;
            to += (size_t)n * sizeof *from;
        }
}

/* Sizes of what goes where. */
static void count_words(struct ranks *r, struct sending *s, const struct lists *mine, int64_t users)
{
    struct parcels out = {0}, in = {0};
    int64_t own = s->bound[r->id + 1] - s->bound[r->id];

    for (int64_t u = 0; u < users; u++)
        s->own[u] = (int32_t)(mine->start[u + 1] - mine->start[u]);
    for (int q = 0; q < r->count; q++) {
        out.n[q] = 4 * (s->bound[q + 1] - s->bound[q]);
        in.n[q] = 4 * own;
    }
    put_parcels(&out, r->count);
    put_parcels(&in, r->count);
    ranks_exchange(r, s->own, out.at, out.n, s->count, in.at, in.n);
    for (int q = 0; q < r->count; q++) {
        s->out.n[q] = 4 * (mine->start[s->bound[q + 1]] - mine->start[s->bound[q]]);
        s->in.n[q] = 0;
        for (int64_t u = 0; u < own; u++)
            s->in.n[q] += 4 * (int64_t)s->count[q * own + u];
    }
    put_parcels(&s->out, r->count);
    put_parcels(&s->in, r->count);
}

/* `mine`: all users' items of own shards. */
static int gather_users(struct lists *user, const struct lists *mine, const struct model *m, int64_t first,
                        int64_t end, struct mem_pool *pool, struct error *err)
{
    struct ranks *r = m->params.ranks;
    int64_t users = m->eng.train->examples, own = end - first, n;
    scoped_value(mem_pool_free) struct mem_pool scratch = {0};
    struct sending s;
    uint32_t *words;

    s.own = mem_pool_alloc(&scratch, users, sizeof *s.own);
    s.count = mem_pool_alloc(&scratch, r->count * own, sizeof *s.count);
    s.bound = mem_pool_zalloc(&scratch, r->count + 1, sizeof *s.bound);
    TRY(need_memory(!scratch.failed, err));
    s.bound[r->id] = end;
    ranks_share(r, s.bound, r->count, sizeof *s.bound);
    memmove(s.bound + 1, s.bound, (size_t)r->count * sizeof *s.bound);
    s.bound[0] = 0;
    count_words(r, &s, mine, users);
    n = (s.in.at[r->count - 1] + s.in.n[r->count - 1]) / 4;
    words = mem_pool_alloc(&scratch, n, sizeof *words);
    TRY(need_memory(!scratch.failed && lists_new(user, users, n, mine->root != NULL, pool), err));
    send_words(r, &s, mine->other, words);
    merge(&s, r->count, own, words, user->other);
    if (mine->root) {
        send_words(r, &s, mine->root, words);
        merge(&s, r->count, own, words, user->root);
    }
    for (int64_t u = 0; u < users; u++) {
        int64_t entries = 0;

        for (int q = 0; q < r->count && u >= first && u < end; q++)
            entries += s.count[q * own + u - first];
        user->start[u + 1] = user->start[u] + entries;
    }
    return 0;
}

int ials_lists_init(struct lists *user, struct lists *item, const struct model *m, int64_t first, int64_t end,
                    struct mem_pool *pool, struct error *err)
{
    const struct matrix *x = m->eng.train;
    scoped_value(mem_pool_free) struct mem_pool scratch = {0};
    bool ranks = m->params.ranks->count > 1, weights = m->spec.confidence != CONFIDENCE_NONE;
    int64_t from, to, entries = 0;
    struct lists mine;

    team_rank_own(m->eng.team, x->shards, &from, &to);
    for (int64_t s = from; s < to; s++)
        entries += x->part[s].ptr[x->rows];
    TRY(need_memory(lists_new(&mine, x->examples, entries, weights, ranks ? &scratch : pool) &&
                        lists_new(item, x->columns, entries, weights, pool),
                    err));
    TRY(list_items(&mine, m, from, to, err));
    list_users(item, &mine, x->examples, x->columns);
    *user = mine;
    if (ranks)
        TRY(gather_users(user, &mine, m, first, end, pool, err));
    add_weights(user, x->examples);
    add_weights(item, x->columns);
    return 0;
}
