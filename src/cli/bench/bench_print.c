/* bench_print.c - the results of `partrain bench` as Markdown, csv, JSON or a plot. */
#include "cli/bench/bench.h"

#include "base/file.h"
#include "base/mem.h"
#include "bench/probe.h"
#include "cli/cli.h"
#include "math/gemm.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Phases of training; evaluation stands beside them. */
static bool shown(int phase)
{
    return phase != PHASE_EVAL;
}

static double per_second(double amount, double seconds)
{
    return seconds > 0.0 ? amount / seconds : 0.0;
}

static void print_heading(const struct bench_result *r, const struct config *c)
{
    const struct bench_row *a = &r->row[0];

    printf("%s, %s: %" PRId64 " users, %" PRId64 " items, %" PRId64 " ratings, %d shard%s\n",
           config_enum_name("model.kind", c->model_kind), r->weak ? "weak scaling" : c->data_path, a->users,
           a->items, a->ratings, r->shards, plural(r->shards));
    printf("%d repeat%s of %" PRId64 " minibatch%s of %" PRId64 "%s, after one to warm up\n", r->repeats,
           plural(r->repeats), a->steps, a->steps == 1 ? "" : "es", r->batch, r->epoch ? " (an epoch)" : "");
    if (r->ranks > 1)
        printf("%d ranks; threads and barriers are those of each, phases those of rank 0\n", r->ranks);
    printf("%d of %d cores, %d NUMA node%s, last-level cache%s %.4g MiB; vectors %s, precision %s; %s, "
           "kernels for %s\n\n",
           r->machine.cores, r->machine.machine_cores, r->machine.nodes, plural(r->machine.nodes),
           plural(r->machine.last_caches), (double)r->machine.last_bytes / (1 << 20), r->isa,
           config_enum_name("train.precision", c->precision), gemm_library(), gemm_core());
}

/* Of weak scaling. */
static void print_sets(const struct bench_result *r)
{
    printf("\nThe data of each row:");
    for (int i = 0; i < r->rows; i++)
        printf("%s %" PRId64 " x %" PRId64 ", %" PRId64 " ratings", i ? ";" : "", r->row[i].users,
               r->row[i].items, r->row[i].ratings);
    printf(". After the warm-up each had the same bits with %d thread%s.\n", r->row[0].threads,
           plural(r->row[0].threads));
}

static int phase_fields(struct bench_field *out, const void *arg, int i)
{
    const struct bench_row *x = &((const struct bench_result *)arg)->row[i];
    int n = 0;

    out[n++] = (struct bench_field){.md = "threads", .kind = AS_WHOLE, .value = x->threads};
    for (int p = 0; p < PHASES; p++)
        if (shown(p))
            out[n++] = (struct bench_field){.md = phase_name((enum phase)p), .value = x->phase[p]};
    out[n++] = (struct bench_field){.md = "busiest worker", .value = x->busiest};
    out[n++] = (struct bench_field){.md = "barriers", .kind = AS_WHOLE, .value = x->barriers};
    out[n++] = (struct bench_field){.md = "a barrier us", .value = 1e6 * x->barrier};
    return n;
}

static void print_rate(double rate, double roof, double unit)
{
    if (rate > 0.0)
        printf(" %.4g | %.0f%% |", rate / unit, 100.0 * per_second(rate, roof));
    else
        printf(" - | - |");
}

static void print_roof_row(const struct bench_row *x, const char *name, double seconds, double flop,
                           double bytes)
{
    printf("| %d | %s | %.4g |", x->threads, name, seconds);
    print_rate(per_second(flop, seconds), x->sgemm, 1e9);
    print_rate(per_second(bytes, seconds), x->stream, 1e9);
    printf("\n");
}

static void print_roof(const struct bench_result *r)
{
    printf("\nRates of each phase, beside SGEMM (products of %d x %d x %d) and streaming (Adam over %.0f MB) "
           "on the same threads:\n\n",
           PROBE_BLOCK, PROBE_BLOCK, PROBE_BLOCK, 1e-6 * r->stream_bytes);
    printf("| threads | phase | s | GFLOP/s | of SGEMM | GB/s | of streaming |\n"
           "| ---: | :--- | ---: | ---: | ---: | ---: | ---: |\n");
    for (int i = 0; i < r->rows; i++) {
        const struct bench_row *x = &r->row[i];

        printf("| %d | the machine | | %.4g | 100%% | %.4g | 100%% |\n", x->threads, 1e-9 * x->sgemm,
               1e-9 * x->stream);
        for (int p = 0; p < PHASES; p++)
            if (x->work.flop[p] > 0.0 || x->work.bytes[p] > 0.0)
                print_roof_row(x, phase_name((enum phase)p), x->phase[p], x->work.flop[p], x->work.bytes[p]);
        print_roof_row(x, "all", x->median, cost_flop(&x->work), cost_bytes(&x->work));
        if (x->eval_examples)
            print_roof_row(x, "evaluation", x->eval_s, x->eval_flop, 0.0);
    }
    for (int i = 0; i < r->rows; i++)
        if (r->row[i].sgemm_workers < r->row[i].threads)
            printf("\nSGEMM of %d threads is scaled from %d of them: the BLAS library takes no more callers "
                   "at a time.\n",
                   r->row[i].threads, r->row[i].sgemm_workers);
    printf("\nBytes are counted as if caches kept nothing from phase to phase, so a phase that they serve "
           "can exceed the\n"
           "streaming rate. SGEMM is sampled between the repeats: a machine that is faster in a repeat, or a "
           "BLAS library\n"
           "that is not at its best here (`partrain doctor`), shows a phase above 100%% of it.\n");
}

