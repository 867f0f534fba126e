#include "train/eval.h"

#include "base/clock.h"
#include "base/mem.h"
#include "train/topk.h"

#include <math.h>
#include <string.h>

/* Sums of one shard for the examples of a block: what the shards tell each other. All in evaluator.told. */
struct shard_sums {
    double *square, *absolute; /* (batch): errors of held-out ratings */
    double *plain;             /* (batch): squared, before clipping and without regard to what is cold */
    double *hit;               /* (batch): sum of held-out values times logits */
    double *cells, *relevant;  /* (batch): held-out ratings, and how many of them are relevant */
    float *max, *sum;          /* (batch): of the exponentials of logits */
};

/* One of the best columns of an example, as ranks tell each other; column -1: there are no more. */
struct candidate {
    float score;
    int32_t column, held_out;
};

struct evaluator {
    struct eval_spec spec;
    const struct judged *part;
    struct model *model;
    const struct problem *problem;
    bool ranking, ratings, loss; /* what is asked for */
    int k;                       /* largest cut-off */
    int64_t n;                   /* judged examples */
    int64_t *example;            /* (n) owned: those with held-out ratings, ascending */
    double *value[METRICS_MOST]; /* (n) owned: figures by example */
    double *weight;              /* (n) owned: held-out ratings of each */
    double *of_column; /* (columns, 3) owned, examples that are items: a user's squared errors, absolute
                          errors, ratings. Written by the column's worker */
    struct view *in, *out, *seen; /* (shards) owned; seen NULL where there is none */
    struct shard_sums *sums;      /* (shards) owned */
    char *told;                   /* (shards, told_bytes) owned */
    int64_t told_bytes;
    struct candidate *candidate; /* (ranks, batch, k) owned; NULL where there is one rank */
    float **score;               /* (workers) owned: (batch, widest shard padded) or cells */
    struct topk *best;           /* (workers x batch) owned */
    struct scored *room;         /* (workers x batch x capacity) owned */
    bool *hit;                   /* (workers x k) owned */
    int32_t *cold;               /* owned: columns that are never recommended, numbered in their shard */
    int64_t *cold_start;         /* (shards + 1) owned: where a shard's begin */
    uint8_t *covered;            /* (workers x metrics x columns) owned: coverage */
    struct input block;          /* at hand */
    int64_t begin;               /* of the block, in example[] */
};

/* ---- ratings ------------------------------------------------------------------------------------------ */

static double predicted(const struct evaluator *e, float out, bool cold)
{
    double r = cold ? e->spec.cold : (double)out + e->spec.shift;

    if (e->spec.clip && !cold)
        r = r < e->spec.low ? e->spec.low : r > e->spec.high ? e->spec.high : r;
    return r;
}

static bool is_cold(const struct evaluator *e, int64_t example, int64_t column)
{
    return problem_example_is_cold(e->problem, e->part->in, example) ||
           problem_column_is_cold(e->problem, column);
}

static void add_to_column(double *sums, double d)
{
    sums[0] += d * d;
    sums[1] += fabs(d);
    sums[2] += 1.0;
}

/* Errors of a shard's held-out ratings, by example. */
static void judge_cells(struct worker *w, struct evaluator *e, int s)
{
    const struct view *out = &e->out[s];
    float *score = e->score[w->id];
    struct shard_sums *sums = &e->sums[s];
    int64_t first = e->problem->cut[s].begin;

    e->model->ops->score_cells(w, e->model, s, out, score);
    for (int64_t p = 0; p < out->rows; p++) {
        double square = 0.0, absolute = 0.0, plain = 0.0;

        for (int64_t i = out->row[p]; i < out->row[p + 1]; i++) {
            bool cold = is_cold(e, e->block.example[p], first + out->col[i]);
            double d = predicted(e, score[i], cold) - ((double)out->target[i] + e->spec.shift);

            square += d * d;
            absolute += fabs(d);
            if (e->of_column)
                add_to_column(e->of_column + 3 * (first + out->col[i]), d);
            d = (double)score[i] - (double)out->target[i];
            plain += d * d;
        }
        sums->square[p] = square;
        sums->absolute[p] = absolute;
        sums->plain[p] = plain;
    }
}

