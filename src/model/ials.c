/* ials.c - alternating least squares for implicit feedback (Hu, Koren, Volinsky: "Collaborative Filtering
 * for Implicit Feedback Datasets", 2008), weighted and regularised as in Rendle et al.: "Revisiting the
 * Performance of iALS on Item Recommendation Benchmarks", 2021.
 *
 *     sum over the chosen w (1 - p_u . q_i)^2 + a sum over all (p_u . q_i)^2
 *     + l sum over users (w_u + a items) |p_u|^2 + l sum over items (w_i + a users) |q_i|^2
 *
 * w is the weight of a chosen pair by its value v, model.confidence: 1, 1 + alpha v, or 1 + alpha log(1 +
 * v); w_u and w_i are sums of them; a is model.unobserved_weight, l train.penalty. An epoch is one step: all
 * users from the items' factors, then all items from the users'. A row x solves
 *
 *     (a G + sum over its chosen w q q' + l (w_x + a others) I) x = sum over its chosen w q       G = sum q
 *     q'
 *
 * by Cholesky (math/kernels_normal.c). G is summed within a shard row by row, then over shards in their
 * order, so it has one answer; who solves a row does not matter.
 * A user's factors follow from the items' and what the user chose: they are no parameter, and a new user is
 * scored as exactly as a known one.
 *
 * A rank solves its part of the users and the items of its own shards; before each half, all get the other
 * side's rows. To score, a user's system goes from rank to rank, each of which adds the items that it has. */
#include "model/ials.h"

#include <string.h>

enum { TAKEN = 16 }; /* rows that a worker takes at once */

/* Users are cut as evenly as there are shards: those of shards [first, end). */
static void users_of(const struct ials *a, int64_t first, int64_t end, int64_t *from, int64_t *to)
{
    int64_t unused;

    *from = *to = 0;
    if (first == end)
        return;
    team_range(a->model.eng.train->examples, (int)first, a->item.shards, from, &unused);
    team_range(a->model.eng.train->examples, (int)end - 1, a->item.shards, &unused, to);
}

static void user_gram(struct worker *w, struct ials *a)
{
    int64_t size = normal_floats(a->item.ld), first, end, from, to;

    team_own(w, a->item.shards, &first, &end);
    for (int64_t s = first; s < end; s++) {
        users_of(a, s, s + 1, &from, &to);
        ials_sum_rows(a, &a->scratch[w->id], a->user + from * a->item.ld, to - from, a->part + s * size);
    }
    ials_sum_gram(w, a);
}

/* ---- half steps ---- */

static void solve_user(struct ials *a, struct ials_scratch *s, int64_t user)
{
    const struct lists *l = &a->by_user;

    ials_begin_row(a, s);
    for (int64_t i = l->start[user]; i < l->start[user + 1]; i++)
        ials_add_row(a, s, a->item_at[l->other[i]], l->root ? l->root[i] : 1.0f);
    a->loss[user] =
        l->weight[user] - ials_solve_row(a, s, l->weight[user], a->item.columns, a->user + user * a->item.ld);
}

static void solve_item(struct ials *a, struct ials_scratch *s, int64_t item)
{
    const struct lists *l = &a->by_item;
    int shard = shard_of(a->item.cut, a->item.shards, item);

    ials_begin_row(a, s);
    for (int64_t i = l->start[item]; i < l->start[item + 1]; i++)
        ials_add_row(a, s, a->user + l->other[i] * a->item.ld, l->root ? l->root[i] : 1.0f);
    ials_solve_row(a, s, l->weight[item], a->model.eng.train->examples,
                   a->item.part[shard].row.w + (item - a->item.cut[shard].begin) * a->item.ld);
}

/* Rows that this rank has, of a side, for all ranks. Barriers before and after. */
static void share_rows(struct worker *w, struct ials *a, bool items)
{
    int64_t ld = a->item.ld, first, end, at[RANKS_MOST], bytes[RANKS_MOST];
    float *rows = items ? a->all : a->user;

    team_barrier(w);
    if (w->id == 0 && w->ranks > 1) {
        for (int q = 0; q < w->ranks; q++) {
            int64_t from = 0, to = 0;

            team_range(a->item.shards, q, w->ranks, &first, &end);
            if (!items)
                users_of(a, first, end, &from, &to);
            else if (first < end)
                from = a->item.cut[first].begin, to = a->item.cut[end - 1].end;
            at[q] = from * ld * (int64_t)sizeof(float);
            bytes[q] = (to - from) * ld * (int64_t)sizeof(float);
        }
        team_range(a->item.shards, w->rank, w->ranks, &first, &end);
        for (int64_t s = first; s < end && items; s++)
            memcpy(rows + a->item.cut[s].begin * ld, a->item.part[s].row.w,
                   (size_t)(shard_width(&a->item.cut[s]) * ld) * sizeof(float));
        ranks_gather(team_ranks(w->team), (char *)rows + at[w->rank], rows, at, bytes);
    }
    team_barrier(w);
}

