/* eval_rank.c - ranking of a block of examples: scores by shard, the best columns by worker, merged over
 * workers and ranks, and which of them are held out. */
#include "eval/evaluator.h"

#include <math.h>

void eval_rank_shard(struct worker *w, struct evaluator *e, int s)
{
    int64_t width = shard_width(&e->problem->cut[s]), ld = row_pad(width), rows = e->block.rows;
    float *score = e->score[w->id], hidden = e->spec.seen_zero ? 0.0f : -INFINITY;

    lists_score(w, &e->lists, s, rows, score);
    for (int64_t p = 0; p < rows; p++) {
        float *row = score + p * ld;

        if (e->loss) {
            struct shard_sums *sums = &e->sums[s];
            const struct view *out = &e->out[s];

            sums->hit[p] = 0.0;
            for (int64_t i = out->row[p]; i < out->row[p + 1]; i++)
                sums->hit[p] += (double)out->target[i] * (double)row[out->col[i]];
            e->model->eng.kern->exp_stats(row, width, &sums->max[p], &sums->sum[p]);
        }
        if (!e->ranking)
            continue;
        lists_hide(&e->lists, s, row);
        lists_hide_known(row, &e->in[s], p, hidden);
        if (e->seen)
            lists_hide_known(row, &e->seen[s], p, hidden);
        lists_offer(w, &e->lists, s, p, row);
    }
}

/* Whether column c is a relevant held-out item of the block's example p. */
static bool is_held_out(const struct evaluator *e, int64_t p, int32_t c)
{
    int s = shard_of(e->problem->cut, e->problem->shards, c);
    const struct view *v = &e->out[s];
    int64_t a;

    c -= (int32_t)e->problem->cut[s].begin;
    a = first_from(v->col, v->row[p], v->row[p + 1], c);
    return a < v->row[p + 1] && v->col[a] == c && (double)v->target[a] + e->spec.shift >= e->spec.relevant;
}

static int64_t relevant_items(const struct evaluator *e, int64_t p)
{
    double n = 0.0;

    for (int s = 0; s < e->problem->shards; s++)
        n += e->sums[s].relevant[p];
    return (int64_t)n;
}

static struct candidate *candidates(const struct evaluator *e, int rank, int64_t p)
{
    return e->candidate + ((int64_t)rank * e->spec.batch + p) * e->lists.k;
}

/* This rank's best columns of example p, for all ranks. */
static void propose(const struct worker *w, struct evaluator *e, int64_t p)
{
    struct candidate *to = candidates(e, w->rank, p);
    const struct scored *best = e->lists.best[p].best;
    int n = lists_merge(w, &e->lists, p);

    for (int i = 0; i < e->lists.k; i++)
        to[i] = i < n ? (struct candidate){best[i].score, best[i].column, is_held_out(e, p, best[i].column)}
                      : (struct candidate){-INFINITY, -1, 0};
}

void eval_rank_share(struct worker *w, struct evaluator *e, int64_t from, int64_t to)
{
    for (int64_t p = from; p < to; p++)
        propose(w, e, p);
    team_barrier(w);
    if (w->id == 0)
        ranks_share(team_ranks(w->team), e->candidate, w->ranks,
                    e->spec.batch * e->lists.k * (int64_t)sizeof *e->candidate);
    team_barrier(w);
}

/* All ranks' candidates into the best of example p, which starts afresh; which were held out, into hit. */
static int merge_ranks(const struct worker *w, struct evaluator *e, int64_t p, bool *hit)
{
    struct topk *best = &e->lists.best[p];
    int k = e->lists.k, n;

    topk_init(best, k, e->lists.room + p * topk_capacity(k), topk_capacity(k));
    for (int q = 0; q < w->ranks; q++)
        for (int i = 0; i < k && candidates(e, q, p)[i].column >= 0; i++)
            topk_offer_one(best, candidates(e, q, p)[i].score, candidates(e, q, p)[i].column);
    n = topk_finish(best);
    for (int i = 0; i < n; i++)
        for (int q = 0; q < w->ranks; q++)
            for (int j = 0; j < k && candidates(e, q, p)[j].column >= 0; j++)
                if (candidates(e, q, p)[j].column == best->best[i].column)
                    hit[i] = candidates(e, q, p)[j].held_out;
    return n;
}

void eval_rank_example(struct worker *w, struct evaluator *e, int64_t p)
{
    bool *hit = e->hit + (int64_t)w->id * e->lists.k;
    struct topk *best = &e->lists.best[p];
    int64_t held_out = relevant_items(e, p), at = e->begin + p, columns = e->problem->columns;
    int n = e->candidate ? merge_ranks(w, e, p, hit) : lists_merge(w, &e->lists, p);

    for (int i = 0; i < n && !e->candidate; i++)
        hit[i] = is_held_out(e, p, best->best[i].column);
    for (int i = 0; i < e->spec.n; i++) {
        const struct metric *m = &e->spec.metric[i];

        if (m->kind == METRIC_COVERAGE)
            for (int j = 0; j < n && j < m->k; j++)
                e->covered[((int64_t)w->id * e->spec.n + i) * columns + best->best[j].column] = 1;
        else if (metric_is_ranking(m))
            e->value[i][at] = held_out ? metric_of_user(m, hit, n, held_out) : NAN;
    }
}
