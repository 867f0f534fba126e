/* rank.c - histories through a trained model: the best columns of each, or outputs for chosen columns. */
#include "serve/rank.h"

#include "base/mem.h"
#include "serve/scoring.h"

#include <math.h>

struct ranker {
    const struct trained *trained;
    struct rank_spec spec; /* k: at most the columns */
    int stride;            /* the k that was asked for */
    int32_t **hidden;      /* (shards) owned: columns of the shard that are never recommended */
    int64_t *hiddens;      /* (shards) owned */
    struct topk *best;     /* (workers x batch) owned */
    struct scored *room;   /* (workers x batch x capacity) owned */
    struct scoring scoring;
    /* of the call at hand */
    const struct histories *histories, *want;
    struct scored *out;
    int *count;
    float *output;
};

/* mf: neither a row nor ratings; else no input. */
static bool nothing_known(const struct ranker *r, int64_t e)
{
    const struct trained *trained = r->trained;
    int32_t row = r->histories->row[e];

    if (trained->by_row)
        return r->scoring.model_row[e] >= 0 && (row < 0 || trained->untrained_row[row]);
    return r->scoring.in->row_count[e] == 0;
}

/* ---- the best columns ---- */

static void empty_best(struct worker *w, void *arg)
{
    struct ranker *r = arg;
    int capacity = topk_capacity(r->spec.k);

    for (int64_t p = 0; p < r->scoring.rows; p++) {
        int64_t at = w->id * r->trained->batch + p;

        topk_init(&r->best[at], r->spec.k, r->room + at * capacity, capacity);
    }
}

static void rank_shard(struct worker *w, void *arg, int s, float *score)
{
    struct ranker *r = arg;
    const struct shard *cut = &r->trained->cut[s];
    int64_t width = shard_width(cut), ld = row_pad(width);

    for (int64_t p = 0; p < r->scoring.rows; p++) {
        float *row = score + p * ld;

        for (int64_t i = 0; i < r->hiddens[s]; i++)
            row[r->hidden[s][i]] = -INFINITY;
        if (!r->spec.keep_seen)
            scoring_hide_known(&r->scoring, s, p, row);
        topk_offer(&r->best[w->id * r->trained->batch + p], r->trained->kern, row, width,
                   (int32_t)cut->begin);
    }
}

/* All workers' best of example p into the result. */
static void deliver(struct worker *w, void *arg, int64_t p)
{
    struct ranker *r = arg;
    struct topk *best = &r->best[p];
    int64_t e = r->scoring.begin + p;
    int n = topk_merge_workers(best, r->trained->batch, w->count);

    if (r->trained->by_row && nothing_known(r, e))
        n = 0;
    for (int i = 0; i < n; i++)
        r->out[e * r->stride + i] =
            (struct scored){best->best[i].score + r->trained->shift, best->best[i].column};
    r->count[e] = n;
}

int ranker_run(struct ranker *r, const struct histories *h, struct scored *best, int *count,
               struct error *err)
{
    static const struct scoring_work work = {empty_best, rank_shard, deliver};

    r->histories = h;
    r->out = best;
    r->count = count;
    return scoring_run(&r->scoring, h, &work, r, err);
}

/* ---- chosen columns ---- */

/* Wanted columns ascend: the first of example e's that is not below `column`. */
static int64_t first_wanted(const struct histories *want, int64_t e, int64_t column)
{
    int64_t a = want->ptr[e], b = want->ptr[e + 1];

    while (a < b) {
        int64_t mid = (a + b) / 2;

        if (want->column[mid] < column)
            a = mid + 1;
        else
            b = mid;
    }
    return a;
}

static void predict_shard(struct worker *w, void *arg, int s, float *score)
{
    struct ranker *r = arg;
    const struct shard *cut = &r->trained->cut[s];
    int64_t ld = row_pad(shard_width(cut));

    (void)w;
    for (int64_t p = 0; p < r->scoring.rows; p++) {
        int64_t e = r->scoring.begin + p;
        bool nothing = nothing_known(r, e);

        for (int64_t i = first_wanted(r->want, e, cut->begin);
             i < r->want->ptr[e + 1] && r->want->column[i] < cut->end; i++) {
            int64_t c = r->want->column[i];

            r->output[i] = nothing || r->trained->untrained[c] ? NAN : score[p * ld + c - cut->begin];
        }
    }
}

int ranker_predict(struct ranker *r, const struct histories *h, const struct histories *want, float *output,
                   struct error *err)
{
    static const struct scoring_work work = {NULL, predict_shard, NULL};

    r->histories = h;
    r->want = want;
    r->output = output;
    return scoring_run(&r->scoring, h, &work, r, err);
}

/* ---- making ---- */

/* Columns of each shard that are never recommended: untrained, or hidden by the caller. */
static bool init_hidden(struct ranker *r)
{
    const struct trained *trained = r->trained;

    r->hidden = mem_zalloc(trained->shards, sizeof *r->hidden);
    r->hiddens = mem_zalloc(trained->shards, sizeof *r->hiddens);
    for (int s = 0; r->hidden && r->hiddens && s < trained->shards; s++) {
        int64_t begin = trained->cut[s].begin;

        r->hidden[s] = mem_alloc(shard_width(&trained->cut[s]), sizeof **r->hidden);
        if (!r->hidden[s])
            return false;
        for (int64_t c = begin; c < trained->cut[s].end; c++)
            if (trained->untrained[c] || (r->spec.hidden && r->spec.hidden[c]))
                r->hidden[s][r->hiddens[s]++] = (int32_t)(c - begin);
    }
    return r->hidden && r->hiddens;
}

int ranker_new(struct ranker **out, const struct trained *trained, const struct rank_spec *spec,
               struct error *err)
{
    struct ranker *r = mem_zalloc(1, sizeof *r);
    int64_t n = team_workers(trained->team) * trained->batch;

    if (!r)
        return error_set(err, PT_ENOMEM, "out of memory");
    r->trained = trained;
    r->spec = *spec;
    r->stride = spec->k;
    if (r->spec.k > trained->columns)
        r->spec.k = (int)trained->columns;
    r->best = mem_alloc(n, sizeof *r->best);
    r->room = mem_array(n * topk_capacity(r->spec.k), sizeof *r->room);
    if (!r->best || !r->room || !init_hidden(r) || !scoring_init(&r->scoring, trained)) {
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
    for (int s = 0; r->hidden && s < r->trained->shards; s++)
        mem_free(r->hidden[s]);
    scoring_fini(&r->scoring);
    mem_free(r->hidden);
    mem_free(r->hiddens);
    mem_free(r->best);
    mem_free(r->room);
    mem_free(r);
}
