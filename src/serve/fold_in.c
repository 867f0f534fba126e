#include "serve/fold_in.h"

#include "base/mem.h"
#include "base/real.h"

#include <math.h>
#include <string.h>

enum { STEPS_MOST = 50, HALVINGS_MOST = 20 };

/* A worker's memory. The unknowns are z, with x_k = mean_k + spread_k z_k: all of one size. */
struct solver {
    double *normal; /* (n, n): the upper half of the normal equations, then their factor U, U'U */
    double *side;   /* (n): right-hand side, then the step */
    double *z, *next, *row;
};

struct fold_in {
    const struct model *model;
    const struct problem *problem;
    struct mem_pool pool; /* of all arrays */
    int k, n;             /* units; unknowns: with biases one more */
    double sigma2;
    double *mean, *spread;         /* (n) of the trained users' rows; spread: standard deviations */
    const float **factors, **bias; /* (shards) the items' tables; bias: NULLs where the model has none */
    int64_t stride;                /* of a row of factors */
    struct solver *solver;         /* (workers) */
    float *code;                   /* (batch, k + 1) */
};

/* ---- the trained users ---- */

/* Their sums, and sums of squares, from unit `at` on. Returns their number. */
static int64_t add_users(struct fold_in *f, const struct param *p, int at)
{
    int64_t user = 0, users = 0;

    for (int64_t s = 0; s < p->spans; s++) {
        struct span span = span_by_row(p->span(p->owner, s, 0), p->cols == 0);

        for (int64_t i = 0; i < span.count; i++, user++) {
            if (f->problem->cold_example && f->problem->cold_example[user])
                continue;
            users++;
            for (int64_t k = 0; k < span.length; k++) {
                double x = (double)span.data[i * span.stride + k];

                f->mean[at + k] += x;
                f->spread[at + k] += x * x;
            }
        }
    }
    return users;
}

static void measure_users(struct fold_in *f)
{
    int64_t users = add_users(f, params_find(&f->model->params, "user.weight"), 0);

    if (f->n > f->k)
        add_users(f, params_find(&f->model->params, "user.bias"), f->k);
    for (int k = 0; k < f->n && users; k++) {
        double mean = f->mean[k] / (double)users, var = f->spread[k] / (double)users - mean * mean;

        f->mean[k] = mean;
        f->spread[k] = var > 0.0 ? sqrt(var) : 0.0;
    }
}

/* ---- one user ---- */

/* The model's output at score s, and its derivative. */
static double output(const struct fold_in *f, double s, double *slope)
{
    const struct model_spec *spec = &f->model->spec;
    double width = spec->range_high - spec->range_low, sigmoid;

    *slope = 1.0;
    if (!(width > 0.0))
        return s;
    sigmoid = 1.0 / (1.0 + real_exp(-s));
    *slope = width * sigmoid * (1.0 - sigmoid);
    return spec->range_low + width * sigmoid;
}

/* A rating as a row of the equations: row (n) = spread * (q, 1). Returns the score at z. *shard: of an item
 * before, or the first. */
static double row_of(const struct fold_in *f, int32_t column, int *shard, const double *z, double *row)
{
    const struct shard *cut = f->problem->cut;
    int64_t c;
    const float *q;
    double s;

    while (column >= cut[*shard].end)
        ++*shard;
    c = column - cut[*shard].begin;
    q = f->factors[*shard] + c * f->stride;
    s = f->bias[*shard] ? (double)f->bias[*shard][c] : 0.0;
    for (int k = 0; k < f->n; k++) {
        double a = k < f->k ? (double)q[k] : 1.0;

        row[k] = f->spread[k] * a;
        s += a * f->mean[k] + row[k] * z[k];
    }
    return s;
}

static bool counts(const struct fold_in *f, const struct histories *p, int64_t i)
{
    return p->kind[i] == HISTORY_INPUT && !(f->problem->cold_column && f->problem->cold_column[p->column[i]]);
}

/* The sum to minimise, at z; `equations`: also the normal equations of the step from there. */
static double loss_at(const struct fold_in *f, struct solver *k, const struct histories *p, int64_t user,
                      const double *z, bool equations)
{
    int n = f->n, shard = 0;
    double sum = 0.0;

    if (equations)
        memset(k->normal, 0, (size_t)n * (size_t)n * sizeof *k->normal);
    for (int i = 0; i < n; i++) {
        sum += f->sigma2 * z[i] * z[i];
        if (equations) {
            k->normal[i * (int64_t)n + i] = f->sigma2;
            k->side[i] = -f->sigma2 * z[i];
        }
    }
    for (int64_t i = p->ptr[user]; i < p->ptr[user + 1]; i++) {
        double slope, e, s;

        if (!counts(f, p, i))
            continue;
        s = row_of(f, p->column[i], &shard, z, k->row);
        e = (double)p->value[i] - (double)f->problem->shift - output(f, s, &slope);
        sum += e * e;
        for (int a = 0; equations && a < n; a++) {
            double *to = k->normal + a * (int64_t)n, x = slope * slope * k->row[a];

            k->side[a] += slope * e * k->row[a];
            for (int b = a; b < n; b++)
                to[b] += x * k->row[b];
        }
    }
    return sum;
}

