#include "train/rank.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* A block of people as matrices, and the views of a minibatch on them. */
struct block {
    struct matrix *in, *seen;    /* owned; seen: known, but no input; NULL where there is nothing */
    struct view *in_v, *seen_v;  /* (shards) owned */
    int32_t *example;            /* (entries) owned: the person of each */
    int64_t *number, *model_row; /* (n) owned: 0, 1, 2, ...; the example that the model is asked for */
};

struct ranker {
    struct use *use;
    struct rank_spec spec; /* k: at most the columns */
    int stride;            /* the k that was asked for */
    int32_t **hidden;      /* (shards) owned: columns of the shard that are never recommended */
    int64_t *hiddens;      /* (shards) owned */
    float **score;         /* (workers) owned: (batch, widest shard padded) */
    struct topk *best;     /* (workers x batch) owned */
    struct scored *room;   /* (workers x batch x capacity) owned */
    /* of the call at hand */
    struct block block;
    struct input input;
    const struct people *people, *want;
    struct scored *out;
    int *count;
    float *output;
    int64_t begin, rows;
};

/* ---- blocks of people -------------------------------------------------------------------------------- */

static void fini_views(struct view *v, int shards)
{
    for (int s = 0; v && s < shards; s++)
        view_fini(&v[s]);
    mem_free(v);
}

static void block_fini(struct block *b, const struct use *u)
{
    fini_views(b->in_v, u->shards);
    fini_views(b->seen_v, u->shards);
    matrix_free(b->in);
    matrix_free(b->seen);
    mem_free(b->example);
    mem_free(b->number);
    mem_free(b->model_row);
    *b = (struct block){0};
}

static int make_matrix(struct matrix **out, struct view **views, const struct use *u, const struct people *p,
                       int32_t *example, uint8_t mask, struct error *err)
{
    struct matrix_spec spec = {.part = p->use,
                               .mask = mask,
                               .side = u->side,
                               .examples = p->n,
                               .columns = u->columns,
                               .shift = u->shift,
                               .binary = !u->rating};
    struct ratings r = {.n = p->entries,
                        .user = u->side == SIDE_USER ? example : p->column,
                        .item = u->side == SIDE_USER ? p->column : example,
                        .value = p->value};
    int64_t rows = p->n < u->batch ? p->n : u->batch;
    int rc = matrix_new(out, &r, &spec, u->cut, u->shards, u->team, err);

    if (rc < 0)
        return rc;
    *views = mem_zalloc(u->shards, sizeof **views);
    if (!*views)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int s = 0; s < u->shards && rc == 0; s++)
        rc = view_init(&(*views)[s], *out, s, rows, err);
    return rc;
}

static int block_init(struct block *b, const struct use *u, const struct people *p, struct error *err)
{
    bool seen = false;
    int rc;

    *b = (struct block){0};
    b->example = mem_alloc(p->entries, sizeof *b->example);
    b->number = mem_alloc(p->n, sizeof *b->number);
    b->model_row = mem_alloc(p->n, sizeof *b->model_row);
    if (!b->example || !b->number || !b->model_row) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto fail;
    }
    for (int64_t e = 0; e < p->n; e++) {
        b->number[e] = e;
        b->model_row[e] = !u->by_row ? e : p->row[e] < 0 ? 0 : p->row[e];
        for (int64_t i = p->ptr[e]; i < p->ptr[e + 1]; i++) {
            b->example[i] = (int32_t)e;
            seen |= p->use[i] == PEOPLE_SEEN;
        }
    }
    if ((rc = make_matrix(&b->in, &b->in_v, u, p, b->example, PEOPLE_INPUT, err)) < 0 ||
        (seen && (rc = make_matrix(&b->seen, &b->seen_v, u, p, b->example, PEOPLE_SEEN, err)) < 0))
        goto fail;
    return 0;
fail:
    block_fini(b, u);
    return rc;
}

/* Codes of persons [begin, begin + rows); the views of own shards. Every worker together. */
static void infer(struct worker *w, struct use *u, struct block *b, const struct input *in, int64_t begin)
{
    struct view_input plain = {0};
    int end, first = own_shards(w, u->model, &end);

    u->model->ops->infer(w, u->model, in);
    team_phase(w, PHASE_EVAL);
    for (int s = first; s < end; s++) {
        view_build(&b->in_v[s], b->in, s, b->number + begin, in->rows, &plain, false);
        if (b->seen)
            view_build(&b->seen_v[s], b->seen, s, b->number + begin, in->rows, &plain, false);
    }
}

static void hide(float *row, const struct view *v, int64_t p)
{
    for (int64_t i = v->row[p]; i < v->row[p + 1]; i++)
        row[v->col[i]] = -INFINITY;
}

/* ---- the best columns -----------------------------------------------------------------------------------
 */

