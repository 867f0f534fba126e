/* cmd_tune.c - partrain tune: a line for each trial, a table at the end. */
#include "cli/cli.h"

#include "base/mem.h"
#include "tune/tune.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 20 };

struct request {
    struct tune_options search; /* its file, folder, resume and keep */
    int64_t threads;
    bool quiet;
};

static const struct cli_option options[] = {
    {"config", 'c', "FILE", "the configuration, with a tune: block", CLI_TEXT(search.file)},
    {"out", 0, "DIR", "folder for the search; default tune/NAME-TIME", CLI_TEXT(search.folder)},
    {"threads", 0, "N", "worker threads (run.threads)", CLI_WHOLE(threads, 1, 4096)},
    {"resume", 0, NULL, "continue the search in --out; tune.minutes may be larger", CLI_FLAG(search.resume)},
    {"keep", 0, NULL, "keep the weights of all trials, not of the best alone", CLI_FLAG(search.keep)},
    {"quiet", 'q', NULL, "only the table at the end, warnings and errors", CLI_FLAG(quiet)},
    {0}};

const struct cli_usage cmd_tune_usage = {
    "-c FILE [KEY=VALUE ...]",
    "Tries configurations, one after another with all threads, and writes the best\n"
    "one, by train.monitor on the validation part. Trial 0 is the configuration as it\n"
    "stands. Ctrl-C stops, --resume goes on. The block in FILE (docs/tune.md):\n"
    "  tune:\n"
    "    method: random      # or grid, or halving (min_epochs, eta)\n"
    "    trials: 30\n"
    "    minutes: 20         # no trial begins later\n"
    "    space:\n"
    "      model.latent: [50, 100, 200]\n"
    "      train.lr: {from: 1e-4, to: 1e-2, scale: log}    # in a grid also points: N\n"
    "\n"
    "Example: partrain tune -c conf/multivae-tune.yaml data.path=ml-1m --out search\n",
    options};

static const char *const outcome[] = {"", "", "diverged", "refused"};

static void print_values(FILE *out, const struct tune_spec *s, const struct tune_trial *t)
{
    if (!t->value)
        fputs("  as it stands", out);
    for (int i = 0; t->value && i < s->axes; i++)
        fprintf(out, "  %s=%s", s->axis[i].key, t->value[i]);
}

static void listen(void *arg, const struct tune_result *r, const struct tune_trial *t, bool again)
{
    const bool *quiet = arg;

    if (*quiet)
        return;
    fprintf(stderr, "trial %" PRId64 "/%" PRId64, t->id, r->n - 1);
    print_values(stderr, r->spec, t);
    if (t->status == TUNE_DONE)
        fprintf(stderr, "  %s %.4f after %" PRId64 " epochs, %.1f s%s%s\n", r->metric, t->figure, t->epochs,
                t->train_s, again ? " (before)" : "", r->best == t->id ? "  *" : "");
    else
        fprintf(stderr, "  %s%s\n", outcome[t->status], again ? " (before)" : "");
}

