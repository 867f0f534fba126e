/* item_solver.c - the closed form of item_weights.h, by tiles of one matrix in float64 (math/spd.h). Who does
 * which tile changes no bit.
 *
 * With D the penalty, P = (X^T X + D)^-1 is inverted where it is smaller: over items, or over users by
 *
 *     P = D^-1 - D^-1 X^T M X D^-1,  M = (I + X D^-1 X^T)^-1
 *
 * which adds up some rows of M for each item, and some of these sums for each pair of items. */
#include "model/item_weights.h"

#include "base/hash.h"
#include "base/mem.h"
#include "math/spd.h"

#include <math.h>
#include <string.h>

struct item_solver {
    int64_t n, order; /* items in B; rows of the matrix to invert */
    bool by_users;
    struct mem_pool pool;       /* of the arrays */
    struct spd spd;             /* a: that matrix, and what becomes of it */
    double *m;                  /* (order, ld), by users: M */
    double *sum;                /* (workers, ld), by users */
    int64_t ld;                 /* order, padded to tiles */
    double *diagonal;           /* (n): of P */
    double *row;                /* (tiles) tiles */
    double *room;               /* (workers) tiles */
    struct entries user, items; /* items of users, users of items */
    bool positive;
    struct item_counts *counts; /* borrowed; NULL: by users, or nobody shares them */
    char hash[33];              /* of what is counted */
    struct item_weights *w;
    double l2, ratio;
};

void item_counts_fini(struct item_counts *c)
{
    mem_free(c->count);
    *c = (struct item_counts){0};
}

/* The items that B has; false: no memory. */
static bool choose(struct item_weights *w)
{
    mem_scoped int64_t *pairs = w->column ? mem_alloc(2 * w->model->eng.train->columns, sizeof *pairs) : NULL;

    if (pairs)
        item_weights_choose(w, pairs);
    return pairs || !w->column;
}

/* Whether the counts at hand are those of X shows in its entries. Without memory nothing is shared. */
static void find_counts(struct item_solver *s, struct item_counts *shared)
{
    struct hash *h = shared && !s->by_users ? hash_new() : NULL;

    if (!h)
        return;
    hash_add(h, s->items.at, (size_t)(s->n + 1) * sizeof *s->items.at);
    hash_add(h, s->items.entry, (size_t)s->items.at[s->n] * sizeof *s->items.entry);
    hash_hex(h, s->hash);
    hash_free(h);
    if (strcmp(s->hash, shared->hash) != 0) {
        item_counts_fini(shared);
        shared->count = mem_array(spd_size(s->spd.tiles), sizeof *shared->count);
    }
    s->counts = shared->count ? shared : NULL;
}

static void allocate(struct item_solver *s, const struct matrix *x, int64_t workers)
{
    struct mem_pool *pool = &s->pool;

    s->spd.a = mem_pool_array(pool, spd_size(s->spd.tiles), sizeof *s->spd.a);
    s->row = mem_pool_array(pool, s->spd.tiles * SPD_TILE_SIZE, sizeof *s->row);
    s->room = mem_pool_array(pool, workers * SPD_TILE_SIZE, sizeof *s->room);
    s->diagonal = mem_pool_alloc(pool, s->n, sizeof *s->diagonal);
    matrix_list_entries(x, s->w->row, s->n, &s->user, &s->items, pool);
    if (!s->by_users)
        return;
    s->m = mem_pool_array(pool, s->ld * s->ld, sizeof *s->m);
    s->sum = mem_pool_array(pool, workers * s->ld, sizeof *s->sum);
}

int item_solver_new(struct item_solver **out, struct item_weights *w, struct error *err)
{
    const struct engine *eng = &w->model->eng;
    bool by_users = item_solver_by_users(eng->train, w->n);
    int64_t order = by_users ? eng->train->rows : w->n, tiles = spd_tiles(order);
    scoped(item_solver_free) struct item_solver *s = mem_zalloc(1, sizeof *s);

    TRY(need_memory(s && choose(w), err));
    *s = (struct item_solver){.n = w->n,
                              .order = order,
                              .by_users = by_users,
                              .ld = tiles * SPD_TILE,
                              .w = w,
                              .spd = {.kern = eng->kern, .tiles = tiles}};
    allocate(s, eng->train, team_workers(eng->team));
    if (s->pool.failed)
        return error_set(err, PT_ENOMEM,
                         "ease: no memory for a matrix of %lld x %lld; keep fewer items "
                         "(model.items_most)",
                         (long long)order, (long long)order);
    find_counts(s, w->model->spec.counts);
    *out = handed_on(s);
    return 0;
}

