/* mf.c - matrix factorisation with biases (Koren, Bell, Volinsky: "Matrix Factorization Techniques for
 * Recommender Systems", 2009, equation 4), with the sigmoid output range that fastai adds.
 *
 *     s_ui = p_u . q_i + b_u + b_i        out = s, or low + (high - low) sigmoid(s)
 *     loss over the B ratings of a minibatch: their squared errors, reduced as model.loss says
 *
 * Two sharded tables: factors of users (P, with b_u) and of items (Q, with b_i). A step has two parts:
 *
 *   errors    of a rating by the owner of its user's row and by the owner of its item's, each for itself:
 * what they exchange is the rows, which each copies aside for its gradients                  barrier update
 * the owner of a row adds up what the minibatch has for it, in batch order (a row can occur several times),
 * and Adam follows; rows without a rating move too (dense Adam), at once where the tables fit in cache, else
 * deferred and exact (param.h)                            barrier
 *
 * With several ranks, each puts the rows that it has at their batch positions, and nothing at the others;
 * joined, every rank has the whole minibatch's rows. */
#include "model/model.h"

#include "base/mem.h"
#include "math/gemm.h"

#include <math.h>
#include <string.h>

/* Tables up to this size (weights and moments) are swept in every step; larger ones are deferred. Same bits.
 */
#define SWEEP_BYTES ((int64_t)16 << 20)

/* One table and what a minibatch does to it. */
struct side {
    struct table t;
    const int32_t *row_of; /* (ratings) borrowed: the row of each training rating */
    float *copy;           /* (B, ld) in mf.copies: the minibatch's rows; with several ranks only */
    float *bias_copy;      /* (B) likewise */
    float *gradient;       /* (B, ld) owned: by the first batch position of a row */
    double *squares;       /* (B) owned: of the gradients, for clipping */
    int32_t *first;        /* (rows) owned: first batch position of a row; -1 between steps */
    float **gb;            /* (shards) owned: gradient of a shard's biases; zero between steps */
    struct shard *cut;     /* (shards) owned; users only */
};

/* Where a row is. */
struct place {
    int32_t shard;
    int32_t mine;  /* its owner asks */
    int64_t local; /* number in the shard */
};

/* A worker's own part of a minibatch, on one side. */
struct own_side {
    struct place *place; /* (B): of every rating that touches an own row on either side */
    int32_t *list;       /* (n) batch positions of own rows, ascending */
    int64_t n;
    float *other; /* (B, ld) at those positions: the row on the other side */
};

struct own {
    struct own_side user, item;
    float *error; /* (B) at the positions of both lists: dloss / ds before the loss's scale */
    void *block;  /* owned: all of the above */
};

struct mf {
    struct model model; /* first: a model is an mf */
    struct side user, item;
    struct own *own;         /* (workers) owned */
    float *copies;           /* (2 B (ld + 1)) owned, with several ranks */
    float *square;           /* (B, 16) owned: squared error, each in a cache line of its own */
    float *code, *code_bias; /* (eval rows, ld) owned, (eval rows) behind it: rows of the inferred users */
    bool sweep;
};

static struct mf *mf_of(struct model *m)
{
    return (struct mf *)m;
}

static void own_range(const struct worker *w, const struct side *s, int *first, int *end)
{
    int64_t f, e;

    team_own(w, s->t.shards, &f, &e);
    *first = (int)f;
    *end = (int)e;
}

