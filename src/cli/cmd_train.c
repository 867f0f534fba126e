/* cmd_train.c - partrain train: trains a model; a progress line on a terminal, plain lines elsewhere. */
#include "cli/cli.h"

#include "base/timing.h"
#include "data/reading.h"
#include "par/ranks.h"
#include "store/run_files.h"
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
    const char *file, *folder;
    int64_t threads;
    bool resume, dry_run, quiet, verbose;
};

static const struct cli_option options[] = {
    {"config", 'c', "FILE", "the configuration", CLI_TEXT(file)},
    {"out", 0, "DIR", "folder for the run; default runs/NAME-TIME", CLI_TEXT(folder)},
    {"threads", 0, "N", "worker threads (run.threads)", CLI_WHOLE(threads, 1, 4096)},
    {"resume", 0, NULL, "continue the run in --out, if any; no -c: as it began", CLI_FLAG(resume)},
    {"dry-run", 0, NULL, "print estimates of memory and time, write nothing", CLI_FLAG(dry_run)},
    {"quiet", 'q', NULL, "no progress and no notes; warnings and errors stay", CLI_FLAG(quiet)},
    {"verbose", 'v', NULL, "a line for every epoch, on a terminal too", CLI_FLAG(verbose)},
    {0}};

const struct cli_usage cmd_train_usage = {
    "[-c FILE] [KEY=VALUE ...]",
    "Trains a model, evaluates it on the validation part after every epoch and on the\n"
    "test part at the end. The run's files (config.yaml, metrics.jsonl,\n"
    "model.safetensors, summary.json, ...) go to --out. Ctrl-C finishes the\n"
    "minibatch, saves, and says how to go on.\n"
    "\n"
    "Example: partrain train -c conf/multivae.yaml data.path=ml-1m --out runs/ml-1m\n",
    options};

struct console {
    bool quiet, verbose, terminal;
    bool rates;                      /* the model predicts ratings */
    bool line;                       /* a progress line stands */
    int64_t patience, epoch, epochs; /* train.patience; the last epoch that was printed, of how many */
    double shown;
};

static void clear_line(struct console *t)
{
    if (t->line)
        fputs("\r\033[K", stderr);
    t->line = false;
}

/* The first figure that has baselines (NULL: none) is followed by them. */
static void print_figures(FILE *out, const struct eval_spec *spec, const struct eval_result *r,
                          const struct baseline_figures *baselines)
{
    bool told = !baselines;
    char text[96];

    for (int i = 0; i < r->n; i++) {
        fprintf(out, "  %s %.4f", spec->metric[i].name, r->value[i]);
        if (told)
            continue;
        baselines_text(text, sizeof text, baselines, i);
        fputs(text, out);
        told = *text != '\0';
    }
}

static void print_time(char out[32], double seconds)
{
    if (!isfinite(seconds) || seconds < 0.0)
        snprintf(out, 32, "?");
    else if (seconds < 100.0)
        snprintf(out, 32, "%.0f s", seconds);
    else if (seconds < 6000.0)
        snprintf(out, 32, "%.0f min", seconds / 60.0);
    else
        snprintf(out, 32, "%.1f h", seconds / 3600.0);
}

static void progress_line(struct console *t, const struct train_progress *p)
{
    char left[32];

    print_time(left, p->seconds_left);
    fprintf(stderr, "\r\033[Kepoch %lld/%lld %3.0f%%  loss %.4g  %.0f examples/s  %s left",
            (long long)p->epoch, (long long)p->epochs, 100.0 * p->share, p->loss, p->examples_per_s, left);
    if (p->valid)
        fprintf(stderr, "  valid %s %.4f", p->spec->metric[0].name, p->valid->value[0]);
    fflush(stderr);
    t->line = true;
    t->shown = clock_now();
}

