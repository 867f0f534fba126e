#include "eval/lists.h"

#include <math.h>

void lists_init(struct lists *l, struct model *model, const struct problem *p, int k, int64_t batch,
                const uint8_t *hidden, struct mem_pool *pool)
{
    int64_t rows = team_workers(p->team) * batch, n = 0;

    *l = (struct lists){
        .model = model, .problem = p, .k = k < p->columns ? k : (int)p->columns, .batch = batch};
    l->best = mem_pool_alloc(pool, rows, sizeof *l->best);
    l->room = mem_pool_array(pool, rows * topk_capacity(l->k), sizeof *l->room);
    l->hidden = mem_pool_alloc(pool, p->columns, sizeof *l->hidden);
    l->first_hidden = mem_pool_alloc(pool, p->shards + 1, sizeof *l->first_hidden);
    if (pool->failed)
        return;
    for (int s = 0; s < p->shards; s++) {
        l->first_hidden[s] = n;
        for (int64_t c = p->cut[s].begin; c < p->cut[s].end; c++)
            if (problem_column_is_cold(p, c) || (hidden && hidden[c]))
                l->hidden[n++] = (int32_t)(c - p->cut[s].begin);
    }
    l->first_hidden[p->shards] = n;
}

void lists_fini(struct lists *l)
{
    sieve_free(l->sieve);
    l->sieve = NULL;
}

int lists_need_sieve(struct lists *l, int64_t examples, struct error *err)
{
    l->sifted = sieve_pays(l->model, l->k, examples);
    return l->sifted && !l->sieve ? sieve_new(&l->sieve, l->model, l->k, l->batch, err) : 0;
}

static struct topk *best_of(const struct worker *w, const struct lists *l, int64_t p)
{
    return &l->best[w->id * l->batch + p];
}

void lists_begin(struct worker *w, struct lists *l, int64_t rows)
{
    int capacity = topk_capacity(l->k);

    if (l->sifted)
        sieve_begin(w, l->sieve, rows);
    for (int64_t p = 0; p < rows; p++)
        topk_init(best_of(w, l, p), l->k, l->room + (best_of(w, l, p) - l->best) * capacity, capacity);
}

void lists_score(struct worker *w, struct lists *l, int s, int64_t rows, float *score)
{
    int64_t ld = row_pad(shard_width(&l->problem->cut[s]));

    if (l->sifted)
        sieve_score(w, l->sieve, s, rows, score, ld);
    else
        l->model->ops->score(w, l->model, s, rows, score, ld);
}

void lists_hide(const struct lists *l, int s, float *row)
{
    for (int64_t i = l->first_hidden[s]; i < l->first_hidden[s + 1]; i++)
        row[l->hidden[i]] = -INFINITY;
}

void lists_hide_known(float *row, const struct view *v, int64_t p, float hidden)
{
    for (int64_t i = v->row[p]; i < v->row[p + 1]; i++)
        row[v->col[i]] = hidden;
}

void lists_offer(struct worker *w, struct lists *l, int s, int64_t p, float *row)
{
    const struct shard *cut = &l->problem->cut[s];

    if (l->sifted)
        sieve_offer(w, l->sieve, s, p, row, best_of(w, l, p));
    else
        topk_offer(best_of(w, l, p), l->model->eng.kern, row, shard_width(cut), (int32_t)cut->begin);
}

void lists_end(struct worker *w, struct lists *l, int64_t rows)
{
    for (int64_t p = 0; p < rows && l->sifted; p++)
        sieve_finish(w, l->sieve, p, best_of(w, l, p));
}

int lists_merge(const struct worker *w, struct lists *l, int64_t p)
{
    return topk_merge_workers(&l->best[p], l->batch, w->count);
}
