/* cmd_start.c - partrain start: looks at ratings, writes a configuration with its reasons, and trains it. */
#include "cli/cli.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/reading.h"
#include "read/read.h"
#include "setup/advice.h"
#include "setup/problem.h"
#include "tune/start.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct request {
    const char *path, *folder;
    bool train, ratings;
    int64_t threads;
    char **given, word[32]; /* given: owned */
    int n_given;
};

static const struct cli_option options[] = {
    {"train", 0, NULL, "train the candidates, keep the best by validation", CLI_FLAG(train)},
    {"ratings", 0, NULL, "predict ratings; default: rank items", CLI_FLAG(ratings)},
    {"out", 'o', "DIR", "folder for NAME.yaml and the run", CLI_TEXT(folder)},
    {"threads", 0, "N", "worker threads (run.threads)", CLI_WHOLE(threads, 1, 4096)},
    {0}};

const struct cli_usage cmd_start_usage = {
    "DATA [KEY=VALUE ...]",
    "Looks at ratings, says what they are, and writes NAME.yaml: a configuration with\n"
    "the reason for each choice. With --train it trains the models worth trying and\n"
    "keeps the best by validation in --out (default: runs/NAME-TIME); the others stay\n"
    "in folders of their own inside it. KEY=VALUE stands as it is given.\n"
    "\n"
    "Example: partrain start ml-1m.zip\n"
    "         partrain start plays.tsv --train --out runs/plays\n",
    options};

static int parse(struct request *q, int argc, char **argv, struct error *err)
{
    struct cli_args args;

    TRY(cli_parse(&args, &cmd_start_usage, argc, argv, q, err));
    if (q->folder && !*q->folder)
        return error_set(err, PT_EUSAGE, "--out: the folder's name is empty");
    if (args.rest < argc && (!strchr(argv[args.rest], '=') || file_exists(argv[args.rest])))
        q->path = argv[args.rest++];
    if (!q->path)
        return error_set(err, PT_EUSAGE, "which ratings? partrain start PATH");
    if (strcmp(q->path, "-") == 0)
        return error_set(err, PT_EUSAGE, "-: start reads the ratings more than once; name a file");
    TRY(cli_words(&q->given, &q->n_given, &args, q->threads, q->word, err));
    for (int i = 0; i < q->n_given; i++) {
        if (!strchr(q->given[i], '='))
            return error_set(err, PT_EUSAGE, "%.60s: one path is enough; several files: a folder or a glob",
                             q->given[i]);
        if (strncmp(q->given[i], "model.kind=", 11) == 0 || strncmp(q->given[i], "data.path=", 10) == 0)
            return error_set(err, PT_EUSAGE, "%.60s: start %s", q->given[i],
                             q->given[i][0] == 'm' ? "chooses the model; for one of your own: partrain train"
                                                   : "takes the path as a word: partrain start PATH");
    }
    return 0;
}

static int read_ratings(struct ratings **out, const struct request *q, struct error *err)
{
    scoped(config_free) struct config *c = NULL;
    struct ratings_spec spec;

    TRY(cli_load(&c, NULL, q->given, q->n_given, err));
    TRY(config_setf(c, err, "data.path=%s", q->path));
    spec = problem_ratings_spec(c, problem_workers(c));
    return ratings_read(out, &spec, err);
}

/* NAME of a path: its last part without its ending. */
static void name_of(char out[128], const char *path)
{
    size_t length = strlen(path), begin;

    while (length > 1 && path[length - 1] == '/')
        length--;
    for (begin = length; begin > 0 && path[begin - 1] != '/' && path[begin - 1] != ':'; begin--)
        ;
    snprintf(out, 128, "%.*s", (int)(length - begin), path + begin);
    out[1 + strcspn(*out ? out + 1 : "", ".")] = '\0';
    for (char *c = out; *c; c++)
        if (strchr("*?[] ", *c))
            *c = '_';
}

/* ---- what is said and written ---- */

static void print_seen(FILE *out, const char *before, const struct advice *a, const struct facts *f)
{
    fprintf(out, "%s%" PRId64 " ratings of %" PRId64 " users and %" PRId64 " items; %s\n", before, f->ratings,
            f->users.rows, f->items.rows, a->values);
    if (a->dropped)
        fprintf(out, "%schosen: %g and more; %" PRId64 " ratings are dropped\n", before, a->chosen,
                a->dropped);
    fprintf(out, "%s%" PRId64 " of %" PRId64 " users have %d or more and can be evaluated\n", before,
            a->judged, a->users, ADVICE_JUDGED);
}

static void print_others(FILE *out, const struct advice *a, int candidate)
{
    for (int i = 0; i < a->candidates; i++) {
        const struct advice_candidate *c = &a->candidate[i];

        if (i == candidate)
            continue;
        fprintf(out, "# also worth trying: %s, %s:\n#  ", c->name, c->note);
        for (int k = 0; k < c->own.n; k++)
            fprintf(out, " %s=%s", c->own.setting[k].key, c->own.setting[k].value);
        fputc('\n', out);
    }
}

static int write_file(const char *path, const struct request *q, const struct advice *a,
                      const struct facts *f, int candidate, struct error *err)
{
    mem_scoped char *head = NULL, *text = NULL;
    size_t head_length, length;
    struct file_writer *w;
    FILE *h;

    TRY(advice_text(&text, &length, a, candidate, q->path, q->given, q->n_given, err));
    TRY(need_memory((h = open_memstream(&head, &head_length)) != NULL, err));
    fprintf(h, "# Written by partrain start%s: %s\n", q->ratings ? " --ratings" : "",
            a->candidate[candidate].note);
    print_seen(h, "# ", a, f);
    print_others(h, a, candidate);
    TRY(need_memory(fclose(h) == 0, err));
    TRY(file_create(&w, path, err));
    file_write(w, head, head_length);
    file_write(w, text, length);
    return file_commit(w, err);
}

