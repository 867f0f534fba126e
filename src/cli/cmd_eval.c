/* cmd_eval.c - partrain eval: figures of a trained model on its test or validation part, with intervals, by
 * user, and against another run. */
#include "cli/cli.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/eval_table.h"
#include "store/run_files.h"

#include <stdlib.h>
#include <string.h>

enum {
    PART_OPTION = 256,
    METRICS_OPTION,
    CI_OPTION,
    RESAMPLES_OPTION,
    SEED_OPTION,
    USERS_OPTION,
    AGAINST_OPTION,
    ON_OPTION,
    THREADS_OPTION,
};

static const struct cli_option options[] = {
    {"model", 'm', "RUN", "a run's folder"},
    {"part", PART_OPTION, "PART", "test (what it was never shown) or valid"},
    {"on", ON_OPTION, "FILE", "judge it on the ratings of FILE, all of them"},
    {"metrics", METRICS_OPTION, "LIST", "what to compute (eval.metrics): ndcg@10,recall@20"},
    {"ci", CI_OPTION, NULL, "standard errors, and intervals of 95% over users"},
    {"against", AGAINST_OPTION, "RUN", "differences to another run, or to \"popular\"; chance?"},
    {"resamples", RESAMPLES_OPTION, "N", "resamples of --ci and --against; 2000"},
    {"seed", SEED_OPTION, "N", "seed of the resamples; 1"},
    {"per-user", USERS_OPTION, "FILE", "write every user's figures there, tab-separated"},
    {"output", 'o', "FORM", "table, json or tsv"},
    {"threads", THREADS_OPTION, "N", "worker threads: run.threads"},
    {"quiet", 'q', NULL, "no notes, only the figures"},
    {0},
};

const struct cli_usage cmd_eval_usage = {
    "-m RUN [KEY=VALUE ...]",
    "Judges the model of a run on the part of its ratings that was held out, or --on\n"
    "the ratings of a file, given all others that it had. KEY=VALUE sets data.*,\n"
    "split.*, eval.* and run.*: data.path=FILE cuts other ratings into parts. With\n"
    "eval.seen=zero eval.seen=remove stands beside. docs/metrics.md defines it all.\n"
    "\n"
    "Example: partrain eval -m runs/ml-1m --ci --metrics ndcg@10,ndcg@100\n",
    options};

enum form { FORM_TABLE, FORM_JSON, FORM_TSV };

struct request {
    const char *run, *against, *per_user, *on;
    bool valid, ci, quiet;
    enum form form;
    struct bootstrap_spec draw;
    char *set[3]; /* KEY=VALUE words from options, owned */
    int sets;
};

/* ---- options ------------------------------------------------------------------------------------------ */

static int add_set(struct request *q, const char *key, const char *value, struct error *err)
{
    char *word = NULL;

    if (q->sets == sizeof q->set / sizeof *q->set)
        return error_set(err, PT_EUSAGE, "%s: given too often", key);
    if (asprintf(&word, "%s=%s", key, value) < 0)
        return error_set(err, PT_ENOMEM, "out of memory");
    q->set[q->sets++] = word;
    return 0;
}

static int take(struct request *q, const struct cli_args *args, int option, struct error *err)
{
    static const char *const parts[] = {"test", "valid", NULL}, *const forms[] = {"table", "json", "tsv",
                                                                                  NULL};
    int64_t n = 0;
    int which = 0, rc = 0;

    switch (option) {
    case 'm':
        q->run = args->value;
        break;
    case PART_OPTION:
        rc = cli_word(args, "--part", parts, &which, err);
        q->valid = which == 1;
        break;
    case ON_OPTION:
        q->on = args->value;
        break;
    case METRICS_OPTION:
        rc = add_set(q, "eval.metrics", args->value, err);
        break;
    case CI_OPTION:
        q->ci = true;
        break;
    case RESAMPLES_OPTION:
        rc = cli_whole(args, "--resamples", 100, 1000000, &n, err);
        q->draw.resamples = (int)n;
        break;
    case SEED_OPTION:
        rc = cli_whole(args, "--seed", 0, INT64_MAX, &n, err);
        q->draw.seed = (uint64_t)n;
        break;
    case USERS_OPTION:
        q->per_user = args->value;
        break;
    case AGAINST_OPTION:
        q->against = args->value;
        break;
    case 'o':
        rc = cli_word(args, "--output", forms, &which, err);
        q->form = (enum form)which;
        break;
    case THREADS_OPTION:
        if ((rc = cli_whole(args, "--threads", 1, 4096, &n, err)) == 0)
            rc = add_set(q, "run.threads", args->value, err);
        break;
    case 'q':
        q->quiet = true;
        break;
    }
    return rc;
}

