#include "serve/rank_block.h"

#include "base/mem.h"
#include "serve/fold_in.h"

#include <math.h>

void block_fini(struct block *b)
{
    int shards = b->use ? b->use->shards : 0;

    views_free(b->in_v, shards);
    views_free(b->seen_v, shards);
    matrix_free(b->in);
    matrix_free(b->seen);
    mem_free(b->example);
    mem_free(b->number);
    mem_free(b->model_row);
    *b = (struct block){0};
}

static int make_matrix(struct matrix **out, struct view **views, const struct trained *u,
                       const struct histories *p, int32_t *example, uint8_t mask, struct error *err)
{
    struct matrix_spec spec = {.part = p->use,
                               .mask = mask,
                               .side = u->side,
                               .examples = p->n,
                               .columns = u->columns,
                               .shift = u->shift,
                               .binary = !u->rating};
    struct ratings r = {.n = p->entries,
                        .user = u->side == SIDE_USER ? example : p->column,
                        .item = u->side == SIDE_USER ? p->column : example,
                        .value = p->value};
    int64_t rows = p->n < u->batch ? p->n : u->batch;
    int rc = matrix_new(out, &r, &spec, u->cut, u->shards, u->team, err);

    return rc < 0 ? rc : views_new(views, *out, rows, u->team, err);
}

int block_init(struct block *b, const struct trained *u, const struct histories *p, struct error *err)
{
    bool seen = false;
    int rc;

    *b = (struct block){.use = u, .people = p, .n = p->n};
    b->example = mem_alloc(p->entries, sizeof *b->example);
    b->number = mem_alloc(p->n, sizeof *b->number);
    b->model_row = mem_alloc(p->n, sizeof *b->model_row);
    if (!b->example || !b->number || !b->model_row) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto fail;
    }
    for (int64_t e = 0; e < p->n; e++) {
        b->number[e] = e;
        b->model_row[e] = !u->by_row                          ? e
                          : p->row[e] >= 0                    ? p->row[e]
                          : fold_in_takes(u->untrained, p, e) ? -1
                                                              : 0;
        for (int64_t i = p->ptr[e]; i < p->ptr[e + 1]; i++) {
            b->example[i] = (int32_t)e;
            seen |= p->use[i] == HISTORY_SEEN;
        }
    }
    if ((rc = make_matrix(&b->in, &b->in_v, u, p, b->example, HISTORY_INPUT, err)) < 0 ||
        (seen && (rc = make_matrix(&b->seen, &b->seen_v, u, p, b->example, HISTORY_SEEN, err)) < 0))
        goto fail;
    b->input =
        (struct input){.matrix = b->in, .view = b->in_v, .folded = u->fold ? fold_in_codes(u->fold) : NULL};
    return 0;
fail:
    block_fini(b);
    return rc;
}

void block_infer(struct worker *w, struct block *b, int64_t begin)
{
    struct model *m = b->use->model;
    struct view_input plain = {0};
    int end, first = own_shards(w, m, &end);

    if (w->id == 0) {
        b->begin = begin;
        b->rows = b->input.rows = b->n - begin < b->use->batch ? b->n - begin : b->use->batch;
        b->input.example = b->model_row + begin;
    }
    team_barrier(w);
    if (b->use->fold) {
        fold_in_rows(w, b->use->fold, b->people, begin, b->rows);
        team_barrier(w);
    }
    m->ops->infer(w, m, &b->input);
    team_phase(w, PHASE_EVAL);
    for (int s = first; s < end; s++) {
        view_build(&b->in_v[s], b->in, s, b->number + begin, b->rows, &plain, false);
        if (b->seen)
            view_build(&b->seen_v[s], b->seen, s, b->number + begin, b->rows, &plain, false);
    }
}

void block_score(struct worker *w, struct block *b, int s, float *score)
{
    struct model *m = b->use->model;

    m->ops->score(w, m, s, b->rows, score, row_pad(shard_width(&b->use->cut[s])));
}

static void hide(float *row, const struct view *v, int64_t p)
{
    for (int64_t i = v->row[p]; i < v->row[p + 1]; i++)
        row[v->col[i]] = -INFINITY;
}

void block_hide_known(const struct block *b, int s, int64_t p, float *row)
{
    hide(row, &b->in_v[s], p);
    if (b->seen)
        hide(row, &b->seen_v[s], p);
}

bool block_scores_init(float ***out, const struct trained *u)
{
    int workers = team_workers(u->team);
    int64_t widest = 0;

    for (int s = 0; s < u->shards; s++)
        widest = shard_width(&u->cut[s]) > widest ? shard_width(&u->cut[s]) : widest;
    *out = mem_zalloc(workers + 1, sizeof **out); /* ends with NULL */
    for (int i = 0; *out && i < workers; i++)
        if (!((*out)[i] = mem_array(u->batch * row_pad(widest), sizeof(float))))
            return false;
    return *out != NULL;
}

void block_scores_free(float **score)
{
    for (int i = 0; score && score[i]; i++)
        mem_free(score[i]);
    mem_free(score);
}
