#include "model/click_decoder.h"

#include "base/real.h"

#include <math.h>
#include <string.h>

#define ERRORS_AHEAD 4 /* rows: how early they are asked for; other shards' blocks pushed them out of cache */

/* Columns of a product whose panels are rounded at a time: three tiles' worth, or the rest in whole tiles. */
static int64_t columns_next(int64_t left)
{
    return left <= CLICK_PANELS * ROW_ALIGN ? left : (CLICK_PANELS - 1) * ROW_ALIGN;
}

/* h W^T + b: W's rows are rounded just before a product reads them, which fetches the next ones. */
static void rounded_logits(struct worker *w, struct click_decoder *d, int s, int64_t rows)
{
    const struct kernels *kern = d->model->eng.kern;
    const struct table_part *part = &d->w.part[s];
    const struct click_decoder_shard *own = &d->shard[s];
    uint32_t *panels = d->rounded.w + w->id * d->rounded.panel_words;
    int64_t width = shard_width(&d->w.cut[s]), ld = d->w.ld, n;

    for (int64_t c = 0; c < own->ld; c += n) {
        const float *row = part->row.w + c * ld;
        struct ahead next;

        n = columns_next(own->ld - c);
        for (int64_t i = 0; i < n; i += ROW_ALIGN)
            kern->bf16_panel(width - c - i < ROW_ALIGN ? width - c - i : ROW_ALIGN, ld, row + i * ld, ld,
                             panels + i * ld / 2);
        row += n * ld;
        next = (struct ahead){{row, row + ROW_ALIGN * ld, row + 2 * ROW_ALIGN * ld}, ld, ROW_ALIGN};
        kern->bf16_product(rows, n, ld / 2, d->rounded.h, ld / 2, 1, panels, part->bias.w + c, INTO_NEW,
                           own->block + c, own->ld, &next);
    }
}

/* A shard's part of dh = e W, likewise by columns of W. */
static void rounded_back(struct worker *w, struct click_decoder *d, int s, int64_t rows,
                         enum product_into into, float *dh)
{
    const struct kernels *kern = d->model->eng.kern;
    uint32_t *panels = d->rounded.w + w->id * d->rounded.panel_words;
    int64_t width = shard_width(&d->w.cut[s]), ld = d->w.ld, n;

    for (int64_t j = 0; j < ld; j += n) {
        const float *at = d->w.part[s].row.w + j;
        struct ahead next;

        n = columns_next(ld - j);
        bf16_round_down(kern, at, ld, n, 0, width, width, panels);
        next = (struct ahead){{at + n, at + n + ROW_ALIGN, at + n + 2 * ROW_ALIGN}, width, ld};
        kern->bf16_product(rows, n, bf16_pairs(width), d->rounded.e + w->id * d->rounded.words,
                           d->shard[s].ld / 2, 1, panels, NULL, into, dh + j, ld, &next);
    }
}

/* Logits of rows [from, from + rows) for a shard, made exponentials row by row while they are in cache. */
static void exponentials(struct worker *w, struct click_decoder *d, int s, const struct view *v, int64_t from,
                         int64_t rows, const float *h)
{
    struct click_decoder_shard *own = &d->shard[s];
    const struct table_part *part = &d->w.part[s];
    int64_t width = shard_width(&d->w.cut[s]), ld = d->w.ld;

    if (d->model->spec.bf16)
        rounded_logits(w, d, s, rows);
    else
        d->model->eng.kern->product_nt(rows, width, ld, h + from * ld, ld, part->row.w, ld, part->bias.w,
                                       own->block, own->ld);
    for (int64_t p = 0; p < rows; p++) {
        float *l = own->block + p * own->ld;
        double hit = 0.0, mass = 0.0;

        for (int64_t i = v->row[from + p]; i < v->row[from + p + 1]; i++) {
            hit += (double)v->target[i] * (double)l[v->col[i]];
            mass += (double)v->target[i];
        }
        own->hit[p] = hit;
        own->mass[p] = mass;
        d->model->eng.kern->exp_row(l, width, &own->max[p], &own->sum[p]);
    }
}

