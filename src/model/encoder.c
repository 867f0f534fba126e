#include "model/encoder.h"

#include "base/real.h"

#include <string.h>

/* Cost of a shard in an epoch, in entries: an entry takes part in two row sums, and each step in which the
 * column has an entry updates its row by Adam, which takes as long as four entries. */
static double shard_cost(const struct matrix *x, int shard, int64_t batch)
{
    double share = (double)batch / (double)x->examples, cost = 0.0;

    for (int64_t c = x->cut[shard].begin; c < x->cut[shard].end; c++)
        cost +=
            (double)x->column_count[c] + 4.0 / share * (1.0 - real_exp(-share * (double)x->column_count[c]));
    return cost;
}

/* Runs of a rank's shards of nearly equal cost. */
static void bound_by_cost(struct encoder *e, const struct model *m)
{
    const struct matrix *x = m->eng.train;
    int workers = team_workers(m->eng.team), w = 0;
    int64_t first, end;
    double total = 0.0, sum = 0.0;

    team_rank_own(m->eng.team, x->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        total += shard_cost(x, (int)s, m->spec.batch);
    e->bound[0] = (int)first;
    for (int64_t s = first; s < end; s++) {
        double cost = shard_cost(x, (int)s, m->spec.batch);

        /* the next worker begins where the middle of the shard is beyond this one's share */
        while (w + 1 < workers && sum + 0.5 * cost > total * (w + 1) / workers)
            e->bound[++w] = (int)s;
        sum += cost;
    }
    while (w < workers)
        e->bound[++w] = (int)end;
}

/* The shards of team_own. */
static void bound_as_owned(struct encoder *e, const struct model *m)
{
    int workers = team_workers(m->eng.team);
    int64_t first, end, from, to;

    team_rank_own(m->eng.team, m->eng.train->shards, &first, &end);
    for (int w = 0; w < workers; w++) {
        team_range(end - first, w, workers, &from, &to);
        e->bound[w] = (int)(first + from);
        e->bound[w + 1] = (int)(first + to);
    }
}

int encoder_init(struct encoder *e, struct model *m, int k, bool linear, bool reshard, struct error *err)
{
    const struct matrix *x = m->eng.train;
    int workers = team_workers(m->eng.team);
    int64_t rows = m->spec.batch > m->spec.eval_batch ? m->spec.batch : m->spec.eval_batch;

    *e = (struct encoder){.normalize = m->spec.normalize_input, .decoded = !reshard, .model = m};
    e->dropout = (float)m->spec.input_dropout;
    e->bound = mem_pool_zalloc(&e->pool, workers + 1, sizeof *e->bound);
    e->row = mem_pool_arrays(&e->pool, workers, row_pad(k));
    e->mu_gradient = mem_pool_array(&e->pool, row_pad(k), sizeof(float));
    e->squares = mem_pool_zalloc(&e->pool, x->shards + 1, sizeof *e->squares);
    TRY(need_memory(!e->pool.failed, err));
    if (reshard)
        bound_by_cost(e, m);
    else
        bound_as_owned(e, m);
    TRY(table_init(&e->v, "encoder.weight", NULL, x->columns, k, !m->spec.fixed, x->cut, x->shards,
                   m->eng.team, err));
    TRY(vector_init(&e->mu, "encoder.bias", k, !m->spec.fixed, err));
    TRY(units_init(&e->units, "encoder", k, linear, m, err));
    TRY(reduce_new(&e->reduce, x->shards, m->eng.team, e->bound, rows, row_pad(k), err));
    return views_new(&e->view, x, m->spec.batch, m->eng.team, err);
}

void encoder_fini(struct encoder *e)
{
    views_free(e->view, e->v.shards);
    mem_pool_free(&e->pool);
    units_fini(&e->units);
    reduce_free(e->reduce);
    vector_fini(&e->mu);
    table_fini(&e->v);
    *e = (struct encoder){0};
}

void encoder_draw(struct encoder *e, const struct init_spec *init)
{
    struct init_spec own = *init;

    own.fan_in = e->v.columns;
    own.fan_out = e->v.k;
    table_draw(&e->v, e->model->eng.team, &own, 0);
    vector_draw(&e->mu, &own, 2);
    units_draw(&e->units);
}

void encoder_list(const struct encoder *e, struct param_list *l)
{
    params_add_table(l, &e->v);
    params_add_vector(l, &e->mu);
    units_list(&e->units, l);
}

/* A shard's part of z: one row sum an example. */
static void add_part(struct worker *w, struct encoder *e, int shard, const struct view *v)
{
    const float *rows = e->v.part[shard].row.w;
    bool add;
    float *z = reduce_leaf(e->reduce, w, shard, &add);

    team_phase(w, PHASE_ENCODE);
    for (int64_t p = 0; p < v->rows; p++)
        e->model->eng.kern->gather(z + p * e->v.ld, add, v->input_row[p + 1] - v->input_row[p],
                                   v->input_col + v->input_row[p], v->x + v->input_row[p], rows, e->v.ld);
    team_phase(w, PHASE_REDUCE);
    reduce_done(e->reduce, w, shard, add, v->rows * e->v.ld);
}

void encoder_shard(struct worker *w, struct encoder *e, int shard, const struct batch *b)
{
    const struct engine *eng = &e->model->eng;
    struct view_input input = {.normalize = e->normalize,
                               .dropout = e->dropout,
                               .zeros = e->decoded,
                               .seed = e->model->spec.seed,
                               .step = b->step,
                               .kern = eng->kern};
    struct view *v = &e->view[shard];

    team_phase(w, PHASE_BATCH);
    view_build(v, eng->train, shard, b->example, b->rows, &input, true);
    team_phase(w, PHASE_UPDATE);
    for (int64_t a = 0; a < v->columns && !e->frozen; a++)
        table_catch_up(&e->v, eng->kern, eng->plan, shard, v->active[a], b->in_epoch);
    add_part(w, e, shard, v);
}

void encoder_infer_shard(struct worker *w, struct encoder *e, int shard, const struct input *in)
{
    struct view_input input = {.normalize = e->normalize};

    view_build(&in->view[shard], in->matrix, shard, in->example, in->rows, &input, false);
    add_part(w, e, shard, &in->view[shard]);
}

void encoder_finish(struct worker *w, struct encoder *e, int64_t rows, float *h)
{
    const struct kernels *kern = e->model->eng.kern;
    const float *z = reduce_root(e->reduce);
    int64_t first, end, ld = e->v.ld;

    team_barrier(w);
    team_phase(w, PHASE_REDUCE);
    reduce_ranks(e->reduce, w, rows, ld);
    team_range(rows, w->id, w->count, &first, &end);
    reduce_rows(e->reduce, first, end, ld);
    for (int64_t p = first; p < end; p++) {
        memcpy(h + p * ld, z + p * ld, (size_t)ld * sizeof *h);
        kern->add(h + p * ld, e->mu.row.w, ld);
    }
    units_forward(&e->units, first, end, h);
}

void encoder_back(struct worker *w, struct encoder *e, int64_t rows, float *dh, const float *h)
{
    int64_t first, end;

    team_range(rows, w->id, w->count, &first, &end);
    units_backward(&e->units, first, end, dh, h);
}

/* Gradient of the row of V for the view's column a: sum of x dz over the examples that have it. */
static const float *row_gradient(struct worker *w, struct encoder *e, const struct view *v, int64_t a,
                                 const float *dz)
{
    int64_t i = v->start[a];

    e->model->eng.kern->gather(e->row[w->id], false, v->start[a + 1] - i, v->pos + i, v->x_by_column + i, dz,
                               e->v.ld);
    return e->row[w->id];
}

void encoder_measure(struct worker *w, struct encoder *e, const float *dz, int64_t rows)
{
    const struct kernels *kern = e->model->eng.kern;
    int end, first = encoder_own(w, e, &end);

    for (int s = first; s < end; s++) {
        double squares = 0.0;

        for (int64_t a = 0; a < e->view[s].columns; a++)
            squares += kern->sum_squares(row_gradient(w, e, &e->view[s], a, dz), e->v.ld);
        e->squares[s] = squares;
    }
    if (w->id == 0) {
        units_sum_rows(e->mu_gradient, dz, rows, e->v.ld, kern);
        units_measure(&e->units, rows);
        e->squares[e->v.shards] = kern->sum_squares(e->mu_gradient, e->v.ld) + e->units.squares;
    }
    team_share(w, e->squares, e->v.shards, sizeof *e->squares);
}

double encoder_squared_norm(const struct encoder *e)
{
    double sum = 0.0;

    for (int s = 0; s <= e->v.shards; s++)
        sum += e->squares[s];
    return sum;
}

void encoder_update_shard(struct worker *w, struct encoder *e, int shard, const struct batch *b,
                          const float *dz, float scale)
{
    const struct engine *eng = &e->model->eng;
    const struct view *v = &e->view[shard];

    team_phase(w, PHASE_UPDATE);
    for (int64_t a = 0; a < v->columns; a++) {
        const float *g;

        if (a + 1 < v->columns)
            table_prefetch(&e->v, shard, v->active[a + 1]);
        g = row_gradient(w, e, v, a, dz);
        if (scale != 1.0f)
            eng->kern->scale(e->row[w->id], scale, e->v.ld);
        table_update(&e->v, eng->kern, eng->plan, shard, v->active[a], b->in_epoch, g);
    }
}

void encoder_flush(struct worker *w, struct encoder *e, int64_t steps)
{
    int end, first = encoder_own(w, e, &end);

    for (int s = first; s < end && !e->frozen; s++)
        table_flush(&e->v, e->model->eng.kern, e->model->eng.plan, s, steps);
}

void encoder_set_step(struct worker *w, struct encoder *e, int64_t steps)
{
    int end, first = encoder_own(w, e, &end);

    for (int s = first; s < end && !e->frozen; s++)
        table_set_step(&e->v, s, steps);
}

void encoder_update_mu(struct worker *w, struct encoder *e, const struct batch *b, const float *dz,
                       float scale)
{
    const struct engine *eng = &e->model->eng;

    if (w->id != w->count - 1)
        return;
    units_sum_rows(e->mu_gradient, dz, b->rows, e->v.ld, eng->kern);
    if (scale != 1.0f)
        eng->kern->scale(e->mu_gradient, scale, e->v.ld);
    eng->kern->adam(eng->plan->bias + b->in_epoch, e->mu.row.w, e->mu.row.m, e->mu.row.v, e->mu_gradient,
                    e->v.ld);
    units_update(&e->units, b->rows, eng->plan->bias + b->in_epoch, scale);
}