/* ---- output ------------------------------------------------------------------------------------------- */

static int print_json(const struct eval_table *s, const struct request *q, const struct evaluation *a,
                      struct error *err)
{
    struct json *j = json_new_object();

    json_put_text(j, "run", q->run);
    if (q->against)
        json_put_text(j, "against", q->against);
    if (q->on)
        json_put_text(j, "on", q->on);
    json_put_text(j, "part", q->valid ? "valid" : "test");
    json_put_int(j, "examples", a->result.examples);
    json_put_int(j, "cells", a->result.cells);
    json_put(j, "metrics", eval_table_json(s));
    return cli_print_json(stdout, j, err);
}

/* A line a user with a figure, in the order of rows: id, figures. */
static int write_users(const char *path, const struct evaluation *j, struct error *err)
{
    struct file_writer *w;
    int64_t at[METRICS_MOST] = {0};
    int rc = file_create(&w, path, err);

    if (rc < 0)
        return rc;
    file_write(w, "user", 4);
    for (int i = 0; i < j->spec.n; i++)
        if (j->n[i])
            file_printf(w, "\t%s", j->spec.metric[i].name);
    file_write(w, "\n", 1);
    for (int64_t u = 0; u < idtable_count(j->users); u++) {
        bool any = false;

        for (int i = 0; i < j->spec.n; i++)
            any |= at[i] < j->n[i] && j->user[i][at[i]] == u;
        if (!any)
            continue;
        run_ids_put(w, idtable_name(j->users, u));
        for (int i = 0; i < j->spec.n; i++)
            if (at[i] < j->n[i] && j->user[i][at[i]] == u) {
                double x = j->value[i][at[i]] / j->weight[i][at[i]];

                file_printf(w, "\t%.17g", metric_of_mean(&j->spec.metric[i], x));
                at[i]++;
            } else if (j->n[i]) {
                file_write(w, "\t", 1);
            }
        file_write(w, "\n", 1);
    }
    return file_commit(w, err);
}

static void tell(const struct request *q, const char *run, const struct evaluation *j)
{
    if (q->quiet)
        return;
    if (j->dropped)
        cli_message("note: %lld rating%s that the model of %s does not know; left out", (long long)j->dropped,
                    j->dropped == 1 ? " has an id" : "s have ids", run);
    if (j->folded)
        cli_message(
            "note: %lld of the users had no rating in the training of %s; their rows are made from the "
            "ratings that the split leaves them",
            (long long)j->folded, run);
    if (j->unknown)
        cli_message(
            "note: %lld of the users had no rating in the training of %s, and the split leaves them none: "
            "their ratings are predicted by eval.cold or the training mean, their rankings say nothing",
            (long long)j->unknown, run);
    if (j->left_out)
        cli_message("note: %s was trained on %lld of the ratings; they are left out", run,
                    (long long)j->left_out);
    if (j->trained)
        cli_message(
            "note: the run %s has ratings of %lld of the users too; where it was trained on ratings that "
            "it is judged by here, the figures are too good",
            run, (long long)j->trained);
    if (j->same_data && !j->same_split)
        cli_message("note: split.* is not that of the run: %s may have been trained on ratings that it is "
                    "judged by here",
                    run);
}