static void run_epoch(struct worker *w, void *arg)
{
    struct ials *a = arg;
    struct ials_scratch *s = &a->scratch[w->id];
    int64_t first, end, from, to;

    team_phase(w, PHASE_UPDATE);
    share_rows(w, a, true);
    ials_item_gram(w, a);
    team_rank_own(w->team, a->item.shards, &first, &end);
    users_of(a, first, end, &from, &to);
    for (int64_t u; (u = from + atomic_fetch_add(&a->user_taken, TAKEN)) < to;)
        for (int64_t i = u; i < u + TAKEN && i < to; i++)
            solve_user(a, s, i);
    share_rows(w, a, false);
    team_phase(w, PHASE_UPDATE);
    user_gram(w, a);
    from = first < end ? a->item.cut[first].begin : 0;
    to = first < end ? a->item.cut[end - 1].end : 0;
    for (int64_t i; (i = from + atomic_fetch_add(&a->item_taken, TAKEN)) < to;)
        for (int64_t j = i; j < i + TAKEN && j < to; j++)
            solve_item(a, s, j);
}

/* What the users' rows leave, of all ranks. */
static double sum_loss(struct ials *a)
{
    struct ranks *r = a->model.params.ranks;
    int64_t users = a->model.eng.train->examples, at[RANKS_MOST], bytes[RANKS_MOST];
    double sum = 0.0;

    for (int q = 0; q < r->count; q++) {
        int64_t first, end, from, to;

        team_range(a->item.shards, q, r->count, &first, &end);
        users_of(a, first, end, &from, &to);
        at[q] = from * (int64_t)sizeof *a->loss;
        bytes[q] = (to - from) * (int64_t)sizeof *a->loss;
    }
    if (r->count > 1)
        ranks_gather(r, (char *)a->loss + at[r->id], a->loss, at, bytes);
    for (int64_t u = 0; u < users; u++)
        sum += a->loss[u];
    return sum;
}

static void ials_train(struct model *m, const struct model_steps *s)
{
    struct ials *a = ials_of(m);

    for (int64_t step = s->from; step < s->to; step++) {
        atomic_store(&a->user_taken, 0);
        atomic_store(&a->item_taken, 0);
        team_run(m->eng.team, run_epoch, a);
        m->sums.loss += sum_loss(a) / (double)m->eng.train->examples;
        m->sums.steps++;
    }
}

/* ---- making ---- */

/* What training needs besides. */
static int train_init(struct ials *a, struct error *err)
{
    const struct model *m = &a->model;
    const struct matrix *x = m->eng.train;
    struct mem_pool *pool = &a->pool;
    int64_t ld = a->item.ld, first, end, from, to;
    bool ranks = m->params.ranks->count > 1;

    a->user = mem_pool_array(pool, x->examples * ld, sizeof(float));
    a->all = ranks ? mem_pool_array(pool, x->columns * ld, sizeof(float)) : NULL;
    a->item_at = mem_pool_alloc(pool, x->columns, sizeof *a->item_at);
    a->loss = mem_pool_zalloc(pool, x->examples, sizeof *a->loss);
    TRY(need_memory(!pool->failed, err));
    for (int s = 0; s < x->shards; s++)
        for (int64_t i = x->cut[s].begin; i < x->cut[s].end; i++)
            a->item_at[i] = ranks ? a->all + i * ld : a->item.part[s].row.w + (i - x->cut[s].begin) * ld;
    team_rank_own(m->eng.team, x->shards, &first, &end);
    users_of(a, first, end, &from, &to);
    return ials_lists_init(&a->by_user, &a->by_item, m, from, to, pool, err);
}

static int ials_init(struct model *m, struct error *err)
{
    struct ials *a = ials_of(m);
    const struct matrix *x = m->eng.train;
    struct mem_pool *pool = &a->pool;
    int64_t k = m->spec.latent, ld = row_pad(k), system = normal_floats(ld);
    int workers = team_workers(m->eng.team);

    TRY(table_init(&a->item, "item.weight", NULL, x->columns, (int)k, MOMENTS_NONE, x->cut, x->shards,
                   m->eng.team, err));
    params_add_table(&m->params, &a->item);
    a->code = mem_pool_array(pool, m->spec.eval_batch * ld, sizeof(float));
    a->gram = mem_pool_array(pool, system, sizeof(float));
    a->part = mem_pool_array(pool, x->shards * system, sizeof(float));
    a->scratch = mem_pool_zalloc(pool, workers, sizeof *a->scratch);
    if (m->params.ranks->count > 1)
        a->passed = mem_pool_array(pool, PASSED * ials_passed_floats(a), sizeof(float));
    for (int i = 0; i < workers && !pool->failed; i++) {
        struct ials_scratch *s = &a->scratch[i];

        s->system = mem_pool_array(pool, system, sizeof(float));
        s->room = mem_pool_array(pool, normal_room(ld), sizeof(float));
        s->packed = mem_pool_array(pool, PIECE * ld, sizeof(float));
        s->right = mem_pool_array(pool, ld, sizeof(float));
    }
    TRY(need_memory(!pool->failed, err));
    for (int i = 0; i < workers; i++) {
        memset(a->scratch[i].room, 0, (size_t)normal_room(ld) * sizeof(float));
        memset(a->scratch[i].right, 0, (size_t)ld * sizeof(float));
    }
    return m->spec.fixed ? 0 : train_init(a, err);
}

static void ials_draw(struct model *m)
{
    table_draw(&ials_of(m)->item, m->eng.team, &m->spec.init, 0);
}

static void ials_fini(struct model *m)
{
    table_fini(&ials_of(m)->item);
    mem_pool_free(&ials_of(m)->pool);
}

const struct model_ops ials_ops = {
    .size = sizeof(struct ials),
    .init = ials_init,
    .draw = ials_draw,
    .fini = ials_fini,
    .train = ials_train,
    .infer = ials_infer,
    .score = ials_score,
    .product = ials_product,
};
