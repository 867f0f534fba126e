/* ials_rows.c - the system of equations of a row, and what all rows' systems have in common. */
#include "model/ials.h"

#include <string.h>

/* ---- a row ---- */

void ials_begin_row(const struct ials *a, struct ials_scratch *s)
{
    memset(s->right, 0, (size_t)a->item.ld * sizeof(float));
    s->n = 0;
    s->begun = s->weights = false;
}

void ials_add_gathered(const struct ials *a, struct ials_scratch *s)
{
    if (s->n || !s->begun)
        a->model.eng.kern->normal_add(a->item.ld, s->n, s->row, s->weights ? s->root : NULL, s->packed,
                                      s->begun ? s->system : a->gram, s->system, s->right);
    s->begun = true;
    s->n = 0;
}

void ials_add_row(const struct ials *a, struct ials_scratch *s, const float *q, float root)
{
    if (s->n == PIECE)
        ials_add_gathered(a, s);
    s->row[s->n] = q;
    s->root[s->n++] = root;
    s->weights |= root != 1.0f;
}

static double penalty_of(const struct ials *a, double weight, int64_t others)
{
    const struct model_spec *s = &a->model.spec;

    return s->penalty * (weight + s->unobserved_weight * (double)others);
}

double ials_solve_row(const struct ials *a, struct ials_scratch *s, double weight, int64_t others, float *x)
{
    ials_add_gathered(a, s);
    return (double)a->model.eng.kern->normal_solve(a->item.ld, s->system, s->room,
                                                   (float)penalty_of(a, weight, others), s->right, x);
}

/* ---- sums of outer products ---- */

void ials_sum_gram(struct worker *w, struct ials *a)
{
    int64_t size = normal_floats(a->item.ld), from, to;

    team_share(w, a->part, a->item.shards, size * (int64_t)sizeof(float));
    team_barrier(w);
    team_range(size / ROW_ALIGN, w->id, w->count, &from, &to);
    from *= ROW_ALIGN;
    to *= ROW_ALIGN;
    memset(a->gram + from, 0, (size_t)(to - from) * sizeof(float));
    for (int s = 0; s < a->item.shards && to > from; s++)
        a->model.eng.kern->add(a->gram + from, a->part + s * size + from, to - from);
    a->model.eng.kern->scale(a->gram + from, (float)a->model.spec.unobserved_weight, to - from);
    team_barrier(w);
}

void ials_sum_rows(const struct ials *a, struct ials_scratch *s, const float *rows, int64_t n, float *gram)
{
    int64_t ld = a->item.ld;

    memset(gram, 0, (size_t)normal_floats(ld) * sizeof *gram);
    for (int64_t i = 0; i < n; i += PIECE) {
        int count = n - i < PIECE ? (int)(n - i) : PIECE;

        for (int j = 0; j < count; j++)
            s->row[j] = rows + (i + j) * ld;
        a->model.eng.kern->normal_add(ld, count, s->row, NULL, s->packed, gram, gram, s->right);
    }
}

void ials_item_gram(struct worker *w, struct ials *a)
{
    int64_t size = normal_floats(a->item.ld), first, end;

    team_own(w, a->item.shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        ials_sum_rows(a, &a->scratch[w->id], a->item.part[s].row.w, shard_width(&a->item.cut[s]),
                      a->part + s * size);
    ials_sum_gram(w, a);
}
