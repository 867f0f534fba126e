/* rank.c - histories through a trained model: the best columns of each, or outputs for chosen columns. */
#include "serve/rank.h"

#include "base/mem.h"
#include "eval/sieve.h"
#include "serve/scoring.h"

#include <math.h>
#include <string.h>

struct ranker {
    const struct trained *trained;
    struct rank_spec spec; /* k: at most the columns */
    int stride;            /* the k that was asked for */
    struct mem_pool pool;  /* of the next four */
    int32_t *hidden;       /* (columns): those that are never recommended, numbered in their shard */
    int64_t *first_hidden; /* (shards + 1): where a shard's begin */
    struct topk *best;     /* (workers x batch) */
    struct scored *room;   /* (workers x batch x capacity) */
    struct scoring scoring;
    struct sieve *sieve; /* owned; NULL: none was needed yet */
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
        return r->scoring.model_row[e] >= 0 && (row < 0 || trained->problem->cold_example[row]);
    return r->scoring.in->row_count[e] == 0;
}

/* ---- the best columns ---- */

static struct topk *best_of(const struct worker *w, const struct ranker *r, int64_t p)
{
    return &r->best[w->id * r->trained->batch + p];
}

static void empty_best(struct worker *w, void *arg)
{
    struct ranker *r = arg;
    int capacity = topk_capacity(r->spec.k);

    for (int64_t p = 0; p < r->scoring.rows; p++)
        topk_init(best_of(w, r, p), r->spec.k, r->room + (best_of(w, r, p) - r->best) * capacity, capacity);
}

static void rank_shard(struct worker *w, void *arg, int s, float *score)
{
    struct ranker *r = arg;
    const struct shard *cut = &r->trained->problem->cut[s];
    int64_t width = shard_width(cut), ld = row_pad(width);

    for (int64_t p = 0; p < r->scoring.rows; p++) {
        float *row = score + p * ld;

        for (int64_t i = r->first_hidden[s]; i < r->first_hidden[s + 1]; i++)
            row[r->hidden[i]] = -INFINITY;
        if (!r->spec.keep_seen)
            scoring_hide_known(&r->scoring, s, p, row);
        if (r->scoring.sieve)
            sieve_offer(w, r->sieve, s, p, row, best_of(w, r, p));
        else
            topk_offer(best_of(w, r, p), r->trained->problem->kern, row, width, (int32_t)cut->begin);
    }
}

static void end_shards(struct worker *w, void *arg)
{
    struct ranker *r = arg;

    for (int64_t p = 0; p < r->scoring.rows && r->scoring.sieve; p++)
        sieve_finish(w, r->sieve, p, best_of(w, r, p));
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
            (struct scored){best->best[i].score + r->trained->problem->shift, best->best[i].column};
    r->count[e] = n;
}

static void round_weights(struct worker *w, void *arg)
{
    sieve_round_weights(w, arg);
}

/* A sieve for the call, where it pays. It stays for the next one. */
static int need_sieve(struct ranker *r, int64_t people, struct error *err)
{
    r->scoring.sieve = NULL;
    if (!sieve_pays(r->trained->model, r->spec.k, people))
        return 0;
    if (!r->sieve) {
        TRY(sieve_new(&r->sieve, r->trained->model, r->spec.k, r->trained->batch, err));
        team_run(r->trained->problem->team, round_weights, r->sieve);
    }
    r->scoring.sieve = r->sieve;
    return 0;
}

int ranker_run(struct ranker *r, const struct histories *h, struct scored *best, int *count,
               struct error *err)
{
    static const struct scoring_work work = {empty_best, rank_shard, end_shards, deliver};
    int rc = need_sieve(r, h->n, err);

    r->histories = h;
    r->out = best;
    r->count = count;
    return rc < 0 ? rc : scoring_run(&r->scoring, h, &work, r, err);
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
    const struct shard *cut = &r->trained->problem->cut[s];
    int64_t ld = row_pad(shard_width(cut));

    (void)w;
    for (int64_t p = 0; p < r->scoring.rows; p++) {
        int64_t e = r->scoring.begin + p;
        bool nothing = nothing_known(r, e);

        for (int64_t i = first_wanted(r->want, e, cut->begin);
             i < r->want->ptr[e + 1] && r->want->column[i] < cut->end; i++) {
            int64_t c = r->want->column[i];

            r->output[i] =
                nothing || r->trained->problem->cold_column[c] ? NAN : score[p * ld + c - cut->begin];
        }
    }
}

int ranker_predict(struct ranker *r, const struct histories *h, const struct histories *want, float *output,
                   struct error *err)
{
    static const struct scoring_work work = {.shard = predict_shard};

    r->histories = h;
    r->want = want;
    r->output = output;
    r->scoring.sieve = NULL;
    return scoring_run(&r->scoring, h, &work, r, err);
}

/* ---- making ---- */

/* Columns of each shard that are never recommended: untrained, or hidden by the caller. */
static void find_hidden(struct ranker *r)
{
    const struct trained *trained = r->trained;
    int64_t n = 0;

    for (int s = 0; s < trained->problem->shards; s++) {
        r->first_hidden[s] = n;
        for (int64_t c = trained->problem->cut[s].begin; c < trained->problem->cut[s].end; c++)
            if (trained->problem->cold_column[c] || (r->spec.hidden && r->spec.hidden[c]))
                r->hidden[n++] = (int32_t)(c - trained->problem->cut[s].begin);
    }
    r->first_hidden[trained->problem->shards] = n;
}