void item_solver_free(struct item_solver *s)
{
    if (!s)
        return;
    mem_pool_free(&s->pool);
    mem_free(s);
}

/* Whether a worker has turn t: there and back again, for what is longer the later it comes. */
static bool has_turn(const struct worker *w, int64_t t)
{
    int64_t at = t % (2 * w->count);

    return w->id == (at < w->count ? at : 2 * w->count - 1 - at);
}

static double penalty(const struct item_solver *s, int64_t item)
{
    return s->l2 + s->ratio * (double)(s->items.at[item + 1] - s->items.at[item]);
}

/* A row of X^T X, or of X D^-1 X^T, before its diagonal. */
static void count_row(struct item_solver *s, int64_t r)
{
    const struct entries *own = s->by_users ? &s->user : &s->items,
                         *other = s->by_users ? &s->items : &s->user;

    for (int64_t i = own->at[r]; i < own->at[r + 1]; i++) {
        const int32_t *column = other->entry + other->at[own->entry[i]];
        double value = s->by_users ? 1.0 / penalty(s, own->entry[i]) : 1.0;

        for (; *column < r; column++)
            s->spd.a[spd_at(r, *column)] += value;
    }
}

/* Of X^T X + D, or of I + X D^-1 X^T; beyond the last row of the unit matrix. */
static double count_diagonal(const struct item_solver *s, int64_t r)
{
    const struct entries *own = s->by_users ? &s->user : &s->items;
    double sum = s->by_users || r >= s->order ? 1.0 : penalty(s, r);

    for (int64_t i = r < s->order ? own->at[r] : 0; r < s->order && i < own->at[r + 1]; i++)
        sum += s->by_users ? 1.0 / penalty(s, own->entry[i]) : 1.0;
    return sum;
}

static void count(struct worker *w, struct item_solver *s)
{
    uint32_t *counts = s->counts ? s->counts->count : NULL;
    bool counted = counts && *s->counts->hash;

    for (int64_t i = 0; i < s->spd.tiles; i++) {
        int64_t first = spd_at(i * SPD_TILE, 0), end = first + (i + 1) * SPD_TILE_SIZE;

        if (!has_turn(w, i))
            continue;
        for (int64_t k = first; k < end; k++)
            s->spd.a[k] = counted ? (double)counts[k] : 0.0;
        for (int64_t r = i * SPD_TILE; r < (i + 1) * SPD_TILE && r < s->order && !counted; r++)
            count_row(s, r);
        for (int64_t k = first; k < end && counts && !counted; k++)
            counts[k] = (uint32_t)s->spd.a[k];
        for (int64_t r = i * SPD_TILE; r < (i + 1) * SPD_TILE; r++)
            s->spd.a[spd_at(r, r)] = count_diagonal(s, r);
    }
}

static double *room_of(const struct worker *w, const struct item_solver *s)
{
    return s->room + (int64_t)w->id * SPD_TILE_SIZE;
}

static void factor(struct worker *w, struct item_solver *s)
{
    for (int64_t k = 0; k < s->spd.tiles; k++) {
        for (int64_t i = k; i < s->spd.tiles; i++)
            if (has_turn(w, i))
                spd_subtract(&s->spd, i, k);
        team_barrier(w);
        if (w->id == 0)
            s->positive &= spd_factor(&s->spd, k, room_of(w, s));
        team_barrier(w);
        for (int64_t i = k + 1; i < s->spd.tiles; i++)
            if (has_turn(w, i))
                spd_solve(&s->spd, i, k, room_of(w, s));
        team_barrier(w);
    }
}

static void invert(struct worker *w, struct item_solver *s)
{
    for (int64_t i = 0; i < s->spd.tiles; i++) {
        for (int64_t j = 0; j < i; j++)
            if (has_turn(w, j))
                spd_invert(&s->spd, i, j, s->row + j * SPD_TILE_SIZE, room_of(w, s));
        team_barrier(w);
        if (w->id == 0)
            spd_keep(&s->spd, i, s->row);
        team_barrier(w);
    }
}

