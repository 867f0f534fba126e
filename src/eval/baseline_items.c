/* baseline_items.c - baselines that know which items go together: nearest items by cosine, and EASE. */
#include "eval/baseline.h"

#include "base/mem.h"
#include "eval/topk.h"
#include "model/registry.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- nearest items: s_ij = users with both / sqrt(users with i x users with j) ---- */

enum { MOST = 200 }; /* the largest of the choices */

/* An item's rows of others whose neighbour it is: sorted by row. */
struct neighbours {
    int k;
    struct mem_pool pool; /* of the arrays */
    int64_t *ptr;         /* (items + 1) */
    int32_t *item;        /* (entries): whose neighbour it is */
    int32_t *place;       /* (entries): as which, from 0 */
    float *cosine;        /* (entries) */
};

/* Training pairs by user and by item, without shards. */
struct pairs {
    int64_t items;
    struct mem_pool pool;      /* of the arrays */
    struct entries user, item; /* items of users, users of items */
    float *near_cosine;        /* (items, MOST): descending */
    int32_t *near;             /* likewise */
    int *nears;                /* (items) */
    int32_t *count;            /* (workers, items), zero between items */
    int32_t *touched;          /* likewise */
    struct scored *room;       /* (workers, 2 MOST) */
};

static void find_near(struct pairs *q, int worker, int64_t i)
{
    int32_t *count = q->count + worker * q->items, *touched = q->touched + worker * q->items;
    const struct entries *user = &q->user, *item = &q->item;
    double own = (double)(item->at[i + 1] - item->at[i]);
    struct topk best;
    int64_t n = 0;

    topk_init(&best, MOST, q->room + (int64_t)worker * 2 * MOST, 2 * MOST);
    for (int64_t a = item->at[i]; a < item->at[i + 1]; a++) {
        int64_t u = item->entry[a];

        for (int64_t b = user->at[u]; b < user->at[u + 1]; b++)
            if (count[user->entry[b]]++ == 0)
                touched[n++] = user->entry[b];
    }
    for (int64_t t = 0; t < n; t++) {
        int32_t j = touched[t];
        double other = (double)(item->at[j + 1] - item->at[j]);

        if (j != i)
            topk_offer_one(&best, (float)((double)count[j] / sqrt(own * other)), j);
        count[j] = 0;
    }
    q->nears[i] = topk_finish(&best);
    for (int t = 0; t < q->nears[i]; t++) {
        q->near[i * MOST + t] = best.best[t].column;
        q->near_cosine[i * MOST + t] = best.best[t].score;
    }
}

static void find_all(struct worker *w, void *arg)
{
    struct pairs *q = arg;

    for (int64_t i = w->id; i < q->items; i += w->count)
        find_near(q, w->id, i);
}

static bool turn_round(struct neighbours *out, const struct pairs *q)
{
    int64_t n = 0;

    out->ptr = mem_pool_zalloc(&out->pool, q->items + 2, sizeof *out->ptr);
    for (int64_t i = 0; i < q->items && out->ptr; i++)
        for (int t = 0; t < q->nears[i]; t++, n++)
            out->ptr[q->near[i * MOST + t] + 2]++;
    out->item = mem_pool_alloc(&out->pool, n, sizeof *out->item);
    out->place = mem_pool_alloc(&out->pool, n, sizeof *out->place);
    out->cosine = mem_pool_alloc(&out->pool, n, sizeof *out->cosine);
    if (out->pool.failed)
        return false;
    for (int64_t j = 1; j < q->items + 2; j++)
        out->ptr[j] += out->ptr[j - 1];
    for (int64_t i = 0; i < q->items; i++)
        for (int t = 0; t < q->nears[i]; t++) {
            int64_t at = out->ptr[q->near[i * MOST + t] + 1]++;

            out->item[at] = (int32_t)i;
            out->place[at] = t;
            out->cosine[at] = q->near_cosine[i * MOST + t];
        }
    return true;
}

static void pairs_fini(struct pairs *q)
{
    mem_pool_free(&q->pool);
}

