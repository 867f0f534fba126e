/* item_solver.c - the closed form of item_weights.h: counts, factor, inverse, by tiles of one matrix in
 * float64 (math/spd.h). Who does which tile changes no bit. */
#include "model/item_weights.h"

#include "base/mem.h"
#include "math/spd.h"

#include <math.h>
#include <string.h>

struct item_solver {
    int64_t n;          /* items in B */
    struct spd spd;     /* a owned: X^T X with its penalty, and what becomes of it */
    double *diagonal;   /* (n) owned: of the inverse */
    double *row;        /* (tiles) tiles, owned */
    double *room;       /* (workers) tiles, owned */
    int64_t *user_at;   /* (examples + 1) owned: a user's items are user_item[user_at[u] .. ) */
    int64_t *item_at;   /* (n + 1) owned, likewise */
    int32_t *user_item; /* (entries) owned: rows of B, ascending */
    int32_t *item_user; /* (entries) owned */
    bool positive;
    struct item_weights *w;
    double l2, ratio;
};

int64_t item_solver_bytes(int64_t kept, int64_t entries, int workers)
{
    int64_t tiles = spd_tiles(kept);

    return 8 * (spd_size(tiles) + (tiles + workers) * SPD_TILE_SIZE) + 8 * entries + 24 * kept;
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
    int64_t tiles = spd_tiles(w->n);
    struct item_solver *s;
    int rc = choose(w, err);

    if (rc < 0)
        return rc;
    if (!(s = mem_zalloc(1, sizeof *s)))
        return error_set(err, PT_ENOMEM, "ease: out of memory");
    *s = (struct item_solver){.n = w->n, .w = w, .spd = {.kern = w->model->eng.kern, .tiles = tiles}};
    s->spd.a = mem_array(spd_size(tiles), sizeof *s->spd.a);
    s->diagonal = mem_alloc(s->n, sizeof *s->diagonal);
    s->user_at = mem_alloc(x->examples + 1, sizeof *s->user_at);
    s->item_at = mem_zalloc(s->n + 1, sizeof *s->item_at);
    s->user_item = mem_alloc(x->entries, sizeof *s->user_item);
    s->item_user = mem_alloc(x->entries, sizeof *s->item_user);
    s->row = mem_array(tiles * SPD_TILE_SIZE, sizeof *s->row);
    s->room = mem_array((int64_t)team_workers(w->model->eng.team) * SPD_TILE_SIZE, sizeof *s->room);
    if (!s->spd.a || !s->diagonal || !s->user_at || !s->item_at || !s->user_item || !s->item_user ||
        !s->row || !s->room) {
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
    mem_free(s->spd.a);
    mem_free(s->row);
    mem_free(s->room);
    mem_free(s->diagonal);
    mem_free(s->user_at);
    mem_free(s->item_at);
    mem_free(s->user_item);
    mem_free(s->item_user);
    mem_free(s);
}

/* Whether a worker has turn t: there and back again, for what is longer the later it comes. */
static bool has_turn(const struct worker *w, int64_t t)
{
    int64_t at = t % (2 * w->count);

    return w->id == (at < w->count ? at : 2 * w->count - 1 - at);
}

/* A row of X^T X up to its diagonal, which gets the penalty. */
static void count_row(struct item_solver *s, int64_t r)
{
    double *a = s->spd.a;
    int64_t users = s->item_at[r + 1] - s->item_at[r];

    for (int64_t i = s->item_at[r]; i < s->item_at[r + 1]; i++) {
        const int32_t *item = s->user_item + s->user_at[s->item_user[i]];

        for (; *item < r; item++)
            a[spd_at(r, *item)] += 1.0;
    }
    a[spd_at(r, r)] = (double)users * (1.0 + s->ratio) + s->l2;
}

static void count(struct worker *w, struct item_solver *s)
{
    for (int64_t i = 0; i < s->spd.tiles; i++) {
        if (!has_turn(w, i))
            continue;
        memset(s->spd.a + spd_at(i * SPD_TILE, 0), 0, (size_t)((i + 1) * SPD_TILE_SIZE) * sizeof *s->spd.a);
        for (int64_t r = i * SPD_TILE; r < (i + 1) * SPD_TILE; r++) {
            if (r < s->n)
                count_row(s, r);
            else
                s->spd.a[spd_at(r, r)] = 1.0;
        }
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

static float *b_row(const struct item_weights *w, int64_t row)
{
    int shard = shard_of(w->b.cut, w->b.shards, row);

    return w->b.part[shard].row.w + (row - w->b.cut[shard].begin) * w->b.ld;
}

/* A tile of the inverse, and its mirror image, into B's memory. */
static void put_tile(struct item_solver *s, int64_t i, int64_t j, const double *p)
{
    int64_t row = i * SPD_TILE, column = j * SPD_TILE;
    int64_t rows = s->n - row < SPD_TILE ? s->n - row : SPD_TILE;
    int64_t columns = s->n - column < SPD_TILE ? s->n - column : SPD_TILE;

    for (int64_t r = 0; r < rows; r++) {
        float *out = b_row(s->w, row + r) + column;

        for (int64_t c = 0; c < columns; c++)
            out[c] = (float)p[spd_in_tile(r, c)];
        if (i == j)
            s->diagonal[row + r] = p[spd_in_tile(r, r)];
    }
    for (int64_t c = 0; c < columns && i != j; c++) {
        float *out = b_row(s->w, column + c) + row;

        for (int64_t r = 0; r < rows; r++)
            out[r] = (float)p[spd_in_tile(r, c)];
    }
}

static void put_all(struct worker *w, struct item_solver *s)
{
    int64_t turn = 0;

    for (int64_t i = 0; i < s->spd.tiles; i++)
        for (int64_t j = 0; j <= i; j++)
            if (has_turn(w, turn++)) {
                spd_inverse(&s->spd, i, j, room_of(w, s));
                put_tile(s, i, j, room_of(w, s));
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

    team_phase(w, PHASE_ENCODE);
    count(w, s);
    team_barrier(w);
    team_phase(w, PHASE_UPDATE);
    factor(w, s);
    invert(w, s);
    put_all(w, s);
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