/* The shard of a row: the cuts ascend. */
static int shard_of(const struct table *t, int64_t row)
{
    int low = 0, high = t->shards - 1;

    while (low < high) {
        int mid = (low + high) / 2;

        if (row < t->cut[mid].end)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* A row and its bias; NULL where another rank has it. */
static const float *row_at(const struct table *t, int shard, int64_t local, const float **bias)
{
    static const float zero;
    const struct table_part *part = &t->part[shard];

    *bias = t->bias_name && part->row.w ? part->bias.w + local : &zero;
    return part->row.w ? part->row.w + local * t->ld : NULL;
}

static const float *row_of(const struct table *t, int64_t row, const float **bias)
{
    int s = shard_of(t, row);

    return row_at(t, s, row - t->cut[s].begin, bias);
}

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

/* What errors are multiplied by; LOSS_ROOT needs the sum over the minibatch. */
static double loss_scale(const struct mf *a, int64_t rows, double squares)
{
    switch (a->model.spec.loss) {
    case LOSS_SUM:
        return 1.0;
    case LOSS_EXAMPLE_MEAN:
        return 1.0 / (double)rows;
    case LOSS_COLUMN_MEAN:
        return 1.0 / ((double)rows * (double)a->item.t.columns);
    case LOSS_ROOT:
        return squares > 0.0 ? 1.0 / sqrt(squares) : 0.0;
    case LOSS_ROW_MEAN: /* an example is a rating: it has one cell */
    case LOSS_CELL_MEAN:
        return 2.0 / (double)rows;
    }
    return 1.0;
}

static double loss_value(const struct mf *a, int64_t rows, double squares)
{
    return a->model.spec.loss == LOSS_ROOT ? sqrt(squares) : 0.5 * squares * loss_scale(a, rows, squares);
}

static double sum_squares(const struct mf *a, int64_t rows)
{
    double sum = 0.0;

    for (int64_t p = 0; p < rows; p++)
        sum += (double)a->square[p * ROW_ALIGN];
    return sum;
}

/* Entered by every worker: words that each rank has set where it has something, and left zero elsewhere, for
 * all ranks. */
static void join(struct worker *w, void *words, int64_t n)
{
    team_barrier(w);
    if (w->id == 0)
        ranks_join(team_ranks(w->team), words, n);
    team_barrier(w);
}

/* ---- a step ------------------------------------------------------------------------------------------ */

/* Rows of the minibatch that a worker owns, brought up to the step (deferred mode). */
static void catch_up(struct worker *w, struct mf *a, struct side *s, const struct batch *b)
{
    const struct engine *eng = &a->model.eng;
    int first, end;

    own_range(w, s, &first, &end);
    if (a->sweep || first == end)
        return;
    for (int64_t p = 0; p < b->rows; p++) {
        int64_t row = s->row_of[b->example[p]];

        if (row >= s->t.cut[first].begin && row < s->t.cut[end - 1].end) {
            int shard = shard_of(&s->t, row);

            table_catch_up(&s->t, eng->kern, eng->plan, shard, row - s->t.cut[shard].begin, b->in_epoch);
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

/* Puts a row and its bias at `to`: nothing where another rank has it. */
static void copy_row(const struct table *t, int64_t row, float *to, float *bias_to)
{
    const float *bias, *from = row_of(t, row, &bias);

    if (from)
        memcpy(to, from, (size_t)t->ld * sizeof *to);
    else
        memset(to, 0, (size_t)t->ld * sizeof *to);
    *bias_to = from ? *bias : 0.0f;
}

/* Where rows lie on several ranks: all of the minibatch's come together first, and their squared errors. */
static void join_rows(struct worker *w, struct mf *a, const struct batch *b)
{
    const float *value = a->model.eng.cells->value;
    int64_t from, to, ld = a->user.t.ld;

    team_range(b->rows, w->id, w->count, &from, &to);
    for (int64_t p = from; p < to; p++) {
        copy_row(&a->user.t, a->user.row_of[b->example[p]], a->user.copy + p * ld, a->user.bias_copy + p);
        copy_row(&a->item.t, a->item.row_of[b->example[p]], a->item.copy + p * ld, a->item.bias_copy + p);
    }
    if (w->id == 0 && b->rows < a->model.spec.batch) { /* the last batch of an epoch: no rows behind it */
        int64_t n = a->model.spec.batch - b->rows;

        memset(a->user.copy + b->rows * ld, 0, (size_t)(n * ld) * sizeof(float));
        memset(a->item.copy + b->rows * ld, 0, (size_t)(n * ld) * sizeof(float));
        memset(a->user.bias_copy + b->rows, 0, (size_t)n * sizeof(float));
        memset(a->item.bias_copy + b->rows, 0, (size_t)n * sizeof(float));
    }
    join(w, a->copies, 2 * a->model.spec.batch * (ld + 1));
    for (int64_t p = from; p < to; p++)
        error_of(a, value[b->example[p]], a->user.copy + p * ld, a->item.copy + p * ld, a->user.bias_copy[p],
                 a->item.bias_copy[p], a->square + p * ROW_ALIGN);
}

/* Own rows are [low, high). */
static void own_rows(const struct worker *w, const struct side *s, int64_t *low, int64_t *high)
{
    int first, end;

    own_range(w, s, &first, &end);
    *low = first < end ? s->t.cut[first].begin : 0;
    *high = first < end ? s->t.cut[end - 1].end : 0;
}

static struct place place_of(const struct table *t, int64_t row, bool mine)
{
    int s = shard_of(t, row);

    return (struct place){s, mine, row - t->cut[s].begin};
}

static void prefetch_row(const struct table *t, const struct place *at)
{
    const float *row = t->part[at->shard].row.w;

    for (int64_t k = 0; row && k < t->ld; k += ROW_ALIGN)
        __builtin_prefetch(row + at->local * t->ld + k);
}

/* Places of all ratings that touch an own row; their rows are asked for, since others have changed them. */
static void find(struct worker *w, struct mf *a, const struct batch *b)
{
    struct own *own = &a->own[w->id];
    int64_t user_low, user_high, item_low, item_high;

    own_rows(w, &a->user, &user_low, &user_high);
    own_rows(w, &a->item, &item_low, &item_high);
    own->user.n = own->item.n = 0;
    for (int64_t p = 0; p < b->rows; p++) {
        int64_t user = a->user.row_of[b->example[p]], item = a->item.row_of[b->example[p]];
        bool has_user = user >= user_low && user < user_high, has_item = item >= item_low && item < item_high;

        if (has_user)
            own->user.list[own->user.n++] = (int32_t)p;
        if (has_item)
            own->item.list[own->item.n++] = (int32_t)p;
        if (has_user || has_item) {
            own->user.place[p] = place_of(&a->user.t, user, has_user);
            own->item.place[p] = place_of(&a->item.t, item, has_item);
            prefetch_row(&a->user.t, &own->user.place[p]);
            prefetch_row(&a->item.t, &own->item.place[p]);
        }
    }
}

/* Error of the rating at position p, and the row that the gradient of an own one needs. */
static void error_at(struct worker *w, struct mf *a, const struct batch *b, int64_t p, bool for_user)
{
    struct own *own = &a->own[w->id];
    const struct place *user = &own->user.place[p], *item = &own->item.place[p];
    float value = a->model.eng.cells->value[b->example[p]], square;
    const float *bu, *bi, *pu = row_at(&a->user.t, user->shard, user->local, &bu);
    const float *qi = row_at(&a->item.t, item->shard, item->local, &bi);
    int64_t ld = a->user.t.ld;

    if (w->ranks > 1) {
        pu = a->user.copy + p * ld;
        qi = a->item.copy + p * ld;
        bu = a->user.bias_copy + p;
        bi = a->item.bias_copy + p;
    }
    if (for_user)
        memcpy(own->user.other + p * ld, qi, (size_t)ld * sizeof(float));
    else
        memcpy(own->item.other + p * ld, pu, (size_t)ld * sizeof(float));
    if (!for_user && user->mine) /* it is there already */
        return;
    own->error[p] = error_of(a, value, pu, qi, *bu, *bi, &square);
    if (for_user && w->ranks == 1)
        a->square[p * ROW_ALIGN] = square;
}

static void errors(struct worker *w, struct mf *a, const struct batch *b)
{
    struct own *own = &a->own[w->id];

    team_phase(w, PHASE_ENCODE);
    find(w, a, b);
    if (w->ranks > 1)
        join_rows(w, a, b);
    for (int64_t i = 0; i < own->user.n; i++)
        error_at(w, a, b, own->user.list[i], true);
    for (int64_t i = 0; i < own->item.n; i++)
        error_at(w, a, b, own->item.list[i], false);
}

/* Gradients of own rows of a side: sums over the minibatch, kept at a row's first position. */
static void gradients(struct mf *a, struct side *s, const struct own *own, const struct own_side *mine,
                      const struct batch *b, float scale)
{
    const struct kernels *kern = a->model.eng.kern;
    int64_t ld = s->t.ld;

    for (int64_t i = 0; i < mine->n; i++) {
        int64_t p = mine->list[i];
        int32_t *first = &s->first[s->row_of[b->example[p]]];
        float e = own->error[p] * scale;

        if (*first < 0) {
            *first = (int32_t)p;
            memset(s->gradient + p * ld, 0, (size_t)ld * sizeof(float));
        }
        kern->axpy(s->gradient + *first * ld, e, mine->other + p * ld, ld);
        s->gb[mine->place[p].shard][mine->place[p].local] += e;
    }
}

/* Squared norms by batch position, so that their sum has one order; 0 where a row is not first. */
static void measure(struct mf *a, struct side *s, const struct own_side *mine, const struct batch *b)
{
    for (int64_t i = 0; i < mine->n; i++) {
        int64_t p = mine->list[i];
        double g = 0.0;

        s->squares[p] = 0.0;
        if (s->first[s->row_of[b->example[p]]] != p)
            continue;
        if (a->model.spec.biases)
            g = (double)s->gb[mine->place[p].shard][mine->place[p].local];
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
            if (!row_of(&s->t, s->row_of[b->example[p]], &bias))
                s->squares[p] = 0.0;
        join(w, s->squares, b->rows * 2);
    }
}

static float clip_factor(struct worker *w, struct mf *a, const struct batch *b)
{
    double sum = 0.0;

    measure(a, &a->user, &a->own[w->id].user, b);
    measure(a, &a->item, &a->own[w->id].item, b);
    team_barrier(w);
    if (w->ranks > 1)
        share_squares(w, a, b);
    for (int64_t p = 0; p < b->rows; p++)
        sum += a->user.squares[p] + a->item.squares[p];
    return sqrt(sum) > a->model.spec.clip_norm ? (float)(a->model.spec.clip_norm / sqrt(sum)) : 1.0f;
}

/* Adam for own rows of a side: those of the minibatch with their gradients, then the rest of the shard. */
static void update(struct worker *w, struct mf *a, struct side *s, const struct own_side *mine,
                   const struct batch *b, float clip)
{
    const struct engine *eng = &a->model.eng;
    int first, end;

    own_range(w, s, &first, &end);
    for (int64_t i = 0; i < mine->n; i++) {
        int64_t p = mine->list[i];
        const struct place *at = &mine->place[p];

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
    for (int64_t i = 0; i < mine->n; i++) { /* as it was */
        int64_t p = mine->list[i];

        s->gb[mine->place[p].shard][mine->place[p].local] = 0.0f;
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
    const struct own *own = &a->own[w->id];
    double squares = 0.0;
    float scale, clip = 1.0f;

    team_barrier(w); /* all rows are as the last step left them */
    errors(w, a, b);
    team_barrier(w);
    team_phase(w, PHASE_UPDATE);
    if (m->spec.loss == LOSS_ROOT || w->id == 0)
        squares = sum_squares(a, b->rows);
    scale = (float)loss_scale(a, b->rows, squares);
    if (w->id == 0) {
        m->loss_sum += loss_value(a, b->rows, squares);
        m->square_sum += squares;
        m->cell_count += b->rows;
        m->step_count++;
    }
    gradients(a, &a->user, own, &own->user, b, scale);
    gradients(a, &a->item, own, &own->item, b, scale);
    if (m->spec.clip_norm > 0.0)
        clip = clip_factor(w, a, b);
    update(w, a, &a->user, &own->user, b, clip);
    update(w, a, &a->item, &own->item, b, clip);
    if (next)
        mf_begin(w, m, next);
}

static void mf_flush(struct worker *w, struct model *m, int64_t steps)
{
    struct side *side[] = {&mf_of(m)->user, &mf_of(m)->item};

    for (int i = 0; i < 2; i++) {
        int first, end;

        own_range(w, side[i], &first, &end);
        for (int s = first; s < end; s++)
            table_flush(&side[i]->t, m->eng.kern, m->eng.plan, s, steps);
    }
}

static void mf_set_step(struct worker *w, struct model *m, int64_t steps)
{
    struct side *side[] = {&mf_of(m)->user, &mf_of(m)->item};

    for (int i = 0; i < 2; i++) {
        int first, end;

        own_range(w, side[i], &first, &end);
        for (int s = first; s < end; s++)
            table_set_step(&side[i]->t, s, steps);
    }
}

/* ---- prediction ------------------------------------------------------------------------------------------
 */

/* The row of somebody whom the table of users does not have. */
static void take_folded(struct mf *a, int64_t p, const float *row)
{
    int k = a->user.t.k;
    int64_t ld = a->user.t.ld;

    memcpy(a->code + p * ld, row, (size_t)k * sizeof *row);
    memset(a->code + p * ld + k, 0, (size_t)(ld - k) * sizeof *row);
    a->code_bias[p] = row[k];
}

static void mf_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct mf *a = mf_of(m);
    int64_t first, end, ld = a->user.t.ld;

    team_range(in->rows, w->id, w->count, &first, &end);
    for (int64_t p = first; p < end; p++) {
        if (in->example[p] < 0)
            take_folded(a, p, in->folded + p * (a->user.t.k + 1));
        else
            copy_row(&a->user.t, in->example[p], a->code + p * ld, a->code_bias + p);
    }
    if (w->ranks > 1) {
        join(w, a->code, in->rows * ld);
        join(w, a->code_bias, in->rows);
    }
    team_barrier(w);
}

static void mf_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    struct mf *a = mf_of(m);
    const struct table_part *part = &a->item.t.part[shard];
    int64_t width = shard_width(&a->item.t.cut[shard]);

    (void)w;
    gemm_nt(rows, width, a->item.t.k, 1.0f, a->code, a->item.t.ld, part->row.w, a->item.t.ld, 0.0f, out, ld);
    for (int64_t p = 0; p < rows; p++) {
        for (int64_t c = 0; c < width && m->spec.biases; c++)
            out[p * ld + c] += a->code_bias[p] + part->bias.w[c];
        output(a, out + p * ld, width);
    }
}

static void mf_score_cells(struct worker *w, struct model *m, int shard, const struct view *cells, float *out)
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

/* ---- making
 * ---------------------------------------------------------------------------------------------------- */

static void side_fini(struct side *s)
{
    for (int i = 0; s->gb && i < s->t.shards; i++)
        mem_free(s->gb[i]);
    mem_free(s->gb);
    mem_free(s->gradient);
    mem_free(s->squares);
    mem_free(s->first);
    table_fini(&s->t);
    mem_free(s->cut);
}

static int side_init(struct side *s, const struct model *m, const char *name, const char *bias, int64_t rows,
                     const struct shard *cut, int shards, const int32_t *row_of_rating, struct error *err)
{
    int64_t batch = m->spec.batch, first, end;
    int rc;

    s->row_of = row_of_rating;
    if ((rc = table_init(&s->t, name, bias, rows, m->spec.latent, cut, shards, m->eng.team, err)) < 0)
        return rc;
    s->gradient = mem_array(batch * s->t.ld, sizeof(float));
    s->squares = mem_array(batch, sizeof(double));
    s->first = mem_array(rows, sizeof *s->first);
    s->gb = mem_zalloc(shards, sizeof *s->gb);
    if (!s->gradient || !s->squares || !s->first || !s->gb)
        return error_set(err, PT_ENOMEM, "mf: out of memory");
    memset(s->first, 0xff, (size_t)rows * sizeof *s->first);
    team_rank_own(m->eng.team, shards, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t width = row_pad(shard_width(&cut[i]));

        s->gb[i] = mem_array(width, sizeof(float));
        if (!s->gb[i])
            return error_set(err, PT_ENOMEM, "mf: out of memory");
        memset(s->gb[i], 0, (size_t)width * sizeof(float));
    }
    return 0;
}

/* A block a worker: rows first, which are aligned, then what is not. */
static int own_init(struct mf *a, int64_t ld)
{
    int64_t batch = row_pad(a->model.spec.batch);
    int64_t bytes =
        batch * (int64_t)((2 * ld + 1) * sizeof(float) + 2 * sizeof(struct place) + 2 * sizeof(int32_t));

    for (int i = 0; i < team_workers(a->model.eng.team); i++) {
        struct own *own = &a->own[i];

        own->block = mem_array(bytes, 1);
        if (!own->block)
            return PT_ENOMEM;
        own->user.other = own->block;
        own->item.other = own->user.other + batch * ld;
        own->error = own->item.other + batch * ld;
        own->user.place = (struct place *)(void *)(own->error + batch);
        own->item.place = own->user.place + batch;
        own->user.list = (int32_t *)(void *)(own->item.place + batch);
        own->item.list = own->user.list + batch;
    }
    return 0;
}

static void mf_free(struct model *m)
{
    struct mf *a = mf_of(m);

    side_fini(&a->user);
    side_fini(&a->item);
    for (int i = 0; a->own && i < team_workers(m->eng.team); i++)
        mem_free(a->own[i].block);
    mem_free(a->own);
    mem_free(a->copies);
    mem_free(a->square);
    mem_free(a->code);
    mem_free(a);
}

static const struct model_ops mf_ops = {
    .kind = "mf",
    .free = mf_free,
    .begin = mf_begin,
    .step = mf_step,
    .flush = mf_flush,
    .set_step = mf_set_step,
    .infer = mf_infer,
    .score = mf_score,
    .score_cells = mf_score_cells,
};

static void draw_weights(struct mf *a)
{
    struct init_spec init = a->model.spec.init;

    init.fan_in = a->model.spec.latent;
    init.fan_out = a->user.t.columns;
    table_draw(&a->user.t, a->model.eng.team, &init, 0);
    init.fan_out = a->item.t.columns;
    table_draw(&a->item.t, a->model.eng.team, &init, 4);
}

/* In every step Adam moves every row, which takes a quarter of what a rating takes. */
double mf_row_cost(int64_t ratings, int64_t batch)
{
    return 0.25 * (double)ratings / (double)batch;
}

int mf_new(struct model **out, const struct model_spec *spec, const struct engine *eng, struct error *err)
{
    const struct matrix *x = eng->train;
    const char *user_bias = spec->biases ? "user.bias" : NULL, *item_bias = spec->biases ? "item.bias" : NULL;
    int64_t ld = row_pad(spec->latent), bytes = (x->examples + x->columns) * ld * 12;
    int shards = shard_count(x->examples, ld, false), rc = PT_ENOMEM;
    struct mf *a = mem_zalloc(1, sizeof *a);

    if (!a)
        return error_set(err, PT_ENOMEM, "mf: out of memory");
    a->model = (struct model){.ops = &mf_ops, .spec = *spec, .eng = *eng};
    a->sweep = bytes <= SWEEP_BYTES;
    a->user.cut = mem_alloc(shards, sizeof *a->user.cut);
    a->own = mem_zalloc(team_workers(eng->team), sizeof *a->own);
    a->square = mem_array(spec->batch * ROW_ALIGN, sizeof(float));
    a->code = mem_array(spec->eval_batch * (ld + 1), sizeof(float));
    if (team_ranks(eng->team)->count > 1)
        a->copies = mem_array(2 * spec->batch * (ld + 1), sizeof(float));
    if (!a->user.cut || !a->own || !a->square || !a->code ||
        (team_ranks(eng->team)->count > 1 && !a->copies) || own_init(a, ld) < 0) {
        rc = error_set(err, PT_ENOMEM, "mf: out of memory");
        goto fail;
    }
    a->code_bias = a->code + spec->eval_batch * ld;
    if (a->copies) {
        a->user.copy = a->copies;
        a->item.copy = a->user.copy + spec->batch * ld;
        a->user.bias_copy = a->item.copy + spec->batch * ld;
        a->item.bias_copy = a->user.bias_copy + spec->batch;
    }
    shard_cut(a->user.cut, shards, x->row_count, x->examples, mf_row_cost(eng->cells->n, spec->batch));
    if ((rc = side_init(&a->user, &a->model, "user.weight", user_bias, x->examples, a->user.cut, shards,
                        eng->cells->user, err)) < 0 ||
        (rc = side_init(&a->item, &a->model, "item.weight", item_bias, x->columns, x->cut, x->shards,
                        eng->cells->item, err)) < 0)
        goto fail;
    draw_weights(a);
    a->model.params.ranks = team_ranks(eng->team);
    params_add_table(&a->model.params, &a->user.t);
    params_add_table(&a->model.params, &a->item.t);
    *out = &a->model;
    return 0;
fail:
    mf_free(&a->model);
    return rc;
}