static void epoch_line(struct console *t, const struct train_progress *p)
{
    clear_line(t);
    fprintf(stderr, "epoch %lld/%lld", (long long)p->epoch, (long long)p->epochs);
    if (p->epoch) /* epoch 0: the weights that training begins with are evaluated */
        fprintf(stderr, "  loss %.4g  %.0f examples/s", p->loss, p->examples_per_s);
    if (p->validated)
        print_figures(stderr, p->spec, p->valid, NULL);
    fprintf(stderr, "%s\n", p->best_epoch == p->epoch ? "  *" : "");
}

/* A set that was generated is as it was asked for. */
static void reading_lines(const struct console *t, const struct ratings *r)
{
    reading_report(r, !t->rates, t->quiet ? NULL : cli_warn, cli_warn, NULL);
}

/* An example. */
static const char *thing(const struct problem *q)
{
    return q->side == SIDE_USER ? "user" : "item";
}

/* Users (items) with held-out ratings. */
static int64_t scored(const struct matrix *out)
{
    int64_t n = 0;

    for (int64_t e = 0; e < out->examples; e++)
        n += out->row_count[e] > 0;
    return n;
}

static void print_part(const struct problem *q, const char *part, const struct eval_part *held_out)
{
    const struct matrix *out = held_out->out;
    int64_t n = out ? scored(out) : 0;

    if (out)
        fprintf(stderr, ", %lld %s of %lld %s%s", (long long)out->entries, part, (long long)n, thing(q),
                plural(n));
}

static void data_line(const struct console *t, const struct train_progress *p)
{
    const struct problem *q = p->problem;
    int64_t fold_in = q->count - q->train->entries - q->unused;
    struct topo_facts facts;

    fprintf(stderr, "%lld users, %lld items, %lld ratings (%lld train", (long long)q->users,
            (long long)q->items, (long long)q->count, (long long)q->train->entries);
    fold_in -= (q->valid.out ? q->valid.out->entries : 0) + (q->test.out ? q->test.out->entries : 0);
    if (q->split->rows && fold_in > 0)
        fprintf(stderr, ", %lld fold-in", (long long)fold_in);
    print_part(q, "validation", &q->valid);
    print_part(q, "test", &q->test);
    fprintf(stderr, "), read in %.1f s\n", q->load_s);
    reading_lines(t, q->ratings);
    fprintf(stderr, "%lld parameters, %d shards, %d worker%s, %s\n",
            (long long)params_count(&p->model->params), q->shards, team_workers(q->team),
            plural(team_workers(q->team)), q->kern->name);
    topo_facts(q->topo, &facts);
    if (team_workers(q->team) > facts.pus)
        cli_message("note: %d workers take turns on %d processor%s; --threads %d is faster",
                    team_workers(q->team), facts.pus, plural(facts.pus), topo_default_workers(q->topo));
    if (q->test.out && q->test.out->entries == 1)
        cli_message(
            "note: one rating is held out for testing; of split.test 1 is a count, a share is below 1");
    if (t->rates && q->low == q->high)
        cli_message("note: every training rating is %g: who chose what is for multivae and multidae; a "
                    "rating model has nothing to learn from it",
                    q->low);
}

/* Of a part: ratings that no model can predict or list, and users who have none in it. */
static void held_out_line(const struct problem *q, const char *part, const struct eval_part *held_out)
{
    const struct matrix *out = held_out->out;
    int64_t unknown = 0, users;

    if (!out)
        return;
    for (int64_t c = 0; c < out->columns; c++)
        unknown += problem_column_is_cold(q, c) ? out->column_count[c] : 0;
    users = scored(out);
    if (unknown)
        cli_message(
            "note: %lld of %lld %s ratings are of %s without a training rating, which no model knows%s",
            (long long)unknown, (long long)out->entries, part, q->side == SIDE_USER ? "items" : "users",
            q->side == SIDE_USER ? ": they are predicted by the user's mean, and never listed" : "");
    if (q->side == SIDE_USER && !q->split->rows && users < q->users)
        cli_message("note: %lld of %lld users have no %s rating and are not evaluated",
                    (long long)(q->users - users), (long long)q->users, part);
}