/* NaN where nothing of the kind is done. */
static double rate(double amount, double seconds)
{
    return amount > 0.0 && seconds > 0.0 ? amount / seconds : NAN;
}

struct measured {
    const struct bench_result *result;
    const struct config *config;
};

/* Of each phase of training. */
static int add_phases(struct bench_field *out, int n, const struct bench_row *x)
{
    for (int p = 0; p < PHASES; p++) {
        double s = x->phase[p], flop = x->work.flop[p], bytes = x->work.bytes[p];
        const char *phase = phase_name((enum phase)p);
        const struct bench_field fields[] = {
            {FIELD_NAMES("s"), .phase = phase, .value = s},
            {FIELD_NAMES("flop"), .phase = phase, .kind = AS_WHOLE, .value = flop},
            {.csv = "byte", .json = "bytes", .phase = phase, .kind = AS_WHOLE, .value = bytes},
            {.json = "gflop_per_s", .phase = phase, .value = rate(flop, s), .unit = 1e9},
            {.json = "gbyte_per_s", .phase = phase, .value = rate(bytes, s), .unit = 1e9}};

        if (!shown(p))
            continue;
        memcpy(out + n, fields, sizeof fields);
        n += (int)(sizeof fields / sizeof *fields);
    }
    return n;
}

/* Of the whole measurement, and the row's hash. */
static int add_once(struct bench_field *out, int n, const struct measured *m, const struct bench_row *x)
{
    const struct bench_result *r = m->result;
    const struct bench_field once[] = {
        {FIELD_TEXT("model", config_enum_name("model.kind", m->config->model_kind)), .once = true},
        {FIELD_TEXT("data", r->data), .once = true},
        {FIELD_FLAG("weak", r->weak), .once = true},
        {FIELD_WHOLE("batch", r->batch), .once = true},
        {FIELD_WHOLE("shards", r->shards), .once = true},
        {FIELD_WHOLE("ranks", r->ranks), .once = true},
        {FIELD_TEXT("isa", r->isa), .once = true},
        {FIELD_TEXT("precision", config_enum_name("train.precision", m->config->precision)), .once = true},
        {FIELD_TEXT("blas", gemm_library()), .once = true},
        {FIELD_TEXT("blas_core", gemm_core()), .once = true},
        {.json = "epoch", .kind = AS_FLAG, .value = r->epoch, .once = true},
        {.json = "cores", .kind = AS_WHOLE, .value = r->machine.cores, .once = true},
        {.json = "nodes", .kind = AS_WHOLE, .value = r->machine.nodes, .once = true},
        {.json = "l3_bytes", .kind = AS_WHOLE, .value = (double)r->machine.l3, .once = true},
        {.json = "last_level_caches", .kind = AS_WHOLE, .value = r->machine.last_caches, .once = true},
        {.json = "last_level_bytes", .kind = AS_WHOLE, .value = (double)r->machine.last_bytes, .once = true},
        {.json = "stream_bytes", .kind = AS_WHOLE, .value = r->stream_bytes, .once = true},
        {FIELD_TEXT("weights_hash", x->hash), .md = "weights_hash"}};

    memcpy(out + n, once, sizeof once);
    return n + (int)(sizeof once / sizeof *once);
}