static bool make_neighbours(struct neighbours *out, const struct matrix *train, struct team *team)
{
    scoped_value(pairs_fini) struct pairs q = {.items = train->columns};
    struct mem_pool *pool = &q.pool;
    int64_t workers = team_workers(team);

    matrix_list_entries(train, NULL, q.items, &q.user, &q.item, pool);
    q.near = mem_pool_alloc(pool, q.items * MOST, sizeof *q.near);
    q.near_cosine = mem_pool_alloc(pool, q.items * MOST, sizeof *q.near_cosine);
    q.nears = mem_pool_zalloc(pool, q.items, sizeof *q.nears);
    q.count = mem_pool_zalloc(pool, workers * q.items, sizeof *q.count);
    q.touched = mem_pool_alloc(pool, workers * q.items, sizeof *q.touched);
    q.room = mem_pool_alloc(pool, workers * 2 * MOST, sizeof *q.room);
    if (pool->failed)
        return false;
    team_run(team, find_all, &q);
    return turn_round(out, &q);
}

/* What item j adds to the scores of a shard's columns. */
static void add_item(const struct neighbours *n, int64_t j, const struct shard *cut, float *row)
{
    for (int64_t a = first_from(n->item, n->ptr[j], n->ptr[j + 1], cut->begin);
         a < n->ptr[j + 1] && n->item[a] < cut->end; a++)
        if (n->place[a] < n->k)
            row[n->item[a] - cut->begin] += n->cosine[a];
}

static void score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    const struct baseline *b = (struct baseline *)m;
    const struct matrix *in = b->in->matrix;
    const struct shard *cut = &b->problem->cut[shard];

    (void)w;
    memset(out, 0, (size_t)(rows * ld) * sizeof *out);
    for (int64_t p = 0; p < rows; p++) {
        int64_t row = matrix_row(in, b->in->example[p]);

        for (int s = 0; s < in->shards; s++)
            for (int64_t i = in->part[s].ptr[row]; i < in->part[s].ptr[row + 1]; i++)
                add_item(b->neighbours, in->cut[s].begin + in->part[s].col[i], cut, out + p * ld);
    }
}

static void set_count(struct baseline *b, double k)
{
    b->neighbours->k = (int)k;
}

static int init(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    (void)spec;
    b->neighbours = mem_zalloc(1, sizeof *b->neighbours);
    return need_memory(b->neighbours && make_neighbours(b->neighbours, b->problem->train, b->problem->team),
                       err);
}

static void fini(struct baseline *b)
{
    if (b->neighbours)
        mem_pool_free(&b->neighbours->pool);
    mem_free(b->neighbours);
}

static const struct model_ops ops = {.infer = baseline_infer, .score = score};
const struct baseline_ops baseline_itemknn = {
    "itemknn", "itemknn", true,         false, &ops, init, fini, set_count, {10, 20, 50, 100, MOST},
    100,       "",        " neighbours"};

/* ---- EASE (model/item_weights.h) on the training part ---- */

static void solve(struct baseline *b, double l2)
{
    const struct model_steps once = {.to = 1, .count = 1, .begin = true, .flush = true};

    b->ease->spec.l2 = l2;
    b->ease->ops->train(b->ease, &once);
}

static int ease_init(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    int64_t items = b->problem->columns;
    bool chooses = baseline_chooses(b);
    const struct model_spec own = {
        .kind = MODEL_EASE, .eval_batch = spec->batch, .counts = chooses ? &b->counts : NULL};

    if (!mem_available((chooses ? 10 : 8) * items * items))
        return error_set(err, PT_ENOMEM, "ease: no memory for %lld items squared", (long long)items);
    return model_new(&b->ease, &own, &b->model.eng, err);
}

static void ease_fini(struct baseline *b)
{
    model_free(b->ease);
    item_counts_fini(&b->counts);
}

const struct baseline_ops baseline_ease = {
    "ease", "ease", true, false, NULL, ease_init, ease_fini, solve, {50, 200, 500, 1000}, 500, "l2 ", ""};
