#include "serve/compare.h"

#include "base/hash.h"
#include "base/order.h"
#include "data/reading.h"
#include "serve/eval_run.h"

#include <math.h>
#include <stdlib.h>

/* ---- one run ------------------------------------------------------------------------------------------ */

void evaluation_alloc(struct evaluation *out, int64_t users)
{
    for (int i = 0; i < out->spec.n; i++) {
        out->user[i] = mem_pool_alloc(&out->pool, users, sizeof *out->user[i]);
        out->value[i] = mem_pool_alloc(&out->pool, users, sizeof *out->value[i]);
        out->weight[i] = mem_pool_alloc(&out->pool, users, sizeof *out->weight[i]);
    }
}

/* A hash of each user's held-out items: a sum, so independent of order. */
static int hash_held_out(struct evaluation *out, const struct problem *p, const struct matrix *held_out,
                         struct error *err)
{
    const struct idtable *items = p->ratings->items;
    bool by_user = p->side == SIDE_USER;

    out->held_out = mem_pool_zalloc(&out->pool, p->users, sizeof *out->held_out);
    TRY(need_memory(out->held_out, err));
    for (int s = 0; s < held_out->shards; s++)
        for (int64_t e = 0; e < held_out->examples; e++)
            for (int64_t row = matrix_row(held_out, e), i = held_out->part[s].ptr[row];
                 i < held_out->part[s].ptr[row + 1]; i++) {
                int64_t c = held_out->cut[s].begin + held_out->part[s].col[i], item = by_user ? c : e;

                out->held_out[by_user ? e : c] +=
                    hash_64(idtable_name(items, item), idtable_length(items, item));
            }
    return 0;
}

/* The metrics to compute, or why they cannot be. */
static int make_spec(struct eval_spec *out, const struct eval_run *run, bool valid, struct error *err)
{
    struct problem *p = run->problem;

    if ((valid ? &p->valid : &p->test)->out)
        return eval_spec_make(out, run->config, p, err);
    if (valid && p->refitted)
        return error_set(err, PT_EUSAGE,
                         "%s: no validation part: train.refit trained the model on those ratings",
                         run->folder);
    return error_set(err, PT_EUSAGE, "%s: its split has no %s part%s", run->folder,
                     valid ? "validation" : "test",
                     valid ? "" : "; --on FILE evaluates it on the ratings of a file");
}

/* `model`: the run's, or one in its place. */
static int evaluate_model(struct evaluation *out, const struct eval_run *run, const struct eval_spec *spec,
                          struct model *model, bool valid, struct error *err)
{
    struct problem *p = run->problem;
    const struct eval_part *part = valid ? &p->valid : &p->test;
    scoped(evaluator_free) struct evaluator *e = NULL;
    struct eval_spec plain = *spec;
    bool ranks = false;

    out->spec = *spec;
    for (int i = 0; i < spec->n; i++)
        ranks |= metric_is_ranking(&spec->metric[i]);
    TRY(evaluator_new(&e, &out->spec, part, model, p, err));
    evaluate(e, &out->result);
    evaluation_alloc(out, evaluator_users_most(e));
    for (int i = 0; i < spec->n && !out->pool.failed; i++)
        out->n[i] = evaluator_per_user(e, i, out->user[i], out->value[i], out->weight[i]);
    evaluator_free(e);
    e = NULL;
    TRY(need_memory(!out->pool.failed, err));
    TRY(hash_held_out(out, p, part->out, err));
    if (!spec->seen_zero || !ranks)
        return 0;
    plain.seen_zero = false;
    TRY(evaluator_new(&e, &plain, part, model, p, err));
    evaluate(e, &out->other);
    out->has_other = true;
    return 0;
}

/* Where the rows of mf's evaluated users come from. */
static void count_rows(struct evaluation *out, const struct eval_run *run, const struct matrix *held_out)
{
    for (int64_t u = 0; run->row_of && u < held_out->examples; u++)
        if (held_out->row_count[u]) {
            out->folded += run->row_of[u] == ROW_FOLDED;
            out->unknown += run->row_of[u] == ROW_NONE;
        }
}

/* Evaluated users whom the run has in its users.tsv: the ratings' own table may be that one, longer. */
static void count_trained(struct evaluation *out, const struct eval_run *run, const struct matrix *held_out)
{
    const struct idtable *users = run->problem->ratings->users, *known = run->files.users;
    bool by_user = run->problem->side == SIDE_USER;

    for (int64_t u = 0; u < idtable_count(users); u++)
        out->trained += (by_user ? held_out->row_count : held_out->column_count)[u] > 0 &&
                        (known ? idtable_find_row(known, users, u) >= 0 : u < run->files.model_users);
}

/* Warns where the model is no better than the mean rating. */
static int warn_useless(const struct eval_run *run, const struct evaluation *out,
                        const struct eval_request *q, const struct matrix *held_out, struct error *err)
{
    double of_mean;
    char text[512];

    TRY(eval_mean_rmse(&of_mean, run->problem, held_out, err));
    if (eval_mean_note(text, sizeof text, run->config, q->valid ? "validation" : "test", &out->spec,
                       &out->result, of_mean))
        q->warn(q->arg, text);
    return 0;
}