/* Over all shards, in their order: each row's loss, and for each shard the factor that makes n_p softmax / B
 * of its exponentials. Rows [first, end) of the block. */
static void combine(struct click_decoder *d, const struct batch *b, int64_t from, int64_t first, int64_t end)
{
    int64_t own_first, own_end;

    team_rank_own(d->model->eng.team, d->w.shards, &own_first, &own_end);
    for (int64_t p = first; p < end; p++) {
        float top = -INFINITY;
        double sum = 0.0, hit = 0.0, n = 0.0;

        for (int s = 0; s < d->w.shards; s++)
            top = d->shard[s].max[p] > top || isnan(d->shard[s].max[p]) ? d->shard[s].max[p] : top;
        for (int s = 0; s < d->w.shards; s++) {
            double *mass = &d->shard[s].mass[p];

            if (shard_width(&d->w.cut[s]) == 0)
                continue;
            n += *mass; /* targets are ones: exact in any order */
            *mass = real_exp((double)(d->shard[s].max[p] - top));
            sum += (double)d->shard[s].sum[p] * *mass;
            hit += d->shard[s].hit[p];
        }
        d->row_loss[from + p] = n * ((double)top + real_log(sum)) - hit;
        for (int64_t s = own_first; s < own_end; s++)
            d->scale[s][p] = (float)(d->shard[s].mass[p] / sum * n / (double)b->rows);
    }
}

/* Errors in place of exponentials, and the gradient of b; in precision bf16 they are rounded two rows at a
 * time, and exponentials stay. */
static void errors(struct worker *w, struct click_decoder *d, int s, const struct view *v,
                   const struct batch *b, int64_t from, int64_t rows)
{
    const struct kernels *kern = d->model->eng.kern;
    struct click_decoder_shard *own = &d->shard[s];
    const struct click_decoder_rounded *r = d->model->spec.bf16 ? &d->rounded : NULL;
    float share = (float)(1.0 / (double)b->rows);

    if (from == 0)
        memset(own->gb, 0, (size_t)own->ld * sizeof *own->gb);
    for (int64_t p = 0; p < rows; p++) {
        float *x = own->block + p * own->ld, *e = r ? r->row[w->id] + p % 2 * own->ld : x;

        if (p + ERRORS_AHEAD < rows)
            for (int64_t k = 0; k < own->ld; k += ROW_ALIGN)
                __builtin_prefetch(x + ERRORS_AHEAD * own->ld + k, 1);
        if (r)
            memcpy(e, x, (size_t)own->ld * sizeof *e);
        kern->scale(e, d->scale[s][p], own->ld);
        for (int64_t i = v->row[from + p]; i < v->row[from + p + 1]; i++)
            e[v->col[i]] -= v->target[i] * share;
        kern->add(own->gb, e, own->ld);
        if (!r)
            continue;
        kern->bf16_rows(1, own->ld, e, own->ld, r->e + w->id * r->words + p * own->ld / 2, own->ld / 2);
        if (p % 2 == 1 || p + 1 == rows)
            kern->bf16_pair(own->ld, r->row[w->id], p % 2 ? e : NULL,
                            r->e_down + w->id * r->words + p / 2 * ROW_ALIGN, bf16_pairs(rows) * ROW_ALIGN);
    }
}

/* Adam on rows [first, end) of a shard's W with gradient g (rows, ld). */
static void apply_rows(struct click_decoder *d, int s, const struct batch *b, int64_t first, int64_t end,
                       const float *g)
{
    const struct engine *eng = &d->model->eng;
    const struct weights *row = &d->w.part[s].row;
    int64_t ld = d->w.ld;

    eng->kern->adam(eng->plan->weight + b->in_epoch, row->w + first * ld, row->m + first * ld,
                    row->v + first * ld, g, (end - first) * ld);
}

