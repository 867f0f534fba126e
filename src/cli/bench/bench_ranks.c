/* bench_ranks.c - partrain bench --ranks: a process of this program for each number of ranks, started by the
 * launcher, writes JSON to a pipe; here it becomes one table. */
#include "cli/bench/bench.h"

#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "par/ranks.h"
#include "par/team.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 64, OUTPUT_MOST = 16 << 20 };

struct line {
    int ranks;
    int64_t threads, steps;
    double median, low, high, ratings, sent; /* sent: bytes a repeat */
    char hash[33];
};

struct ranks_table {
    struct line *line; /* owned */
    int lines;
    char model[32], data[256], isa[16], blas_core[64];
    int64_t shards, batch, repeats;
};

/* --- one measurement ----------------------------------------------------------------------------- */

/* The words of a command line, owned texts among them. */
struct command {
    char **word; /* owned, ended by NULL */
    int words, room;
    char *text[8]; /* owned */
    int texts;
};

static void add(struct command *c, const char *word)
{
    if (c->words < c->room)
        c->word[c->words++] = (char *)(uintptr_t)word; /* exec takes them so, and changes nothing */
}

/* A number or another text made here; NULL: no memory. */
static const char *keep(struct command *c, const char *text)
{
    return text ? (c->text[c->texts++] = mem_strdup(text)) : NULL;
}

static const char *keep_number(struct command *c, const char *form, double number)
{
    char text[64];

    snprintf(text, sizeof text, form, number);
    return keep(c, text);
}

static void command_fini(struct command *c)
{
    for (int i = 0; i < c->texts; i++)
        mem_free(c->text[i]);
    mem_free(c->word);
}

/* "1,2,4" */
static const char *keep_threads(struct command *c, const struct bench_spec *spec)
{
    char text[BENCH_ROWS * 6] = "";

    for (int i = 0; i < spec->rows; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? "," : "", spec->threads[i]);
    return keep(c, text);
}

static void add_launcher(struct command *c, const char *launch, int ranks)
{
    char *words, *word, *rest;

    words = (char *)(uintptr_t)keep(c, launch);
    if (!words)
        return;
    for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        add(c, word);
    add(c, keep_number(c, "%.0f", ranks));
}

static int make_command(struct command *c, const struct bench_ranks *ranks, int count,
                        const struct bench_spec *spec, const char *file, char **assignment, int assignments,
                        struct error *err)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n < 0)
        return error_set(err, PT_EUSAGE, "--ranks: cannot tell which file this program is: %s",
                         strerror(errno));
    self[n] = '\0';
    c->room = WORDS + assignments;
    c->word = mem_zalloc(c->room + 1, sizeof *c->word);
    if (!c->word)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (count > 1)
        add_launcher(c, ranks->launch ? ranks->launch : "mpirun -np", count);
    add(c, keep(c, self));
    add(c, "bench");
    add(c, "--quiet");
    add(c, "--output");
    add(c, "json");
    add(c, "--threads");
    add(c, keep_threads(c, spec));
    add(c, "--repeat");
    add(c, keep_number(c, "%.0f", spec->repeats));
    if (spec->steps || spec->seconds > 0.0) {
        add(c, spec->steps ? "--steps" : "--seconds");
        add(c,
            keep_number(c, spec->steps ? "%.0f" : "%.9g", spec->steps ? (double)spec->steps : spec->seconds));
    }
    if (file) {
        add(c, "--config");
        add(c, file);
    }
    add(c, "--");
    for (int i = 0; i < assignments; i++)
        add(c, assignment[i]);
    for (int i = 0; i < c->texts; i++)
        if (!c->text[i])
            return error_set(err, PT_ENOMEM, "out of memory");
    return c->words < c->room ? 0 : error_set(err, PT_EUSAGE, "--launch: more than %d words", WORDS / 2);
}

/* What the command writes; for mem_free. Its messages go where ours go. */
static int run(char **out, size_t *length, struct command *c, int *status, struct error *err)
{
    int ends[2];
    char *text = mem_alloc(OUTPUT_MOST + 1, 1);
    size_t used = 0;
    ssize_t n = 1;
    pid_t child;

    if (!text)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (pipe(ends) < 0 || (child = fork()) < 0) {
        mem_free(text);
        return error_set(err, PT_ENOMEM, "--ranks: no process can be started: %s", strerror(errno));
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* whoever stops this process stops the ranks */
        team_leave_place();
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(c->word[0], c->word);
        cli_message("--ranks: %s: %s", c->word[0], strerror(errno));
        _exit(127);
    }
    close(ends[1]);
    while (used < OUTPUT_MOST &&
           ((n = read(ends[0], text + used, OUTPUT_MOST - used)) > 0 || (n < 0 && errno == EINTR)))
        used += n > 0 ? (size_t)n : 0;
    close(ends[0]);
    while (waitpid(child, status, 0) < 0 && errno == EINTR)
        ;
    text[used] = '\0';
    *out = text;
    *length = used;
    return 0;
}

