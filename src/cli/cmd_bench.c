/* cmd_bench.c - partrain bench: times training at several numbers of threads. */
#include "cli/bench/bench.h"

#include "base/file.h"
#include "base/mem.h"
#include "bench/probe.h"
#include "cli/cli.h"
#include "par/openmp.h"
#include "par/ranks.h"
#include "par/team.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *file, *plot, *threads, *rank_list, *seconds;
    int64_t repeats;
    int form; /* enum bench_form */
    bool quiet;
    bool writes; /* rank 0 alone writes */
    struct bench_spec spec;
    struct bench_ranks ranks;
};

static const char *const forms[] = {[FORM_MD] = "md", [FORM_CSV] = "csv", [FORM_JSON] = "json", NULL};

static const struct cli_option options[] = {
    {"config", 'c', "FILE", "the configuration", CLI_TEXT(file)},
    {"threads", 0, "LIST", "numbers of threads; default 1,2,4,... to what a run has", CLI_TEXT(threads)},
    {"ranks", 0, "LIST", "numbers of processes; default for --threads then: 1", CLI_TEXT(rank_list)},
    {"launch", 0, "WORDS", "what starts R processes; default \"mpirun -np\"", CLI_TEXT(ranks.launch)},
    {"weak", 0, NULL, "let synth: data grow with the threads (weak scaling)", CLI_FLAG(spec.weak)},
    {"repeat", 0, "R", "timed repeats, after one to warm up; default 5",
     CLI_WHOLE(repeats, 1, BENCH_REPEATS)},
    {"steps", 0, "N", "a repeat is the first N minibatches of an epoch, not all",
     CLI_WHOLE(spec.steps, 1, INT64_C(1) << 40)},
    {"seconds", 0, "S", "what the first THREADS do in S s, an epoch at most", CLI_TEXT(seconds)},
    {"output", 'o', "FORM", "md (default), csv or json", CLI_WORD(form, forms)},
    {"plot", 0, "FILE.svg", "also draw the speed-up (needs gnuplot)", CLI_TEXT(plot)},
    {"quiet", 'q', NULL, "only the tables", CLI_FLAG(quiet)},
    {0}};

const struct cli_usage cmd_bench_usage = {
    "-c FILE [KEY=VALUE ...]",
    "Times training (not reading) at several numbers of threads: the same minibatches\n"
    "from the same weights, median and spread, speed-up and efficiency, the time and\n"
    "the rates of each phase beside those of SGEMM and of streaming on the same\n"
    "threads. The weights must come out equal to the last bit; if not, it fails.\n"
    "\n"
    "Example: partrain bench -c conf/autorec-item.yaml data.path=ml-1m --threads 1,2\n",
    options};

/* "1,2,8" into number[BENCH_ROWS]. */
static int read_list(int *number, int *count, const char *option, const char *list, struct error *err)
{
    const char *p = list;

    for (*count = 0; *p; ++*count) {
        char *end;
        long n;

        errno = 0;
        n = *p >= '0' && *p <= '9' ? strtol(p, &end, 10) : 0;
        if (n < 1 || n > OPENMP_MOST || errno || (*end && *end != ',') || (*end == ',' && !end[1]))
            return error_set(err, PT_EUSAGE, "%s: \"%.60s\" is no list of numbers from 1 to %d, like 1,2,4,8",
                             option, list, OPENMP_MOST);
        if (*count == BENCH_ROWS)
            return error_set(err, PT_EUSAGE, "%s: more than %d numbers", option, BENCH_ROWS);
        for (int i = 0; i < *count; i++)
            if (number[i] == n)
                return error_set(err, PT_EUSAGE, "%s: %ld stands twice", option, n);
        number[*count] = (int)n;
        p = *end ? end + 1 : end;
    }
    return *count ? 0 : error_set(err, PT_EUSAGE, "%s: a list like 1,2,4,8 is missing", option);
}

/* 1, 2, 4, ... and at last what a run takes; with --ranks that or one. */
static int default_threads(struct request *q, const struct config *c, struct error *err)
{
    struct bench_spec *s = &q->spec;
    int most = (int)c->threads;
    struct topo *t;

    if (q->ranks.rows) { /* that is how many there are of those */
        s->threads[s->rows++] = most ? most : 1;
        return 0;
    }
    if (!most) {
        TRY(topo_new(&t, NULL, err));
        most = team_default_workers(t);
        topo_free(t);
    }
    for (int n = 1; n < most && s->rows < BENCH_ROWS - 1; n *= 2)
        s->threads[s->rows++] = n;
    s->threads[s->rows++] = most;
    return 0;
}

