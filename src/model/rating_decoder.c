#include "model/rating_decoder.h"

#include <string.h>

int rating_decoder_init(struct rating_decoder *d, struct model *m, int k, struct reduce *reduce,
                        const struct view *views, struct error *err)
{
    const struct matrix *x = m->eng.train;
    int workers = team_workers(m->eng.team);
    int64_t first, end;

    *d = (struct rating_decoder){.act = m->spec.output, .loss = m->spec.loss, .reduce = reduce, .model = m};
    TRY(table_init(&d->w, "decoder.weight", "decoder.bias", x->columns, k, !m->spec.fixed, x->cut, x->shards,
                   m->eng.team, err));
    if (!reduce) {
        TRY(reduce_new(&d->reduce, x->shards, m->eng.team, NULL, m->spec.batch, row_pad(k), err));
        d->owns_reduce = true;
    }
    d->shard = mem_pool_zalloc(&d->pool, x->shards, sizeof *d->shard);
    d->sums = mem_pool_zalloc(&d->pool, x->shards, sizeof *d->sums);
    d->cell_weight = mem_pool_array(&d->pool, m->spec.batch, sizeof(float));
    team_rank_own(m->eng.team, x->shards, &first, &end);
    for (int64_t s = first; s < end && !d->pool.failed; s++) {
        int64_t width = shard_width(&x->cut[s]), n = views[s].room_entries;
        struct rating_decoder_shard *own = &d->shard[s];

        own->e = mem_pool_array(&d->pool, n, sizeof(float));
        own->e_by_row = mem_pool_array(&d->pool, n, sizeof(float));
        own->gb = mem_pool_array(&d->pool, row_pad(width), sizeof(float));
        if (own->gb)
            memset(own->gb, 0, (size_t)row_pad(width) * sizeof(float));
    }
    d->old = mem_pool_arrays(&d->pool, workers, shards_widest(x->cut, x->shards) * d->w.ld);
    d->row = mem_pool_arrays(&d->pool, workers, d->w.ld);
    return need_memory(!d->pool.failed, err);
}

void rating_decoder_fini(struct rating_decoder *d)
{
    mem_pool_free(&d->pool);
    if (d->owns_reduce)
        reduce_free(d->reduce);
    table_fini(&d->w);
    *d = (struct rating_decoder){0};
}

void rating_decoder_prepare(struct worker *w, struct rating_decoder *d, const struct batch *b)
{
    const int64_t *count = d->model->eng.train->row_count;
    int64_t first, end, with_cells = 0;

    if (d->loss != LOSS_ROW_MEAN)
        return;
    for (int64_t p = 0; p < b->rows; p++)
        with_cells += count[b->example[p]] > 0;
    team_range(b->rows, w->id, w->count, &first, &end);
    for (int64_t p = first; p < end; p++) {
        int64_t n = count[b->example[p]];

        d->cell_weight[p] = n ? (float)(1.0 / ((double)with_cells * (double)n)) : 0.0f;
    }
}

/* Errors of the view's column a before the loss's scale: e in the order by column. */
static void score_column(struct rating_decoder *d, int shard, const struct view *v, int64_t a,
                         const struct batch *b, const float *h)
{
    const struct engine *eng = &d->model->eng;
    const struct table_part *part = &d->w.part[shard];
    struct rating_decoder_shard *own = &d->shard[shard];
    int64_t c = v->active[a], i = v->start[a], n = v->start[a + 1] - i;
    const float *target = v->target_by_column + i;
    float *e = own->e + i, bias = part->bias.w[c];
    double square = 0.0, loss = 0.0;

    table_catch_up(&d->w, eng->kern, eng->plan, shard, c, b->in_epoch);
    eng->kern->dots(e, n, v->pos + i, part->row.w + c * d->w.ld, h, d->w.ld);
    if (d->act != ACT_IDENTITY) {
        for (int64_t j = 0; j < n; j++)
            e[j] += bias;
        bias = 0.0f;
        eng->kern->activate(d->act, e, n);
    }
    for (int64_t j = 0; j < n; j++) {
        float out = e[j] + bias, diff = out - target[j], slope = 1.0f;
        float weight = d->loss == LOSS_ROW_MEAN ? d->cell_weight[v->pos[i + j]] : 1.0f;

        if (d->act != ACT_IDENTITY)
            eng->kern->activate_back(d->act, &slope, &out, 1);
        square += (double)diff * (double)diff;
        loss += (double)weight * (double)diff * (double)diff;
        e[j] = diff * weight * slope;
    }
    d->sums[shard].square += square;
    d->sums[shard].loss += loss;
}

