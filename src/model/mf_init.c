/* mf_init.c - memory and initial weights of matrix factorisation. */
#include "model/mf.h"

#include <string.h>

/* Tables up to this size (weights and moments) are updated whole in every step; in larger ones untouched
 * rows are deferred. Same bits. */
#define SWEEP_BYTES ((int64_t)16 << 20)

/* What a step needs of a side besides its table. */
static int side_init(struct mf *a, struct side *s, const int32_t *row_of_rating, struct error *err)
{
    const struct model *m = &a->model;
    int64_t batch = m->spec.batch, rows = s->t.columns, first, end;
    const struct shard *cut = s->t.cut;
    int shards = s->t.shards;

    s->row_of = row_of_rating;
    s->gradient = mem_pool_array(&a->pool, batch * s->t.ld, sizeof(float));
    s->squares = mem_pool_array(&a->pool, batch, sizeof(double));
    s->first = mem_pool_array(&a->pool, rows, sizeof *s->first);
    s->gb = mem_pool_zalloc(&a->pool, shards, sizeof *s->gb);
    team_rank_own(m->eng.team, shards, &first, &end);
    for (int64_t i = first; i < end && !a->pool.failed; i++) {
        int64_t width = row_pad(shard_width(&cut[i]));

        s->gb[i] = mem_pool_array(&a->pool, width, sizeof(float));
        if (s->gb[i])
            memset(s->gb[i], 0, (size_t)width * sizeof(float));
    }
    TRY(need_memory(!a->pool.failed, err));
    memset(s->first, 0xff, (size_t)rows * sizeof *s->first);
    return 0;
}

/* A block for each worker: rows first, which are aligned, then what is not. */
static void own_init(struct mf *a, int64_t ld)
{
    int64_t batch = row_pad(a->model.spec.batch);
    int64_t bytes =
        batch * (int64_t)((2 * ld + 1) * sizeof(float) + 2 * sizeof(struct row) + 2 * sizeof(int32_t));

    for (int i = 0; i < team_workers(a->model.eng.team) && !a->pool.failed; i++) {
        struct owned *owned = &a->owned[i];

        owned->user.other = mem_pool_array(&a->pool, bytes, 1);
        if (!owned->user.other)
            return;
        owned->item.other = owned->user.other + batch * ld;
        owned->error = owned->item.other + batch * ld;
        owned->user.row = (struct row *)(void *)(owned->error + batch);
        owned->item.row = owned->user.row + batch;
        owned->user.list = (int32_t *)(void *)(owned->item.row + batch);
        owned->item.list = owned->user.list + batch;
    }
}

void mf_fini(struct model *m)
{
    struct mf *a = mf_of(m);

    table_fini(&a->user.t);
    table_fini(&a->item.t);
    mem_pool_free(&a->pool);
}

void mf_draw(struct model *m)
{
    struct mf *a = mf_of(m);
    struct init_spec init = m->spec.init;

    init.fan_in = m->spec.latent;
    init.fan_out = a->user.t.columns;
    table_draw(&a->user.t, m->eng.team, &init, 0);
    init.fan_out = a->item.t.columns;
    table_draw(&a->item.t, m->eng.team, &init, 4);
}

/* Adam moves every row in every step, which takes a quarter of the time of a rating. */
double mf_row_cost(int64_t ratings, int64_t batch)
{
    return 0.25 * (double)ratings / (double)batch;
}

int mf_tables_init(struct mf *a, int shards, double row_cost, enum moments moments, struct error *err)
{
    struct model *m = &a->model;
    const struct model_spec *spec = &m->spec;
    const struct engine *eng = &m->eng;
    const struct matrix *x = eng->train;
    int64_t ld = row_pad(spec->latent);

    a->user.cut = mem_pool_alloc(&a->pool, shards, sizeof *a->user.cut);
    a->code = mem_pool_array(&a->pool, spec->eval_batch * (ld + 1), sizeof(float));
    TRY(need_memory(!a->pool.failed, err));
    a->code_bias = a->code + spec->eval_batch * ld;
    shard_cut(a->user.cut, shards, x->row_count, x->examples, row_cost);
    TRY(table_init(&a->user.t, "user.weight", spec->biases ? "user.bias" : NULL, x->examples, spec->latent,
                   moments, a->user.cut, shards, eng->team, err));
    TRY(table_init(&a->item.t, "item.weight", spec->biases ? "item.bias" : NULL, x->columns, spec->latent,
                   moments, x->cut, x->shards, eng->team, err));
    params_add_table(&m->params, &a->user.t);
    params_add_table(&m->params, &a->item.t);
    return 0;
}

int mf_init(struct model *m, struct error *err)
{
    struct mf *a = mf_of(m);
    const struct model_spec *spec = &m->spec;
    const struct engine *eng = &m->eng;
    const struct matrix *x = eng->train;
    int64_t ld = row_pad(spec->latent), bytes = (x->examples + x->columns) * ld * 12;
    bool copies = m->params.ranks->count > 1;

    TRY(mf_tables_init(a, shard_count(x->examples, ld, false), mf_row_cost(eng->cells->n, spec->batch),
                       spec->fixed ? MOMENTS_NONE : MOMENTS_ALL, err));
    a->sweep = bytes <= SWEEP_BYTES;
    a->owned = mem_pool_zalloc(&a->pool, team_workers(eng->team), sizeof *a->owned);
    a->square = mem_pool_array(&a->pool, spec->batch * ROW_ALIGN, sizeof(float));
    if (copies)
        a->copies = mem_pool_array(&a->pool, 2 * spec->batch * (ld + 1), sizeof(float));
    own_init(a, ld);
    TRY(need_memory(!a->pool.failed, err));
    if (copies) {
        a->user.copy = a->copies;
        a->item.copy = a->user.copy + spec->batch * ld;
        a->user.bias_copy = a->item.copy + spec->batch * ld;
        a->item.bias_copy = a->user.bias_copy + spec->batch;
    }
    TRY(side_init(a, &a->user, eng->cells->user, err));
    return side_init(a, &a->item, eng->cells->item, err);
}