/* docs/performance.md lists the fields. */
static int row_fields(struct bench_field *out, const void *arg, int i)
{
    const struct measured *m = arg;
    const struct bench_result *r = m->result;
    const struct bench_row *x = &r->row[i];
    double gain = bench_speedup(r, i);
    const struct bench_field row[] = {
        {FIELD_WHOLE("threads", x->threads), .md = "threads"},
        {FIELD_WHOLE("users", x->users)},
        {FIELD_WHOLE("items", x->items)},
        {FIELD_WHOLE("ratings", x->ratings)},
        {FIELD_WHOLE("steps", x->steps)},
        {FIELD_WHOLE("repeats", r->repeats), .once = true},
        {FIELD_REAL("median_s", x->median), .md = "median s"},
        {FIELD_REAL("low_s", x->low), .md = "lowest"},
        {FIELD_REAL("high_s", x->high), .md = "highest"},
        {FIELD_REAL("examples_per_s", x->work.examples / x->median)},
        {FIELD_REAL("ratings_per_s", x->work.ratings / x->median), .md = "ratings/s"},
        {FIELD_REAL("speedup", r->weak ? NAN : gain), .md = r->weak ? NULL : "speed-up", .digits = 2},
        {FIELD_REAL("growth", r->weak ? gain : NAN), .md = r->weak ? "growth of rate" : NULL, .digits = 2},
        {FIELD_REAL("efficiency", bench_efficiency(r, i)), .md = "efficiency", .digits = 2},
        {FIELD_GIGA("flop_per_s", "gflop_per_s", cost_flop(&x->work) / x->median)},
        {FIELD_GIGA("byte_per_s", "gbyte_per_s", cost_bytes(&x->work) / x->median)},
        {FIELD_GIGA("sgemm_flop_per_s", "sgemm_gflop_per_s", x->sgemm)},
        {FIELD_WHOLE("sgemm_workers", x->sgemm_workers)},
        {FIELD_GIGA("stream_byte_per_s", "stream_gbyte_per_s", x->stream)},
        {FIELD_REAL("barrier_s", x->barrier)},
        {FIELD_WHOLE("barriers", x->barriers)},
        {FIELD_REAL("busiest_s", x->busiest)},
        {FIELD_WHOLE("bound", x->bound)},
        {FIELD_WHOLE("exchange_bytes", x->work.exchange)},
        {FIELD_WHOLE("sent_bytes", x->sent)},
        {FIELD_REAL("eval_s", x->eval_examples ? x->eval_s : NAN), .md = "evaluation s"},
        {FIELD_WHOLE("eval_examples", x->eval_examples)},
        {FIELD_WHOLE("eval_flop", x->eval_flop)},
        {FIELD_GIGA(NULL, "eval_gflop_per_s", rate(x->eval_flop, x->eval_s))}};
    int n = sizeof row / sizeof *row;

    memcpy(out, row, sizeof row);
    n = add_phases(out, n, x);
    return add_once(out, n, m, x);
}

int bench_print(const struct bench_result *r, const struct config *c, enum bench_form form, struct error *err)
{
    struct measured m = {r, c};
    int rc;

    if (form == FORM_MD)
        print_heading(r, c);
    rc = bench_table_print(r->rows, row_fields, &m, form, err);
    if (form != FORM_MD || rc < 0)
        return rc;
    if (r->weak)
        print_sets(r);
    printf("\nSeconds a repeat, mean over workers, median over repeats:\n\n");
    rc = bench_table_print(r->rows, phase_fields, r, FORM_MD, err);
    print_roof(r);
    return rc;
}

static void write_script(FILE *out, const struct bench_result *r, const struct config *c)
{
    int first = r->row[0].threads, last = first;

    for (int i = 0; i < r->rows; i++)
        last = r->row[i].threads > last ? r->row[i].threads : last;
    fprintf(out,
            "set terminal svg size 640,480 dynamic background 'white'\nset encoding utf8\nset key left top\n"
            "set grid\nset xlabel 'threads'\nset ylabel '%s'\n",
            r->weak ? "rate, against the first" : "speed-up");
    fprintf(out, "set title '%s, %d shards'\n", config_enum_name("model.kind", c->model_kind), r->shards);
    fprintf(out, "set xrange [0:%d]\nset yrange [0:%g]\n", last + 1, (double)last / first + 1.0);
    fprintf(out,
            "plot x / %d title 'ideal' with lines dashtype 2, '-' title 'measured' with linespoints "
            "pointtype 7\n",
            first);
    for (int i = 0; i < r->rows; i++)
        fprintf(out, "%d %.6g\n", r->row[i].threads, bench_speedup(r, i));
    fprintf(out, "e\n");
}

int bench_plot(const struct bench_result *r, const struct config *c, const char *file, struct error *err)
{
    mem_scoped char *svg = NULL;
    FILE *script;

    script = tmpfile();
    if (!script)
        return error_set(err, PT_EFILE, "%s: no temporary file for gnuplot: %s", file, strerror(errno));
    write_script(script, r, c);
    svg = gnuplot_run(script);
    if (!svg)
        return error_set(err, PT_EFILE, "%s: gnuplot failed to draw it", file);
    return file_write_text(file, svg, err);
}
