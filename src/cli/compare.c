#include "cli/compare.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "model/popular.h"
#include "serve/loaded.h"
#include "store/run_files.h"

#include <stdlib.h>
#include <string.h>

/* ---- one run ------------------------------------------------------------------------------------------ */

static int no_part(const struct loaded *l, bool valid, struct error *err)
{
    if (valid && l->problem->refitted)
        return error_set(err, PT_EUSAGE,
                         "%s: no validation part: train.refit trained the model on those ratings", l->folder);
    return error_set(err, PT_EUSAGE, "%s: its split has no %s part%s", l->folder,
                     valid ? "validation" : "test",
                     valid ? "" : "; --on FILE judges it on the ratings of a file");
}

static int rankings(const struct eval_spec *s)
{
    int n = 0;

    for (int i = 0; i < s->n; i++)
        n += metric_is_ranking(&s->metric[i]);
    return n;
}

static int keep_users(struct evaluation *j, const struct evaluator *e, struct error *err)
{
    int64_t most = evaluator_users_most(e);

    for (int i = 0; i < j->spec.n; i++) {
        j->user[i] = mem_alloc(most, sizeof *j->user[i]);
        j->value[i] = mem_alloc(most, sizeof *j->value[i]);
        j->weight[i] = mem_alloc(most, sizeof *j->weight[i]);
        if (!j->user[i] || !j->value[i] || !j->weight[i])
            return error_set(err, PT_ENOMEM, "out of memory");
        j->n[i] = evaluator_per_user(e, i, j->user[i], j->value[i], j->weight[i]);
    }
    return 0;
}

/* What was held out of each user: a sum, so in no order. */
static int sign_users(struct evaluation *j, const struct problem *p, const struct matrix *out,
                      struct error *err)
{
    const struct idtable *items = p->ratings->items;
    bool by_user = p->side == SIDE_USER;

    j->held_out = mem_zalloc(p->users, sizeof *j->held_out);
    if (!j->held_out)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int s = 0; s < out->shards; s++)
        for (int64_t e = 0; e < out->examples; e++)
            for (int64_t row = matrix_row(out, e), i = out->part[s].ptr[row]; i < out->part[s].ptr[row + 1];
                 i++) {
                int64_t c = out->cut[s].begin + out->part[s].col[i], item = by_user ? c : e;

                j->held_out[by_user ? e : c] +=
                    hash_64(idtable_name(items, item), idtable_length(items, item));
            }
    return 0;
}

/* What is to be computed, or why it cannot be. */
static int make_spec(struct eval_spec *out, const struct loaded *l, bool popular, bool valid,
                     struct error *err)
{
    const struct judged *part = valid ? &l->problem->valid : &l->problem->test;
    int rc = part->out ? eval_spec_make(out, l->config, l->problem, err) : no_part(l, valid, err);

    if (rc == 0 && popular && rankings(out) < out->n)
        rc = error_set(err, PT_EUSAGE,
                       "what is popular is a ranking and no rating; give --metrics such as ndcg@10");
    return rc;
}

/* The figures of `model`, which is the run's or stands in its place. */
static int judge_model(struct evaluation *j, const struct loaded *l, const struct eval_spec *spec,
                       struct model *model, bool valid, struct error *err)
{
    struct problem *p = l->problem;
    const struct judged *part = valid ? &p->valid : &p->test;
    struct evaluator *e = NULL;
    struct eval_spec plain;
    int rc;

    j->spec = *spec;
    if ((rc = evaluator_new(&e, &j->spec, part, model, p, err)) < 0)
        return rc;
    evaluate(e, &j->result);
    if ((rc = keep_users(j, e, err)) < 0 || (rc = sign_users(j, p, part->out, err)) < 0)
        goto end;
    if (j->spec.seen_zero && rankings(&j->spec)) {
        plain = j->spec;
        plain.seen_zero = false;
        evaluator_free(e);
        e = NULL;
        if ((rc = evaluator_new(&e, &plain, part, model, p, err)) < 0)
            goto end;
        evaluate(e, &j->other);
        j->has_other = true;
    }
end:
    evaluator_free(e);
    return rc;
}

/* Where the rows of mf's judged users come from. */
static void count_rows(struct evaluation *j, const struct loaded *l, bool valid)
{
    const struct matrix *out = valid ? l->problem->valid.out : l->problem->test.out;

    for (int64_t u = 0; l->row_of && u < out->examples; u++)
        if (out->row_count[u]) {
            j->folded += l->row_of[u] == ROW_FOLDED;
            j->unknown += l->row_of[u] == ROW_NONE;
        }
}