/* ---- ranking --------------------------------------------------------------------------------------------
 */

static void hide(float *row, const struct view *v, int64_t p, float value)
{
    for (int64_t i = v->row[p]; i < v->row[p + 1]; i++)
        row[v->col[i]] = value;
}

/* Scores of a shard's columns for the block: logit sums for the loss, then the best of what may be
 * recommended. */
static void judge_ranks(struct worker *w, struct evaluator *e, int s)
{
    int64_t width = shard_width(&e->problem->cut[s]), ld = row_pad(width), rows = e->block.rows;
    int64_t first = e->problem->cut[s].begin;
    float *score = e->score[w->id], hidden = e->spec.seen_zero ? 0.0f : -INFINITY;

    e->model->ops->score(w, e->model, s, rows, score, ld);
    for (int64_t p = 0; p < rows; p++) {
        float *row = score + p * ld;

        if (e->loss) {
            struct shard_sums *sums = &e->sums[s];
            const struct view *out = &e->out[s];

            sums->hit[p] = 0.0;
            for (int64_t i = out->row[p]; i < out->row[p + 1]; i++)
                sums->hit[p] += (double)out->target[i] * (double)row[out->col[i]];
            e->model->eng.kern->exp_stats(row, width, &sums->max[p], &sums->sum[p]);
        }
        if (!e->ranking)
            continue;
        for (int64_t i = e->cold_start[s]; i < e->cold_start[s + 1]; i++)
            row[e->cold[i]] = -INFINITY;
        hide(row, &e->in[s], p, hidden);
        if (e->seen)
            hide(row, &e->seen[s], p, hidden);
        topk_offer(&e->best[w->id * e->spec.batch + p], row, width, (int32_t)first);
    }
}

/* Whether column c is a relevant held-out item of the block's example p. */
static bool is_held_out(const struct evaluator *e, int64_t p, int32_t c)
{
    int low = 0, high = e->problem->shards - 1;
    const struct view *v;
    int64_t a, b;

    while (low < high) { /* the shard: cuts ascend */
        int mid = (low + high) / 2;

        if (c < e->problem->cut[mid].end)
            high = mid;
        else
            low = mid + 1;
    }
    v = &e->out[low];
    c -= (int32_t)e->problem->cut[low].begin;
    for (a = v->row[p], b = v->row[p + 1]; a < b;) {
        int64_t mid = (a + b) / 2;

        if (v->col[mid] < c)
            a = mid + 1;
        else
            b = mid;
    }
    return a < v->row[p + 1] && v->col[a] == c && (double)v->target[a] + e->spec.shift >= e->spec.relevant;
}

static int64_t relevant_items(const struct evaluator *e, int64_t p)
{
    double n = 0.0;

    for (int s = 0; s < e->problem->shards; s++)
        n += e->sums[s].relevant[p];
    return (int64_t)n;
}

/* What a shard's view of the block holds out, by example. */
static void count_held_out(struct evaluator *e, int s)
{
    const struct view *out = &e->out[s];

    for (int64_t p = 0; p < out->rows; p++) {
        int64_t n = 0;

        for (int64_t i = out->row[p]; i < out->row[p + 1]; i++)
            n += (double)out->target[i] + e->spec.shift >= e->spec.relevant;
        e->sums[s].cells[p] = (double)(out->row[p + 1] - out->row[p]);
        e->sums[s].relevant[p] = (double)n;
    }
}

/* The best columns of example p over the rank's workers: the result's length. */
static int merge_workers(const struct worker *w, struct evaluator *e, int64_t p)
{
    struct topk *best = &e->best[p];
    int n;

    for (int i = 1; i < w->count; i++)
        topk_merge(best, &e->best[i * e->spec.batch + p]);
    n = topk_finish(best);
    while (n > 0 && best->best[n - 1].score == -INFINITY)
        n--;
    return n;
}