int ranker_new(struct ranker **out, const struct trained *trained, const struct rank_spec *spec,
               struct error *err)
{
    struct ranker *r = mem_zalloc(1, sizeof *r);
    int64_t n = team_workers(trained->problem->team) * trained->batch;

    TRY(need_memory(r, err));
    r->trained = trained;
    r->spec = *spec;
    r->stride = spec->k;
    if (r->spec.k > trained->problem->columns)
        r->spec.k = (int)trained->problem->columns;
    r->best = mem_pool_alloc(&r->pool, n, sizeof *r->best);
    r->room = mem_pool_array(&r->pool, n * topk_capacity(r->spec.k), sizeof *r->room);
    r->hidden = mem_pool_alloc(&r->pool, trained->problem->columns, sizeof *r->hidden);
    r->first_hidden = mem_pool_alloc(&r->pool, trained->problem->shards + 1, sizeof *r->first_hidden);
    if (r->pool.failed || !scoring_init(&r->scoring, trained)) {
        ranker_free(r);
        return error_set(err, PT_ENOMEM, "out of memory; a smaller k or eval.batch needs less");
    }
    find_hidden(r);
    *out = r;
    return 0;
}

void ranker_free(struct ranker *r)
{
    if (!r)
        return;
    scoring_fini(&r->scoring);
    sieve_free(r->sieve);
    mem_pool_free(&r->pool);
    mem_free(r);
}

/* ---- users that are columns: all items pass through the model once, each is offered to every user ---- */

struct users_job {
    const struct trained *trained;
    const struct rank_spec *spec;
    struct scoring scoring; /* of some items with their ratings */
    int64_t first;          /* number of the first */
    int32_t *place;         /* (columns): where a user stands in the request; -1: not in it */
    struct topk *best;      /* (n) */
};

static void offer_items(struct worker *w, void *arg, int s, float *score)
{
    struct users_job *j = arg;
    const struct shard *cut = &j->trained->problem->cut[s];
    int64_t width = shard_width(cut), ld = row_pad(width);
    const int32_t *place = j->place + cut->begin;

    (void)w;
    for (int64_t p = 0; p < j->scoring.rows; p++) {
        int64_t at = j->scoring.begin + p, item = j->first + at;
        float *row = score + p * ld;

        if (j->scoring.in->row_count[at] == 0 || (j->spec->hidden && j->spec->hidden[item]))
            continue;
        if (!j->spec->keep_seen)
            scoring_hide_known(&j->scoring, s, p, row);
        for (int64_t c = 0; c < width; c++)
            if (place[c] >= 0 && row[c] != -INFINITY)
                topk_offer_one(&j->best[place[c]], row[c], (int32_t)item);
    }
}

static void deliver_users(const struct users_job *j, int k, const int32_t *user, int64_t n,
                          struct scored *best, int *count)
{
    for (int64_t i = 0; i < n; i++)
        count[i] = topk_finish(&j->best[i]);
    for (int64_t i = 0; i < n; i++) {
        int64_t from = user[i] < 0 || j->place[user[i]] < 0 ? i : j->place[user[i]]; /* asked for twice */

        count[i] = count[from];
        for (int c = 0; c < count[i]; c++)
            best[i * k + c] = (struct scored){j->best[from].best[c].score + j->trained->problem->shift,
                                              j->best[from].best[c].column};
    }
}

int rank_users(const struct trained *trained, const struct history_source *h, const struct rank_spec *spec,
               const int32_t *user, int64_t n, struct scored *best, int *count, struct error *err)
{
    static const struct scoring_work work = {.shard = offer_items};
    int64_t block = 8 * trained->batch;
    int k = spec->k, rc = 0;
    mem_scoped struct scored *room = mem_array(n * 2 * k, sizeof *room);
    mem_scoped struct topk *list = mem_alloc(n, sizeof *list);
    mem_scoped int32_t *place = mem_alloc(trained->problem->columns, sizeof *place);
    struct users_job j = {.trained = trained, .spec = spec, .best = list, .place = place};
    struct histories items = {0};

    if (!room || !list || !place || !scoring_init(&j.scoring, trained)) {
        scoring_fini(&j.scoring);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
    memset(j.place, 0xff, (size_t)trained->problem->columns * sizeof *j.place);
    for (int64_t i = 0; i < n; i++) {
        topk_init(&j.best[i], k, room + i * 2 * k, 2 * k);
        if (user[i] >= 0 && !trained->problem->cold_column[user[i]])
            j.place[user[i]] = (int32_t)i;
    }
    for (int64_t e = 0; e < h->n && rc == 0; e += block) {
        histories_clear(&items);
        j.first = e;
        for (int64_t i = e; i < h->n && i < e + block && rc == 0; i++)
            if (!history_source_add(h, trained, i, &items))
                rc = error_set(err, PT_ENOMEM, "out of memory");
        if (rc == 0)
            rc = scoring_run(&j.scoring, &items, &work, &j, err);
    }
    if (rc == 0)
        deliver_users(&j, k, user, n, best, count);
    histories_fini(&items);
    scoring_fini(&j.scoring);
    return rc;
}
