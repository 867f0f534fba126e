/* cmd_eval.c - partrain eval: metrics of a trained model on its test or validation part, with confidence
 * intervals, for each user, and compared to another run. */
#include "cli/cli.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "eval/bootstrap.h"
#include "serve/compare.h"
#include "store/run_files.h"

#include <math.h>
#include <string.h>

enum form { FORM_TABLE, FORM_JSON, FORM_TSV };

struct request {
    const char *run, *against, *per_user, *on, *metrics, *lists, *truth;
    int part; /* 1: validation */
    int form; /* enum form */
    int64_t resamples, seed, threads;
    bool ci, quiet;
};

static const char *const parts[] = {"test", "valid", NULL};
static const char *const forms[] = {"table", "json", "tsv", NULL};

static const struct cli_option options[] = {
    {"model", 'm', "RUN", "a run's folder", CLI_TEXT(run)},
    {"part", 0, "PART", "test (default) or valid", CLI_WORD(part, parts)},
    {"on", 0, "FILE", "evaluate it on the ratings of FILE, all of them", CLI_TEXT(on)},
    {"metrics", 0, "LIST", "what to compute (eval.metrics): ndcg@10,recall@20", CLI_TEXT(metrics)},
    {"ci", 0, NULL, "standard errors, and intervals of 95% over users", CLI_FLAG(ci)},
    {"against", 0, "RUN", "against a run, popular, bias, itemknn or ease; and p", CLI_TEXT(against)},
    {"lists", 0, "FILE", "no run, but lists: user, item, score or rank", CLI_TEXT(lists)},
    {"truth", 0, "FILE", "what their users chose: user, item[, rating]", CLI_TEXT(truth)},
    {"resamples", 0, "N", "resamples of --ci and --against; 2000", CLI_WHOLE(resamples, 100, 1000000)},
    {"seed", 0, "N", "seed of the resamples; 1", CLI_WHOLE(seed, 0, INT64_MAX)},
    {"per-user", 0, "FILE", "write every user's figures there, tab-separated", CLI_TEXT(per_user)},
    {"output", 'o', "FORM", "table, json or tsv", CLI_WORD(form, forms)},
    {"threads", 0, "N", "worker threads: run.threads", CLI_WHOLE(threads, 1, 4096)},
    {"quiet", 'q', NULL, "no notes; the figures, warnings and errors stay", CLI_FLAG(quiet)},
    {0},
};

const struct cli_usage cmd_eval_usage = {
    "-m RUN | --lists FILE --truth FILE [KEY=VALUE ...]",
    "Evaluates the model of a run on held-out ratings of its data, or with --on on\n"
    "those of a file; all its other ratings are input. KEY=VALUE sets data.*,\n"
    "split.*, eval.* and run.*: data.path=FILE cuts other ratings into parts.\n"
    "docs/metrics.md defines all metrics.\n"
    "\n"
    "Example: partrain eval -m runs/ml-1m --ci --metrics ndcg@10,ndcg@100\n",
    options};

/* Columns of the table; NAN is an empty cell. */
enum column {
    COLUMN_VALUE,
    COLUMN_REMOVE,
    COLUMN_ERROR,
    COLUMN_LOW,
    COLUMN_HIGH,
    COLUMN_AGAINST,
    COLUMN_DIFFERENCE,
    COLUMN_DIFFERENCE_LOW,
    COLUMN_DIFFERENCE_HIGH,
    COLUMN_P,
    COLUMNS,
};

/* A row a metric. */
struct eval_table {
    int rows;
    const struct metric *metric; /* (rows) borrowed from the evaluation */
    bool shown[COLUMNS];
    double cell[METRICS_MOST][COLUMNS];
};

static const char *const column_name[COLUMNS] = {"value",   "seen_remove", "std_error", "low",       "high",
                                                 "against", "difference",  "diff_low",  "diff_high", "p"};

