/* bench_ranks.c - partrain bench --ranks: for each number of ranks the launcher starts this program, which
 * writes JSON to a pipe; the results become one table. */
#include "cli/bench/bench.h"

#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "par/openmp.h"
#include "par/ranks.h"
#include "par/team.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
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

/* The words of a command line; all owned. */
struct command {
    char **word; /* ended by NULL */
    int words, room;
    bool failed; /* no memory, or no room */
};

static void add(struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct command *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (c->words == c->room || vasprintf(&c->word[c->words], fmt, args) < 0)
        c->failed = true;
    else
        c->words++;
    va_end(args);
}

static void command_fini(struct command *c)
{
    for (int i = 0; i < c->words; i++)
        free(c->word[i]);
    mem_free(c->word);
}

static int make_command(struct command *c, const struct bench_ranks *ranks, int count,
                        const struct bench_spec *spec, const char *file, char **assignment, int assignments,
                        struct error *err)
{
    const char *launch = ranks->launch ? ranks->launch : "mpirun -np";
    char threads[BENCH_ROWS * 6] = "", *self = realpath("/proc/self/exe", NULL);

    c->room = WORDS + assignments;
    c->word = mem_zalloc(c->room + 1, sizeof *c->word);
    if (!c->word) {
        free(self);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
    if (count > 1) {
        for (size_t n; *(launch += strspn(launch, " ")); launch += n)
            add(c, "%.*s", (int)(n = strcspn(launch, " ")), launch);
        add(c, "%d", count);
    }
    for (int i = 0; i < spec->rows; i++)
        snprintf(threads + strlen(threads), sizeof threads - strlen(threads), "%s%d", i ? "," : "",
                 spec->threads[i]);
    add(c, "%s", self ? self : "partrain");
    free(self);
    add(c, "bench");
    add(c, "--quiet");
    add(c, "--output=json");
    add(c, "--threads=%s", threads);
    add(c, "--repeat=%d", spec->repeats);
    if (spec->steps)
        add(c, "--steps=%" PRId64, spec->steps);
    else if (spec->seconds > 0.0)
        add(c, "--seconds=%.9g", spec->seconds);
    if (file)
        add(c, "--config=%s", file);
    add(c, "--");
    for (int i = 0; i < assignments; i++)
        add(c, "%s", assignment[i]);
    if (c->failed && c->words < c->room)
        return error_set(err, PT_ENOMEM, "out of memory");
    return c->failed ? error_set(err, PT_EUSAGE, "--launch: more than %d words", WORDS / 2) : 0;
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
        openmp_leave_place();
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

static int read_result(struct ranks_table *t, int ranks, const char *text, size_t length, struct error *err)
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
        rc = read_result(t, count, text, length, err);
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

enum { FIELDS = 11 };

static void line_fields(struct bench_field out[FIELDS], const struct ranks_table *t, int i)
{
    const struct line *x = &t->line[i];
    const struct bench_field fields[FIELDS] = {
        {"ranks", "ranks", x->ranks, true, 0},
        {"threads", "threads", (double)x->threads, true, 0},
        {"steps", "steps", (double)x->steps, true, 0},
        {"repeats", NULL, (double)t->repeats, true, 0},
        {"median_s", "median_s", x->median, false, 0},
        {"low_s", "low_s", x->low, false, 0},
        {"high_s", "high_s", x->high, false, 0},
        {"ratings_per_s", "ratings_per_s", x->ratings, false, 0},
        {"speedup", "speedup", speedup(t, i), false, 0},
        {"efficiency", "efficiency", efficiency(t, i), false, 0},
        {"sent_bytes_per_step", "sent_bytes_per_step", sent_a_step(x), false, 0},
    };

    memcpy(out, fields, sizeof fields);
}

static void print_csv(const struct ranks_table *t)
{
    struct bench_field f[FIELDS];

    line_fields(f, t, 0);
    bench_csv_names(f, FIELDS);
    printf(",model,data,batch,shards,isa,blas_core,weights_hash\n");
    for (int i = 0; i < t->lines; i++) {
        line_fields(f, t, i);
        bench_csv_values(f, FIELDS);
        bench_csv_text(t->model);
        bench_csv_text(t->data);
        printf(",%" PRId64 ",%" PRId64, t->batch, t->shards);
        bench_csv_text(t->isa);
        bench_csv_text(t->blas_core);
        printf(",%s\n", t->line[i].hash);
    }
}

static int print_json(const struct ranks_table *t, struct error *err)
{
    struct json *j = json_new_object(), *rows = json_new_array();
    struct bench_field f[FIELDS];

    json_put_text(j, "model", t->model);
    json_put_text(j, "data", t->data);
    json_put_int(j, "repeats", t->repeats);
    json_put_int(j, "batch", t->batch);
    json_put_int(j, "shards", t->shards);
    json_put_text(j, "isa", t->isa);
    json_put_text(j, "blas_core", t->blas_core);
    for (int i = 0; i < t->lines; i++) {
        struct json *row;

        line_fields(f, t, i);
        row = bench_json_fields(f, FIELDS);
        json_put_text(row, "weights_hash", t->line[i].hash);
        json_put(rows, NULL, row);
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
                void (*note)(void *arg, const char *text), struct error *err)
{
    struct ranks_table t = {.line = mem_alloc(ranks->rows * spec->rows, sizeof *t.line)};
    struct bench_spec same = *spec;
    char library[256], text[64];
    int rc = 0;

    if (!t.line)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int i = 0; i < ranks->rows && rc == 0; i++)
        if (ranks->count[i] > 1 && !*ranks_library(library, sizeof library))
            rc = error_set(err, PT_EUSAGE, "--ranks: this build has no MPI; build with -DPARTRAIN_MPI=ON");
    for (int i = 0; i < ranks->rows && rc == 0; i++) {
        snprintf(text, sizeof text, "%d rank%s", ranks->count[i], ranks->count[i] == 1 ? "" : "s");
        if (note)
            note(NULL, text);
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
