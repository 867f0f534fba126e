/* mf.c - matrix factorisation with biases (Koren, Bell, Volinsky: "Matrix Factorization Techniques for
 * Recommender Systems", 2009, equation 4), with the sigmoid output range that fastai adds.
 *
 *     s_ui = p_u . q_i + b_u + b_i        out = s, or low + (high - low) sigmoid(s); the paper's mean is
 *                                         subtracted from the ratings before (model.center)
 *     loss over the B ratings of a minibatch: their squared errors, reduced as model.loss says
 *
 * Two sharded tables: factors of users (P, with b_u) and of items (Q, with b_i). A step has two parts:
 *
 *   errors    the owner of a rating's user row and the owner of its item row both compute its error, and copy
 *             the other's row for their gradients
 *   barrier
 *   update    the owner of a row sums its gradients over the minibatch in batch order (a row can occur
 *             several times), and Adam follows; rows without a rating move too (dense Adam), at once where
 *             the tables fit in cache, else deferred and exact (param.h)
 *   barrier
 *
 * Each of several ranks fills in its own rows at their batch positions, and zeros elsewhere; joined, every
 * rank has all rows of the minibatch. */
#include "model/mf.h"

#include <string.h>

/* ---- output -------------------------------------------------------------------------------------- */

static bool ranged(const struct model_spec *s)
{
    return s->range_high > s->range_low;
}

/* Outputs of n scores in place. */
static void output(const struct mf *a, float *s, int64_t n)
{
    const struct model_spec *spec = &a->model.spec;

    if (!ranged(spec))
        return;
    a->model.eng.kern->activate(ACT_SIGMOID, s, n);
    for (int64_t i = 0; i < n; i++)
        s[i] = (float)spec->range_low + (float)(spec->range_high - spec->range_low) * s[i];
}

static double sum_squares(const struct mf *a, int64_t rows)
{
    double sum = 0.0;

    for (int64_t p = 0; p < rows; p++)
        sum += (double)a->square[p * ROW_ALIGN];
    return sum;
}

/* ---- a step ------------------------------------------------------------------------------------------ */

/* Rows of the minibatch that a worker owns, brought up to the step (deferred mode). */
static void catch_up(struct worker *w, struct mf *a, struct side *s, const struct batch *b)
{
    const struct engine *eng = &a->model.eng;
    int first, end;

    mf_own_range(w, s, &first, &end);
    if (a->sweep || first == end)
        return;
    for (int64_t p = 0; p < b->rows; p++) {
        int64_t row = s->row_of[b->example[p]];

        if (row >= s->t.cut[first].begin && row < s->t.cut[end - 1].end) {
            struct row at = mf_row_find(&s->t, row, true);

            table_catch_up(&s->t, eng->kern, eng->plan, at.shard, at.local, b->in_epoch);
        }
    }
}

/* dloss / ds of a rating before the loss's scale, from both rows and their biases; and its squared error. */
static float error_of(const struct mf *a, float value, const float *pu, const float *qi, float bu, float bi,
                      float *square)
{
    const struct kernels *kern = a->model.eng.kern;
    const struct model_spec *spec = &a->model.spec;
    float range = (float)(spec->range_high - spec->range_low), out, diff;
    int32_t zero = 0;

    kern->dots(&out, 1, &zero, pu, qi, a->user.t.ld);
    if (spec->biases)
        out += bu + bi;
    if (ranged(spec))
        kern->activate(ACT_SIGMOID, &out, 1);
    diff = (ranged(spec) ? (float)spec->range_low + range * out : out) - value;
    *square = diff * diff;
    return ranged(spec) ? diff * range * out * (1.0f - out) : diff;
}

