/* rank.c - histories through a trained model: the best columns of each, or outputs for chosen columns. */
#include "serve/rank.h"

#include "base/mem.h"
#include "eval/lists.h"
#include "serve/scoring.h"

#include <math.h>
#include <string.h>

struct ranker {
    const struct trained *trained;
    struct rank_spec spec;
    struct mem_pool pool; /* of the lists */
    struct lists lists;
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
        return r->scoring.model_row[e] >= 0 && (row < 0 || trained->problem->cold_example[row]);
    return r->scoring.in->row_count[e] == 0;
}

/* ---- the best columns ---- */

static void rank_shard(struct worker *w, void *arg, int s, float *score)
{
    struct ranker *r = arg;
    int64_t ld = row_pad(shard_width(&r->trained->problem->cut[s]));

    for (int64_t p = 0; p < r->scoring.rows; p++) {
        float *row = score + p * ld;

        lists_hide(&r->lists, s, row);
        if (!r->spec.keep_seen)
            scoring_hide_known(&r->scoring, s, p, row);
        lists_offer(w, &r->lists, s, p, row);
    }
}

/* All workers' best of example p into the result. */
static void deliver(struct worker *w, void *arg, int64_t p)
{
    struct ranker *r = arg;
    struct topk *best = &r->lists.best[p];
    int64_t e = r->scoring.begin + p;
    int n = lists_merge(w, &r->lists, p);

    if (r->trained->by_row && nothing_known(r, e))
        n = 0;
    for (int i = 0; i < n; i++)
        r->out[e * r->spec.k + i] =
            (struct scored){best->best[i].score + r->trained->problem->shift, best->best[i].column};
    r->count[e] = n;
}

int ranker_run(struct ranker *r, const struct histories *h, struct scored *best, int *count,
               struct error *err)
{
    static const struct scoring_work work = {.shard = rank_shard, .example = deliver};
    const struct sieve *before = r->lists.sieve;

    TRY(lists_need_sieve(&r->lists, h->n, err));
    if (r->lists.sieve != before)
        team_run(r->trained->problem->team, sieve_round_weights, r->lists.sieve);
    r->histories = h;
    r->out = best;
    r->count = count;
    r->scoring.lists = &r->lists;
    return scoring_run(&r->scoring, h, &work, r, err);
}

/* ---- chosen columns ---- */

static void predict_shard(struct worker *w, void *arg, int s, float *score)
{
    struct ranker *r = arg;
    const struct shard *cut = &r->trained->problem->cut[s];
    int64_t ld = row_pad(shard_width(cut));

    (void)w;
    for (int64_t p = 0; p < r->scoring.rows; p++) {
        int64_t e = r->scoring.begin + p;
        bool nothing = nothing_known(r, e);

        for (int64_t i = first_from(r->want->column, r->want->ptr[e], r->want->ptr[e + 1], cut->begin);
             i < r->want->ptr[e + 1] && r->want->column[i] < cut->end; i++) { /* they ascend */
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
    r->scoring.lists = NULL;
    return scoring_run(&r->scoring, h, &work, r, err);
}

/* ---- making ---- */

int ranker_new(struct ranker **out, const struct trained *trained, const struct rank_spec *spec,
               struct error *err)
{
    scoped(ranker_free) struct ranker *r = mem_zalloc(1, sizeof *r);

    TRY(need_memory(r, err));
    r->trained = trained;
    r->spec = *spec;
    lists_init(&r->lists, trained->model, trained->problem, spec->k, trained->batch, spec->hidden, &r->pool);
    if (r->pool.failed || !scoring_init(&r->scoring, trained))
        return error_set(err, PT_ENOMEM, "out of memory; a smaller k or eval.batch needs less");
    *out = handed_on(r);
    return 0;
}

void ranker_free(struct ranker *r)
{
    if (!r)
        return;
    scoring_fini(&r->scoring);
    lists_fini(&r->lists);
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

static void users_job_fini(struct users_job *j)
{
    scoring_fini(&j->scoring);
}

int rank_users(const struct trained *trained, const struct history_source *h, const struct rank_spec *spec,
               const int32_t *user, int64_t n, struct scored *best, int *count, struct error *err)
{
    static const struct scoring_work work = {.shard = offer_items};
    int64_t block = 8 * trained->batch;
    int k = spec->k;
    mem_scoped struct scored *room = mem_array(n * 2 * k, sizeof *room);
    mem_scoped struct topk *list = mem_alloc(n, sizeof *list);
    mem_scoped int32_t *place = mem_alloc(trained->problem->columns, sizeof *place);
    scoped_value(users_job_fini) struct users_job j = {
        .trained = trained, .spec = spec, .best = list, .place = place};
    scoped_value(histories_fini) struct histories items = {0};

    TRY(need_memory(room && list && place && scoring_init(&j.scoring, trained), err));
    memset(j.place, 0xff, (size_t)trained->problem->columns * sizeof *j.place);
    for (int64_t i = 0; i < n; i++) {
        topk_init(&j.best[i], k, room + i * 2 * k, 2 * k);
        if (user[i] >= 0 && !trained->problem->cold_column[user[i]])
            j.place[user[i]] = (int32_t)i;
    }
    for (int64_t e = 0; e < h->n; e += block) {
        histories_clear(&items);
        j.first = e;
        for (int64_t i = e; i < h->n && i < e + block; i++)
            TRY(need_memory(history_source_add(h, trained, i, &items), err));
        TRY(scoring_run(&j.scoring, &items, &work, &j, err));
    }
    deliver_users(&j, k, user, n, best, count);
    return 0;
}