static struct candidate *candidates(const struct evaluator *e, int rank, int64_t p)
{
    return e->candidate + ((int64_t)rank * e->spec.batch + p) * e->k;
}

/* This rank's best columns of example p, for all ranks. */
static void propose(const struct worker *w, struct evaluator *e, int64_t p)
{
    struct candidate *to = candidates(e, w->rank, p);
    const struct scored *best = e->best[p].best;
    int n = merge_workers(w, e, p);

    for (int i = 0; i < e->k; i++)
        to[i] = i < n ? (struct candidate){best[i].score, best[i].column, is_held_out(e, p, best[i].column)}
                      : (struct candidate){-INFINITY, -1, 0};
}

/* All ranks' candidates into the best of example p, which starts afresh; who of them was held out, into hit.
 */
static int merge_ranks(const struct worker *w, struct evaluator *e, int64_t p, bool *hit)
{
    struct topk *best = &e->best[p];
    int n;

    topk_init(best, e->k, e->room + p * topk_capacity(e->k), topk_capacity(e->k));
    for (int q = 0; q < w->ranks; q++)
        for (int i = 0; i < e->k && candidates(e, q, p)[i].column >= 0; i++)
            topk_offer_one(best, candidates(e, q, p)[i].score, candidates(e, q, p)[i].column);
    n = topk_finish(best);
    for (int i = 0; i < n; i++)
        for (int q = 0; q < w->ranks; q++)
            for (int j = 0; j < e->k && candidates(e, q, p)[j].column >= 0; j++)
                if (candidates(e, q, p)[j].column == best->best[i].column)
                    hit[i] = candidates(e, q, p)[j].held_out;
    return n;
}

/* The block's example p: all workers' best columns, and its figures. `hit`: room for k. */
static void rank_example(struct worker *w, struct evaluator *e, int64_t p, bool *hit)
{
    struct topk *best = &e->best[p];
    int64_t held_out = relevant_items(e, p), at = e->begin + p, columns = e->problem->columns;
    int n = e->candidate ? merge_ranks(w, e, p, hit) : merge_workers(w, e, p);

    for (int i = 0; i < n && !e->candidate; i++)
        hit[i] = is_held_out(e, p, best->best[i].column);
    for (int i = 0; i < e->spec.n; i++) {
        const struct metric *m = &e->spec.metric[i];

        if (m->kind == METRIC_COVERAGE)
            for (int j = 0; j < n && j < m->k; j++)
                e->covered[((int64_t)w->id * e->spec.n + i) * columns + best->best[j].column] = 1;
        else if (metric_is_ranking(m))
            e->value[i][at] = held_out ? metric_of_user(m, hit, n, held_out) : NAN;
    }
}

/* ---- a block
 * ------------------------------------------------------------------------------------------------ */

/* Sums over the shards of the block's example p. */
static void sum_example(struct evaluator *e, int64_t p)
{
    double square = 0.0, absolute = 0.0, plain = 0.0, cells = 0.0, sum = 0.0, hit = 0.0;
    int64_t at = e->begin + p;
    float top = -INFINITY;

    for (int s = 0; s < e->problem->shards; s++) {
        const struct shard_sums *sums = &e->sums[s];

        cells += sums->cells[p];
        if (e->ratings) {
            square += sums->square[p];
            absolute += sums->absolute[p];
            plain += sums->plain[p];
        }
        if (e->loss && shard_width(&e->problem->cut[s]))
            top = sums->max[p] > top || isnan(sums->max[p]) ? sums->max[p] : top;
    }
    e->weight[at] = cells;
    for (int s = 0; s < e->problem->shards && e->loss; s++)
        if (shard_width(&e->problem->cut[s])) {
            sum += (double)e->sums[s].sum[p] * exp((double)(e->sums[s].max[p] - top));
            hit += e->sums[s].hit[p];
        }
    for (int i = 0; i < e->spec.n; i++)
        switch (e->spec.metric[i].kind) {
        case METRIC_RMSE:
        case METRIC_MSE:
            e->value[i][at] = square;
            break;
        case METRIC_MAE:
            e->value[i][at] = absolute;
            break;
        case METRIC_LOSS:
            e->value[i][at] = e->loss ? cells * ((double)top + log(sum)) - hit : plain;
            break;
        default:
            break;
        }
}