/* Error of the rating at position p, and the row that the gradient of an own one needs. */
static void error_at(struct worker *w, struct mf *a, const struct batch *b, int64_t p, bool for_user)
{
    struct owned *owned = &a->owned[w->id];
    const struct row *user = &owned->user.row[p], *item = &owned->item.row[p];
    float value = a->model.eng.cells->value[b->example[p]], square;
    const float *bu, *bi, *pu = mf_row_at(&a->user.t, user, &bu);
    const float *qi = mf_row_at(&a->item.t, item, &bi);
    int64_t ld = a->user.t.ld;

    if (w->ranks > 1) {
        pu = a->user.copy + p * ld;
        qi = a->item.copy + p * ld;
        bu = a->user.bias_copy + p;
        bi = a->item.bias_copy + p;
    }
    if (for_user)
        memcpy(owned->user.other + p * ld, qi, (size_t)ld * sizeof(float));
    else
        memcpy(owned->item.other + p * ld, pu, (size_t)ld * sizeof(float));
    if (!for_user && user->owned) /* it is there already */
        return;
    owned->error[p] = error_of(a, value, pu, qi, *bu, *bi, &square);
    if (for_user && w->ranks == 1)
        a->square[p * ROW_ALIGN] = square;
}

/* With several ranks, no worker has seen all errors: squared ones of an even slice of the ratings. */
static void square_slice(struct worker *w, struct mf *a, const struct batch *b)
{
    const float *value = a->model.eng.cells->value;
    int64_t from, to, ld = a->user.t.ld;

    team_range(b->rows, w->id, w->count, &from, &to);
    for (int64_t p = from; p < to; p++)
        error_of(a, value[b->example[p]], a->user.copy + p * ld, a->item.copy + p * ld, a->user.bias_copy[p],
                 a->item.bias_copy[p], a->square + p * ROW_ALIGN);
}

static void errors(struct worker *w, struct mf *a, const struct batch *b)
{
    struct owned *owned = &a->owned[w->id];

    team_phase(w, PHASE_ENCODE);
    mf_find(w, a, b);
    if (w->ranks > 1) {
        mf_join_rows(w, a, b);
        square_slice(w, a, b);
    }
    for (int64_t i = 0; i < owned->user.n; i++)
        error_at(w, a, b, owned->user.list[i], true);
    for (int64_t i = 0; i < owned->item.n; i++)
        error_at(w, a, b, owned->item.list[i], false);
}

/* Gradients of own rows of a side: sums over the minibatch, kept at a row's first position. */
static void gradients(struct mf *a, struct side *s, const struct owned *owned,
                      const struct owned_side *owned_side, const struct batch *b, float scale)
{
    const struct kernels *kern = a->model.eng.kern;
    int64_t ld = s->t.ld;

    for (int64_t i = 0; i < owned_side->n; i++) {
        int64_t p = owned_side->list[i];
        int32_t *first = &s->first[s->row_of[b->example[p]]];
        float e = owned->error[p] * scale;

        if (*first < 0) {
            *first = (int32_t)p;
            memset(s->gradient + p * ld, 0, (size_t)ld * sizeof(float));
        }
        kern->axpy(s->gradient + *first * ld, e, owned_side->other + p * ld, ld);
        s->gb[owned_side->row[p].shard][owned_side->row[p].local] += e;
    }
}

/* Squared norms by batch position, so that their sum has one order; 0 where a row is not first. */
static void measure(struct mf *a, struct side *s, const struct owned_side *owned_side, const struct batch *b)
{
    for (int64_t i = 0; i < owned_side->n; i++) {
        int64_t p = owned_side->list[i];
        double g = 0.0;

        s->squares[p] = 0.0;
        if (s->first[s->row_of[b->example[p]]] != p)
            continue;
        if (a->model.spec.biases)
            g = (double)s->gb[owned_side->row[p].shard][owned_side->row[p].local];
        s->squares[p] = a->model.eng.kern->sum_squares(s->gradient + p * s->t.ld, s->t.ld) + g * g;
    }
}