/* normal = U'U in place, then side = normal^-1 side. sigma^2 on the diagonal keeps it positive. */
static void solve(double *normal, double *side, int n)
{
    for (int k = 0; k < n; k++) {
        double *u = normal + k * (int64_t)n, pivot = 1.0 / sqrt(u[k]);

        for (int j = k; j < n; j++)
            u[j] *= pivot;
        for (int i = k + 1; i < n; i++) {
            double *to = normal + i * (int64_t)n, x = u[i];

            for (int j = i; j < n; j++)
                to[j] -= x * u[j];
        }
        side[k] /= u[k];
        for (int j = k + 1; j < n; j++)
            side[j] -= u[j] * side[k];
    }
    for (int k = n - 1; k >= 0; k--) {
        const double *u = normal + k * (int64_t)n;

        for (int j = k + 1; j < n; j++)
            side[k] -= u[j] * side[j];
        side[k] /= u[k];
    }
}

/* Takes the step, or the first of a half, a quarter, ... of it that lowers the loss. false: none does. */
static bool shorten_step(const struct fold_in *f, struct solver *k, const struct histories *p, int64_t user,
                         double before)
{
    double share = 1.0;

    for (int i = 0; i < HALVINGS_MOST; i++, share *= 0.5) {
        for (int j = 0; j < f->n; j++)
            k->next[j] = k->z[j] + share * k->side[j];
        if (loss_at(f, k, p, user, k->next, false) < before) {
            memcpy(k->z, k->next, (size_t)f->n * sizeof *k->z);
            return true;
        }
    }
    return false;
}

static void fold_user(const struct fold_in *f, struct solver *k, const struct histories *p, int64_t user,
                      float *code)
{
    const struct model_spec *spec = &f->model->spec;
    bool linear = !(spec->range_high > spec->range_low), on = true;

    memset(k->z, 0, (size_t)f->n * sizeof *k->z);
    for (int step = 0; on && step < STEPS_MOST; step++) {
        double longest = 0.0, before = loss_at(f, k, p, user, k->z, true);

        solve(k->normal, k->side, f->n);
        for (int j = 0; j < f->n; j++)
            longest = fabs(k->side[j]) > longest ? fabs(k->side[j]) : longest;
        if (linear)
            memcpy(k->z, k->side, (size_t)f->n * sizeof *k->z);
        on = !linear && longest > 1e-7 && shorten_step(f, k, p, user, before);
    }
    code[f->k] = 0.0f;
    for (int j = 0; j < f->n; j++)
        code[j] = (float)(f->mean[j] + f->spread[j] * k->z[j]);
}

void fold_in_rows(struct worker *w, struct fold_in *f, const struct histories *p, int64_t begin, int64_t rows)
{
    int64_t from, to;

    team_range(rows, w->id, w->count, &from, &to);
    for (int64_t i = from; i < to; i++)
        if (p->row[begin + i] < 0)
            fold_user(f, &f->solver[w->id], p, begin + i, f->code + i * (f->k + 1));
}

struct all {
    struct fold_in *fold;
    const struct histories *histories;
};

static void fold_own(struct worker *w, void *arg)
{
    const struct all *a = arg;

    fold_in_rows(w, a->fold, a->histories, 0, a->histories->n);
}

void fold_in_all(struct fold_in *f, const struct histories *p)
{
    struct all a = {f, p};

    team_run(f->problem->team, fold_own, &a);
}

const float *fold_in_codes(const struct fold_in *f)
{
    return f->code;
}

/* ---- making ---- */

static void find_items(struct fold_in *f)
{
    const struct param *q = params_find(&f->model->params, "item.weight"),
                       *b = params_find(&f->model->params, "item.bias");

    for (int s = 0; s < f->problem->shards; s++) {
        struct span span = q->span(q->owner, s, 0);

        if (b)
            f->bias[s] = b->span(b->owner, s, 0).data;
        f->factors[s] = span.data;
        f->stride = span.stride;
    }
}

int fold_in_new(struct fold_in **out, const struct model *model, const struct problem *problem, int64_t batch,
                struct error *err)
{
    scoped(fold_in_free) struct fold_in *f = mem_zalloc(1, sizeof *f);
    double range = (double)problem->high - (double)problem->low;
    int workers = team_workers(problem->team);
    int64_t n;

    TRY(need_memory(f, err));
    f->model = model;
    f->problem = problem;
    f->k = model->spec.latent;
    n = f->n = f->k + (model->spec.biases ? 1 : 0);
    f->sigma2 = range > 0.0 ? range * range / 36.0 : 1.0;
    f->mean = mem_pool_zalloc(&f->pool, n, sizeof *f->mean);
    f->spread = mem_pool_zalloc(&f->pool, n, sizeof *f->spread);
    f->factors = mem_pool_zalloc(&f->pool, problem->shards, sizeof *f->factors);
    f->bias = mem_pool_zalloc(&f->pool, problem->shards, sizeof *f->bias);
    f->code = mem_pool_zalloc(&f->pool, batch * (f->k + 1), sizeof *f->code);
    f->solver = mem_pool_zalloc(&f->pool, workers, sizeof *f->solver);
    for (int i = 0; f->solver && i < workers; i++) {
        double *room = mem_pool_alloc(&f->pool, n * n + 4 * n, sizeof *room);

        if (room)
            f->solver[i] = (struct solver){.normal = room,
                                           .side = room + n * n,
                                           .z = room + n * n + n,
                                           .next = room + n * n + 2 * n,
                                           .row = room + n * n + 3 * n};
    }
    TRY(need_memory(!f->pool.failed, err));
    find_items(f);
    measure_users(f);
    *out = handed_on(f);
    return 0;
}

void fold_in_free(struct fold_in *f)
{
    if (!f)
        return;
    mem_pool_free(&f->pool);
    mem_free(f);
}