static void start_sums(struct rating_decoder *d, int shard)
{
    d->sums[shard].square = d->sums[shard].loss = 0.0;
}

void rating_decoder_scores(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                           const struct batch *b, const float *h)
{
    team_phase(w, PHASE_DECODE);
    start_sums(d, shard);
    for (int64_t a = 0; a < v->columns; a++)
        score_column(d, shard, v, a, b, h);
}

void rating_decoder_share(struct worker *w, struct rating_decoder *d)
{
    team_share(w, d->sums, d->w.shards, sizeof *d->sums);
}

static double sum_shards(const struct rating_decoder *d, bool squares)
{
    double sum = 0.0;

    for (int s = 0; s < d->w.shards; s++)
        sum += squares ? d->sums[s].square : d->sums[s].loss;
    return sum;
}

static double batch_cells(const struct rating_decoder *d, const struct batch *b)
{
    int64_t n = 0;

    for (int64_t p = 0; p < b->rows; p++)
        n += d->model->eng.train->row_count[b->example[p]];
    return n ? (double)n : 1.0;
}

float rating_decoder_scale(const struct rating_decoder *d, const struct batch *b)
{
    if (d->loss == LOSS_ROW_MEAN) /* the rest is in the cell weights */
        return 2.0f;
    /* Only the root needs the sums, and only then has a barrier made them whole. */
    return (float)rating_loss_scale(d->loss, d->loss == LOSS_ROOT ? sum_shards(d, true) : 0.0,
                                    (double)b->rows, batch_cells(d, b), (double)d->w.columns);
}

double rating_decoder_loss(const struct rating_decoder *d, const struct batch *b, double *squares)
{
    *squares = sum_shards(d, true);
    if (d->loss == LOSS_ROW_MEAN)
        return sum_shards(d, false);
    return rating_loss_value(d->loss, *squares, (double)b->rows, batch_cells(d, b), (double)d->w.columns);
}

/* Gradient of row W_c for the view's column a: sum of e h over its cells. */
static float *row_gradient(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                           int64_t a, const float *h)
{
    int64_t i = v->start[a];

    d->model->eng.kern->gather(d->row[w->id], false, v->start[a + 1] - i, v->pos + i, d->shard[shard].e + i,
                               h, d->w.ld);
    return d->row[w->id];
}

static void update_bias(struct rating_decoder *d, int shard, const struct batch *b)
{
    const struct engine *eng = &d->model->eng;
    struct weights *bias = &d->w.part[shard].bias;

    eng->kern->adam(eng->plan->bias + b->in_epoch, bias->w, bias->m, bias->v, d->shard[shard].gb,
                    row_pad(shard_width(&d->w.cut[shard])));
}

/* The shard's part of dh: one row sum an example, over the rows of W as they were before the update. */
static void add_part(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                     const float *rows)
{
    bool add;
    float *dh = reduce_leaf(d->reduce, w, shard, &add);
    const float *e = d->shard[shard].e_by_row;

    for (int64_t p = 0; p < v->rows; p++)
        d->model->eng.kern->gather(dh + p * d->w.ld, add, v->row[p + 1] - v->row[p], v->col + v->row[p],
                                   e + v->row[p], rows, d->w.ld);
    team_phase(w, PHASE_REDUCE);
    reduce_done(d->reduce, w, shard, add, v->rows * d->w.ld);
}

/* Scales the errors of the view's column a, copies them to the order by example, and computes the gradients
 * of W_c and b_c: applied at once, with a copy of the old row, or, where `measure`, only measured. */
