/* rank.c - people through an opened model: the best columns of each, or outputs for columns that were asked
 * for. */
#include "serve/rank.h"

#include "base/mem.h"
#include "serve/rank_block.h"

#include <math.h>

struct ranker {
    struct trained *use;
    struct rank_spec spec; /* k: at most the columns */
    int stride;            /* the k that was asked for */
    int32_t **hidden;      /* (shards) owned: columns of the shard that are never recommended */
    int64_t *hiddens;      /* (shards) owned */
    float **score;         /* (workers) owned: (batch, widest shard padded) */
    struct topk *best;     /* (workers x batch) owned */
    struct scored *room;   /* (workers x batch x capacity) owned */
    /* of the call at hand */
    struct block block;
    const struct histories *people, *want;
    struct scored *out;
    int *count;
    float *output;
};

/* ---- the best columns ---- */

static void rank_shard(struct worker *w, struct ranker *r, int s)
{
    const struct shard *cut = &r->use->cut[s];
    int64_t width = shard_width(cut), ld = row_pad(width);
    float *score = r->score[w->id];

    block_score(w, &r->block, s, score);
    for (int64_t p = 0; p < r->block.rows; p++) {
        float *row = score + p * ld;

        for (int64_t i = 0; i < r->hiddens[s]; i++)
            row[r->hidden[s][i]] = -INFINITY;
        if (!r->spec.keep_seen)
            block_hide_known(&r->block, s, p, row);
        topk_offer(&r->best[w->id * r->use->batch + p], r->use->kern, row, width, (int32_t)cut->begin);
    }
}

static bool nothing_known(const struct ranker *r, int64_t at)
{
    const struct trained *u = r->use;

    if (u->by_row)
        return r->block.model_row[at] >= 0 &&
               (r->people->row[at] < 0 || u->untrained_row[r->people->row[at]]);
    return r->block.in->row_count[at] == 0;
}

/* Person p of the block: all workers' best, in order, into the result. */
static void deliver(struct worker *w, struct ranker *r, int64_t p)
{
    const struct trained *u = r->use;
    struct topk *best = &r->best[p];
    int64_t at = r->block.begin + p;
    struct scored *out = r->out + at * r->stride;
    int n;

    for (int i = 1; i < w->count; i++)
        topk_merge(best, &r->best[i * u->batch + p]);
    n = topk_finish(best);
    while (n > 0 && best->best[n - 1].score == -INFINITY)
        n--;
    if (u->by_row && nothing_known(r, at))
        n = 0;
    for (int i = 0; i < n; i++)
        out[i] = (struct scored){best->best[i].score + u->shift, best->best[i].column};
    r->count[at] = n;
}

static void rank_all(struct worker *w, void *arg)
{
    struct ranker *r = arg;
    struct trained *u = r->use;
    int end, first = own_shards(w, u->model, &end), capacity = topk_capacity(r->spec.k);
    int64_t from, to;

    for (int64_t begin = 0; begin < r->block.n; begin += u->batch) {
        block_infer(w, &r->block, begin);
        for (int64_t p = 0; p < r->block.rows; p++)
            topk_init(&r->best[w->id * u->batch + p], r->spec.k, r->room + (w->id * u->batch + p) * capacity,
                      capacity);
        for (int s = first; s < end; s++)
            rank_shard(w, r, s);
        team_barrier(w);
        team_range(r->block.rows, w->id, w->count, &from, &to);
        for (int64_t p = from; p < to; p++)
            deliver(w, r, p);
        team_barrier(w);
    }
}

/* `work` by all workers on `p`. */
static int run(struct ranker *r, const struct histories *p, void (*work)(struct worker *, void *),
               struct error *err)
{
    int rc;

    if (p->n == 0)
        return 0;
    if ((rc = block_init(&r->block, r->use, p, err)) < 0)
        return rc;
    r->people = p;
    team_run(r->use->team, work, r);
    block_fini(&r->block);
    return 0;
}

int ranker_run(struct ranker *r, const struct histories *p, struct scored *best, int *count,
               struct error *err)
{
    r->out = best;
    r->count = count;
    return run(r, p, rank_all, err);
}

