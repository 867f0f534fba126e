/* ials.c - alternating least squares for implicit feedback (Hu, Koren, Volinsky: "Collaborative Filtering
 * for Implicit Feedback Datasets", 2008), weighted and regularised as in Rendle et al.: "Revisiting the
 * Performance of iALS on Item Recommendation Benchmarks", 2021.
 *
 *     sum over the chosen (1 - p_u . q_i)^2 + a sum over all (p_u . q_i)^2
 *     + l sum over users (n_u + a items) |p_u|^2 + l sum over items (n_i + a users) |q_i|^2
 *
 * a is model.unobserved_weight, l train.penalty. An epoch is one step: all users from the items' factors,
 * then all items from the users'. A row x solves
 *
 *     (a G + sum over its chosen q q' + l (n + a others) I) x = sum over its chosen q       G = sum q q'
 *
 * by Cholesky. G is summed within a shard row by row, then over shards in their order, so it has one answer.
 * A user's factors follow from the items' and what the user chose: they are no parameter, and a new user is
 * scored as exactly as a known one. */
#include "model/model.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { PIECE = 128 }; /* rows that are gathered at once */

struct scratch {
    float *system; /* (K, ld): upper half, then its factor */
    float *rows;   /* (PIECE, ld) */
    float *right;  /* (ld) */
    int n;         /* rows gathered */
};

struct ials {
    struct model model; /* first: a model is an ials */
    struct table item;
    struct mem_pool pool;
    float *code;             /* (eval rows, ld): factors of the inferred users */
    float *gram, *part;      /* (K, ld), (shards, K, ld) */
    struct scratch *scratch; /* (workers) */
    /* In training only. */
    float *user;     /* (users, ld) */
    double *loss;    /* (users): what a user's row leaves of the sum above */
    int64_t *start;  /* (items + 1): users of item i are chosen[start[i]], ... */
    int32_t *chosen; /* (entries) users, ascending for an item */
};

static struct ials *ials_of(struct model *m)
{
    return (struct ials *)m;
}

/* ---- a row ---- */

static void begin_row(const struct ials *a, struct scratch *s)
{
    int64_t k = a->item.k, ld = a->item.ld;

    memcpy(s->system, a->gram, (size_t)(k * ld) * sizeof(float));
    a->model.eng.kern->scale(s->system, (float)a->model.spec.unobserved_weight, k * ld);
    memset(s->right, 0, (size_t)ld * sizeof(float));
    s->n = 0;
}

static void add_gathered(const struct ials *a, struct scratch *s)
{
    int64_t k = a->item.k, ld = a->item.ld;

    if (s->n)
        a->model.eng.kern->product_nn(k, ld, s->n, s->rows, 1, ld, s->rows, ld, INTO_CHAIN, s->system, ld,
                                      NULL);
    s->n = 0;
}

static void add_row(const struct ials *a, struct scratch *s, const float *q)
{
    int64_t ld = a->item.ld;

    if (s->n == PIECE)
        add_gathered(a, s);
    memcpy(s->rows + s->n++ * ld, q, (size_t)ld * sizeof *q);
    a->model.eng.kern->axpy(s->right, 1.0f, q, ld);
}

/* The row into x (ld), padding zero. Returns right . x. */
static double solve_row(const struct ials *a, struct scratch *s, double penalty, float *x)
{
    const struct kernels *kern = a->model.eng.kern;
    int k = a->item.k;
    int64_t ld = a->item.ld;
    double sum = 0.0;

    add_gathered(a, s);
    memcpy(x, s->right, (size_t)ld * sizeof *x);
    for (int i = 0; i < k; i++) {
        float *u = s->system + i * ld;
        int64_t from = i / ROW_ALIGN * ROW_ALIGN;
        float pivot = u[i] + (float)penalty, scale = 1.0f / sqrtf(pivot > 1e-30f ? pivot : 1e-30f);

        u[i] = pivot;
        kern->scale(u + from, scale, ld - from);
        x[i] *= scale;
        for (int j = i + 1; j < k; j++) {
            int64_t at = j / ROW_ALIGN * ROW_ALIGN;

            kern->axpy(s->system + j * ld + at, -u[j], u + at, ld - at);
            x[j] -= u[j] * x[i];
        }
    }
    for (int i = k - 1; i >= 0; i--) {
        const float *u = s->system + i * ld;

        for (int j = i + 1; j < k; j++)
            x[i] -= u[j] * x[j];
        x[i] /= u[i];
    }
    for (int i = 0; i < k; i++)
        sum += (double)s->right[i] * (double)x[i];
    return sum;
}