/* Users (items) are held out whole, and some have too few ratings to be scored. */
static void scored_line(const struct problem *q, const char *part, int64_t rows,
                        const struct eval_part *held_out)
{
    int64_t n = held_out->out ? scored(held_out->out) : rows; /* none is: the run has said so */

    if (n < rows)
        cli_message("note: %lld %s %s%s, %lld scored; %lld with too few ratings "
                    "(split.min_fold_in, split.fold_in)",
                    (long long)rows, part, thing(q), plural(rows), (long long)n, (long long)(rows - n));
}

/* Training that ended before its last epoch. */
static void stop_line(struct console *t)
{
    if (t->epoch < t->epochs)
        fprintf(stderr, "stopped after epoch %lld: no better for %lld epoch%s (train.patience)\n",
                (long long)t->epoch, (long long)t->patience, plural(t->patience));
    t->epoch = t->epochs = 0;
}

/* The table of --dry-run, on stdout. */
static void print_plan(const struct train_progress *p)
{
    const struct memory_plan *m = p->plan;
    const struct {
        const char *part;
        int64_t bytes;
    } row[] = {{"data", m->data},   {"weights", m->weights}, {"moments", m->moments},
               {"batch", m->batch}, {"  logits", m->logits}, {"evaluation", m->evaluation},
               {"files", m->files}, {"total", m->total},     {"available", m->limit}};
    char time[32];

    printf("%-12s %12s\n", "memory", "MiB");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        printf("%-12s %12.1f\n", row[i].part, (double)row[i].bytes / 1048576.0);
    print_time(time, m->epoch_s * (double)p->epochs);
    printf("about %.3g s an epoch of training with %d worker%s, %s for %lld epoch%s, evaluation aside\n",
           m->epoch_s, team_workers(p->problem->team), plural(team_workers(p->problem->team)), time,
           (long long)p->epochs, plural(p->epochs));
}

static void listen(void *arg, const struct train_progress *p)
{
    struct console *t = arg;

    if (p->event == TRAIN_PLANNED)
        print_plan(p);
    if (t->quiet) {
        if (p->event == TRAIN_PLANNED || p->event == TRAIN_READY)
            reading_lines(t, p->problem->ratings);
        return;
    }
    switch (p->event) {
    case TRAIN_PLANNED:
        reading_lines(t, p->problem->ratings);
        break;
    case TRAIN_READY:
        data_line(t, p);
        scored_line(p->problem, "validation", p->problem->split->valid_rows, &p->problem->valid);
        scored_line(p->problem, "test", p->problem->split->test_rows, &p->problem->test);
        if (p->problem->unused)
            cli_message("note: %lld held-out ratings are of items without a training rating and take no part",
                        (long long)p->problem->unused);
        held_out_line(p->problem, "test", &p->problem->test);
        break;
    case TRAIN_STEPS:
        if (t->terminal && clock_now() - t->shown > 0.2)
            progress_line(t, p);
        break;
    case TRAIN_EPOCH:
        t->epoch = p->epoch;
        t->epochs = p->epochs;
        if (!t->terminal || t->verbose)
            epoch_line(t, p);
        else if (clock_now() - t->shown > 0.2)
            progress_line(t, p);
        break;
    case TRAIN_REFIT:
        clear_line(t);
        stop_line(t);
        fprintf(stderr, "training again on training plus validation, %lld epoch%s\n", (long long)p->epochs,
                plural(p->epochs));
        break;
    case TRAIN_TESTED:
        clear_line(t);
        stop_line(t);
        break;
    }
}

static void warn(void *arg, const char *text)
{
    clear_line(arg);
    cli_message("%s", text);
}

/* The one that rank 0 chose. */
static char *default_folder(const char *file, struct ranks *ranks)
{
    mem_scoped char *own = run_folder_default("runs", file);
    char name[4096];

    snprintf(name, sizeof name, "%s", own ? own : "");
    ranks_copy(ranks, name, sizeof name);
    return *name ? mem_strdup(name) : NULL;
}

