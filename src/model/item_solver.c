/* item_solver.c - the closed form of item_weights.h: counts, factor, inverse, by tiles of one matrix in
 * float64. Who does which tile changes no bit. */
#include "model/item_weights.h"

#include "base/mem.h"
#include "math/gemm.h"
#include "math/spd.h"

#include <math.h>
#include <string.h>

struct item_solver {
    int64_t n;          /* items in B */
    double *a;          /* (n, n) owned: X^T X with its penalty, then the factor; the lower triangle */
    double *diagonal;   /* (n) owned: of the inverse */
    int64_t *user_at;   /* (examples + 1) owned: a user's items are user_item[user_at[u] .. ) */
    int64_t *item_at;   /* (n + 1) owned, likewise */
    int32_t *user_item; /* (entries) owned: rows of B, ascending */
    int32_t *item_user; /* (entries) owned */
    double **column;    /* (workers) owned: (n + SPD_TILE, SPD_TILE) each; NULL where one does not call */
    int callers;        /* threads that BLAS takes; 0: any number */
    bool positive;
    struct item_weights *w;
    double l2, ratio;
};

int64_t item_solver_bytes(int64_t kept, int64_t entries, int workers)
{
    return 8 * (kept * kept + workers * SPD_TILE * (kept + SPD_TILE)) + 8 * entries + 24 * kept;
}

static int caller(const struct item_solver *s, int id, int workers)
{
    return gemm_caller(id, workers, s->callers);
}

static int64_t row_in_b(const struct item_weights *w, int64_t column)
{
    return w->row ? w->row[column] : column;
}

/* Lists of a user's items and of an item's users. */
static void list_entries(struct item_solver *s, const struct matrix *x)
{
    int64_t n = 0;

    for (int64_t u = 0; u < x->examples; u++) {
        int64_t row = matrix_row(x, u);

        s->user_at[u] = n;
        for (int k = 0; k < x->shards; k++)
            for (uint32_t i = x->part[k].ptr[row]; i < x->part[k].ptr[row + 1]; i++) {
                int64_t at = row_in_b(s->w, x->cut[k].begin + x->part[k].col[i]);

                if (at < 0)
                    continue;
                s->user_item[n++] = (int32_t)at;
                s->item_at[at + 1]++;
            }
    }
    s->user_at[x->examples] = n;
    for (int64_t i = 0; i < s->n; i++)
        s->item_at[i + 1] += s->item_at[i];
    for (int64_t u = 0; u < x->examples; u++)
        for (int64_t i = s->user_at[u]; i < s->user_at[u + 1]; i++)
            s->item_user[s->item_at[s->user_item[i]]++] = (int32_t)u;
    for (int64_t i = s->n; i > 0; i--) /* each had moved to its end */
        s->item_at[i] = s->item_at[i - 1];
    s->item_at[0] = 0;
}

static int choose(struct item_weights *w, struct error *err)
{
    int64_t *pairs;

    if (!w->column)
        return 0;
    pairs = mem_alloc(2 * w->model->eng.train->columns, sizeof *pairs);
    if (!pairs)
        return error_set(err, PT_ENOMEM, "ease: out of memory");
    item_weights_choose(w, pairs);
    mem_free(pairs);
    return 0;
}

int item_solver_new(struct item_solver **out, struct item_weights *w, struct error *err)
{
    const struct matrix *x = w->model->eng.train;
    int workers = team_workers(w->model->eng.team), rc = gemm_init(err);
    struct item_solver *s;
    bool full = false;

    if (rc < 0 || (rc = choose(w, err)) < 0)
        return rc;
    if (!(s = mem_zalloc(1, sizeof *s)))
        return error_set(err, PT_ENOMEM, "ease: out of memory");
    *s = (struct item_solver){.n = w->n, .w = w, .callers = gemm_callers()};
    s->a = mem_array(s->n * s->n, sizeof *s->a);
    s->diagonal = mem_alloc(s->n, sizeof *s->diagonal);
    s->user_at = mem_alloc(x->examples + 1, sizeof *s->user_at);
    s->item_at = mem_zalloc(s->n + 1, sizeof *s->item_at);
    s->user_item = mem_alloc(x->entries, sizeof *s->user_item);
    s->item_user = mem_alloc(x->entries, sizeof *s->item_user);
    s->column = mem_zalloc(workers, sizeof *s->column);
    for (int i = 0; i < workers && s->column; i++)
        if (caller(s, i, workers) >= 0)
            full |= !(s->column[i] = mem_array((s->n + SPD_TILE) * SPD_TILE, sizeof **s->column));
    if (full || !s->a || !s->diagonal || !s->user_at || !s->item_at || !s->user_item || !s->item_user ||
        !s->column) {
        item_solver_free(s);
        return error_set(err, PT_ENOMEM,
                         "ease: no memory for a matrix of %lld x %lld; keep fewer items "
                         "(model.items_most)",
                         (long long)w->n, (long long)w->n);
    }
    list_entries(s, x);
    *out = s;
    return 0;
}