/* What other ranks have measured: nothing of it is there yet. */
static void share_squares(struct worker *w, struct mf *a, const struct batch *b)
{
    struct side *sides[] = {&a->user, &a->item};

    for (int i = 0; i < 2; i++) {
        struct side *s = sides[i];
        const float *bias;

        for (int64_t p = 0; p < b->rows && w->id == 0; p++)
            if (!mf_row(&s->t, s->row_of[b->example[p]], &bias))
                s->squares[p] = 0.0;
        mf_join(w, s->squares, b->rows * 2);
    }
}

static float clip_factor(struct worker *w, struct mf *a, const struct batch *b)
{
    double sum = 0.0;

    measure(a, &a->user, &a->owned[w->id].user, b);
    measure(a, &a->item, &a->owned[w->id].item, b);
    team_barrier(w);
    if (w->ranks > 1)
        share_squares(w, a, b);
    for (int64_t p = 0; p < b->rows; p++)
        sum += a->user.squares[p] + a->item.squares[p];
    return model_clip(&a->model, sum);
}

/* Adam for own rows of a side: those of the minibatch with their gradients, then the rest of the shard. */
static void update(struct worker *w, struct mf *a, struct side *s, const struct owned_side *owned_side,
                   const struct batch *b, float clip)
{
    const struct engine *eng = &a->model.eng;
    int first, end;

    mf_own_range(w, s, &first, &end);
    for (int64_t i = 0; i < owned_side->n; i++) {
        int64_t p = owned_side->list[i];
        const struct row *at = &owned_side->row[p];

        if (s->first[s->row_of[b->example[p]]] != p)
            continue;
        if (clip != 1.0f) {
            eng->kern->scale(s->gradient + p * s->t.ld, clip, s->t.ld);
            s->gb[at->shard][at->local] *= clip;
        }
        table_update(&s->t, eng->kern, eng->plan, at->shard, at->local, b->in_epoch,
                     s->gradient + p * s->t.ld);
    }
    for (int i = first; i < end; i++) {
        struct weights *bias = &s->t.part[i].bias;
        int64_t width = shard_width(&s->t.cut[i]);

        if (a->sweep)
            table_sweep(&s->t, eng->kern, eng->plan, i, b->in_epoch);
        if (a->model.spec.biases)
            eng->kern->adam(eng->plan->bias + b->in_epoch, bias->w, bias->m, bias->v, s->gb[i],
                            row_pad(width));
    }
    for (int64_t i = 0; i < owned_side->n; i++) { /* back to zero and -1 */
        int64_t p = owned_side->list[i];

        s->gb[owned_side->row[p].shard][owned_side->row[p].local] = 0.0f;
        s->first[s->row_of[b->example[p]]] = -1;
    }
}

static void mf_begin(struct worker *w, struct model *m, const struct batch *b)
{
    catch_up(w, mf_of(m), &mf_of(m)->user, b);
    catch_up(w, mf_of(m), &mf_of(m)->item, b);
}

static void mf_step(struct worker *w, struct model *m, const struct batch *b, const struct batch *next)
{
    struct mf *a = mf_of(m);
    const struct owned *owned = &a->owned[w->id];
    double squares = 0.0, rows;
    float scale, clip = 1.0f;

    team_barrier(w); /* all rows are as the last step left them */
    errors(w, a, b);
    team_barrier(w);
    team_phase(w, PHASE_UPDATE);
    if (m->spec.loss == LOSS_ROOT || w->id == 0)
        squares = sum_squares(a, b->rows);
    rows = (double)b->rows;
    scale = (float)rating_loss_scale(m->spec.loss, squares, rows, rows, (double)a->item.t.columns);
    if (w->id == 0) {
        m->sums.loss += rating_loss_value(m->spec.loss, squares, rows, rows, (double)a->item.t.columns);
        m->sums.squares += squares;
        m->sums.cells += b->rows;
        m->sums.steps++;
    }
    gradients(a, &a->user, owned, &owned->user, b, scale);
    gradients(a, &a->item, owned, &owned->item, b, scale);
    if (m->spec.clip_norm > 0.0)
        clip = clip_factor(w, a, b);
    update(w, a, &a->user, &owned->user, b, clip);
    update(w, a, &a->item, &owned->item, b, clip);
    if (next)
        mf_begin(w, m, next);
}