static int add_interval(struct eval_table *s, const struct evaluation *j, int i,
                        const struct bootstrap_spec *draw, struct error *err)
{
    const struct metric *m = &j->spec.metric[i];
    struct bootstrap_figure f;

    if (j->n[i] == 0) /* no single user has it */
        return 0;
    if (bootstrap_figure(&f, j->value[i], j->weight[i], j->n[i], draw, err) < 0)
        return error_prefix(err, "%s", m->name);
    s->cell[i][COLUMN_ERROR] =
        m->kind == METRIC_RMSE ? f.standard_error / (2.0 * sqrt(f.value)) : f.standard_error;
    s->cell[i][COLUMN_LOW] = metric_from_mean(m, f.low);
    s->cell[i][COLUMN_HIGH] = metric_from_mean(m, f.high);
    return 0;
}

/* The difference of two roots is that of what is under them, divided by their sum: the ends of its interval
 * are taken with that sum held. */
static int add_difference(struct eval_table *s, const struct evaluation *a, const struct evaluation *b, int i,
                          const struct bootstrap_spec *draw, struct error *err)
{
    const struct metric *m = &a->spec.metric[i];
    struct bootstrap_difference d;
    mem_scoped double *value = NULL;
    double by = 1.0, *cell = s->cell[i];

    cell[COLUMN_AGAINST] = b->result.value[i];
    cell[COLUMN_DIFFERENCE] = a->result.value[i] - b->result.value[i];
    if (a->n[i] == 0 && b->n[i] == 0)
        return 0;
    TRY(evaluation_align(a, b, i, &value, err));
    if (bootstrap_difference(&d, a->value[i], value, a->weight[i], a->n[i], draw, err) < 0)
        return error_prefix(err, "%s", m->name);
    if (m->kind == METRIC_RMSE && d.a.value + d.b.value > 0.0)
        by = sqrt(d.a.value) + sqrt(d.b.value);
    cell[COLUMN_DIFFERENCE_LOW] = d.difference.low / by;
    cell[COLUMN_DIFFERENCE_HIGH] = d.difference.high / by;
    cell[COLUMN_P] = d.p;
    return 0;
}

/* a's figures; with `ci` standard errors and intervals; with `b` the differences to it. */
static int eval_table_fill(struct eval_table *s, const struct evaluation *a, const struct evaluation *b,
                           bool ci, const struct bootstrap_spec *draw, struct error *err)
{
    s->rows = a->spec.n;
    s->metric = a->spec.metric;
    s->shown[COLUMN_VALUE] = true;
    s->shown[COLUMN_REMOVE] = a->has_other;
    for (int c = COLUMN_ERROR; c <= COLUMN_HIGH; c++)
        s->shown[c] = ci;
    for (int c = COLUMN_AGAINST; c <= COLUMN_P; c++)
        s->shown[c] = b != NULL;
    for (int i = 0; i < s->rows; i++) {
        for (int c = 0; c < COLUMNS; c++)
            s->cell[i][c] = NAN;
        s->cell[i][COLUMN_VALUE] = a->result.value[i];
        if (a->has_other)
            s->cell[i][COLUMN_REMOVE] = a->other.value[i];
        if (ci)
            TRY(add_interval(s, a, i, draw, err));
        if (b)
            TRY(add_difference(s, a, b, i, draw, err));
    }
    return 0;
}

/* For reading, or tab-separated with all digits. */
static void eval_table_print(const struct eval_table *s, bool tsv)
{
    printf(tsv ? "%s" : "%-16s", "metric");
    for (int c = 0; c < COLUMNS; c++)
        if (s->shown[c])
            printf(tsv ? "\t%s" : " %11s", column_name[c]);
    putchar('\n');
    for (int i = 0; i < s->rows; i++) {
        printf(tsv ? "%s" : "%-16s", s->metric[i].name);
        for (int c = 0; c < COLUMNS; c++)
            if (s->shown[c] && isnan(s->cell[i][c]))
                fputs(tsv ? "\t" : "           -", stdout);
            else if (s->shown[c])
                printf(tsv ? "\t%.17g" : " %11.5g", s->cell[i][c]);
        putchar('\n');
    }
}

