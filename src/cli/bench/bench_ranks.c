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
    struct json *first; /* owned: the first measurement */
};

/* The words of a command line; all owned. */
struct words {
    char **word; /* ended by NULL */
    int words, room;
    bool failed; /* no memory, or no room */
};

static void add(struct words *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct words *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (c->words == c->room || vasprintf(&c->word[c->words], fmt, args) < 0)
        c->failed = true;
    else
        c->words++;
    va_end(args);
}

static void words_fini(struct words *c)
{
    for (int i = 0; i < c->words; i++)
        free(c->word[i]);
    mem_free(c->word);
}

static int make_words(struct words *c, const struct bench_ranks *ranks, int count,
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
static int run(char **out, size_t *length, struct words *c, int *status, struct error *err)
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

static int read_result(struct ranks_table *t, int ranks, const char *text, size_t length, struct error *err)
{
    struct json *j = NULL;
    const struct json *rows;
    const char *begin = memchr(text, '{', length); /* a launcher may write before */
    int rc = begin ? json_parse(&j, begin, length - (size_t)(begin - text), err) : PT_EFILE;

    if (rc < 0 || json_get_int(j, "ranks", 0) != ranks) {
        rc = error_set(err, PT_EUSAGE,
                       "--ranks: %d processes were started and %" PRId64
                       " took part; does --launch start programs of the MPI that this one was built with?",
                       ranks, json_get_int(j, "ranks", 0));
        json_free(j);
        return rc;
    }
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
        snprintf(x->hash, sizeof x->hash, "%s", json_get_text(r, "weights_hash", ""));
    }
    if (t->first)
        json_free(j);
    else
        t->first = j;
    return 0;
}

static int measure(struct ranks_table *t, const struct bench_ranks *ranks, int count,
                   const struct bench_spec *spec, const char *file, char **assignment, int assignments,
                   struct error *err)
{
    struct words c = {0};
    char *text = NULL;
    size_t length = 0;
    int status = 0, rc = make_words(&c, ranks, count, spec, file, assignment, assignments, err);

    if (rc == 0)
        rc = run(&text, &length, &c, &status, err);
    if (rc == 0 && status != 0)
        rc = error_set(err, code_of(status), "--ranks: the measurement with %d rank%s failed", count,
                       plural(count));
    if (rc == 0)
        rc = read_result(t, count, text, length, err);
    mem_free(text);
    words_fini(&c);
    return rc;
}

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

static const char *text_of(const struct ranks_table *t, const char *key)
{
    return json_get_text(t->first, key, "");
}

static void print_md(const struct ranks_table *t)
{
    int64_t repeats = json_get_int(t->first, "repeats", 0), shards = json_get_int(t->first, "shards", 0);

    printf("%s, %s: %" PRId64 " repeat%s of %" PRId64 " minibatch%s of %" PRId64
           ", after one to warm up; %" PRId64 " shard%s; vectors %s, kernels for %s\n\n",
           text_of(t, "model"), text_of(t, "data"), repeats, plural(repeats), t->line[0].steps,
           t->line[0].steps == 1 ? "" : "es", json_get_int(t->first, "batch", 0), shards, plural(shards),
           text_of(t, "isa"), text_of(t, "blas_core"));
    printf(
        "| ranks | threads each | median s | lowest | highest | ratings/s | speed-up | efficiency | kB sent "
        "a step | weights_hash |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |\n");
    for (int i = 0; i < t->lines; i++) {
        const struct line *x = &t->line[i];

        printf("| %d | %" PRId64 " | %.4g | %.4g | %.4g | %.4g | %.2f | %.2f | %.4g | %s |\n", x->ranks,
               x->threads, x->median, x->low, x->high, x->ratings, speedup(t, i), efficiency(t, i),
               1e-3 * sent_a_step(x), x->hash);
    }
}

static int line_fields(struct bench_field *out, const void *arg, int i)
{
    const struct ranks_table *t = arg;
    const struct line *x = &t->line[i];
    const struct bench_field fields[] = {
        {FIELD_WHOLE("ranks", x->ranks)},
        {FIELD_WHOLE("threads", x->threads)},
        {FIELD_WHOLE("steps", x->steps)},
        {FIELD_WHOLE("repeats", json_get_int(t->first, "repeats", 0)), .once = true},
        {FIELD_REAL("median_s", x->median)},
        {FIELD_REAL("low_s", x->low)},
        {FIELD_REAL("high_s", x->high)},
        {FIELD_REAL("ratings_per_s", x->ratings)},
        {FIELD_REAL("speedup", speedup(t, i))},
        {FIELD_REAL("efficiency", efficiency(t, i))},
        {FIELD_REAL("sent_bytes_per_step", sent_a_step(x))},
        {FIELD_TEXT("model", text_of(t, "model")), .once = true},
        {FIELD_TEXT("data", text_of(t, "data")), .once = true},
        {FIELD_WHOLE("batch", json_get_int(t->first, "batch", 0)), .once = true},
        {FIELD_WHOLE("shards", json_get_int(t->first, "shards", 0)), .once = true},
        {FIELD_TEXT("isa", text_of(t, "isa")), .once = true},
        {FIELD_TEXT("blas_core", text_of(t, "blas_core")), .once = true},
        {FIELD_TEXT("weights_hash", x->hash)}};

    memcpy(out, fields, sizeof fields);
    return sizeof fields / sizeof *fields;
}

static int compare(const struct ranks_table *t, struct error *err)
{
    for (int i = 1; i < t->lines; i++) {
        const struct line *a = &t->line[0], *x = &t->line[i];

        if (strcmp(a->hash, x->hash) != 0)
            return error_set(err, PT_ECHECK,
                             "bench: %d rank%s with %" PRId64 " and %d with %" PRId64
                             " threads give different weights (%s, %s): a fault of partrain or of the BLAS "
                             "library (`partrain doctor`)",
                             a->ranks, plural(a->ranks), a->threads, x->ranks, x->threads, a->hash, x->hash);
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
        snprintf(text, sizeof text, "%d rank%s", ranks->count[i], plural(ranks->count[i]));
        if (note)
            note(NULL, text);
        rc = measure(&t, ranks, ranks->count[i], &same, file, assignment, assignments, err);
        if (rc == 0 && i == 0) { /* all do what the first did in its --seconds */
            same.steps = t.line[0].steps;
            same.seconds = 0.0;
        }
    }
    if (rc == 0 && form != FORM_MD)
        rc = bench_table_print(t.lines, line_fields, &t, form == FORM_CSV, err);
    else if (rc == 0)
        print_md(&t);
    if (rc == 0)
        rc = compare(&t, err);
    json_free(t.first);
    mem_free(t.line);
    return rc;
}