/* The code that a process of this program ended with, through the launcher. */
static enum pt_code code_of(int status)
{
    static const enum pt_code codes[] = {PT_EUSAGE, PT_EDATA,  PT_ENOMEM,       PT_EDIVERGED,
                                         PT_EFILE,  PT_ECHECK, PT_EINTERRUPTED, PT_ETERMINATED};

    for (size_t i = 0; WIFEXITED(status) && i < sizeof codes / sizeof *codes; i++)
        if (error_exit_status(codes[i]) == WEXITSTATUS(status))
            return codes[i];
    return PT_EUSAGE;
}

static void copy_text(char *to, size_t room, const struct json *j, const char *key)
{
    snprintf(to, room, "%s", json_get_text(j, key, ""));
}

static int take(struct ranks_table *t, int ranks, const char *text, size_t length, struct error *err)
{
    struct json *j = NULL;
    const struct json *rows;
    const char *begin = memchr(text, '{', length); /* a launcher may write before */
    int rc = begin ? json_parse(&j, begin, length - (size_t)(begin - text), err) : PT_EFILE;

    if (rc < 0 || json_get_int(j, "ranks", 0) != ranks) {
        rc = error_set(err, PT_EUSAGE,
                       "--ranks: %d processes were started and %" PRId64
                       " took part; does --launch start programs of the "
                       "MPI that this one was built with?",
                       ranks, json_get_int(j, "ranks", 0));
        json_free(j);
        return rc;
    }
    copy_text(t->model, sizeof t->model, j, "model");
    copy_text(t->data, sizeof t->data, j, "data");
    copy_text(t->isa, sizeof t->isa, j, "isa");
    copy_text(t->blas_core, sizeof t->blas_core, j, "blas_core");
    t->shards = json_get_int(j, "shards", 0);
    t->batch = json_get_int(j, "batch", 0);
    t->repeats = json_get_int(j, "repeats", 0);
    rows = json_get(j, "rows");
    for (int64_t i = 0; i < json_count(rows); i++) {
        const struct json *r = json_at(rows, i);
        struct line *x = &t->line[t->lines++];

        *x = (struct line){.ranks = ranks,
                           .threads = json_get_int(r, "threads", 0),
                           .steps = json_get_int(r, "steps", 0),
                           .median = json_get_real(r, "median_s", 0.0),
                           .low = json_get_real(r, "low_s", 0.0),
                           .high = json_get_real(r, "high_s", 0.0),
                           .ratings = json_get_real(r, "ratings_per_s", 0.0),
                           .sent = json_get_real(r, "sent_bytes", 0.0)};
        copy_text(x->hash, sizeof x->hash, r, "weights_hash");
    }
    json_free(j);
    return 0;
}

static int measure(struct ranks_table *t, const struct bench_ranks *ranks, int count,
                   const struct bench_spec *spec, const char *file, char **assignment, int assignments,
                   struct error *err)
{
    struct command c = {0};
    char *text = NULL;
    size_t length = 0;
    int status = 0, rc = make_command(&c, ranks, count, spec, file, assignment, assignments, err);

    if (rc == 0)
        rc = run(&text, &length, &c, &status, err);
    if (rc == 0 && status != 0)
        rc = error_set(err, code_of(status), "--ranks: the measurement with %d rank%s failed", count,
                       count == 1 ? "" : "s");
    if (rc == 0)
        rc = take(t, count, text, length, err);
    mem_free(text);
    command_fini(&c);
    return rc;
}

/* --- the table ----------------------------------------------------------------------------------- */

static double speedup(const struct ranks_table *t, int i)
{
    return t->line[i].median > 0.0 ? t->line[0].median / t->line[i].median : 0.0;
}

static double efficiency(const struct ranks_table *t, int i)
{
    const struct line *a = &t->line[0], *x = &t->line[i];

    return speedup(t, i) * (double)(a->ranks * a->threads) / (double)(x->ranks * x->threads);
}

static double sent_a_step(const struct line *x)
{
    return x->steps ? x->sent / (double)x->steps : 0.0;
}

static void print_md(const struct ranks_table *t)
{
    printf("%s, %s: %" PRId64 " repeat%s of %" PRId64 " minibatch%s of %" PRId64
           ", after one to warm up; %" PRId64 " shard%s; vectors %s, kernels for %s\n\n",
           t->model, t->data, t->repeats, t->repeats == 1 ? "" : "s", t->line[0].steps,
           t->line[0].steps == 1 ? "" : "es", t->batch, t->shards, t->shards == 1 ? "" : "s", t->isa,
           t->blas_core);
    printf("| ranks | threads each | median s | lowest | highest | ratings/s | speed-up | efficiency | kB "
           "sent a step | "
           "weights_hash |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |\n");
    for (int i = 0; i < t->lines; i++) {
        const struct line *x = &t->line[i];

        printf("| %d | %" PRId64 " | %.4g | %.4g | %.4g | %.4g | %.2f | %.2f | %.4g | %s |\n", x->ranks,
               x->threads, x->median, x->low, x->high, x->ratings, speedup(t, i), efficiency(t, i),
               1e-3 * sent_a_step(x), x->hash);
    }
}

