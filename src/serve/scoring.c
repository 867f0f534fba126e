#include "serve/scoring.h"

#include "eval/lists.h"
#include "serve/fold_in.h"

#include <math.h>

bool scoring_init(struct scoring *s, const struct trained *trained)
{
    const struct problem *p = trained->problem;

    *s = (struct scoring){.trained = trained};
    s->score =
        mem_pool_arrays(&s->scores, team_workers(p->team), trained->batch * shards_widest(p->cut, p->shards));
    return s->score != NULL;
}

/* Leaves the room for scores. */
static void drop_histories(struct scoring *s)
{
    int shards = s->trained ? s->trained->problem->shards : 0;

    views_free(s->in_view, shards);
    views_free(s->seen_view, shards);
    matrix_free(s->in);
    matrix_free(s->seen);
    mem_pool_free(&s->pool);
    *s = (struct scoring){.trained = s->trained, .scores = s->scores, .score = s->score, .lists = s->lists};
}

void scoring_fini(struct scoring *s)
{
    drop_histories(s);
    mem_pool_free(&s->scores);
    *s = (struct scoring){0};
}

static int make_matrix(struct matrix **out, struct view **views, const struct scoring *s, uint8_t mask,
                       struct error *err)
{
    const struct trained *trained = s->trained;
    const struct histories *h = s->histories;
    bool by_user = trained->problem->side == SIDE_USER;
    struct matrix_spec spec = {.part = h->kind,
                               .mask = mask,
                               .side = trained->problem->side,
                               .examples = h->n,
                               .columns = trained->problem->columns,
                               .shift = trained->problem->shift,
                               .binary = problem_drops_values(trained->config)};
    struct ratings r = {.n = h->entries,
                        .user = by_user ? s->example : h->column,
                        .item = by_user ? h->column : s->example,
                        .value = h->value};
    int64_t rows = h->n < trained->batch ? h->n : trained->batch;

    TRY(matrix_new(out, &r, &spec, trained->problem->cut, trained->problem->shards, trained->problem->team,
                   err));
    return views_new(views, *out, rows, trained->problem->team, err);
}

/* mf: -1: a row is made from the ratings; a history without them gets row 0, whose scores nobody reads. */
static int64_t model_row(const struct trained *trained, const struct histories *h, int64_t e)
{
    if (!trained->by_row)
        return e;
    if (h->row[e] >= 0)
        return h->row[e];
    return fold_in_takes(trained->problem->cold_column, h, e) ? -1 : 0;
}

static int set_histories(struct scoring *s, const struct histories *h, struct error *err)
{
    const struct trained *trained = s->trained;
    bool seen = false;

    s->histories = h;
    s->example = mem_pool_alloc(&s->pool, h->entries, sizeof *s->example);
    s->number = mem_pool_alloc(&s->pool, h->n, sizeof *s->number);
    s->model_row = mem_pool_alloc(&s->pool, h->n, sizeof *s->model_row);
    TRY(need_memory(!s->pool.failed, err));
    for (int64_t e = 0; e < h->n; e++) {
        s->number[e] = e;
        s->model_row[e] = model_row(trained, h, e);
        for (int64_t i = h->ptr[e]; i < h->ptr[e + 1]; i++) {
            s->example[i] = (int32_t)e;
            seen |= h->kind[i] == HISTORY_SEEN;
        }
    }
    TRY(make_matrix(&s->in, &s->in_view, s, HISTORY_INPUT, err));
    if (seen)
        TRY(make_matrix(&s->seen, &s->seen_view, s, HISTORY_SEEN, err));
    s->input = (struct input){
        .matrix = s->in, .view = s->in_view, .folded = trained->fold ? fold_in_codes(trained->fold) : NULL};
    return 0;
}

/* The codes of the minibatch from example `begin` on, and the views of own shards. */
static void infer(struct worker *w, struct scoring *s, int64_t begin)
{
    const struct trained *trained = s->trained;
    struct model *m = trained->model;
    int end, first = own_shards(w, m, &end);
    int64_t left = s->histories->n - begin;

    if (w->id == 0) {
        s->begin = begin;
        s->rows = s->input.rows = left < trained->batch ? left : trained->batch;
        s->input.example = s->model_row + begin;
    }
    team_barrier(w);
    if (trained->fold) {
        fold_in_rows(w, trained->fold, s->histories, begin, s->rows);
        team_barrier(w);
    }
    m->ops->infer(w, m, &s->input);
    team_phase(w, PHASE_EVAL);
    for (int i = first; i < end; i++) {
        view_build(&s->in_view[i], s->in, i, s->number + begin, s->rows, NULL, false);
        if (s->seen)
            view_build(&s->seen_view[i], s->seen, i, s->number + begin, s->rows, NULL, false);
    }
}

static void score_all(struct worker *w, void *arg)
{
    struct scoring *s = arg;
    struct model *m = s->trained->model;
    float *score = s->score[w->id];
    int end, first = own_shards(w, m, &end);
    int64_t from, to;

    for (int64_t begin = 0; begin < s->histories->n; begin += s->trained->batch) {
        infer(w, s, begin);
        if (s->lists)
            lists_begin(w, s->lists, s->rows);
        for (int i = first; i < end; i++) {
            if (s->lists)
                lists_score(w, s->lists, i, s->rows, score);
            else
                m->ops->score(w, m, i, s->rows, score, row_pad(shard_width(&m->eng.train->cut[i])));
            s->work->shard(w, s->arg, i, score);
        }
        if (s->lists)
            lists_end(w, s->lists, s->rows);
        team_barrier(w);
        if (!s->work->example)
            continue;
        team_range(s->rows, w->id, w->count, &from, &to);
        for (int64_t p = from; p < to; p++)
            s->work->example(w, s->arg, p);
        team_barrier(w);
    }
}

int scoring_run(struct scoring *s, const struct histories *h, const struct scoring_work *work, void *arg,
                struct error *err)
{
    int rc = h->n ? set_histories(s, h, err) : 0;

    if (rc == 0 && h->n) {
        s->work = work;
        s->arg = arg;
        team_run(s->trained->problem->team, score_all, s);
    }
    drop_histories(s);
    return rc;
}

void scoring_hide_known(const struct scoring *s, int shard, int64_t p, float *row)
{
    lists_hide_known(row, &s->in_view[shard], p, -INFINITY);
    if (s->seen)
        lists_hide_known(row, &s->seen_view[shard], p, -INFINITY);
}
