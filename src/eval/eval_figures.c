/* eval_figures.c - figures of a part and of its users, from sums by example. */
#include "eval/evaluator.h"

#include <math.h>

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

double eval_figure(const struct evaluator *e, int i)
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