static int evaluate_baseline(struct evaluation *out, struct baseline *b, const struct eval_run *run,
                             const struct eval_spec *spec, const struct eval_request *q, struct error *err)
{
    struct eval_spec own = *spec;

    *out = (struct evaluation){.users = run->problem->ratings->users, .borrows = true};
    own.untrained = UNTRAINED_SCORE; /* its own output is that of the half-known */
    TRY(evaluate_model(out, run, &own, baseline_model(b), q->valid, err));
    if (*baseline_choice(b))
        warn_printf(q->warn, q->arg, "note: %s: %s", baseline_name(q->baseline), baseline_choice(b));
    return 0;
}

/* A refitted run has no validation part any more, and a file of ratings none of its own. Ratings from
 * standard input are not read twice. */
static bool needs_validation(const struct eval_run *run, const struct eval_request *q)
{
    return !q->valid && !run->problem->valid.out && (run->problem->refitted || q->on) &&
           strcmp(run->config->data_path, "-") != 0;
}

/* The baseline's setting on the validation part that the run had; NAN: it had none. */
static int choose_setting(double *setting, const struct eval_request *q, struct error *err)
{
    const struct eval_ratings before = {.input = q->ratings.input, .before_refit = true};
    scoped(eval_run_close) struct eval_run *run = NULL;
    scoped(baseline_free) struct baseline *b = NULL;
    struct eval_spec spec;

    TRY(eval_run_open(&run, q->folder, NULL, &before, q->override, q->overrides, err));
    if (!run->problem->valid.out)
        return 0;
    TRY(make_spec(&spec, run, true, err));
    TRY(baseline_new(&b, q->baseline, &spec, run->problem, &run->model->eng, NAN, err));
    *setting = baseline_setting(b);
    return 0;
}

int evaluate_run(struct evaluation *out, struct evaluation *against, const struct eval_request *q,
                 struct error *err)
{
    scoped(eval_run_close) struct eval_run *run = NULL;
    scoped(baseline_free) struct baseline *b = NULL;
    const struct matrix *held_out;
    struct eval_spec spec;
    double setting = NAN;

    *out = (struct evaluation){0};
    TRY(eval_run_open(&run, q->folder, q->on, &q->ratings, q->override, q->overrides, err));
    if (against && baseline_has_setting(q->baseline) && needs_validation(run, q)) {
        eval_run_close(run); /* a process has one team at a time */
        run = NULL;
        TRY(choose_setting(&setting, q, err));
        TRY(eval_run_open(&run, q->folder, q->on, &q->ratings, q->override, q->overrides, err));
    }
    if (run->config->retired)
        warn_printf(q->warn, q->arg, "note: %s has no effect any more; leave it out", run->config->retired);
    if (!problem_is_binary(run->config) && run->config->eval_untrained == UNTRAINED_BIAS &&
        !run->problem->bias.column)
        warn_printf(
            q->warn, q->arg,
            "note: %.200s is of an earlier partrain and has no biases: the training mean stands in for them",
            run->folder);
    reading_report(run->problem->ratings, problem_is_binary(run->config), q->quiet ? NULL : q->warn, q->warn,
                   q->arg);
    if (run->on_read)
        reading_report(run->on_read, problem_is_binary(run->config), q->quiet ? NULL : q->warn, q->warn,
                       q->arg);
    if (*run->problem->ratings->note)
        warn_printf(q->warn, q->arg, "note: %s", run->problem->ratings->note);
    TRY(make_spec(&spec, run, q->valid, err));
    if (against)
        TRY(baseline_new(&b, q->baseline, &spec, run->problem, &run->model->eng, setting, err));
    TRY(evaluate_model(out, run, &spec, run->model, q->valid, err));
    if (against)
        TRY(evaluate_baseline(against, b, run, &spec, q, err));
    held_out = q->valid ? run->problem->valid.out : run->problem->test.out;
    if (!run->same_data)
        count_trained(out, run, held_out);
    if (!problem_is_binary(run->config))
        TRY(warn_useless(run, out, q, held_out, err));
    out->same_data = run->same_data;
    out->same_split = run->same_split;
    out->dropped = run->dropped;
    out->left_out = run->left_out;
    count_rows(out, run, held_out);
    out->users = handed_on(run->problem->ratings->users);
    return 0;
}

void evaluation_free(struct evaluation *out)
{
    mem_pool_free(&out->pool);
    if (!out->borrows)
        idtable_free(out->users);
}

/* ---- two runs ----------------------------------------------------------------------------------------- */

int evaluation_align(const struct evaluation *a, const struct evaluation *b, int i, double **value,
                     struct error *err)
{
    mem_scoped double *aligned = mem_alloc(a->n[i], sizeof *aligned);
    bool same = a->n[i] == b->n[i];

    TRY(need_memory(aligned, err));
    for (int64_t u = 0; u < a->n[i] && same; u++) {
        int64_t row = a->user[i][u], there, *at;

        there = idtable_find_row(b->users, a->users, row);
        at = there < 0 ? NULL : bsearch(&there, b->user[i], (size_t)b->n[i], sizeof there, compare_int64);
        same =
            at && b->weight[i][at - b->user[i]] == a->weight[i][u] && b->held_out[there] == a->held_out[row];
        if (same)
            aligned[u] = b->value[i][at - b->user[i]];
    }
    if (!same)
        return error_set(
            err, PT_EUSAGE,
            "the two runs are not evaluated on the same held-out ratings, so they cannot be compared "
            "user by user; give both the same data.* and split.*");
    *value = handed_on(aligned);
    return 0;
}
