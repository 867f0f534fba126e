#include "model/item_weights.h"

#include "base/mem.h"
#include "base/real.h"
#include "math/spd.h"

#include <stdlib.h>
#include <string.h>

int64_t item_weights_kept(int64_t columns, int64_t most)
{
    return most > 0 && most < columns ? most : columns;
}

/* ---- what the closed form costs ---- */

#define PAIR_COST 100 /* of adding up a number, in operations of products of tiles */

static double work_by_users(int64_t users, int64_t entries, int64_t kept)
{
    return real_power((double)users, 3) + PAIR_COST * (double)entries * (double)kept;
}

double item_solver_work(int64_t users, int64_t entries, int64_t kept)
{
    double by_users = work_by_users(users, entries, kept), by_items = real_power((double)kept, 3);

    return by_items < by_users ? by_items : by_users;
}

bool item_solver_by_users(const struct matrix *x, int64_t kept)
{
    return work_by_users(x->rows, x->entries, kept) < real_power((double)kept, 3);
}

int64_t item_solver_bytes(const struct matrix *x, int64_t kept, int workers)
{
    bool by_users = item_solver_by_users(x, kept);
    int64_t tiles = spd_tiles(by_users ? x->rows : kept), ld = tiles * SPD_TILE;

    return 8 * (spd_size(tiles) + (tiles + workers) * SPD_TILE_SIZE + (by_users ? (ld + workers) * ld : 0)) +
           8 * (x->entries + x->rows + 2 * kept);
}

int64_t item_counts_bytes(const struct matrix *x, int64_t kept)
{
    return item_solver_by_users(x, kept) ? 0 : (int64_t)sizeof(uint32_t) * spd_size(spd_tiles(kept));
}

/* ---- making ---- */

/* Room for a list of some of the columns. */
static int init_list(struct item_weights *w, struct model *m, struct error *err)
{
    const struct matrix *x = m->eng.train;
    mem_scoped int64_t *even = mem_zalloc(w->n, sizeof *even);

    if (x->columns > 1 << 24) /* floats name no more of them */
        return error_set(err, PT_ECONFIG,
                         "model.items_most: there are more than 16,777,216 items; drop rare ones "
                         "(data.min_item_ratings)");
    w->column = mem_zalloc(w->n, sizeof *w->column);
    w->row = mem_alloc(x->columns, sizeof *w->row);
    w->cut = mem_alloc(x->shards, sizeof *w->cut);
    TRY(need_memory(even && w->column && w->row && w->cut, err));
    shard_cut(w->cut, x->shards, even, w->n, 1.0);
    return vector_init(&w->items, "ease.items", (int)w->n, false, err);
}

int item_weights_init(struct item_weights *w, struct model *m, int64_t most, struct error *err)
{
    const struct matrix *x = m->eng.train;

    if (m->params.ranks->count > 1)
        return error_set(err, PT_EUSAGE,
                         "ease: all of its weights are in one process; start it without mpirun");
    *w = (struct item_weights){.n = item_weights_kept(x->columns, most), .model = m};
    if (w->n < x->columns)
        TRY(init_list(w, m, err));
    return table_init(&w->b, "ease.weight", NULL, w->n, (int)w->n, false, w->cut ? w->cut : x->cut, x->shards,
                      m->eng.team, err);
}

void item_weights_fini(struct item_weights *w)
{
    table_fini(&w->b);
    vector_fini(&w->items);
    mem_free(w->column);
    mem_free(w->row);
    mem_free(w->cut);
}

void item_weights_list(const struct item_weights *w, struct param_list *l)
{
    params_add_table(l, &w->b);
    if (w->column)
        params_add_vector(l, &w->items);
}

/* ---- which items ---- */

static int by_count(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return x[0] != y[0] ? (x[0] < y[0] ? 1 : -1) : (x[1] > y[1]) - (x[1] < y[1]);
}

/* The list as numbers, from the weights, which may have been loaded: what is out of order is left out. */
static void read_list(struct item_weights *w)
{
    int64_t columns = w->model->eng.train->columns, last = -1;

    for (int64_t c = 0; c < columns; c++)
        w->row[c] = -1;
    for (int64_t i = 0; i < w->n; i++) {
        float item = w->items.row.w[i];
        bool good = item > (float)last && item < (float)columns;

        w->column[i] = good ? (int32_t)item : (int32_t)columns;
        if (good)
            w->row[last = w->column[i]] = (int32_t)i;
    }
}

void item_weights_choose(struct item_weights *w, int64_t *pairs)
{
    const struct matrix *x = w->model->eng.train;
    int64_t n = 0;

    for (int64_t c = 0; c < x->columns; c++) {
        pairs[2 * c] = x->column_count[c];
        pairs[2 * c + 1] = c;
    }
    qsort(pairs, (size_t)x->columns, 2 * sizeof *pairs, by_count);
    memset(w->row, 0, (size_t)x->columns * sizeof *w->row);
    for (int64_t i = 0; i < w->n; i++)
        w->row[pairs[2 * i + 1]] = 1;
    for (int64_t c = 0; c < x->columns; c++)
        if (w->row[c])
            w->items.row.w[n++] = (float)c;
    read_list(w);
}

/* ---- scores ---- */

void item_weights_infer(struct worker *worker, struct item_weights *w, const struct input *in)
{
    if (worker->id != 0)
        return;
    w->in = in;
    if (w->column)
        read_list(w);
}

/* The rows of B whose columns begin at `column` or behind. */
static int64_t first_row(const struct item_weights *w, int64_t column)
{
    return w->column ? first_from(w->column, 0, w->n, column) : column;
}

float *item_weights_row(const struct item_weights *w, int64_t row)
{
    int shard = shard_of(w->b.cut, w->b.shards, row);

    return w->b.part[shard].row.w + (row - w->b.cut[shard].begin) * w->b.ld;
}

void item_weights_add(const struct item_weights *w, int shard, int64_t rows, float factor, float *out,
                      int64_t ld)
{
    const struct matrix *x = w->model->eng.train;
    int64_t begin = x->cut[shard].begin, first = first_row(w, begin), end = first_row(w, x->cut[shard].end);
    const int32_t *column = w->column;

    for (int s = 0; s < x->shards; s++) {
        const struct view *v = &w->in->view[s];

        for (int64_t p = 0; p < rows; p++)
            for (int64_t i = v->row[p]; i < v->row[p + 1]; i++) {
                int64_t c = x->cut[s].begin + v->col[i], row = w->row ? w->row[c] : c;
                const float *b = row < 0 ? NULL : item_weights_row(w, row);
                float *to = out + p * ld - begin;

                for (int64_t k = first; b && !column && k < end; k++)
                    to[k] += factor * b[k];
                for (int64_t k = first; b && column && k < end; k++)
                    to[column[k]] += factor * b[k];
            }
    }
}
