#include "serve/similar.h"

#include "base/mem.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

struct similar {
    const struct trained *trained;
    int64_t items, length, ld;
    float *vector; /* (items, ld) owned */
    bool *none;    /* (items) owned: no training ratings, or a vector of zeros */

    /* of a call of similar_find */
    const int32_t *item;
    int64_t n;
    int k;
    struct scored *best;
    int *count;
    struct scored *room; /* (workers, capacity) owned */
};

/* Row r of the tensor is the vector of item r; with `across` its numbers belong to item by item. */
static void copy_row(struct similar *s, int64_t r, const float *row, int64_t length, const int32_t *column,
                     bool across)
{
    if (!across)
        memcpy(s->vector + r * s->ld, row, (size_t)length * sizeof *row);
    else
        for (int64_t c = 0; c < length; c++)
            s->vector[(column ? column[c] : c) * s->ld + r] = row[c];
}

static int copy_tensor(struct similar *s, const struct param *p, const struct param *kept, bool across,
                       struct error *err)
{
    mem_scoped int32_t *column = NULL;
    int64_t r = 0;

    if (kept) { /* ease with model.items_most: B has these items alone */
        struct span names = kept->span(kept->owner, 0, 0);

        column = mem_array(kept->rows, sizeof *column);
        TRY(need_memory(column, err));
        for (int64_t i = 0; i < kept->rows; i++)
            column[i] = (int32_t)names.data[i];
    }
    for (int64_t i = 0; i < p->spans; i++) {
        struct span span = p->span(p->owner, i, 0);

        for (int64_t k = 0; k < span.count; k++)
            copy_row(s, r++, span.data + k * span.stride, span.length, column, across);
    }
    return 0;
}

static void scale_vectors(struct similar *s)
{
    for (int64_t i = 0; i < s->items; i++) {
        float *v = s->vector + i * s->ld;
        double square = 0;

        for (int64_t k = 0; k < s->length; k++)
            square += (double)v[k] * (double)v[k];
        s->none[i] = s->trained->problem->cold_column[i] || !(square > 0);
        for (int64_t k = 0; k < s->length; k++)
            v[k] = s->none[i] ? 0.0f : (float)((double)v[k] / sqrt(square));
    }
}

int similar_new(struct similar **out, const struct trained *trained, struct error *err)
{
    static const char *const names[] = {"decoder.weight", "item.weight", "ease.weight"};
    const struct param_list *l = &trained->model->params;
    const struct param *p = NULL;
    scoped(similar_free) struct similar *s = NULL;
    bool across;

    if (trained->problem->side == SIDE_ITEM)
        return error_set(err, PT_EUSAGE,
                         "item-based AutoRec has weights for its users and no vectors of items; train with "
                         "model.side=user, or another model");
    for (int i = 0; !p && i < 3; i++)
        p = params_find(l, names[i]);
    if (!p)
        return error_set(err, PT_EUSAGE, "this model has no vectors of items");
    s = mem_zalloc(1, sizeof *s);
    TRY(need_memory(s, err));
    across = strcmp(p->name, "ease.weight") == 0;
    s->trained = trained;
    s->items = trained->problem->columns;
    s->length = across ? p->rows : p->cols;
    s->ld = row_pad(s->length);
    s->vector = mem_zalloc(s->items * s->ld, sizeof *s->vector);
    s->none = mem_zalloc(s->items, sizeof *s->none);
    TRY(need_memory(s->vector && s->none, err));
    TRY(copy_tensor(s, p, across ? params_find(l, "ease.items") : NULL, across, err));
    scale_vectors(s);
    *out = handed_on(s);
    return 0;
}

void similar_free(struct similar *s)
{
    if (!s)
        return;
    mem_free(s->vector);
    mem_free(s->none);
    mem_free(s);
}

/* Sixteen sums side by side, then their tree. */
static double dot(const float *a, const float *b, int64_t n)
{
    double sum[ROW_ALIGN] = {0};

    for (int64_t k = 0; k < n; k += ROW_ALIGN)
        for (int lane = 0; lane < ROW_ALIGN; lane++)
            sum[lane] += (double)a[k + lane] * (double)b[k + lane];
    for (int half = ROW_ALIGN / 2; half; half /= 2)
        for (int lane = 0; lane < half; lane++)
            sum[lane] += sum[lane + half];
    return sum[0];
}

static void find(struct worker *w, void *arg)
{
    struct similar *s = arg;
    int capacity = topk_capacity(s->k);
    int64_t first, end;
    struct topk best;

    team_own(w, s->n, &first, &end);
    for (int64_t i = first; i < end; i++) {
        const float *of = s->vector + s->item[i] * s->ld;

        topk_init(&best, s->k, s->room + (int64_t)w->id * capacity, capacity);
        for (int64_t c = 0; c < s->items; c++)
            if (c != s->item[i] && !s->none[c])
                topk_offer_one(&best, (float)dot(of, s->vector + c * s->ld, s->ld), (int32_t)c);
        s->count[i] = s->none[s->item[i]] ? 0 : topk_finish(&best);
        memcpy(s->best + i * s->k, best.best, (size_t)s->count[i] * sizeof *best.best);
    }
}

int similar_find(struct similar *s, const int32_t *item, int64_t n, int k, struct scored *best, int *count,
                 struct error *err)
{
    s->item = item;
    s->n = n;
    s->k = k;
    s->best = best;
    s->count = count;
    s->room = mem_array((int64_t)team_workers(s->trained->problem->team) * topk_capacity(k), sizeof *s->room);
    if (!s->room)
        return error_set(err, PT_ENOMEM, "out of memory; a smaller -k needs less");
    team_run(s->trained->problem->team, find, s);
    mem_free(s->room);
    return 0;
}

int64_t similar_length(const struct similar *s)
{
    return s->length;
}

const float *similar_vector(const struct similar *s, int64_t item)
{
    return s->vector + item * s->ld;
}