static void apply_column(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                         int64_t a, const struct batch *b, const float *h, float scale, bool measure)
{
    const struct engine *eng = &d->model->eng;
    struct rating_decoder_shard *own = &d->shard[shard];
    int64_t c = v->active[a], ld = d->w.ld;
    const float *row = d->w.part[shard].row.w + c * ld, *g;
    float sum = 0.0f;

    for (int64_t i = v->start[a]; i < v->start[a + 1]; i++) {
        own->e[i] *= scale;
        own->e_by_row[v->at[i]] = own->e[i];
        sum += own->e[i];
    }
    own->gb[c] = sum;
    g = row_gradient(w, d, shard, v, a, h);
    if (measure) {
        d->sums[shard].norm += eng->kern->sum_squares(g, ld);
    } else {
        memcpy(d->old[w->id] + c * ld, row, (size_t)ld * sizeof *row);
        table_update(&d->w, eng->kern, eng->plan, shard, c, b->in_epoch, g);
    }
}

void rating_decoder_apply(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                          const struct batch *b, const float *h, float scale, bool scored, bool measure)
{
    const struct engine *eng = &d->model->eng;
    struct rating_decoder_shard *own = &d->shard[shard];
    int64_t width = shard_width(&d->w.cut[shard]);

    team_phase(w, PHASE_DECODE);
    d->sums[shard].norm = 0.0;
    memset(own->gb, 0, (size_t)width * sizeof *own->gb);
    if (!scored)
        start_sums(d, shard);
    for (int64_t a = 0; a < v->columns; a++) {
        if (a + 1 < v->columns)
            table_prefetch(&d->w, shard, v->active[a + 1]);
        if (!scored) /* the codes that it reads are then in L1 for the gradient */
            score_column(d, shard, v, a, b, h);
        apply_column(w, d, shard, v, a, b, h, scale, measure);
    }
    if (measure)
        d->sums[shard].norm += eng->kern->sum_squares(own->gb, width);
    else
        update_bias(d, shard, b);
    add_part(w, d, shard, v, measure ? d->w.part[shard].row.w : d->old[w->id]);
}

void rating_decoder_update(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                           const struct batch *b, const float *h, float clip)
{
    const struct engine *eng = &d->model->eng;

    team_phase(w, PHASE_UPDATE);
    for (int64_t a = 0; a < v->columns; a++) {
        float *g = row_gradient(w, d, shard, v, a, h);

        if (clip != 1.0f)
            eng->kern->scale(g, clip, d->w.ld);
        table_update(&d->w, eng->kern, eng->plan, shard, v->active[a], b->in_epoch, g);
    }
    if (clip != 1.0f)
        eng->kern->scale(d->shard[shard].gb, clip, shard_width(&d->w.cut[shard]));
    update_bias(d, shard, b);
}

double rating_decoder_squared_norm(const struct rating_decoder *d)
{
    double sum = 0.0;

    for (int s = 0; s < d->w.shards; s++)
        sum += d->sums[s].norm;
    return sum;
}

void rating_decoder_finish(struct worker *w, struct rating_decoder *d, int64_t rows, float *dh)
{
    int64_t first, end;

    team_barrier(w);
    team_phase(w, PHASE_REDUCE);
    reduce_ranks(d->reduce, w, rows, d->w.ld);
    team_range(rows, w->id, w->count, &first, &end);
    reduce_rows(d->reduce, first, end, d->w.ld);
    memcpy(dh + first * d->w.ld, reduce_root(d->reduce) + first * d->w.ld,
           (size_t)((end - first) * d->w.ld) * sizeof *dh);
}

void rating_decoder_score_all(struct rating_decoder *d, int shard, const float *h, int64_t rows, float *out,
                              int64_t ld)
{
    const struct table_part *part = &d->w.part[shard];
    int64_t width = shard_width(&d->w.cut[shard]);

    d->model->eng.kern->product_nt(rows, width, d->w.ld, h, d->w.ld, part->row.w, d->w.ld, part->bias.w, out,
                                   ld);
    for (int64_t p = 0; p < rows; p++)
        d->model->eng.kern->activate(d->act, out + p * ld, width);
}

void rating_decoder_score_cells(struct rating_decoder *d, int shard, const float *h, const struct view *cells,
                                float *out)
{
    const struct table_part *part = &d->w.part[shard];

    for (int64_t p = 0; p < cells->rows; p++) {
        int64_t i = cells->row[p], n = cells->row[p + 1] - i;

        d->model->eng.kern->dots(out + i, n, cells->col + i, h + p * d->w.ld, part->row.w, d->w.ld);
        for (int64_t j = i; j < i + n; j++)
            out[j] += part->bias.w[cells->col[j]];
        d->model->eng.kern->activate(d->act, out + i, n);
    }
}