/* After it every rank can make all figures of the block. */
static void tell_ranks(struct worker *w, struct evaluator *e, int64_t from, int64_t to)
{
    team_share(w, e->told, e->problem->shards, e->told_bytes);
    if (!e->ranking)
        return;
    for (int64_t p = from; p < to; p++)
        propose(w, e, p);
    team_barrier(w);
    if (w->id == 0)
        ranks_share(team_ranks(w->team), e->candidate, w->ranks,
                    e->spec.batch * e->k * (int64_t)sizeof *e->candidate);
    team_barrier(w);
}

static void judge_block(struct worker *w, struct evaluator *e)
{
    int end, first = own_shards(w, e->model, &end);
    int64_t from, to;
    struct view_input plain = {0};
    bool *hit = e->hit + (int64_t)w->id * e->k;

    e->model->ops->infer(w, e->model, &e->block);
    team_phase(w, PHASE_EVAL);
    for (int64_t p = 0; p < e->block.rows && e->ranking; p++)
        topk_init(&e->best[w->id * e->spec.batch + p], e->k,
                  e->room + (w->id * e->spec.batch + p) * topk_capacity(e->k), topk_capacity(e->k));
    for (int s = first; s < end; s++) {
        view_build(&e->out[s], e->part->out, s, e->block.example, e->block.rows, &plain, false);
        view_build(&e->in[s], e->part->in, s, e->block.example, e->block.rows, &plain, false);
        if (e->seen)
            view_build(&e->seen[s], e->part->seen, s, e->block.example, e->block.rows, &plain, false);
        count_held_out(e, s);
        if (e->ratings)
            judge_cells(w, e, s);
        if (e->ranking || e->loss)
            judge_ranks(w, e, s);
    }
    team_barrier(w);
    team_phase(w, PHASE_EVAL);
    team_range(e->block.rows, w->id, w->count, &from, &to);
    if (w->ranks > 1)
        tell_ranks(w, e, from, to);
    for (int64_t p = from; p < to; p++) {
        sum_example(e, p);
        if (e->ranking)
            rank_example(w, e, p, hit);
    }
    team_barrier(w);
}

static void judge_all(struct worker *w, void *arg)
{
    struct evaluator *e = arg;

    for (int64_t begin = 0; begin < e->n; begin += e->spec.batch) {
        if (w->id == 0) {
            e->begin = begin;
            e->block.example = e->example + begin;
            e->block.rows = e->n - begin < e->spec.batch ? e->n - begin : e->spec.batch;
        }
        team_barrier(w);
        judge_block(w, e);
    }
}

/* ---- figures
 * -------------------------------------------------------------------------------------------------- */

static double coverage(const struct evaluator *e, int i)
{
    int workers = team_workers(e->problem->team);
    int64_t columns = e->problem->columns, n = 0;

    for (int64_t c = 0; c < columns; c++) {
        bool covered = false;

        for (int id = 0; id < workers; id++)
            covered |= e->covered[((int64_t)id * e->spec.n + i) * columns + c];
        n += covered;
    }
    return (double)n / (double)columns;
}

/* A rating model's loss on the whole part, taken as one minibatch (model.h: enum rating_loss). */
static double rating_loss(const struct evaluator *e, int i)
{
    double sum = 0.0, by_row = 0.0, cells = 0.0, n = (double)e->n;

    for (int64_t u = 0; u < e->n; u++) {
        sum += e->value[i][u];
        by_row += e->value[i][u] / e->weight[u];
        cells += e->weight[u];
    }
    if (e->model->eng.cells && e->model->eng.cells->n) /* mf: an example is a rating */
        n = cells, by_row = sum;
    switch (e->model->spec.loss) {
    case LOSS_SUM:
        return 0.5 * sum;
    case LOSS_EXAMPLE_MEAN:
        return 0.5 * sum / n;
    case LOSS_ROW_MEAN:
        return by_row / n;
    case LOSS_CELL_MEAN:
        return sum / cells;
    case LOSS_COLUMN_MEAN:
        return 0.5 * sum / (n * (double)e->problem->columns);
    case LOSS_ROOT:
        return sqrt(sum);
    }
    return NAN;
}