/* Judged users who are in the run's users.tsv. */
static int count_trained(struct evaluation *j, const struct loaded *l, bool valid, struct error *err)
{
    const struct matrix *out = valid ? l->problem->valid.out : l->problem->test.out;
    const struct idtable *users = l->problem->ratings->users;
    bool by_user = l->problem->side == SIDE_USER;
    char *path = file_join(l->folder, RUN_USERS);
    struct idtable *ids = NULL;
    int rc = path ? run_ids_read(&ids, NULL, path, err) : error_set(err, PT_ENOMEM, "out of memory");

    for (int64_t u = 0; rc == 0 && u < idtable_count(users); u++)
        j->trained += (by_user ? out->row_count : out->column_count)[u] > 0 &&
                      idtable_find(ids, idtable_name(users, u), idtable_length(users, u)) >= 0;
    idtable_free(ids);
    mem_free(path);
    return rc;
}

/* With -q too: the figures mean nothing. */
static int warn_useless(const struct loaded *l, const struct evaluation *j, bool valid, struct error *err)
{
    const struct matrix *part = valid ? l->problem->valid.out : l->problem->test.out;
    double of_mean;
    char text[512];
    int rc = eval_of_mean(&of_mean, l->problem, part, err);

    if (rc == 0 && eval_mean_note(text, sizeof text, l->config, valid ? "validation" : "test", &j->spec,
                                  &j->result, of_mean))
        cli_message("%s", text);
    return rc;
}

int evaluate_run(struct evaluation *out, struct evaluation *popular, const char *folder, const char *on,
                 char *const *override, int n, bool valid, struct error *err)
{
    struct loaded *l = NULL;
    struct eval_spec spec;
    struct model stand_in;
    int rc = load_run_on(&l, folder, on, override, n, err);

    *out = (struct evaluation){0};
    if (rc == 0)
        cli_note_retired(l->config);
    if (rc == 0 && *l->problem->ratings->note)
        cli_message("note: %s", l->problem->ratings->note);
    if (rc < 0 || (rc = make_spec(&spec, l, popular, valid, err)) < 0 ||
        (rc = judge_model(out, l, &spec, l->model, valid, err)) < 0)
        goto end;
    if (popular) {
        *popular = (struct evaluation){.users = l->problem->ratings->users, .borrows = true};
        stand_in = popular_model(&l->model->eng);
        if ((rc = judge_model(popular, l, &spec, &stand_in, valid, err)) < 0)
            goto end;
    }
    if (!l->same_data && (rc = count_trained(out, l, valid, err)) < 0)
        goto end;
    if (!problem_is_binary(l->config) && (rc = warn_useless(l, out, valid, err)) < 0)
        goto end;
    out->same_data = l->same_data;
    out->same_split = l->same_split;
    out->dropped = l->dropped;
    out->left_out = l->left_out;
    count_rows(out, l, valid);
    out->users = l->problem->ratings->users; /* taken */
    l->problem->ratings->users = NULL;
end:
    loaded_free(l);
    return rc;
}

void evaluation_free(struct evaluation *j)
{
    for (int i = 0; i < j->spec.n; i++) {
        mem_free(j->user[i]);
        mem_free(j->value[i]);
        mem_free(j->weight[i]);
    }
    mem_free(j->held_out);
    if (!j->borrows)
        idtable_free(j->users);
}

/* ---- two runs ----------------------------------------------------------------------------------------- */

static int compare(const void *key, const void *element)
{
    int64_t x = *(const int64_t *)key, y = *(const int64_t *)element;

    return (x > y) - (x < y);
}

int evaluation_align(const struct evaluation *a, const struct evaluation *b, int i, double **value,
                     struct error *err)
{
    bool same = a->n[i] == b->n[i];

    *value = mem_alloc(a->n[i], sizeof **value);
    if (!*value)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t u = 0; u < a->n[i] && same; u++) {
        int64_t row = a->user[i][u], there, *at;

        there = idtable_find(b->users, idtable_name(a->users, row), idtable_length(a->users, row));
        at = there < 0 ? NULL : bsearch(&there, b->user[i], (size_t)b->n[i], sizeof there, compare);
        same =
            at && b->weight[i][at - b->user[i]] == a->weight[i][u] && b->held_out[there] == a->held_out[row];
        if (same)
            (*value)[u] = b->value[i][at - b->user[i]];
    }
    if (same)
        return 0;
    mem_free(*value);
    *value = NULL;
    return error_set(err, PT_EUSAGE,
                     "the two runs are not judged on the same held-out ratings, so they cannot be compared "
                     "user by user; give both the same data.* and split.*");
}
