/* ials_score.c - factors of the users to score, from what they have chosen. */
#include "model/ials.h"

#include <math.h>
#include <string.h>

/* Adds what user p of the views has chosen in [first, end); their weight. */
static double add_chosen(const struct ials *a, struct ials_scratch *s, const struct input *in, int64_t p,
                         int64_t first, int64_t end, double weight)
{
    const struct model_spec *spec = &a->model.spec;

    for (int64_t k = first; k < end; k++) {
        const struct view *v = &in->view[k];

        for (int64_t i = v->row[p]; i < v->row[p + 1]; i++) {
            double pair = ials_weight(spec, v->target[i]);

            ials_add_row(a, s, a->item.part[k].row.w + v->col[i] * a->item.ld,
                         spec->confidence == CONFIDENCE_NONE ? 1.0f : (float)sqrt(pair));
            weight += pair;
        }
    }
    return weight;
}

int64_t ials_passed_floats(const struct ials *a)
{
    return normal_floats(a->item.ld) + a->item.ld + ROW_ALIGN;
}

/* One rank after the other adds its items to the systems of users [from, to); the last one solves them. */
static void pass_users(struct worker *w, struct ials *a, const struct input *in, int64_t from, int64_t to)
{
    int64_t size = ials_passed_floats(a), first, end, p, last;
    struct ials_scratch *s = &a->scratch[w->id], own = *s;
    struct ranks *r = team_ranks(w->team);
    bool begins = w->rank == 0, ends = w->rank + 1 == w->ranks;

    team_rank_own(w->team, a->item.shards, &first, &end);
    if (w->id == 0 && !begins)
        ranks_receive(r, a->passed, (to - from) * size, w->rank - 1);
    team_barrier(w);
    team_range(to - from, w->id, w->count, &p, &last);
    for (p += from; p < from + last; p++) {
        double weight = 0.0;

        s->right = a->passed + (p - from) * size;
        s->system = s->right + a->item.ld;
        if (begins)
            ials_begin_row(a, s);
        else
            memcpy(&weight, s->system + normal_floats(a->item.ld), sizeof weight);
        s->begun = !begins;
        weight = add_chosen(a, s, in, p, first, end, weight);
        ials_add_gathered(a, s);
        memcpy(s->system + normal_floats(a->item.ld), &weight, sizeof weight);
        if (ends)
            ials_solve_row(a, s, weight, a->item.columns, a->code + p * a->item.ld);
        else
            memset(a->code + p * a->item.ld, 0, (size_t)a->item.ld * sizeof *a->code);
    }
    *s = own;
    team_barrier(w);
    if (w->id == 0 && !ends)
        ranks_send(r, a->passed, (to - from) * size, w->rank + 1);
}

void ials_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct ials *a = ials_of(m);
    int end, first = own_shards(w, m, &end);
    int64_t from, to;

    team_barrier(w); /* the views of the block before have been read, by other workers too */
    for (int s = first; s < end; s++)
        view_build(&in->view[s], in->matrix, s, in->example, in->rows, NULL, false);
    ials_item_gram(w, a); /* barriers: all views are there */
    team_range(in->rows, w->id, w->count, &from, &to);
    for (int64_t p = from; p < to && w->ranks == 1; p++) {
        struct ials_scratch *s = &a->scratch[w->id];

        ials_begin_row(a, s);
        ials_solve_row(a, s, add_chosen(a, s, in, p, 0, a->item.shards, 0.0), a->item.columns,
                       a->code + p * a->item.ld);
    }
    if (w->ranks > 1) {
        for (int64_t p = 0; p < in->rows; p += PASSED)
            pass_users(w, a, in, p, in->rows - p < PASSED ? in->rows : p + PASSED);
        if (w->id == 0)
            ranks_join(team_ranks(w->team), (uint32_t *)(void *)a->code, in->rows * a->item.ld);
    }
    team_barrier(w);
}

void ials_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    const struct ials *a = ials_of(m);

    (void)w;
    m->eng.kern->product_nt(rows, shard_width(&a->item.cut[shard]), a->item.ld, a->code, a->item.ld,
                            a->item.part[shard].row.w, a->item.ld, NULL, out, ld);
}

bool ials_product(struct model *m, int shard, struct score_product *out)
{
    const struct ials *a = ials_of(m);

    *out = (struct score_product){.code = a->code, .weight = a->item.part[shard].row.w, .ld = a->item.ld};
    return true;
}