static double figure(const struct evaluator *e, int i)
{
    enum metric_kind kind = e->spec.metric[i].kind;
    bool by_cell = kind == METRIC_RMSE || kind == METRIC_MSE || kind == METRIC_MAE;
    double sum = 0.0, weight = 0.0;

    if (kind == METRIC_COVERAGE)
        return coverage(e, i);
    if (kind == METRIC_LOSS && !e->loss)
        return rating_loss(e, i);
    for (int64_t u = 0; u < e->n; u++) {
        if (isnan(e->value[i][u]) && metric_is_ranking(&e->spec.metric[i]))
            continue;
        sum += e->value[i][u];
        weight += by_cell ? e->weight[u] : 1.0;
    }
    sum /= weight;
    return kind == METRIC_RMSE ? sqrt(sum) : sum;
}

void evaluate(struct evaluator *e, struct eval_result *out)
{
    double start = clock_now();

    if (e->covered)
        memset(e->covered, 0,
               (size_t)team_workers(e->problem->team) * (size_t)(e->spec.n * e->problem->columns));
    if (e->of_column)
        memset(e->of_column, 0, (size_t)e->problem->columns * 3 * sizeof(double));
    team_run(e->problem->team, judge_all, e);
    *out = (struct eval_result){.n = e->spec.n, .examples = e->n, .cells = e->part->out->entries};
    for (int i = 0; i < e->spec.n; i++)
        out->value[i] = figure(e, i);
    out->seconds = clock_now() - start;
}

int64_t evaluator_users_most(const struct evaluator *e)
{
    return e->problem->side == SIDE_USER ? e->n : e->problem->columns;
}

/* Examples are items: a column's sums are a user's. */
static int64_t per_column(const struct evaluator *e, enum metric_kind kind, int64_t *user, double *value,
                          double *weight)
{
    int64_t n = 0;

    for (int64_t c = 0; c < e->problem->columns; c++) {
        const double *sums = e->of_column + 3 * c;

        if (sums[2] == 0.0)
            continue;
        user[n] = c;
        value[n] = kind == METRIC_MAE ? sums[1] : sums[0];
        weight[n++] = sums[2];
    }
    return n;
}

int64_t evaluator_per_user(const struct evaluator *e, int i, int64_t *user, double *value, double *weight)
{
    const struct metric *m = &e->spec.metric[i];
    bool by_cell = !metric_is_ranking(m) && !e->loss;
    int64_t n = 0;

    if (m->kind == METRIC_COVERAGE || (m->kind == METRIC_LOSS && !e->loss))
        return 0;
    if (e->problem->side != SIDE_USER)
        return per_column(e, m->kind, user, value, weight);
    for (int64_t u = 0; u < e->n; u++) {
        if (isnan(e->value[i][u]) && metric_is_ranking(m))
            continue;
        user[n] = e->example[u];
        value[n] = e->value[i][u];
        weight[n++] = by_cell ? e->weight[u] : 1.0;
    }
    return n;
}

/* ---- making
 * ----------------------------------------------------------------------------------------------------- */

static int init_views(struct view **out, const struct matrix *m, int64_t rows, const struct team *team,
                      struct error *err)
{
    int64_t first, end;
    int rc;