static int compare(const void *a, const void *b, void *arg)
{
    const struct tune_result *r = arg;
    const struct tune_trial *x = &r->trial[*(const int64_t *)a], *y = &r->trial[*(const int64_t *)b];

    if (tune_better(r, x, y) || tune_better(r, y, x))
        return tune_better(r, x, y) ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The best trials first, at most MOST_ROWS of them and the one as it stands. */
static int print_table(struct tune_result *r, struct error *err)
{
    mem_scoped int64_t *order = mem_alloc(r->n, sizeof *order);

    TRY(need_memory(order, err));
    for (int64_t i = 0; i < r->n; i++)
        order[i] = i;
    qsort_r(order, (size_t)r->n, sizeof *order, compare, r);
    printf("%6s %12s %7s %5s %9s  settings\n", "trial", r->metric, "epochs", "best", "train s");
    for (int64_t i = 0; i < r->n; i++) {
        const struct tune_trial *t = &r->trial[order[i]];

        if (t->status == TUNE_WAITING || (i >= MOST_ROWS && t->id != 0))
            continue;
        if (t->status == TUNE_DONE)
            printf("%6" PRId64 " %12.4f %7" PRId64 " %5" PRId64 " %9.1f", t->id, t->figure, t->epochs,
                   t->best_epoch, t->train_s);
        else
            printf("%6" PRId64 " %12s %7s %5s %9s", t->id, outcome[t->status], "-", "-", "-");
        print_values(stdout, r->spec, t);
        putchar('\n');
        if (t->reason)
            printf("%20s%s\n", "", t->reason);
    }
    return 0;
}

static void print_verdict(const struct tune_result *r, const char *folder)
{
    const struct tune_trial *base = &r->trial[0], *best = &r->trial[r->best];
    int64_t waiting = 0;

    for (int64_t i = 0; i < r->n; i++)
        waiting += r->trial[i].status == TUNE_WAITING;
    if (r->time_is_up && waiting)
        cli_message("time is up: %" PRId64 " trials were not begun; --out %s --resume and more minutes go on",
                    waiting, folder);
    else if (r->time_is_up)
        cli_message("time is up before the last round: the better trials could have trained on; --out %s "
                    "--resume and more minutes go on",
                    folder);
    if (r->best == 0)
        cli_message("nothing better than the configuration as it stands was found: validation %s %.4f",
                    r->metric, best->figure);
    else if (base->status == TUNE_DONE)
        cli_message("best: trial %" PRId64 ", validation %s %.4f; as it stands: %.4f", best->id, r->metric,
                    best->figure, base->figure);
    else
        cli_message("best: trial %" PRId64 ", validation %s %.4f", best->id, r->metric, best->figure);
    cli_message(
        "%s; the best of many is flattered by its validation figure: train it and look at the test part once",
        r->best_path);
}

static int parse(struct request *q, struct cli_args *args, int argc, char **argv, struct error *err)
{
    TRY(cli_parse(args, &cmd_tune_usage, argc, argv, q, err));
    if (!q->search.file)
        return error_set(err, PT_EUSAGE, "which configuration? -c FILE, with a tune: block in it");
    if (q->search.folder && !*q->search.folder)
        return error_set(err, PT_EUSAGE, "--out: the folder's name is empty");
    for (int i = args->rest; i < args->argc; i++)
        if (strncmp(args->argv[i], "tune.", 5) == 0)
            return error_set(
                err, PT_EUSAGE,
                "%.60s: the tune: block is read from the file alone; change it in a copy of %.400s",
                args->argv[i], q->search.file);
    if (q->search.resume && !q->search.folder)
        return error_set(err, PT_EUSAGE, "--resume needs the search's folder: --out DIR");
    return 0;
}

int cmd_tune(int argc, char **argv, struct error *err)
{
    struct request q = {.search = {.stop = signals_stop(), .listen = listen, .warn = cli_warn}};
    struct tune_options *o = &q.search;
    struct cli_args args;
    scoped_value(tune_result_fini) struct tune_result result = {0};
    mem_scoped char *folder = NULL, **words = NULL;
    char word[32];
    int rc;

    TRY(parse(&q, &args, argc, argv, err));
    folder = o->folder ? mem_strdup(o->folder) : run_folder_default("tune", o->file);
    TRY(need_memory(folder, err));
    TRY(cli_words(&words, &o->assignments, &args, q.threads, word, err));
    o->assignment = words;
    o->folder = folder;
    o->arg = &q.quiet;
    signals_install();
    rc = cli_name_installed(tune_run(o, &result, err), o->file, err);
    if (rc == 0 && (rc = print_table(&result, err)) == 0 && !q.quiet)
        print_verdict(&result, folder);
    return signals_end(rc, err);
}