/* A share that was meant, and a count that was said. */
static void tell_single(const struct evaluation *j, const struct request *q)
{
    if (!q->quiet && !q->on && j->result.cells == 1)
        cli_message(
            "note: one rating is judged; of split.test and split.valid 1 is a count, a share is below 1");
}

static int report(const struct request *q, const struct evaluation *a, const struct evaluation *b,
                  struct error *err)
{
    struct eval_table *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return error_set(err, PT_ENOMEM, "out of memory");
    if ((rc = eval_table_fill(s, a, b, q->ci, &q->draw, err)) < 0 ||
        (q->per_user && (rc = write_users(q->per_user, a, err)) < 0))
        goto end;
    if (!q->quiet)
        fprintf(stderr, "%s: %s%s, %lld examples, %lld held-out ratings\n", q->run,
                q->on      ? "on "
                : q->valid ? "validation"
                           : "test",
                q->on ? q->on : " part", (long long)a->result.examples, (long long)a->result.cells);
    if (q->form == FORM_JSON)
        rc = print_json(s, q, a, err);
    else if (q->form == FORM_TSV)
        eval_table_print_tsv(s);
    else
        eval_table_print_table(s);
end:
    mem_free(s);
    return rc;
}

/* ---- the command -------------------------------------------------------------------------------------- */

static int judge_both(const struct request *q, char *const *set, int n, struct error *err)
{
    struct evaluation a = {0}, b = {0};
    bool popular = q->against && strcmp(q->against, "popular") == 0;
    int rc = evaluate_run(&a, popular ? &b : NULL, q->run, q->on, set, n, q->valid, err);

    if (rc == 0) {
        tell(q, q->run, &a);
        tell_single(&a, q);
    }
    if (rc == 0 && q->against && !popular &&
        (rc = evaluate_run(&b, NULL, q->against, q->on, set, n, q->valid, err)) == 0) {
        tell(q, q->against, &b);
        if (a.spec.n != b.spec.n)
            rc = error_set(err, PT_EUSAGE, "the two runs have other eval.metrics; give --metrics");
        for (int i = 0; i < a.spec.n && rc == 0; i++)
            if (strcmp(a.spec.metric[i].name, b.spec.metric[i].name) != 0)
                rc = error_set(err, PT_EUSAGE, "the two runs have other eval.metrics; give --metrics");
    }
    if (rc == 0)
        rc = report(q, &a, q->against ? &b : NULL, err);
    evaluation_free(&b);
    evaluation_free(&a);
    return rc;
}

int cmd_eval(int argc, char **argv, struct error *err)
{
    struct request q = {.draw = {.resamples = 2000, .level = 0.95, .seed = 1}};
    struct cli_args args;
    char **set = NULL;
    int option, rc = 0, n;

    cli_args_init(&args, &cmd_eval_usage, argc, argv);
    while (rc == 0 && (option = cli_next(&args, err)) != 0)
        rc = option < 0 ? option : take(&q, &args, option, err);
    n = argc - args.rest;
    if (rc == 0 && !q.run)
        rc = error_set(err, PT_EUSAGE, "no run given: partrain eval -m %.200s", n ? argv[args.rest] : "RUN");
    if (rc == 0 && q.on && q.valid)
        rc = error_set(err, PT_EUSAGE, "--on FILE takes the place of a part; leave --part out");
    if (rc == 0 && !(set = mem_alloc(n + q.sets, sizeof *set)))
        rc = error_set(err, PT_ENOMEM, "out of memory");
    if (rc == 0) {
        for (int i = 0; i < n; i++)
            set[i] = argv[args.rest + i];
        for (int i = 0; i < q.sets; i++)
            set[n + i] = q.set[i];
        rc = judge_both(&q, set, n + q.sets, err);
    }
    mem_free(set);
    for (int i = 0; i < q.sets; i++)
        free(q.set[i]);
    return rc;
}