static void rank_shard(struct worker *w, struct ranker *r, int s)
{
    struct use *u = r->use;
    int64_t width = shard_width(&u->cut[s]), ld = row_pad(width);
    float *score = r->score[w->id];

    u->model->ops->score(w, u->model, s, r->rows, score, ld);
    for (int64_t p = 0; p < r->rows; p++) {
        float *row = score + p * ld;

        for (int64_t i = 0; i < r->hiddens[s]; i++)
            row[r->hidden[s][i]] = -INFINITY;
        if (!r->spec.keep_seen) {
            hide(row, &r->block.in_v[s], p);
            if (r->block.seen)
                hide(row, &r->block.seen_v[s], p);
        }
        topk_offer(&r->best[w->id * u->batch + p], row, width, (int32_t)u->cut[s].begin);
    }
}

static bool nothing_known(const struct ranker *r, int64_t at)
{
    const struct use *u = r->use;

    if (u->by_row)
        return r->people->row[at] < 0 || u->untrained_row[r->people->row[at]];
    return r->block.in->row_count[at] == 0;
}

/* Person p of the block: all workers' best, in order, into the result. */
static void deliver(struct worker *w, struct ranker *r, int64_t p)
{
    const struct use *u = r->use;
    struct topk *best = &r->best[p];
    int64_t at = r->begin + p;
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

static void next_rows(struct worker *w, struct ranker *r, int64_t begin)
{
    if (w->id == 0) {
        int64_t left = r->people->n - begin;

        r->begin = begin;
        r->rows = r->input.rows = left < r->use->batch ? left : r->use->batch;
        r->input.example = r->block.model_row + begin;
    }
    team_barrier(w);
}

static void rank_all(struct worker *w, void *arg)
{
    struct ranker *r = arg;
    struct use *u = r->use;
    int end, first = own_shards(w, u->model, &end), capacity = topk_capacity(r->spec.k);
    int64_t from, to;

    for (int64_t begin = 0; begin < r->people->n; begin += u->batch) {
        next_rows(w, r, begin);
        infer(w, u, &r->block, &r->input, begin);
        for (int64_t p = 0; p < r->rows; p++)
            topk_init(&r->best[w->id * u->batch + p], r->spec.k, r->room + (w->id * u->batch + p) * capacity,
                      capacity);
        for (int s = first; s < end; s++)
            rank_shard(w, r, s);
        team_barrier(w);
        team_range(r->rows, w->id, w->count, &from, &to);
        for (int64_t p = from; p < to; p++)
            deliver(w, r, p);
        team_barrier(w);
    }
}

int ranker_run(struct ranker *r, const struct people *p, struct scored *best, int *count, struct error *err)
{
    int rc;

    if (p->n == 0)
        return 0;
    if ((rc = block_init(&r->block, r->use, p, err)) < 0)
        return rc;
    r->input = (struct input){.matrix = r->block.in, .view = r->block.in_v};
    r->people = p;
    r->out = best;
    r->count = count;
    team_run(r->use->team, rank_all, r);
    block_fini(&r->block, r->use);
    return 0;
}

/* ---- chosen columns ---------------------------------------------------------------------------------------
 */

/* Wanted columns are ascending: the first of a person's that is not below `column`. */
static int64_t first_wanted(const struct people *want, int64_t at, int64_t column)
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
    struct use *u = r->use;
    int64_t ld = row_pad(shard_width(&u->cut[s])), begin = u->cut[s].begin;
    float *score = r->score[w->id];

    u->model->ops->score(w, u->model, s, r->rows, score, ld);
    for (int64_t p = 0; p < r->rows; p++) {
        int64_t at = r->begin + p;
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

    for (int64_t begin = 0; begin < r->people->n; begin += r->use->batch) {
        next_rows(w, r, begin);
        infer(w, r->use, &r->block, &r->input, begin);
        for (int s = first; s < end; s++)
            predict_shard(w, r, s);
        team_barrier(w);
    }
}

int ranker_predict(struct ranker *r, const struct people *p, const struct people *want, float *output,
                   struct error *err)
{
    int rc;

    if (p->n == 0)
        return 0;
    if ((rc = block_init(&r->block, r->use, p, err)) < 0)
        return rc;
    r->input = (struct input){.matrix = r->block.in, .view = r->block.in_v};
    r->people = p;
    r->want = want;
    r->output = output;
    team_run(r->use->team, predict_all, r);
    block_fini(&r->block, r->use);
    return 0;
}

/* ---- making
 * ------------------------------------------------------------------------------------------------- */

/* Columns of each shard that are never recommended: untrained, or hidden by the caller. */
static bool init_hidden(struct ranker *r)
{
    const struct use *u = r->use;

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

static bool init_scores(float ***out, const struct use *u)
{
    int workers = team_workers(u->team);
    int64_t widest = 0;

    for (int s = 0; s < u->shards; s++)
        widest = shard_width(&u->cut[s]) > widest ? shard_width(&u->cut[s]) : widest;
    *out = mem_zalloc(workers + 1, sizeof **out); /* ends with NULL */
    for (int i = 0; *out && i < workers; i++)
        if (!((*out)[i] = mem_array(u->batch * row_pad(widest), sizeof(float))))
            return false;
    return *out != NULL;
}

static void fini_scores(float **score)
{
    for (int i = 0; score && score[i]; i++)
        mem_free(score[i]);
    mem_free(score);
}

int ranker_new(struct ranker **out, struct use *u, const struct rank_spec *spec, struct error *err)
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
    if (!r->best || !r->room || !init_hidden(r) || !init_scores(&r->score, u)) {
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
    fini_scores(r->score);
    mem_free(r->hidden);
    mem_free(r->hiddens);
    mem_free(r->best);
    mem_free(r->room);
    mem_free(r);
}

/* ---- items as examples
 * ------------------------------------------------------------------------------------- */

struct users_job {
    struct use *use;
    const struct rank_spec *spec;
    const struct people *items; /* a block of items with their ratings */
    int64_t first;              /* number of the first */
    struct block block;
    struct input input;
    float **score;
    int32_t *place;    /* (columns) where a user stands in the request; -1: not in it */
    struct topk *best; /* (n) */
    int64_t begin, rows;
};

static void offer_items(struct worker *w, struct users_job *j, int s)
{
    struct use *u = j->use;
    int64_t width = shard_width(&u->cut[s]), ld = row_pad(width);
    const int32_t *place = j->place + u->cut[s].begin;
    float *score = j->score[w->id];

    u->model->ops->score(w, u->model, s, j->rows, score, ld);
    for (int64_t p = 0; p < j->rows; p++) {
        int64_t at = j->begin + p, item = j->first + at;
        float *row = score + p * ld;

        if (j->block.in->row_count[at] == 0 || (j->spec->hidden && j->spec->hidden[item]))
            continue;
        if (!j->spec->keep_seen) {
            hide(row, &j->block.in_v[s], p);
            if (j->block.seen)
                hide(row, &j->block.seen_v[s], p);
        }
        for (int64_t c = 0; c < width; c++)
            if (place[c] >= 0 && row[c] != -INFINITY)
                topk_offer_one(&j->best[place[c]], row[c], (int32_t)item);
    }
}

static void users_all(struct worker *w, void *arg)
{
    struct users_job *j = arg;
    struct use *u = j->use;
    int end, first = own_shards(w, u->model, &end);

    for (int64_t begin = 0; begin < j->items->n; begin += u->batch) {
        if (w->id == 0) {
            int64_t left = j->items->n - begin;

            j->begin = begin;
            j->rows = j->input.rows = left < u->batch ? left : u->batch;
            j->input.example = j->block.model_row + begin;
        }
        team_barrier(w);
        infer(w, u, &j->block, &j->input, begin);
        for (int s = first; s < end; s++)
            offer_items(w, j, s);
        team_barrier(w);
    }
}

/* One block of items against all users of the request. */
static int offer_block(struct users_job *j, struct error *err)
{
    int rc = block_init(&j->block, j->use, j->items, err);

    if (rc < 0)
        return rc;
    j->input = (struct input){.matrix = j->block.in, .view = j->block.in_v};
    team_run(j->use->team, users_all, j);
    block_fini(&j->block, j->use);
    return 0;
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
            best[i * k + c] =
                (struct scored){j->best[from].best[c].score + j->use->shift, j->best[from].best[c].column};
    }
}

int rank_users(struct use *u, const struct history *h, const struct rank_spec *spec, const int32_t *user,
               int64_t n, struct scored *best, int *count, struct error *err)
{
    struct people items = {0};
    struct users_job j = {.use = u, .spec = spec, .items = &items};
    int64_t block = 8 * u->batch;
    int k = spec->k, rc = 0;
    struct scored *room = mem_array(n * 2 * k, sizeof *room);

    j.best = mem_alloc(n, sizeof *j.best);
    j.place = mem_alloc(u->columns, sizeof *j.place);
    if (!room || !j.best || !j.place || !init_scores(&j.score, u)) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto end;
    }
    memset(j.place, 0xff, (size_t)u->columns * sizeof *j.place);
    for (int64_t i = 0; i < n; i++) {
        topk_init(&j.best[i], k, room + i * 2 * k, 2 * k);
        if (user[i] >= 0 && !u->untrained[user[i]])
            j.place[user[i]] = (int32_t)i;
    }
    for (int64_t e = 0; e < h->n && rc == 0; e += block) {
        people_clear(&items);
        j.first = e;
        for (int64_t i = e; i < h->n && i < e + block && rc == 0; i++)
            if (!history_take(h, u, i, &items))
                rc = error_set(err, PT_ENOMEM, "out of memory");
        if (rc == 0)
            rc = offer_block(&j, err);
    }
    if (rc == 0)
        deliver_users(&j, k, user, n, best, count);
end:
    people_fini(&items);
    fini_scores(j.score);
    mem_free(j.best);
    mem_free(j.place);
    mem_free(room);
    return rc;
}