/* ---- half steps ---- */

/* G from its parts, one a shard. Barriers before and after. */
static void sum_gram(struct worker *w, struct ials *a)
{
    int64_t k = a->item.k, ld = a->item.ld, from, to;

    team_barrier(w);
    team_range(k, w->id, w->count, &from, &to);
    memset(a->gram + from * ld, 0, (size_t)((to - from) * ld) * sizeof(float));
    for (int s = 0; s < a->item.shards; s++)
        if (to > from)
            a->model.eng.kern->add(a->gram + from * ld, a->part + s * k * ld + from * ld, (to - from) * ld);
    team_barrier(w);
}

static void gram_of(const struct ials *a, const float *rows, int64_t n, float *out)
{
    int64_t k = a->item.k, ld = a->item.ld;

    if (n)
        a->model.eng.kern->product_nn(k, ld, n, rows, 1, ld, rows, ld, INTO_NEW, out, ld, NULL);
    else
        memset(out, 0, (size_t)(k * ld) * sizeof *out);
}

static void item_gram(struct worker *w, struct ials *a)
{
    int64_t size = a->item.k * a->item.ld, first, end;

    team_own(w, a->item.shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        gram_of(a, a->item.part[s].row.w, shard_width(&a->item.cut[s]), a->part + s * size);
    sum_gram(w, a);
}

/* Users are cut as evenly as there are shards. */
static void user_gram(struct worker *w, struct ials *a)
{
    int64_t size = a->item.k * a->item.ld, first, end, from, to;

    team_own(w, a->item.shards, &first, &end);
    for (int64_t s = first; s < end; s++) {
        team_range(a->model.eng.train->examples, (int)s, a->item.shards, &from, &to);
        gram_of(a, a->user + from * a->item.ld, to - from, a->part + s * size);
    }
    sum_gram(w, a);
}

static double penalty_of(const struct ials *a, int64_t n, int64_t others)
{
    const struct model_spec *s = &a->model.spec;

    return s->penalty * ((double)n + s->unobserved_weight * (double)others);
}

static void solve_user(struct ials *a, struct scratch *s, int64_t user)
{
    const struct matrix *x = a->model.eng.train;
    int64_t row = matrix_row(x, user), ld = a->item.ld, n = x->row_count[user];

    begin_row(a, s);
    for (int p = 0; p < x->shards; p++)
        for (uint32_t i = x->part[p].ptr[row]; i < x->part[p].ptr[row + 1]; i++)
            add_row(a, s, a->item.part[p].row.w + x->part[p].col[i] * ld);
    a->loss[user] = (double)n - solve_row(a, s, penalty_of(a, n, x->columns), a->user + user * ld);
}

static void solve_item(struct ials *a, struct scratch *s, int shard, int64_t item)
{
    int64_t ld = a->item.ld, n = a->start[item + 1] - a->start[item];
    float *x = a->item.part[shard].row.w + (item - a->item.cut[shard].begin) * ld;

    begin_row(a, s);
    for (int64_t i = a->start[item]; i < a->start[item + 1]; i++)
        add_row(a, s, a->user + a->chosen[i] * ld);
    solve_row(a, s, penalty_of(a, n, a->model.eng.train->examples), x);
}

static void run_epoch(struct worker *w, void *arg)
{
    struct ials *a = arg;
    int64_t first, end;

    team_phase(w, PHASE_UPDATE);
    item_gram(w, a);
    team_range(a->model.eng.train->examples, w->id, w->count, &first, &end);
    for (int64_t u = first; u < end; u++)
        solve_user(a, &a->scratch[w->id], u);
    team_barrier(w);
    team_phase(w, PHASE_UPDATE);
    user_gram(w, a);
    team_own(w, a->item.shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        for (int64_t i = a->item.cut[s].begin; i < a->item.cut[s].end; i++)
            solve_item(a, &a->scratch[w->id], (int)s, i);
}

static void ials_train(struct model *m, const struct model_steps *s)
{
    struct ials *a = ials_of(m);

    for (int64_t step = s->from; step < s->to; step++) {
        double loss = 0.0;

        team_run(m->eng.team, run_epoch, a);
        for (int64_t u = 0; u < m->eng.train->examples; u++)
            loss += a->loss[u];
        m->sums.loss += loss / (double)m->eng.train->examples;
        m->sums.steps++;
    }
}

/* ---- scoring ---- */

static void ials_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct ials *a = ials_of(m);
    struct view_input plain = {0};
    int end, first = own_shards(w, m, &end);
    int64_t from, to;

    team_barrier(w); /* the views of the block before have been read, by other workers too */
    for (int s = first; s < end; s++)
        view_build(&in->view[s], in->matrix, s, in->example, in->rows, &plain, false);
    item_gram(w, a); /* barriers: all views are there */
    team_range(in->rows, w->id, w->count, &from, &to);
    for (int64_t p = from; p < to; p++) {
        struct scratch *s = &a->scratch[w->id];
        int64_t n = 0;

        begin_row(a, s);
        for (int k = 0; k < a->item.shards; k++) {
            const struct view *v = &in->view[k];

            n += v->row[p + 1] - v->row[p];
            for (int64_t i = v->row[p]; i < v->row[p + 1]; i++)
                add_row(a, s, a->item.part[k].row.w + v->col[i] * a->item.ld);
        }
        solve_row(a, s, penalty_of(a, n, m->eng.train->columns), a->code + p * a->item.ld);
    }
    team_barrier(w);
}

static void ials_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    const struct ials *a = ials_of(m);

    (void)w;
    m->eng.kern->product_nt(rows, shard_width(&a->item.cut[shard]), a->item.ld, a->code, a->item.ld,
                            a->item.part[shard].row.w, a->item.ld, NULL, out, ld);
}

