/* evaluate.c - blocks of examples through the model, all workers together; figures of a part and of its
 * users, from sums by example. */
#include "eval/evaluator.h"

#include "base/real.h"
#include "base/timing.h"

#include <math.h>
#include <string.h>

/* ---- ratings ---- */

static double predicted(const struct evaluator *e, float out, int64_t example, int64_t column)
{
    const struct biases *b = &e->problem->bias;
    double r = (double)out + e->spec.shift;

    if (e->spec.untrained != UNTRAINED_SCORE) {
        bool no_row = problem_example_is_cold(e->problem, e->part->in, example);
        bool no_column = problem_column_is_cold(e->problem, column);

        if ((no_row || no_column) &&
            (e->spec.untrained == UNTRAINED_REPLACE || !b->column || (no_row && no_column)))
            return e->spec.cold;
        if (no_row || no_column)
            r = b->mean + (double)(no_row ? b->column[column] : b->example[example]);
    }
    if (e->spec.clip)
        r = r < e->spec.low ? e->spec.low : r > e->spec.high ? e->spec.high : r;
    return r;
}

/* Errors of a shard's held-out ratings, by example. */
static void evaluate_cells(struct worker *w, struct evaluator *e, int s)
{
    const struct view *out = &e->out[s];
    float *score = e->score[w->id];
    struct shard_sums *sums = &e->sums[s];
    int64_t first = e->problem->cut[s].begin;

    e->model->ops->score_cells(w, e->model, s, out, score);
    for (int64_t p = 0; p < out->rows; p++) {
        double square = 0.0, absolute = 0.0, plain = 0.0;

        for (int64_t i = out->row[p]; i < out->row[p + 1]; i++) {
            double d = predicted(e, score[i], e->block.example[p], first + out->col[i]) -
                       ((double)out->target[i] + e->spec.shift);

            square += d * d;
            absolute += fabs(d);
            if (e->of_column) {
                double *of_user = e->of_column + 3 * (first + out->col[i]);

                of_user[0] += d * d;
                of_user[1] += fabs(d);
                of_user[2] += 1.0;
            }
            d = (double)score[i] - (double)out->target[i];
            plain += d * d;
        }
        sums->square[p] = square;
        sums->absolute[p] = absolute;
        sums->plain[p] = plain;
    }
}

/* ---- a block ---- */

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
            sum += (double)e->sums[s].sum[p] * real_exp((double)(e->sums[s].max[p] - top));
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
            e->value[i][at] = e->loss ? cells * ((double)top + real_log(sum)) - hit : plain;
            break;
        default:
            break;
        }
}

/* What a shard has of the block: what goes in, what is held out, what is not to be recommended besides. */
static void build_views(struct evaluator *e, int s)
{
    const struct eval_part *part = e->part;
    const struct input *block = &e->block;

    view_build(&e->out[s], part->out, s, block->example, block->rows, NULL, false);
    view_build(&e->in[s], part->in, s, block->example, block->rows, NULL, false);
    if (e->seen)
        view_build(&e->seen[s], part->seen, s, block->example, block->rows, NULL, false);
}

static void evaluate_block(struct worker *w, struct evaluator *e)
{
    int end, first = own_shards(w, e->model, &end);
    int64_t from, to;

    e->model->ops->infer(w, e->model, &e->block);
    team_phase(w, PHASE_EVAL);
    if (e->ranking)
        lists_begin(w, &e->lists, e->block.rows);
    for (int s = first; s < end; s++) {
        build_views(e, s);
        count_held_out(e, s);
        if (e->ratings)
            evaluate_cells(w, e, s);
        if (e->ranking || e->loss)
            eval_rank_shard(w, e, s);
    }
    lists_end(w, &e->lists, e->block.rows);
    team_barrier(w);
    team_phase(w, PHASE_EVAL);
    team_range(e->block.rows, w->id, w->count, &from, &to);
    if (w->ranks > 1) { /* after it every rank can make all figures of the block */
        team_share(w, e->statistics, e->problem->shards, e->statistics_bytes);
        if (e->ranking)
            eval_rank_share(w, e, from, to);
    }
    for (int64_t p = from; p < to; p++) {
        sum_example(e, p);
        if (e->ranking)
            eval_rank_example(w, e, p);
    }
    team_barrier(w);
}

static void evaluate_blocks(struct worker *w, void *arg)
{
    struct evaluator *e = arg;

    if (e->lists.sifted)
        sieve_round_weights(w, e->lists.sieve);
    for (int64_t begin = 0; begin < e->n; begin += e->spec.batch) {
        if (w->id == 0) {
            e->begin = begin;
            e->block.example = e->example + begin;
            e->block.rows = e->n - begin < e->spec.batch ? e->n - begin : e->spec.batch;
        }
        team_barrier(w);
        evaluate_block(w, e);
    }
}

/* ---- figures ---- */

static double coverage(const struct evaluator *e, int i)
{
    int workers = team_workers(e->problem->team);
    int64_t columns = e->problem->columns, n = 0, listable = 0;

    for (int64_t c = 0; c < columns; c++) {
        bool covered = false;

        for (int id = 0; id < workers; id++)
            covered |= e->covered[((int64_t)id * e->spec.n + i) * columns + c];
        n += covered;
        listable += e->problem->train->column_count[c] > 0;
    }
    return (double)n / (double)listable;
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
    if (e->model->spec.loss == LOSS_ROW_MEAN)
        return by_row / n;
    return rating_loss_value(e->model->spec.loss, sum, n, cells, (double)e->problem->columns);
}

static double figure_of(const struct evaluator *e, int i)
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
    return metric_from_mean(&e->spec.metric[i], sum / weight);
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

void evaluate(struct evaluator *e, struct eval_result *out)
{
    double start = clock_now();

    if (e->covered)
        memset(e->covered, 0,
               (size_t)team_workers(e->problem->team) * (size_t)(e->spec.n * e->problem->columns));
    if (e->of_column)
        memset(e->of_column, 0, (size_t)e->problem->columns * 3 * sizeof(double));
    e->lists.sifted =
        e->lists.sieve && sieve_pays(e->model, e->lists.k, e->n); /* a companion may have come */
    team_run(e->problem->team, evaluate_blocks, e);
    *out = (struct eval_result){.n = e->spec.n, .examples = e->n, .cells = e->part->out->entries};
    for (int i = 0; i < e->spec.n; i++)
        out->value[i] = figure_of(e, i);
    out->seconds = clock_now() - start;
}
