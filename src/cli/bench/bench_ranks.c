/* bench_ranks.c - partrain bench --ranks: for each number of ranks the launcher starts this program, which
 * prints JSON; the rows of all become one table. */
#include "cli/bench/bench.h"

#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "par/ranks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct ranks_table {
    struct json *result[BENCH_ROWS]; /* owned: of each number of ranks */
    int results;
    struct line {
        int ranks;
        const struct json *row; /* of a result */
    } * line;                   /* owned */
    int lines;
};

/* The words of a command, each ended by a zero; for free(). */
static char *command_text(size_t *size, const struct bench_ranks *ranks, int count,
                          const struct bench_spec *spec, const char *file, char **assignment, int assignments)
{
    mem_scoped char *self = realpath("/proc/self/exe", NULL);
    char *text = NULL;
    FILE *f = open_memstream(&text, size);

    if (!f)
        return NULL;
    if (count > 1) {
        for (const char *at = ranks->launch ? ranks->launch : "mpirun -np"; *at; at++)
            putc(*at == ' ' ? 0 : *at, f);
        fprintf(f, "%c%d%c", 0, count, 0);
    }
    fprintf(f, "%s%cbench%c--quiet%c--output=json%c", self ? self : "partrain", 0, 0, 0, 0);
    fprintf(f, "--repeat=%d%c--threads=", spec->repeats, 0);
    for (int i = 0; i < spec->rows; i++)
        fprintf(f, "%s%d", i ? "," : "", spec->threads[i]);
    if (spec->steps)
        fprintf(f, "%c--steps=%" PRId64, 0, spec->steps);
    else if (spec->seconds > 0.0)
        fprintf(f, "%c--seconds=%.9g", 0, spec->seconds);
    if (file)
        fprintf(f, "%c--config=%s", 0, file);
    fprintf(f, "%c--", 0);
    for (int i = 0; i < assignments; i++)
        fprintf(f, "%c%s", 0, assignment[i]);
    return fclose(f) == 0 ? text : NULL;
}