    *out = mem_zalloc(m->shards, sizeof **out);
    if (!*out)
        return error_set(err, PT_ENOMEM, "evaluation: out of memory");
    team_rank_own(team, m->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        if ((rc = view_init(&(*out)[s], m, (int)s, rows, err)) < 0)
            return rc;
    return 0;
}

static void fini_views(struct view *v, int shards)
{
    for (int s = 0; v && s < shards; s++)
        view_fini(&v[s]);
    mem_free(v);
}

static bool init_sums(struct evaluator *e)
{
    int64_t n = (e->spec.batch + 7) / 8 * 8;

    e->told_bytes = n * (int64_t)(6 * sizeof(double) + 2 * sizeof(float)); /* whole cache lines */
    e->sums = mem_zalloc(e->problem->shards, sizeof *e->sums);
    e->told = mem_array(e->problem->shards * e->told_bytes, 1);
    if (!e->sums || !e->told)
        return false;
    memset(e->told, 0, (size_t)(e->problem->shards * e->told_bytes));
    for (int s = 0; s < e->problem->shards; s++) {
        struct shard_sums *sums = &e->sums[s];

        sums->square = (double *)(void *)(e->told + s * e->told_bytes);
        sums->absolute = sums->square + n;
        sums->plain = sums->absolute + n;
        sums->hit = sums->plain + n;
        sums->cells = sums->hit + n;
        sums->relevant = sums->cells + n;
        sums->max = (float *)(void *)(sums->relevant + n);
        sums->sum = sums->max + n;
    }
    return true;
}

static bool init_cold(struct evaluator *e)
{
    int64_t n = 0;

    e->cold = mem_alloc(e->problem->columns, sizeof *e->cold);
    e->cold_start = mem_alloc(e->problem->shards + 1, sizeof *e->cold_start);
    if (!e->cold || !e->cold_start)
        return false;
    for (int s = 0; s < e->problem->shards; s++) {
        const struct shard *cut = &e->problem->cut[s];

        e->cold_start[s] = n;
        for (int64_t c = cut->begin; c < cut->end; c++)
            if (problem_column_is_cold(e->problem, c))
                e->cold[n++] = (int32_t)(c - cut->begin);
    }
    e->cold_start[e->problem->shards] = n;
    return true;
}

static bool init_room(struct evaluator *e)
{
    int workers = team_workers(e->problem->team), ranks = team_ranks(e->problem->team)->count;
    int64_t n = e->spec.batch, widest = 0, cells = 0;

    for (int s = 0; s < e->problem->shards; s++) {
        int64_t width = row_pad(shard_width(&e->problem->cut[s]));

        widest = width > widest ? width : widest;
        cells = e->out[s].room_entries > cells ? e->out[s].room_entries : cells;
    }
    if (e->ranking || e->loss)
        cells = n * widest > cells ? n * widest : cells;
    e->score = mem_zalloc(workers + 1, sizeof *e->score); /* ends with NULL */
    if (!e->score)
        return false;
    for (int i = 0; i < workers; i++)
        if (!(e->score[i] = mem_array(cells, sizeof(float))))
            return false;
    if (e->ranking) {
        e->best = mem_alloc(workers * n, sizeof *e->best);
        e->room = mem_array(workers * n * topk_capacity(e->k), sizeof *e->room);
        e->covered = mem_zalloc((int64_t)workers * e->spec.n * e->problem->columns, 1);
        e->hit = mem_zalloc(workers * e->k, sizeof *e->hit);
        if (!e->best || !e->room || !e->covered || !e->hit)
            return false;
        if (ranks > 1 && !(e->candidate = mem_array((int64_t)ranks * n * e->k, sizeof *e->candidate)))
            return false;
    }
    return true;
}

static bool init_figures(struct evaluator *e)
{
    const struct matrix *out = e->part->out;

    e->example = mem_alloc(out->examples, sizeof *e->example);
    if (!e->example)
        return false;
    for (int64_t i = 0; i < out->examples; i++)
        if (out->row_count[i])
            e->example[e->n++] = i;
    if (e->spec.batch > e->n)
        e->spec.batch = e->n;
    e->weight = mem_zalloc(e->n, sizeof *e->weight);
    if (e->ratings && e->problem->side != SIDE_USER &&
        !(e->of_column = mem_zalloc(3 * e->problem->columns, sizeof *e->of_column)))
        return false;
    for (int i = 0; i < e->spec.n; i++)
        if (!(e->value[i] = mem_zalloc(e->n, sizeof(double))))
            return false;
    return e->weight != NULL;
}

int evaluator_new(struct evaluator **out, const struct eval_spec *spec, const struct judged *part,
                  struct model *model, const struct problem *p, struct error *err)
{
    struct evaluator *e = mem_zalloc(1, sizeof *e);
    int rc;