/* A tile of the inverse, and its mirror image, into B's memory. */
static void put_tile(struct item_solver *s, int64_t i, int64_t j, const double *p)
{
    int64_t row = i * SPD_TILE, column = j * SPD_TILE;
    int64_t rows = s->n - row < SPD_TILE ? s->n - row : SPD_TILE;
    int64_t columns = s->n - column < SPD_TILE ? s->n - column : SPD_TILE;

    for (int64_t r = 0; r < rows; r++) {
        float *out = item_weights_row(s->w, row + r) + column;

        for (int64_t c = 0; c < columns; c++)
            out[c] = (float)p[spd_in_tile(r, c)];
        if (i == j)
            s->diagonal[row + r] = p[spd_in_tile(r, r)];
    }
    for (int64_t c = 0; c < columns && i != j; c++) {
        float *out = item_weights_row(s->w, column + c) + row;

        for (int64_t r = 0; r < rows; r++)
            out[r] = (float)p[spd_in_tile(r, c)];
    }
}

static void keep_tile(struct item_solver *s, int64_t i, int64_t j, const double *p)
{
    double *tile = s->m + i * SPD_TILE * s->ld + j * SPD_TILE;
    double *mirror = s->m + j * SPD_TILE * s->ld + i * SPD_TILE;

    for (int64_t r = 0; r < SPD_TILE; r++)
        for (int64_t c = 0; c < SPD_TILE; c++)
            tile[r * s->ld + c] = mirror[c * s->ld + r] = p[spd_in_tile(r, c)];
}

static void put_all(struct worker *w, struct item_solver *s)
{
    int64_t turn = 0;

    for (int64_t i = 0; i < s->spd.tiles; i++)
        for (int64_t j = 0; j <= i; j++)
            if (has_turn(w, turn++)) {
                spd_inverse(&s->spd, i, j, room_of(w, s));
                (s->by_users ? keep_tile : put_tile)(s, i, j, room_of(w, s));
            }
}

/* Rows of P from M. */
static void add_up(struct worker *w, struct item_solver *s)
{
    double *sum = s->sum + w->id * s->ld;

    for (int64_t i = w->id; i < s->n; i += w->count) {
        double own = penalty(s, i);
        float *row = item_weights_row(s->w, i);

        memset(sum, 0, (size_t)s->ld * sizeof *sum);
        for (int64_t e = s->items.at[i]; e < s->items.at[i + 1]; e++)
            for (int64_t u = 0; u < s->ld; u++)
                sum[u] += s->m[s->items.entry[e] * s->ld + u];
        for (int64_t j = 0; j < s->n; j++) {
            double p = 0.0;

            for (int64_t e = s->items.at[j]; e < s->items.at[j + 1]; e++)
                p += sum[s->items.entry[e]];
            p = ((i == j) - p / penalty(s, j)) / own;
            row[j] = (float)p;
            if (i == j)
                s->diagonal[i] = p;
        }
    }
}

/* From the inverse to B = I - P diag(1 / P). */
static void divide(struct worker *w, struct item_solver *s)
{
    int64_t first, end;

    team_range(s->n, w->id, w->count, &first, &end);
    for (int64_t r = first; r < end; r++) {
        float *row = item_weights_row(s->w, r);

        for (int64_t c = 0; c < s->n; c++)
            row[c] = (float)(-(double)row[c] / s->diagonal[c]);
        row[r] = 0.0f;
    }
}

static void solve(struct worker *w, void *arg)
{
    struct item_solver *s = arg;

    team_phase(w, PHASE_ENCODE);
    count(w, s);
    team_barrier(w);
    team_phase(w, PHASE_UPDATE);
    factor(w, s);
    invert(w, s);
    put_all(w, s);
    team_barrier(w);
    if (s->by_users) {
        add_up(w, s);
        team_barrier(w);
    }
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
    if (s->counts)
        memcpy(s->counts->hash, s->hash, sizeof s->hash);
    for (int64_t j = 0; j < s->n; j++)
        loss += 1.0 / s->diagonal[j] - penalty(s, j);
    return s->positive ? loss / (double)s->w->model->eng.train->examples : (double)NAN;
}