static struct json *eval_table_json(const struct eval_table *s)
{
    struct json *metrics = json_new_object();

    for (int i = 0; i < s->rows; i++) {
        struct json *one = json_new_object();

        for (int c = 0; c < COLUMNS; c++)
            if (s->shown[c])
                json_put_real(one, column_name[c], s->cell[i][c]);
        json_put(metrics, s->metric[i].name, one);
    }
    return metrics;
}

static int print_json(const struct eval_table *s, const struct request *q, const struct evaluation *a,
                      struct error *err)
{
    struct json *j = json_new_object();

    json_put_text(j, q->run ? "run" : "lists", q->run ? q->run : q->lists);
    if (q->against)
        json_put_text(j, "against", q->against);
    if (q->on)
        json_put_text(j, "on", q->on);
    if (q->run)
        json_put_text(j, "part", parts[q->part]);
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

    TRY(file_create(&w, path, err));
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

                file_printf(w, "\t%.17g", metric_from_mean(&j->spec.metric[i], x));
                at[i]++;
            } else if (j->n[i]) {
                file_write(w, "\t", 1);
            }
        file_write(w, "\n", 1);
    }
    return file_commit(w, err);
}

/* arg: the request. */
static void warn(void *arg, const char *text)
{
    const struct request *q = arg;

    if (!q->quiet || strncmp(text, "note: ", 6) != 0)
        cli_message("%s", text);
}

/* Which ratings the figures are of. */
static void note_ratings(const struct request *q, const char *run, const struct evaluation *e)
{
    if (q->quiet)
        return;
    if (e->dropped)
        cli_message("note: %lld rating%s of ids that the model of %s does not have; left out",
                    (long long)e->dropped, plural(e->dropped), run);
    if (e->folded)
        cli_message(
            "note: %lld of the users had no rating in the training of %s; their rows are made from the "
            "ratings that the split leaves them",
            (long long)e->folded, run);
    if (e->unknown)
        cli_message("note: %lld of the users had no rating in the training of %s, and the split leaves them "
                    "none: eval.cold or the training mean predicts, their rankings say nothing",
                    (long long)e->unknown, run);
    if (e->left_out)
        cli_message("note: %s was trained on %lld of the ratings; they are left out", run,
                    (long long)e->left_out);
    if (e->trained)
        cli_message(
            "note: the run %s has ratings of %lld of the users too; if it was trained on ratings that "
            "are evaluated here, the figures are too good",
            run, (long long)e->trained);
    if (e->same_data && !e->same_split)
        cli_message("note: split.* is not that of the run: %s may have been trained on ratings that are "
                    "evaluated here",
                    run);
    if (!q->on && e->result.cells == 1)
        cli_message(
            "note: one rating is held out: 1 for split.test or split.valid is a count; a share is below 1");
}

static int report(const struct request *q, const struct evaluation *a, const struct evaluation *b,
                  struct error *err)
{
    struct bootstrap_spec draw = {.resamples = (int)q->resamples, .level = 0.95, .seed = (uint64_t)q->seed};
    const char *ratings = q->lists ? q->truth : q->on ? q->on : q->part ? "validation part" : "test part";
    mem_scoped struct eval_table *s = mem_zalloc(1, sizeof *s);

    TRY(need_memory(s, err));
    TRY(eval_table_fill(s, a, b, q->ci, &draw, err));
    if (q->per_user)
        TRY(write_users(q->per_user, a, err));
    if (!q->quiet)
        fprintf(stderr, "%s: %s%s, %lld examples, %lld held-out ratings\n", q->lists ? q->lists : q->run,
                q->on || q->lists ? "on " : "", ratings, (long long)a->result.examples,
                (long long)a->result.cells);
    if (q->form == FORM_JSON)
        return print_json(s, q, a, err);
    eval_table_print(s, q->form == FORM_TSV);
    return 0;
}