/* ---- chosen columns ---- */

/* Wanted columns are ascending: the first of a person's that is not below `column`. */
static int64_t first_wanted(const struct histories *want, int64_t at, int64_t column)
{
    int64_t a = want->ptr[at], b = want->ptr[at + 1];

    while (a < b) {
        int64_t mid = (a + b) / 2;

        if (want->column[mid] < column)
            a = mid + 1;
        else
            b = mid;
    }
    return a;
}

static void predict_shard(struct worker *w, struct ranker *r, int s)
{
    const struct trained *u = r->use;
    int64_t ld = row_pad(shard_width(&u->cut[s])), begin = u->cut[s].begin;
    float *score = r->score[w->id];

    block_score(w, &r->block, s, score);
    for (int64_t p = 0; p < r->block.rows; p++) {
        int64_t at = r->block.begin + p;
        bool nothing = nothing_known(r, at);

        for (int64_t i = first_wanted(r->want, at, begin);
             i < r->want->ptr[at + 1] && r->want->column[i] < u->cut[s].end; i++) {
            int64_t c = r->want->column[i];

            r->output[i] = nothing || u->untrained[c] ? NAN : score[p * ld + c - begin];
        }
    }
}

static void predict_all(struct worker *w, void *arg)
{
    struct ranker *r = arg;
    int end, first = own_shards(w, r->use->model, &end);

    for (int64_t begin = 0; begin < r->block.n; begin += r->use->batch) {
        block_infer(w, &r->block, begin);
        for (int s = first; s < end; s++)
            predict_shard(w, r, s);
        team_barrier(w);
    }
}

int ranker_predict(struct ranker *r, const struct histories *p, const struct histories *want, float *output,
                   struct error *err)
{
    r->want = want;
    r->output = output;
    return run(r, p, predict_all, err);
}

/* ---- making ---- */

/* Columns of each shard that are never recommended: untrained, or hidden by the caller. */
static bool init_hidden(struct ranker *r)
{
    const struct trained *u = r->use;

    r->hidden = mem_zalloc(u->shards, sizeof *r->hidden);
    r->hiddens = mem_zalloc(u->shards, sizeof *r->hiddens);
    for (int s = 0; r->hidden && r->hiddens && s < u->shards; s++) {
        int64_t begin = u->cut[s].begin;

        r->hidden[s] = mem_alloc(shard_width(&u->cut[s]), sizeof **r->hidden);
        if (!r->hidden[s])
            return false;
        for (int64_t c = begin; c < u->cut[s].end; c++)
            if (u->untrained[c] || (r->spec.hidden && r->spec.hidden[c]))
                r->hidden[s][r->hiddens[s]++] = (int32_t)(c - begin);
    }
    return r->hidden && r->hiddens;
}

int ranker_new(struct ranker **out, struct trained *u, const struct rank_spec *spec, struct error *err)
{
    struct ranker *r = mem_zalloc(1, sizeof *r);
    int64_t n = team_workers(u->team) * u->batch;

    if (!r)
        return error_set(err, PT_ENOMEM, "out of memory");
    r->use = u;
    r->spec = *spec;
    r->stride = spec->k;
    if (r->spec.k > u->columns)
        r->spec.k = (int)u->columns;
    r->best = mem_alloc(n, sizeof *r->best);
    r->room = mem_array(n * topk_capacity(r->spec.k), sizeof *r->room);
    if (!r->best || !r->room || !init_hidden(r) || !block_scores_init(&r->score, u)) {
        ranker_free(r);
        return error_set(err, PT_ENOMEM, "out of memory; a smaller k or eval.batch needs less");
    }
    *out = r;
    return 0;
}

void ranker_free(struct ranker *r)
{
    if (!r)
        return;
    for (int s = 0; r->hidden && s < r->use->shards; s++)
        mem_free(r->hidden[s]);
    block_scores_free(r->score);
    mem_free(r->hidden);
    mem_free(r->hiddens);
    mem_free(r->best);
    mem_free(r->room);
    mem_free(r);
}