static void mf_flush(struct worker *w, struct model *m, int64_t steps)
{
    model_flush_table(w, m, &mf_of(m)->user.t, steps);
    model_flush_table(w, m, &mf_of(m)->item.t, steps);
}

static void mf_set_step(struct worker *w, struct model *m, int64_t steps)
{
    model_set_table_step(w, &mf_of(m)->user.t, steps);
    model_set_table_step(w, &mf_of(m)->item.t, steps);
}

/* ---- prediction ---- */

/* The row of a user who is not in the table. */
static void copy_folded(struct mf *a, int64_t p, const float *row)
{
    int k = a->user.t.k;
    int64_t ld = a->user.t.ld;

    memcpy(a->code + p * ld, row, (size_t)k * sizeof *row);
    memset(a->code + p * ld + k, 0, (size_t)(ld - k) * sizeof *row);
    a->code_bias[p] = row[k];
}

void mf_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct mf *a = mf_of(m);
    int64_t first, end, ld = a->user.t.ld;

    team_range(in->rows, w->id, w->count, &first, &end);
    for (int64_t p = first; p < end; p++) {
        if (in->example[p] < 0)
            copy_folded(a, p, in->folded + p * (a->user.t.k + 1));
        else
            mf_copy_row(&a->user.t, in->example[p], a->code + p * ld, a->code_bias + p);
    }
    if (w->ranks > 1) {
        mf_join(w, a->code, in->rows * ld);
        mf_join(w, a->code_bias, in->rows);
    }
    team_barrier(w);
}

void mf_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    struct mf *a = mf_of(m);
    const struct table_part *part = &a->item.t.part[shard];
    int64_t width = shard_width(&a->item.t.cut[shard]);

    (void)w;
    m->eng.kern->product_nt(rows, width, a->item.t.ld, a->code, a->item.t.ld, part->row.w, a->item.t.ld, NULL,
                            out, ld);
    for (int64_t p = 0; p < rows; p++) {
        for (int64_t c = 0; c < width && m->spec.biases; c++)
            out[p * ld + c] += a->code_bias[p] + part->bias.w[c];
        output(a, out + p * ld, width);
    }
}

bool mf_product(struct model *m, int shard, struct score_product *out)
{
    struct mf *a = mf_of(m);
    const struct table_part *part = &a->item.t.part[shard];

    *out = (struct score_product){.code = a->code, .weight = part->row.w, .ld = a->item.t.ld};
    if (m->spec.biases) {
        out->bias = part->bias.w;
        out->code_bias = a->code_bias;
    }
    return !ranged(&m->spec);
}

void mf_score_cells(struct worker *w, struct model *m, int shard, const struct view *cells, float *out)
{
    struct mf *a = mf_of(m);
    const struct table_part *part = &a->item.t.part[shard];

    (void)w;
    for (int64_t p = 0; p < cells->rows; p++) {
        int64_t i = cells->row[p], n = cells->row[p + 1] - i;

        m->eng.kern->dots(out + i, n, cells->col + i, a->code + p * a->item.t.ld, part->row.w, a->item.t.ld);
        for (int64_t j = i; j < i + n && m->spec.biases; j++)
            out[j] += a->code_bias[p] + part->bias.w[cells->col[j]];
        output(a, out + i, n);
    }
}

const struct model_ops mf_ops = {
    .size = sizeof(struct mf),
    .init = mf_init,
    .draw = mf_draw,
    .fini = mf_fini,
    .train = model_train_minibatches,
    .begin = mf_begin,
    .step = mf_step,
    .flush = mf_flush,
    .set_step = mf_set_step,
    .infer = mf_infer,
    .score = mf_score,
    .product = mf_product,
    .score_cells = mf_score_cells,
};