/* Before anything is measured. */
static int check_plot(const char *file, struct error *err)
{
    size_t length = strlen(file);
    scoped(file_abandon) struct file_writer *w = NULL;

    if (length < 5 || strcmp(file + length - 4, ".svg") != 0)
        return error_set(err, PT_EUSAGE, "--plot: %.200s: an SVG is written, so its name ends in .svg", file);
    return file_create(&w, file, err);
}

static int read_seconds(const char *text, double *out, struct error *err)
{
    char *end;

    *out = strtod(text, &end);
    if (end == text || *end || !(*out > 0.0 && *out <= 1e6))
        return error_set(err, PT_EUSAGE, "--seconds: \"%.60s\" is no number above 0", text);
    return 0;
}

static int parse(struct request *q, struct cli_args *args, int argc, char **argv, struct error *err)
{
    TRY(cli_parse(args, &cmd_bench_usage, argc, argv, q, err));
    if (q->threads)
        TRY(read_list(q->spec.threads, &q->spec.rows, "--threads", q->threads, err));
    if (q->rank_list)
        TRY(read_list(q->ranks.count, &q->ranks.rows, "--ranks", q->rank_list, err));
    if (q->seconds)
        TRY(read_seconds(q->seconds, &q->spec.seconds, err));
    q->spec.repeats = (int)q->repeats;
    if (q->spec.steps && q->seconds)
        return error_set(err, PT_EUSAGE, "--steps and --seconds: give one of them");
    if (q->ranks.launch && !q->ranks.rows)
        return error_set(err, PT_EUSAGE, "--launch is for --ranks");
    if (q->ranks.rows && (q->spec.weak || q->plot))
        return error_set(err, PT_EUSAGE, "--ranks has no %s", q->plot ? "--plot" : "--weak");
    return 0;
}

static void warn_of_crowd(const struct bench_result *r)
{
    int most = 0;

    for (int i = 0; i < r->rows; i++)
        most = r->row[i].threads > most ? r->row[i].threads : most;
    if (most > r->machine.cores)
        cli_message("note: %d threads on %d core%s: expect no speed-up beyond %d", most, r->machine.cores,
                    plural(r->machine.cores), r->machine.cores);
    if (r->machine.quota > 0.0 && most > r->machine.quota)
        cli_message("note: a quota of %.4g CPUs stops more threads than that", r->machine.quota);
}

static int write_result(const struct request *q, const struct bench_result *r, const struct config *c,
                        struct error *err)
{
    TRY(bench_print(r, c, (enum bench_form)q->form, err));
    if (q->plot && gnuplot_found())
        return bench_plot(r, c, q->plot, err);
    if (q->plot)
        cli_message("note: gnuplot is not installed, %s is not drawn", q->plot);
    return 0;
}

/* The tables are written also where bits differ. */
static int measure(struct request *q, struct config *c, struct error *err)
{
    mem_scoped struct bench_result *r = mem_zalloc(1, sizeof *r);
    struct error other = {0};
    int rc, written = 0;

    TRY(need_memory(r, err));
    q->spec.stop = signals_stop();
    q->spec.note = q->quiet ? NULL : cli_warn;
    signals_install();
    rc = bench_run(r, c, &q->spec, err);
    if (rc == 0 || rc == PT_ECHECK) {
        if (!q->quiet)
            warn_of_crowd(r);
        written = q->writes ? write_result(q, r, c, &other) : 0;
    }
    if (rc == 0 && written < 0)
        *err = other;
    return rc < 0 ? rc : written;
}

static int bench(int argc, char **argv, struct error *err)
{
    struct request q = {.repeats = 5};
    struct cli_args args;
    scoped(config_free) struct config *c = NULL;
    bool first = ranks_self().id == 0;
    char note[400];

    TRY(parse(&q, &args, argc, argv, err));
    q.quiet |= !first;
    q.writes = first;
    if (q.ranks.rows && ranks_self().count > 1)
        return error_set(err, PT_EUSAGE, "--ranks starts the ranks itself; under mpirun leave it out");
    TRY(cli_config(&c, q.file, argv + args.rest, argc - args.rest, err));
    TRY(config_need_data(c, err));
    if (q.plot && q.writes)
        TRY(check_plot(q.plot, err));
    if (!q.spec.rows)
        TRY(default_threads(&q, c, err));
    if (!q.quiet && probe_blas_note(note, sizeof note))
        cli_message("note: %s", note);
    if (!q.quiet)
        cli_note_unused(c);
    if (q.ranks.rows)
        return bench_ranks(&q.ranks, &q.spec, q.file, argv + args.rest, argc - args.rest,
                           (enum bench_form)q.form, q.quiet ? NULL : cli_warn, err);
    return signals_end(measure(&q, c, err), err);
}

int cmd_bench(int argc, char **argv, struct error *err)
{
    TRY(ranks_start(err));
    return cli_leave_ranks(bench(argc, argv, err), err);
}