static void apply_bias(struct click_decoder *d, int s, const struct batch *b)
{
    const struct engine *eng = &d->model->eng;
    const struct weights *bias = &d->w.part[s].bias;

    eng->kern->adam(eng->plan->bias + b->in_epoch, bias->w, bias->m, bias->v, d->shard[s].gb,
                    row_pad(shard_width(&d->w.cut[s])));
}

/* The gradient of W, some rows at a time. Where it is not kept, Adam follows while they are in cache. */
static void weight_gradient(struct worker *w, struct click_decoder *d, int s, const struct batch *b,
                            int64_t from, int64_t rows, const float *h)
{
    const struct click_decoder_shard *own = &d->shard[s];
    const struct weights *row = &d->w.part[s].row;
    int64_t width = shard_width(&d->w.cut[s]), ld = d->w.ld, pairs = bf16_pairs(rows);
    enum product_into into = from > 0 ? INTO_CHAIN : INTO_NEW;

    for (int64_t c = 0; c < width; c += ROW_ALIGN) {
        int64_t end = width - c < ROW_ALIGN ? width : c + ROW_ALIGN, first = c / SOFTMAX_ROWS * SOFTMAX_ROWS;
        float *g = d->keep ? own->gradient + c * ld : d->gradient[w->id] + (c - first) * ld;
        struct ahead adam = {{row->w + c * ld, row->m + c * ld, row->v + c * ld},
                             (end - c) * ld / ROW_ALIGN,
                             ROW_ALIGN},
                     *ahead = d->keep ? NULL : &adam;

        team_phase(w, PHASE_DECODE);
        if (d->model->spec.bf16)
            d->model->eng.kern->bf16_product(end - c, ld, pairs,
                                             d->rounded.e_down + w->id * d->rounded.words + c * pairs, 1,
                                             ROW_ALIGN, d->rounded.h_down, NULL, into, g, ld, ahead);
        else
            d->model->eng.kern->product_nn(end - c, ld, rows, own->block + c, 1, own->ld, h + from * ld, ld,
                                           into, g, ld, ahead);
        if (!d->keep && (end == width || end == first + SOFTMAX_ROWS)) {
            team_phase(w, PHASE_UPDATE);
            apply_rows(d, s, b, first, end, d->gradient[w->id]);
        }
    }
}

/* One shard's errors, its part of dh, and its gradient of W: summed over the blocks; applied or measured at
 * the last. */
static void shard_back(struct worker *w, struct click_decoder *d, int s, const struct view *v,
                       const struct batch *b, int64_t from, int64_t rows, const float *h, bool back,
                       bool measure)
{
    struct click_decoder_shard *own = &d->shard[s];
    int64_t width = shard_width(&d->w.cut[s]), ld = d->w.ld;
    bool add = false, last = from + rows == b->rows;

    team_phase(w, PHASE_DECODE);
    errors(w, d, s, v, b, from, rows);
    if (back) {
        float *dh = reduce_leaf(d->reduce, w, s, &add);
        enum product_into into = add ? INTO_SUM : INTO_NEW;

        if (d->model->spec.bf16)
            rounded_back(w, d, s, rows, into, dh);
        else
            d->model->eng.kern->product_nn(rows, ld, width, own->block, own->ld, 1, d->w.part[s].row.w, ld,
                                           into, dh, ld, NULL);
    }
    if (!d->frozen)
        weight_gradient(w, d, s, b, from, rows, h);
    if (last && measure)
        d->norm[s] = d->frozen ? 0.0
                               : d->model->eng.kern->sum_squares(own->gradient, width * ld) +
                                     d->model->eng.kern->sum_squares(own->gb, width);
    team_phase(w, PHASE_UPDATE);
    if (last && !measure && !d->frozen) {
        if (d->keep)
            apply_rows(d, s, b, 0, width, own->gradient);
        apply_bias(d, s, b);
    }
    team_phase(w, PHASE_REDUCE);
    if (back)
        reduce_done(d->reduce, w, s, add, rows * ld);
}