/* ---- making ---- */

/* The users of each item. */
static void list_users(struct ials *a)
{
    const struct matrix *x = a->model.eng.train;

    for (int64_t c = 0; c < x->columns; c++)
        a->start[c + 1] = a->start[c] + x->column_count[c];
    for (int s = 0; s < x->shards; s++) {
        const struct matrix_part *p = &x->part[s];
        int64_t *next = a->start + x->cut[s].begin;

        for (int64_t u = 0; u < x->examples; u++)
            for (uint32_t i = p->ptr[matrix_row(x, u)]; i < p->ptr[matrix_row(x, u) + 1]; i++)
                a->chosen[next[p->col[i]]++] = (int32_t)u;
    }
    for (int64_t c = x->columns; c > 0; c--) /* filled, each is where the next one begins */
        a->start[c] = a->start[c - 1];
    a->start[0] = 0;
}

static int ials_init(struct model *m, struct error *err)
{
    struct ials *a = ials_of(m);
    const struct matrix *x = m->eng.train;
    struct mem_pool *pool = &a->pool;
    int64_t k = m->spec.latent, ld = row_pad(k);
    int workers = team_workers(m->eng.team), rc;

    if (m->params.ranks->count > 1)
        return error_set(
            err, PT_ECONFIG,
            "model.kind: ials keeps all factors in one process, with threads; run it without mpirun");
    if ((rc = table_init(&a->item, "item.weight", NULL, x->columns, (int)k, MOMENTS_NONE, x->cut, x->shards,
                         m->eng.team, err)) < 0)
        return rc;
    params_add_table(&m->params, &a->item);
    a->code = mem_pool_array(pool, m->spec.eval_batch * ld, sizeof(float));
    a->gram = mem_pool_array(pool, k * ld, sizeof(float));
    a->part = mem_pool_array(pool, x->shards * k * ld, sizeof(float));
    a->scratch = mem_pool_zalloc(pool, workers, sizeof *a->scratch);
    for (int i = 0; i < workers && !pool->failed; i++) {
        a->scratch[i].system = mem_pool_array(pool, k * ld, sizeof(float));
        a->scratch[i].rows = mem_pool_array(pool, PIECE * ld, sizeof(float));
        a->scratch[i].right = mem_pool_array(pool, ld, sizeof(float));
    }
    if (!m->spec.fixed) {
        a->user = mem_pool_array(pool, x->examples * ld, sizeof(float));
        a->loss = mem_pool_zalloc(pool, x->examples, sizeof *a->loss);
        a->start = mem_pool_zalloc(pool, x->columns + 1, sizeof *a->start);
        a->chosen = mem_pool_alloc(pool, x->entries, sizeof *a->chosen);
    }
    if (pool->failed)
        return error_set(err, PT_ENOMEM, "ials: out of memory");
    if (!m->spec.fixed)
        list_users(a);
    return 0;
}

static void ials_draw(struct model *m)
{
    table_draw(&ials_of(m)->item, m->eng.team, &m->spec.init, 0);
}

static void ials_fini(struct model *m)
{
    table_fini(&ials_of(m)->item);
    mem_pool_free(&ials_of(m)->pool);
}

const struct model_ops ials_ops = {
    .size = sizeof(struct ials),
    .init = ials_init,
    .draw = ials_draw,
    .fini = ials_fini,
    .train = ials_train,
    .infer = ials_infer,
    .score = ials_score,
};