/* `set` has the metrics and eval.relevant. */
static int evaluate_list_files(struct evaluation *out, char **set, int n, const struct request *q,
                               struct error *err)
{
    struct lists_request r = {.lists = q->lists, .truth = q->truth, .warn = warn, .arg = (void *)q};
    scoped(config_free) struct config *c = NULL;

    TRY(cli_load(&c, NULL, set, n, err));
    if (c->metrics.n == 0)
        TRY(config_set(c, "eval.metrics=ndcg@10,recall@10,precision@10", err));
    r.metric = c->metrics.value;
    r.metrics = c->metrics.n;
    r.relevant = c->relevant_rating;
    return evaluate_lists(out, &r, err);
}

static int check_request(const struct request *q, const char *rest, struct error *err)
{
    if (!q->lists != !q->truth)
        return error_set(err, PT_EUSAGE, "--lists FILE and --truth FILE belong together");
    if (q->lists && (q->run || q->on || q->part))
        return error_set(err, PT_EUSAGE, "--lists takes the place of a run: leave -m, --on and --part out");
    if (q->lists && q->against && baseline_find(q->against) >= 0)
        return error_set(
            err, PT_EUSAGE,
            "--against %s: lists have no training ratings to make it of; give a run of the same users",
            q->against);
    if (q->against && baseline_find(q->against) < 0 && !file_exists(q->against))
        return baseline_unknown(q->against, err);
    if (!q->run && !q->lists)
        return error_set(err, PT_EUSAGE, "no run given: partrain eval -m %.200s", rest ? rest : "RUN");
    if (q->on && q->part)
        return error_set(err, PT_EUSAGE, "--on FILE takes the place of a part; leave --part out");
    return 0;
}

static int evaluate_both(const struct request *q, char **set, int n, struct error *err)
{
    scoped_value(evaluation_free) struct evaluation a = {0}, b = {0};
    int kind = q->against ? baseline_find(q->against) : -1;
    struct eval_request r = {.folder = q->lists ? q->against : q->run,
                             .on = q->on,
                             .override = set,
                             .overrides = n,
                             .valid = q->part,
                             .quiet = q->quiet,
                             .baseline = (enum baseline_kind)kind,
                             .warn = warn,
                             .arg = (void *)q};

    TRY(q->lists ? evaluate_list_files(&a, set, n, q, err)
                 : evaluate_run(&a, kind >= 0 ? &b : NULL, &r, err));
    if (!q->lists)
        note_ratings(q, q->run, &a);
    r.folder = q->against;
    if (q->against && kind < 0) {
        TRY(evaluate_run(&b, NULL, &r, err));
        note_ratings(q, q->against, &b);
        for (int i = 0; i < a.spec.n; i++)
            if (a.spec.n != b.spec.n || strcmp(a.spec.metric[i].name, b.spec.metric[i].name) != 0)
                return error_set(err, PT_EUSAGE, "the two runs have other eval.metrics; give --metrics");
    }
    return report(q, &a, q->against ? &b : NULL, err);
}

int cmd_eval(int argc, char **argv, struct error *err)
{
    struct request q = {.resamples = 2000, .seed = 1};
    mem_scoped char *metrics = NULL, **set = NULL;
    char threads[32];
    struct cli_args args;
    int n;

    TRY(cli_parse(&args, &cmd_eval_usage, argc, argv, &q, err));
    TRY(check_request(&q, args.rest < argc ? argv[args.rest] : NULL, err));
    TRY(cli_words(&set, &n, &args, q.threads, threads, err));
    if (q.metrics) {
        metrics = mem_printf("eval.metrics=%s", q.metrics);
        TRY(need_memory(metrics, err));
        set[n++] = metrics;
    }
    return evaluate_both(&q, set, n, err);
}
