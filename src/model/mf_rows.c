/* mf_rows.c - rows of a minibatch in matrix factorisation: their places, and their exchange between workers
 * and ranks. */
#include "model/mf.h"

#include <string.h>

void mf_own_range(const struct worker *w, const struct side *s, int *first, int *end)
{
    int64_t f, e;

    team_own(w, s->t.shards, &f, &e);
    *first = (int)f;
    *end = (int)e;
}

const float *mf_row_at(const struct table *t, const struct row *at, const float **bias)
{
    static const float zero;
    const struct table_part *part = &t->part[at->shard];

    *bias = t->bias_name && part->row.w ? part->bias.w + at->local : &zero;
    return part->row.w ? part->row.w + at->local * t->ld : NULL;
}

const float *mf_row(const struct table *t, int64_t row, const float **bias)
{
    struct row at = mf_row_find(t, row, false);

    return mf_row_at(t, &at, bias);
}

void mf_join(struct worker *w, void *words, int64_t n)
{
    team_barrier(w);
    if (w->id == 0)
        ranks_join(team_ranks(w->team), words, n);
    team_barrier(w);
}

void mf_copy_row(const struct table *t, int64_t row, float *to, float *bias_to)
{
    const float *bias, *from = mf_row(t, row, &bias);

    if (from)
        memcpy(to, from, (size_t)t->ld * sizeof *to);
    else
        memset(to, 0, (size_t)t->ld * sizeof *to);
    *bias_to = from ? *bias : 0.0f;
}

void mf_join_rows(struct worker *w, struct mf *a, const struct batch *b)
{
    int64_t from, to, ld = a->user.t.ld;

    team_range(b->rows, w->id, w->count, &from, &to);
    for (int64_t p = from; p < to; p++) {
        mf_copy_row(&a->user.t, a->user.row_of[b->example[p]], a->user.copy + p * ld, a->user.bias_copy + p);
        mf_copy_row(&a->item.t, a->item.row_of[b->example[p]], a->item.copy + p * ld, a->item.bias_copy + p);
    }
    if (w->id == 0 && b->rows < a->model.spec.batch) { /* the last batch of an epoch: no rows behind it */
        int64_t n = a->model.spec.batch - b->rows;

        memset(a->user.copy + b->rows * ld, 0, (size_t)(n * ld) * sizeof(float));
        memset(a->item.copy + b->rows * ld, 0, (size_t)(n * ld) * sizeof(float));
        memset(a->user.bias_copy + b->rows, 0, (size_t)n * sizeof(float));
        memset(a->item.bias_copy + b->rows, 0, (size_t)n * sizeof(float));
    }
    mf_join(w, a->copies, 2 * a->model.spec.batch * (ld + 1));
}

/* Own rows are [low, high). */
static void own_rows(const struct worker *w, const struct side *s, int64_t *low, int64_t *high)
{
    int first, end;

    mf_own_range(w, s, &first, &end);
    *low = first < end ? s->t.cut[first].begin : 0;
    *high = first < end ? s->t.cut[end - 1].end : 0;
}

struct row mf_row_find(const struct table *t, int64_t row, bool owned)
{
    int s = shard_of(t->cut, t->shards, row);

    return (struct row){s, owned, row - t->cut[s].begin};
}

static void prefetch_row(const struct table *t, const struct row *at)
{
    const float *row = t->part[at->shard].row.w;

    for (int64_t k = 0; row && k < t->ld; k += ROW_ALIGN)
        __builtin_prefetch(row + at->local * t->ld + k);
}

void mf_find(struct worker *w, struct mf *a, const struct batch *b)
{
    struct owned *owned = &a->owned[w->id];
    int64_t user_low, user_high, item_low, item_high;

    own_rows(w, &a->user, &user_low, &user_high);
    own_rows(w, &a->item, &item_low, &item_high);
    owned->user.n = owned->item.n = 0;
    for (int64_t p = 0; p < b->rows; p++) {
        int64_t user = a->user.row_of[b->example[p]], item = a->item.row_of[b->example[p]];
        bool has_user = user >= user_low && user < user_high, has_item = item >= item_low && item < item_high;

        if (has_user)
            owned->user.list[owned->user.n++] = (int32_t)p;
        if (has_item)
            owned->item.list[owned->item.n++] = (int32_t)p;
        if (has_user || has_item) {
            owned->user.row[p] = mf_row_find(&a->user.t, user, has_user);
            owned->item.row[p] = mf_row_find(&a->item.t, item, has_item);
            prefetch_row(&a->user.t, &owned->user.row[p]);
            prefetch_row(&a->item.t, &owned->item.row[p]);
        }
    }
}