    if (!e)
        return error_set(err, PT_ENOMEM, "evaluation: out of memory");
    *e = (struct evaluator){.spec = *spec, .part = part, .model = model, .problem = p};
    for (int i = 0; i < spec->n; i++) {
        const struct metric *m = &spec->metric[i];

        e->ranking |= metric_is_ranking(m);
        e->loss |= m->kind == METRIC_LOSS && !model->ops->score_cells;
        e->ratings |= !metric_is_ranking(m) && model->ops->score_cells;
        e->k = m->k > e->k ? m->k : e->k;
    }
    if (e->k > p->columns)
        e->k = (int)p->columns;
    if (!init_figures(e)) {
        rc = error_set(err, PT_ENOMEM, "evaluation: out of memory");
        goto fail;
    }
    if ((rc = init_views(&e->in, part->in, e->spec.batch, p->team, err)) < 0 ||
        (rc = init_views(&e->out, part->out, e->spec.batch, p->team, err)) < 0 ||
        (part->seen && (rc = init_views(&e->seen, part->seen, e->spec.batch, p->team, err)) < 0))
        goto fail;
    if (!init_sums(e) || !init_cold(e) || !init_room(e)) {
        rc = error_set(err, PT_ENOMEM, "evaluation: out of memory; a smaller eval.batch needs less");
        goto fail;
    }
    e->block = (struct input){.matrix = part->in, .view = e->in};
    *out = e;
    return 0;
fail:
    evaluator_free(e);
    return rc;
}

void evaluator_free(struct evaluator *e)
{
    if (!e)
        return;
    for (int i = 0; e->score && e->score[i]; i++)
        mem_free(e->score[i]);
    for (int i = 0; i < e->spec.n; i++)
        mem_free(e->value[i]);
    fini_views(e->in, e->problem->shards);
    fini_views(e->out, e->problem->shards);
    fini_views(e->seen, e->problem->shards);
    mem_free(e->sums);
    mem_free(e->told);
    mem_free(e->candidate);
    mem_free(e->score);
    mem_free(e->best);
    mem_free(e->room);
    mem_free(e->covered);
    mem_free(e->cold);
    mem_free(e->cold_start);
    mem_free(e->hit);
    mem_free(e->example);
    mem_free(e->weight);
    mem_free(e->of_column);
    mem_free(e);
}

int eval_spec_make(struct eval_spec *out, const struct config *c, const struct problem *p, struct error *err)
{
    bool rating_model = !problem_is_binary(c);

    *out = (struct eval_spec){
        .n = c->metrics.n,
        .clip = c->clip,
        .low = (double)p->low,
        .high = (double)p->high,
        .shift = (double)p->shift,
        .cold = c->cold_value > -1e30 ? c->cold_value : p->mean, /* -1e30: unset */
        .seen_zero = c->eval_seen == 1,
        .relevant = rating_model ? c->relevant_rating : -1e30,
        .batch = c->eval_batch,
    };
    if (out->n > METRICS_MOST)
        return error_set(err, PT_ECONFIG, "eval.metrics: more than %d", METRICS_MOST);
    for (int i = 0; i < out->n; i++) {
        int rc = metric_parse(&out->metric[i], c->metrics.value[i], err);

        if (rc < 0) {
            error_prefix(err, "eval.metrics");
            return rc;
        }
        if (!rating_model && !metric_is_ranking(&out->metric[i]) && out->metric[i].kind != METRIC_LOSS)
            return error_set(err, PT_ECONFIG,
                             "eval.metrics: %s: a %s predicts no ratings; use ndcg@100, recall@20, loss",
                             out->metric[i].name, config_enum_name("model.kind", c->model_kind));
        if (metric_is_ranking(&out->metric[i]) && p->side == SIDE_ITEM)
            return error_set(
                err, PT_ECONFIG,
                "eval.metrics: %s: ranking metrics need examples that are users: model.side=user",
                out->metric[i].name);
    }
    return 0;
}