static void print_result(const struct train_result *r, const struct config *c, const char *folder, bool quiet)
{
    if (r->has_test) {
        fputs("test", stdout);
        print_figures(stdout, &r->spec, &r->test, &r->baselines);
        putchar('\n');
    } else if (r->has_valid) {
        fputs("validation", stdout);
        print_figures(stdout, &r->spec, &r->best_valid, &r->baselines);
        putchar('\n');
    }
    if (!quiet)
        fprintf(stderr, "best epoch %lld of %lld, %.1f s of training, weights %s\n%s\n",
                (long long)r->best_epoch, (long long)r->epochs, r->train_s, r->weights_hash, folder);
    if (!quiet && r->last_is_best)
        cli_message("the best epoch is the last one: more epochs (train.epochs)%s may reach more",
                    problem_traits(c)->alternating ? "" : ", or a larger train.lr,");
}

static int start(const struct request *q, const struct config *c, struct error *err)
{
    struct ranks ranks = ranks_self();
    mem_scoped char *folder = q->folder ? mem_strdup(q->folder) : default_folder(q->file, &ranks);
    struct console console = {.quiet = q->quiet, .verbose = q->verbose};
    struct train_options o = {.folder = folder,
                              .resume = q->resume,
                              .dry_run = q->dry_run,
                              .stop = signals_stop(),
                              .save = signals_saves(),
                              .listen = ranks.id ? NULL : listen,
                              .warn = ranks.id ? NULL : warn,
                              .arg = &console};
    struct train_result result = {0};
    int rc;

    TRY(need_memory(folder, err));
    console.terminal = isatty(STDERR_FILENO);
    console.rates = !problem_is_binary(c);
    console.patience = c->patience;
    if (!console.quiet && !ranks.id) {
        cli_note_unused(c);
        TRY(config_print(c, stderr, false, err));
    }
    signals_install();
    rc = train_run(c, &o, &result, err);
    clear_line(&console);
    if (rc < 0 || ranks.id || q->dry_run)
        return rc;
    if (!result.weights_hash[0])
        cli_message("%s: this run is finished", folder);
    else
        print_result(&result, c, folder, console.quiet);
    return 0;
}

/* What a run that goes on is configured by where no -c says so; *out stays NULL where nothing was begun and
 * `words` may say how to begin. */
static int begun_config(struct config **out, const struct request *q, int words, struct error *err)
{
    int rc = q->file || !q->resume ? 0 : run_config_read(out, q->folder, err);

    if (rc != PT_EUSAGE)
        return rc;
    if (!words)
        return error_set(err, PT_EUSAGE, "%.400s: no run to resume", q->folder);
    *err = (struct error){0};
    return 0;
}

static int train(int argc, char **argv, struct error *err)
{
    struct request q = {0};
    struct cli_args args;
    scoped(config_free) struct config *c = NULL;

    TRY(cli_parse(&args, &cmd_train_usage, argc, argv, &q, err));
    if (q.folder && !*q.folder)
        return error_set(err, PT_EUSAGE, "--out: the folder's name is empty");
    if (q.resume && !q.folder)
        return error_set(err, PT_EUSAGE, "--resume needs the run's folder: --out DIR");
    TRY(begun_config(&c, &q, argc - args.rest, err));
    TRY(c ? cli_set(c, argv + args.rest, argc - args.rest, err)
          : cli_load(&c, q.file, argv + args.rest, argc - args.rest, err));
    TRY(config_check(c, err));
    if (q.threads)
        TRY(config_setf(c, err, "run.threads=%lld", (long long)q.threads));
    TRY(config_need_data(c, err));
    return signals_end(start(&q, c, err), err);
}

int cmd_train(int argc, char **argv, struct error *err)
{
    TRY(ranks_start(err));
    return cli_leave_ranks(train(argc, argv, err), err);
}
