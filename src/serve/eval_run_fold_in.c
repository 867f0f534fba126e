/* eval_run_fold_in.c - users that a matrix factorisation was not trained on get rows in its table of
 * users, from the ratings that the split gives them as input (fold_in.h). */
#include "serve/eval_run.h"

#include "base/mem.h"
#include "serve/fold_in.h"

#include <string.h>

/* The matrix of what user u goes in with; NULL: nothing. */
static const struct matrix *input_of(const struct problem *p, int64_t u)
{
    const struct matrix *const in[] = {p->test.in, p->valid.in};

    for (int i = 0; i < 2; i++)
        if (in[i] && in[i]->row_count[u])
            return in[i];
    return NULL;
}

static bool add_history(struct histories *histories, const struct problem *p, int64_t u)
{
    const struct matrix *in = input_of(p, u);
    int64_t row = in ? matrix_row(in, u) : 0;

    for (int s = 0; in && s < in->shards; s++) {
        const struct matrix_part *part = &in->part[s];

        for (int64_t i = part->ptr[row]; i < part->ptr[row + 1]; i++)
            if (!histories_add(histories, (int32_t)in->cut[s].begin + (int32_t)part->col[i],
                               matrix_value(in, part, i) + p->shift, HISTORY_INPUT))
                return false;
    }
    return histories_end(histories, -1);
}

/* Whose row is made: who has input gets the one that fits it; others, where they have none of their own, the
 * mean row. */
static bool is_put(const struct eval_run *e, int64_t u)
{
    return e->row_of[u] == ROW_FOLDED || u >= e->users;
}

/* Row i of `from`, `pitch` floats apart, into the table `name` for user[i]; users ascend, and so do the rows
 * of the table's spans. */
static void put_table(const struct eval_run *e, const char *name, const int32_t *user, int64_t n,
                      const float *from, int64_t pitch)
{
    const struct param_list *all = &e->model->params;
    const struct param *q = all->param, *end = q + all->n;
    int64_t first = 0, i = 0;

    while (q < end && strcmp(q->name, name) != 0)
        q++;
    if (q == end) /* no biases */
        return;
    for (int64_t s = 0; s < q->spans && i < n; s++) {
        struct span span = q->span(q->owner, s, 0);

        if (q->cols == 0) { /* biases: a span is one row, a user an element of it */
            span.count = span.length;
            span.length = span.stride = 1;
        }
        for (; i < n && user[i] < first + span.count; i++)
            if (is_put(e, user[i]))
                memcpy(span.data + (user[i] - first) * span.stride, from + i * pitch,
                       (size_t)span.length * sizeof *span.data);
        first += span.count;
    }
}

static void put_rows(struct eval_run *e, const struct histories *histories, const int32_t *user,
                     const float *rows)
{
    struct problem *p = e->problem;
    int k = e->model->spec.latent;

    for (int64_t i = 0; i < histories->n; i++) {
        bool folded = fold_in_takes(p->cold_column, histories, i);

        e->row_of[user[i]] = folded ? ROW_FOLDED : ROW_NONE;
        if (folded)
            p->cold_example[user[i]] = 0;
    }
    put_table(e, "user.weight", user, histories->n, rows, k + 1);
    put_table(e, "user.bias", user, histories->n, rows + k, k + 1);
}

static int fold_histories(struct eval_run *e, const struct histories *histories, const int32_t *user,
                          struct error *err)
{
    const struct problem *p = e->problem;
    struct fold_in_spec spec = {.model = e->model,
                                .team = p->team,
                                .cut = p->cut,
                                .shards = p->shards,
                                .untrained = p->cold_column,
                                .untrained_row = p->cold_example,
                                .shift = p->shift,
                                .low = (double)p->low,
                                .high = (double)p->high,
                                .batch = 1};
    mem_scoped float *rows = mem_alloc(histories->n * (e->model->spec.latent + 1), sizeof *rows);
    struct fold_in *f = NULL;
    int rc = rows ? fold_in_new(&f, &spec, err) : error_set(err, PT_ENOMEM, "out of memory");

    if (rc == 0) {
        fold_in_all(f, histories, rows);
        put_rows(e, histories, user, rows);
    }
    fold_in_free(f);
    return rc;
}

int eval_run_fold_in(struct eval_run *e, struct error *err)
{
    const struct problem *p = e->problem;
    struct histories histories = {0};
    mem_scoped int32_t *user = mem_alloc(p->users, sizeof *user);
    int rc = 0;

    e->row_of = mem_zalloc(p->users, 1);
    if (!user || !e->row_of)
        rc = error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t u = 0; u < p->users && rc == 0 && p->cold_example; u++) {
        if (!p->cold_example[u])
            continue;
        user[histories.n] = (int32_t)u;
        if (!add_history(&histories, p, u))
            rc = error_set(err, PT_ENOMEM, "out of memory");
    }
    if (rc == 0 && histories.n)
        rc = fold_histories(e, &histories, user, err);
    histories_fini(&histories);
    return rc;
}