/* Runs the command of command_text; as process_run. */
static int run(char *command, size_t size, char **out)
{
    mem_scoped char **word = mem_zalloc((int64_t)size + 1, sizeof *word);
    int n = 0;

    *out = NULL;
    for (char *at = command; word && at < command + size; at += strlen(at) + 1)
        if (*at)
            word[n++] = at;
    return word ? process_run(word, NULL, false, out) : -1;
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

static int read_result(struct ranks_table *t, int ranks, const char *text, struct error *err)
{
    struct json *j = NULL;
    const struct json *rows;
    const char *begin = text ? strchr(text, '{') : NULL; /* a launcher may write before */
    int rc = begin ? json_parse(&j, begin, strlen(begin), err) : PT_EFILE;

    if (rc < 0 || json_get_int(j, "ranks", 0) != ranks) {
        rc = error_set(err, PT_EUSAGE,
                       "--ranks: %d processes were started and %" PRId64
                       " took part; does --launch start programs of the MPI that this one was built with?",
                       ranks, json_get_int(j, "ranks", 0));
        json_free(j);
        return rc;
    }
    t->result[t->results++] = j;
    rows = json_get(j, "rows");
    for (int64_t i = 0; i < json_count(rows); i++)
        t->line[t->lines++] = (struct line){ranks, json_at(rows, i)};
    return 0;
}

static int measure(struct ranks_table *t, const struct bench_ranks *ranks, int count,
                   const struct bench_spec *spec, const char *file, char **assignment, int assignments,
                   struct error *err)
{
    size_t size;
    mem_scoped char *command = command_text(&size, ranks, count, spec, file, assignment, assignments);
    mem_scoped char *text = NULL;
    int status;

    TRY(need_memory(command, err));
    status = run(command, size, &text);
    if (status == 0)
        return read_result(t, count, text, err);
    return error_set(err, code_of(status), "--ranks: the measurement with %d rank%s failed", count,
                     plural(count));
}

static double real(const struct line *x, const char *key)
{
    return json_get_real(x->row, key, 0.0);
}

static int line_fields(struct bench_field *out, const void *arg, int i)
{
    const struct ranks_table *t = arg;
    const struct line *a = &t->line[0], *x = &t->line[i];
    const struct json *first = t->result[0];
    double threads = real(x, "threads"), steps = real(x, "steps"), median = real(x, "median_s");
    double speedup = median > 0.0 ? real(a, "median_s") / median : 0.0;
    double efficiency = speedup * a->ranks * real(a, "threads") / (x->ranks * threads);
    double sent = steps > 0.0 ? real(x, "sent_bytes") / steps : 0.0;
    const struct bench_field fields[] = {
        {FIELD_WHOLE("ranks", x->ranks), .md = "ranks"},
        {FIELD_WHOLE("threads", threads), .md = "threads each"},
        {FIELD_WHOLE("steps", steps)},
        {FIELD_WHOLE("repeats", json_get_int(first, "repeats", 0)), .once = true},
        {FIELD_REAL("median_s", median), .md = "median s"},
        {FIELD_REAL("low_s", real(x, "low_s")), .md = "lowest"},
        {FIELD_REAL("high_s", real(x, "high_s")), .md = "highest"},
        {FIELD_REAL("ratings_per_s", real(x, "ratings_per_s")), .md = "ratings/s"},
        {FIELD_REAL("speedup", speedup), .md = "speed-up", .digits = 2},
        {FIELD_REAL("efficiency", efficiency), .md = "efficiency", .digits = 2},
        {FIELD_REAL("sent_bytes_per_step", sent)},
        {.md = "kB sent a step", .value = 1e-3 * sent},
        {FIELD_TEXT("model", json_get_text(first, "model", "")), .once = true},
        {FIELD_TEXT("data", json_get_text(first, "data", "")), .once = true},
        {FIELD_WHOLE("batch", json_get_int(first, "batch", 0)), .once = true},
        {FIELD_WHOLE("shards", json_get_int(first, "shards", 0)), .once = true},
        {FIELD_TEXT("isa", json_get_text(first, "isa", "")), .once = true},
        {FIELD_TEXT("precision", json_get_text(first, "precision", "")), .once = true},
        {FIELD_TEXT("blas_core", json_get_text(first, "blas_core", "")), .once = true},
        {FIELD_TEXT("weights_hash", json_get_text(x->row, "weights_hash", "")), .md = "weights_hash"}};

    memcpy(out, fields, sizeof fields);
    return sizeof fields / sizeof *fields;
}

static void print_heading(const struct ranks_table *t)
{
    const struct json *r = t->result[0];
    int64_t repeats = json_get_int(r, "repeats", 0), shards = json_get_int(r, "shards", 0);
    int64_t steps = json_get_int(t->line[0].row, "steps", 0);

    printf("%s, %s: %" PRId64 " repeat%s of %" PRId64 " minibatch%s of %" PRId64
           ", after one to warm up; %" PRId64 " shard%s; vectors %s, kernels for %s\n\n",
           json_get_text(r, "model", ""), json_get_text(r, "data", ""), repeats, plural(repeats), steps,
           steps == 1 ? "" : "es", json_get_int(r, "batch", 0), shards, plural(shards),
           json_get_text(r, "isa", ""), json_get_text(r, "blas_core", ""));
}

static int compare(const struct ranks_table *t, struct error *err)
{
    const struct line *a = &t->line[0];
    const char *hash = json_get_text(a->row, "weights_hash", "");

    for (const struct line *x = a + 1; x < a + t->lines; x++)
        if (strcmp(hash, json_get_text(x->row, "weights_hash", "")) != 0)
            return error_set(err, PT_ECHECK,
                             "bench: %d rank%s with %.0f and %d with %.0f threads give different weights "
                             "(%s, %s): a fault of partrain or of the BLAS library (`partrain doctor`)",
                             a->ranks, plural(a->ranks), real(a, "threads"), x->ranks, real(x, "threads"),
                             hash, json_get_text(x->row, "weights_hash", ""));
    return 0;
}

static void fini(struct ranks_table *t)
{
    for (int i = 0; i < t->results; i++)
        json_free(t->result[i]);
    mem_free(t->line);
}

int bench_ranks(const struct bench_ranks *ranks, const struct bench_spec *spec, const char *file,
                char **assignment, int assignments, enum bench_form form,
                void (*note)(void *arg, const char *text), struct error *err)
{
    scoped_value(fini) struct ranks_table t = {.line = mem_alloc(ranks->rows * spec->rows, sizeof *t.line)};
    struct bench_spec same = *spec;
    char library[256];

    TRY(need_memory(t.line, err));
    for (int i = 0; i < ranks->rows; i++)
        if (ranks->count[i] > 1 && !*ranks_library(library, sizeof library))
            return error_set(err, PT_EUSAGE, "--ranks: this build has no MPI; build with -DPARTRAIN_MPI=ON");
    for (int i = 0; i < ranks->rows; i++) {
        warn_printf(note, NULL, "%d rank%s", ranks->count[i], plural(ranks->count[i]));
        TRY(measure(&t, ranks, ranks->count[i], &same, file, assignment, assignments, err));
        if (i == 0) { /* all do what the first did in its --seconds */
            same.steps = json_get_int(t.line[0].row, "steps", 0);
            same.seconds = 0.0;
        }
    }
    if (form == FORM_MD)
        print_heading(&t);
    TRY(bench_table_print(t.lines, line_fields, &t, form, err));
    return compare(&t, err);
}