static const char *const baseline_word[BASELINES] = {"popular items", "the mean rating", "two means",
                                                     "itemknn", "ease"};

static void print_table(const struct advice *a, const struct start_result *r)
{
    const struct start_trial *best = &r->trial[r->best];

    printf("%-16s %12s %9s\n", "model", r->metric, "seconds");
    for (int i = 0; i < a->candidates; i++) {
        if (r->trial[i].done)
            printf("%-16s %12.4f %9.1f%s\n", a->candidate[i].name, r->trial[i].figure, r->trial[i].seconds,
                   i == r->best ? "  *" : "");
        else
            printf("%-16s %12s %9s  %s\n", a->candidate[i].name, "-", "-", r->trial[i].why);
    }
    for (int k = 0; k < BASELINES && r->baselines.any; k++)
        if (isfinite(r->baselines.value[k][0]))
            printf("%-16s %12.4f\n", baseline_word[k], r->baselines.value[k][0]);
    for (int i = 0; i < best->result.test.n && best->result.has_test; i++)
        printf("%s%s %.4f", i ? "  " : "test of the kept one  ", best->result.spec.metric[i].name,
               best->result.test.value[i]);
    if (best->result.has_test)
        putchar('\n');
}

static void print_verdict(const struct advice *a, const struct start_result *r)
{
    double best = r->trial[r->best].figure, second = NAN;
    int baseline = start_best_baseline(r);

    for (int i = 0; i < a->candidates; i++)
        if (i != r->best && r->trial[i].done &&
            (isnan(second) || start_better(r, r->trial[i].figure, second)))
            second = r->trial[i].figure;
    if (baseline >= 0 && !start_better(r, best, r->baselines.value[baseline][0]))
        cli_message("%s: validation %s %.4f; no model is better (%.4f at best): more ratings may help",
                    baseline_word[baseline], r->metric, r->baselines.value[baseline][0], best);
    if (isfinite(second) && start_better(r, second, best))
        cli_message("kept: %s; the best on validation is %.4f ahead, which may be chance",
                    a->candidate[r->best].name, fabs(best - second));
    else if (isfinite(second))
        cli_message("kept: %s, by %.4f over the next best on validation", a->candidate[r->best].name,
                    fabs(best - second));
    else
        cli_message("kept: %s", a->candidate[r->best].name);
}

/* ---- the command ---- */

static void begin(void *arg, const char *name, bool refit)
{
    (void)arg;
    cli_message(refit ? "training %s again, on the validation part too" : "training %s", name);
}

static int train(const struct request *q, struct advice *a, const struct facts *f, const char *folder,
                 const char *file, struct error *err)
{
    struct start_options o = {.path = q->path,
                              .folder = folder,
                              .given = q->given,
                              .n_given = q->n_given,
                              .stop = signals_stop(),
                              .begin = begin,
                              .warn = cli_warn};
    mem_scoped struct start_result *r = mem_zalloc(1, sizeof *r);

    TRY(need_memory(r, err));
    signals_install();
    TRY(start_train(r, a, &o, err));
    TRY(write_file(file, q, a, f, r->best, err));
    print_table(a, r);
    print_verdict(a, r);
    fprintf(stderr, "%s\n", folder);
    return 0;
}

static int advise(const struct request *q, const struct ratings *r, const char *folder, const char *file,
                  struct error *err)
{
    mem_scoped struct advice *a = mem_zalloc(1, sizeof *a);
    struct facts f;

    TRY(need_memory(a, err));
    TRY(facts_make(&f, r, err));
    TRY(advice_make(a, r, &f, q->ratings, q->given, q->n_given, err));
    reading_report(r, !q->ratings, cli_warn, cli_warn, NULL);
    print_seen(stderr, "", a, &f);
    if (!q->ratings && a->dropped)
        fprintf(stderr, "to predict the ratings themselves: --ratings\n");
    if (folder)
        TRY(file_make_folder(folder, err));
    if (q->train)
        return signals_end(train(q, a, &f, folder, file, err), err);
    TRY(write_file(file, q, a, &f, 0, err));
    printf("%s\n", file);
    fprintf(stderr, "next: partrain -c %s\n", file);
    return 0;
}

static int start(const struct request *q, struct error *err)
{
    scoped(ratings_free) struct ratings *r = NULL;
    mem_scoped char *folder = NULL, *file = NULL;
    char name[128];

    name_of(name, q->path);
    if (q->folder || q->train) {
        folder = q->folder ? mem_strdup(q->folder) : run_folder_default("runs", name);
        TRY(need_memory(folder, err));
    }
    file = mem_printf("%s%s%s.yaml", folder ? folder : "", folder ? "/" : "", name);
    TRY(need_memory(file, err));
    if (file_exists(file))
        return error_set(err, PT_EUSAGE, "%s is there already; move it away, or use another --out", file);
    TRY(read_ratings(&r, q, err));
    return advise(q, r, folder, file, err);
}

static void request_fini(struct request *q)
{
    mem_free(q->given);
}

int cmd_start(int argc, char **argv, struct error *err)
{
    scoped_value(request_fini) struct request q = {0};

    TRY(parse(&q, argc, argv, err));
    return start(&q, err);
}