static void print_csv(const struct ranks_table *t)
{
    printf("ranks,threads,steps,repeats,median_s,low_s,high_s,ratings_per_s,speedup,efficiency,sent_bytes_"
           "per_step,model,data,batch,shards,isa,blas_core,weights_hash\n");
    for (int i = 0; i < t->lines; i++) {
        const struct line *x = &t->line[i];

        printf("%d,%" PRId64 ",%" PRId64 ",%" PRId64 ",%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g", x->ranks,
               x->threads, x->steps, t->repeats, x->median, x->low, x->high, x->ratings, speedup(t, i),
               efficiency(t, i), sent_a_step(x));
        bench_csv_text(t->model);
        bench_csv_text(t->data);
        printf(",%" PRId64 ",%" PRId64, t->batch, t->shards);
        bench_csv_text(t->isa);
        bench_csv_text(t->blas_core);
        printf(",%s\n", x->hash);
    }
}

static int print_json(const struct ranks_table *t, struct error *err)
{
    struct json *j = json_new_object(), *rows = json_new_array();

    json_put_text(j, "model", t->model);
    json_put_text(j, "data", t->data);
    json_put_int(j, "repeats", t->repeats);
    json_put_int(j, "batch", t->batch);
    json_put_int(j, "shards", t->shards);
    json_put_text(j, "isa", t->isa);
    json_put_text(j, "blas_core", t->blas_core);
    for (int i = 0; i < t->lines; i++) {
        const struct line *x = &t->line[i];
        struct json *r = json_new_object();

        json_put_int(r, "ranks", x->ranks);
        json_put_int(r, "threads", x->threads);
        json_put_int(r, "steps", x->steps);
        json_put_real(r, "median_s", x->median);
        json_put_real(r, "low_s", x->low);
        json_put_real(r, "high_s", x->high);
        json_put_real(r, "ratings_per_s", x->ratings);
        json_put_real(r, "speedup", speedup(t, i));
        json_put_real(r, "efficiency", efficiency(t, i));
        json_put_real(r, "sent_bytes_per_step", sent_a_step(x));
        json_put_text(r, "weights_hash", x->hash);
        json_put(rows, NULL, r);
    }
    json_put(j, "rows", rows);
    return cli_print_json(stdout, j, err);
}

static int compare(const struct ranks_table *t, struct error *err)
{
    for (int i = 1; i < t->lines; i++) {
        const struct line *a = &t->line[0], *x = &t->line[i];

        if (strcmp(a->hash, x->hash) != 0)
            return error_set(
                err, PT_ECHECK,
                "bench: %d rank%s with %" PRId64 " and %d with %" PRId64 " threads give different weights "
                "(%s, %s): a fault of partrain or of the BLAS library (`partrain doctor`)",
                a->ranks, a->ranks == 1 ? "" : "s", a->threads, x->ranks, x->threads, a->hash, x->hash);
    }
    return 0;
}

int bench_ranks(const struct bench_ranks *ranks, const struct bench_spec *spec, const char *file,
                char **assignment, int assignments, enum bench_form form,
                void (*tell)(void *arg, const char *text), struct error *err)
{
    struct ranks_table t = {.line = mem_alloc(ranks->rows * spec->rows, sizeof *t.line)};
    struct bench_spec same = *spec;
    char library[256], note[64];
    int rc = 0;

    if (!t.line)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int i = 0; i < ranks->rows && rc == 0; i++)
        if (ranks->count[i] > 1 && !*ranks_library(library, sizeof library))
            rc = error_set(err, PT_EUSAGE, "--ranks: this build has no MPI; build with -DPARTRAIN_MPI=ON");
    for (int i = 0; i < ranks->rows && rc == 0; i++) {
        snprintf(note, sizeof note, "%d rank%s", ranks->count[i], ranks->count[i] == 1 ? "" : "s");
        if (tell)
            tell(NULL, note);
        rc = measure(&t, ranks, ranks->count[i], &same, file, assignment, assignments, err);
        if (rc == 0 && i == 0) { /* all do what the first did in its --seconds */
            same.steps = t.line[0].steps;
            same.seconds = 0.0;
        }
    }
    if (rc == 0 && form == FORM_JSON)
        rc = print_json(&t, err);
    else if (rc == 0 && form == FORM_CSV)
        print_csv(&t);
    else if (rc == 0)
        print_md(&t);
    if (rc == 0)
        rc = compare(&t, err);
    mem_free(t.line);
    return rc;
}