void item_solver_free(struct item_solver *s)
{
    if (!s)
        return;
    for (int i = 0; s->column && i < team_workers(s->w->model->eng.team); i++)
        mem_free(s->column[i]);
    mem_free(s->column);
    mem_free(s->a);
    mem_free(s->diagonal);
    mem_free(s->user_at);
    mem_free(s->item_at);
    mem_free(s->user_item);
    mem_free(s->item_user);
    mem_free(s);
}

/* Rows id, id + workers, ... of X^T X, with the penalty on its diagonal. */
static void count(struct item_solver *s, int id, int workers)
{
    for (int64_t r = id; r < s->n; r += workers) {
        double *row = s->a + r * s->n;

        memset(row, 0, (size_t)(r + 1) * sizeof *row);
        for (int64_t i = s->item_at[r]; i < s->item_at[r + 1]; i++) {
            const int32_t *item = s->user_item + s->user_at[s->item_user[i]];

            for (; *item < r; item++)
                row[*item] += 1.0;
        }
        row[r] = (double)(s->item_at[r + 1] - s->item_at[r]) * (1.0 + s->ratio) + s->l2;
    }
}

static void factor(struct worker *w, struct item_solver *s)
{
    int64_t tiles = spd_tiles(s->n);
    int calling = gemm_calling(w->count, s->callers), me = caller(s, w->id, w->count);

    for (int64_t k = 0; k < tiles; k++) {
        for (int64_t i = k + me; me >= 0 && i < tiles; i += calling)
            spd_subtract(s->a, s->n, i, k);
        team_barrier(w);
        if (w->id == 0)
            s->positive &= spd_factor(s->a, s->n, k);
        team_barrier(w);
        for (int64_t i = k + 1 + me; me >= 0 && i < tiles; i += calling)
            spd_solve(s->a, s->n, i, k);
        team_barrier(w);
    }
}

static float *b_row(const struct item_weights *w, int64_t row)
{
    int shard = shard_of(w->b.cut, w->b.shards, row);

    return w->b.part[shard].row.w + (row - w->b.cut[shard].begin) * w->b.ld;
}

/* Block column c of the inverse, and by symmetry block row c, into B's memory. */
static void put_column(struct item_solver *s, int64_t c, double *p)
{
    int64_t first = c * SPD_TILE, width = s->n - first < SPD_TILE ? s->n - first : SPD_TILE;

    spd_inverse_column(s->a, s->n, c, p);
    for (int64_t k = 0; k < width; k++)
        s->diagonal[first + k] = p[k * SPD_TILE + k];
    for (int64_t r = first; r < s->n; r++) {
        float *row = b_row(s->w, r);

        for (int64_t k = 0; k < width; k++)
            row[first + k] = (float)p[(r - first) * SPD_TILE + k];
    }
    for (int64_t k = 0; k < width; k++) {
        float *row = b_row(s->w, first + k);

        for (int64_t r = first + width; r < s->n; r++)
            row[r] = (float)p[(r - first) * SPD_TILE + k];
    }
}

/* From the inverse to B = I - P diag(1 / P). */
static void divide(struct worker *w, struct item_solver *s)
{
    int64_t first, end;

    team_range(s->n, w->id, w->count, &first, &end);
    for (int64_t r = first; r < end; r++) {
        float *row = b_row(s->w, r);

        for (int64_t c = 0; c < s->n; c++)
            row[c] = (float)(-(double)row[c] / s->diagonal[c]);
        row[r] = 0.0f;
    }
}

static void solve(struct worker *w, void *arg)
{
    struct item_solver *s = arg;
    int64_t tiles = spd_tiles(s->n);
    int calling = gemm_calling(w->count, s->callers), me = caller(s, w->id, w->count);

    team_phase(w, PHASE_ENCODE);
    count(s, w->id, w->count);
    team_barrier(w);
    team_phase(w, PHASE_UPDATE);
    factor(w, s);
    for (int64_t c = me; me >= 0 && c < tiles; c += calling)
        put_column(s, c, s->column[w->id]);
    team_barrier(w);
    divide(w, s);
}

/* The minimum of |X - X B|^2 + sum_i (l2 + ratio g_ii) |row i of B|^2 under a diagonal of 0 is
 * sum_j (1 / p_jj - l2 - ratio g_jj). */
double item_weights_solve(struct item_solver *s, double l2, double dropout)
{
    double loss = 0.0;

    s->l2 = l2;
    s->ratio = dropout / (1.0 - dropout);
    s->positive = true;
    team_run(s->w->model->eng.team, solve, s);
    for (int64_t j = 0; j < s->n; j++)
        loss += 1.0 / s->diagonal[j] - l2 - s->ratio * (double)(s->item_at[j + 1] - s->item_at[j]);
    return s->positive ? loss / (double)s->w->model->eng.train->examples : (double)NAN;
}