/* The worker's own slice of the codes of a block, at h. Ends with a barrier. */
static void round_codes(struct worker *w, struct click_decoder *d, const float *h, int64_t rows)
{
    const struct kernels *kern = d->model->eng.kern;
    int64_t ld = d->w.ld, first, end;

    team_range((rows + 1) / 2, w->id, w->count, &first, &end);
    first *= 2;
    end = 2 * end < rows ? 2 * end : rows;
    kern->bf16_rows(end - first, ld, h + first * ld, ld, d->rounded.h + first * ld / 2, ld / 2);
    bf16_round_down(kern, h, ld, ld, first, end, rows, d->rounded.h_down);
    team_barrier(w);
}

void click_decoder_step(struct worker *w, struct click_decoder *d, const struct view *views,
                        const struct batch *b, const float *h, float *dh, bool measure)
{
    int end, first = own_shards(w, d->model, &end);
    int64_t ld = d->w.ld;

    for (int64_t from = 0; from < b->rows; from += d->block) {
        int64_t rows = b->rows - from < d->block ? b->rows - from : d->block, p, last;

        team_barrier(w); /* codes, and the sums of the block before, have been read */
        team_phase(w, PHASE_DECODE);
        if (d->model->spec.bf16)
            round_codes(w, d, h + from * ld, rows);
        for (int s = end; s-- > first;) /* the first ones last: shard_back finds them in cache */
            exponentials(w, d, s, &views[s], from, rows, h);
        team_barrier(w);
        team_share(w, d->stats, d->w.shards, d->stats_bytes);
        team_phase(w, PHASE_DECODE);
        team_range(rows, w->id, w->count, &p, &last);
        combine(d, b, from, p, last);
        team_barrier(w);
        for (int s = first; s < end; s++)
            shard_back(w, d, s, &views[s], b, from, rows, h, dh != NULL, measure);
        team_barrier(w);
        if (!dh)
            continue;
        team_phase(w, PHASE_REDUCE);
        reduce_ranks(d->reduce, w, rows, ld);
        reduce_rows(d->reduce, p, last, ld);
        memcpy(dh + (from + p) * ld, reduce_root(d->reduce) + p * ld, (size_t)((last - p) * ld) * sizeof *dh);
    }
    if (b->rows > d->block) /* a slice of the minibatch has rows from several workers' slices of blocks */
        team_barrier(w);
}

void click_decoder_share_norms(struct worker *w, struct click_decoder *d)
{
    team_share(w, d->norm, d->w.shards, sizeof *d->norm);
}

void click_decoder_update(struct worker *w, struct click_decoder *d, const struct batch *b, float clip)
{
    int end, first = own_shards(w, d->model, &end);

    for (int s = first; s < end && !d->frozen; s++) {
        if (clip != 1.0f) {
            d->model->eng.kern->scale(d->shard[s].gradient, clip, shard_width(&d->w.cut[s]) * d->w.ld);
            d->model->eng.kern->scale(d->shard[s].gb, clip, d->shard[s].ld);
        }
        apply_rows(d, s, b, 0, shard_width(&d->w.cut[s]), d->shard[s].gradient);
        apply_bias(d, s, b);
    }
}

double click_decoder_squared_norm(const struct click_decoder *d)
{
    double sum = 0.0;

    for (int s = 0; s < d->w.shards; s++)
        sum += d->norm[s];
    return sum;
}

double click_decoder_loss(const struct click_decoder *d, const struct batch *b)
{
    double sum = 0.0;

    for (int64_t p = 0; p < b->rows; p++)
        sum += d->row_loss[p];
    return sum / (double)b->rows;
}

void click_decoder_score(struct click_decoder *d, int shard, const float *h, int64_t rows, float *out,
                         int64_t ld)
{
    const struct table_part *part = &d->w.part[shard];
    int64_t width = shard_width(&d->w.cut[shard]);

    d->model->eng.kern->product_nt(rows, width, d->w.ld, h, d->w.ld, part->row.w, d->w.ld, part->bias.w, out,
                                   ld);
}
