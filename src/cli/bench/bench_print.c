/* bench_print.c - the results of `partrain bench` as Markdown, csv, JSON or a plot. */
#include "cli/bench/bench.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/probe.h"
#include "cli/cli.h"
#include "cli/gnuplot.h"
#include "math/gemm.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- md ------------------------------------------------------------------------------------------------ */

static void print_heading(const struct bench_result *r, const struct config *c)
{
    const struct bench_row *a = &r->row[0];

    printf("%s, %s: %" PRId64 " users, %" PRId64 " items, %" PRId64 " ratings, %d shard%s\n",
           config_enum_name("model.kind", c->model_kind), r->weak ? "weak scaling" : c->data_path, a->users,
           a->items, a->ratings, r->shards, r->shards == 1 ? "" : "s");
    printf("%d repeat%s of %" PRId64 " minibatch%s of %" PRId64 "%s, after one to warm up\n", r->repeats,
           r->repeats == 1 ? "" : "s", a->steps, a->steps == 1 ? "" : "es", r->batch,
           r->epoch ? " (an epoch)" : "");
    if (r->ranks > 1)
        printf("%d ranks; threads and barriers are those of each, phases those of rank 0\n", r->ranks);
    printf("%d of %d cores, %d NUMA node%s, last-level cache%s %.4g MiB; vectors %s; %s, kernels for %s\n\n",
           r->machine.cores, r->machine.machine_cores, r->machine.nodes, r->machine.nodes == 1 ? "" : "s",
           r->machine.last_caches == 1 ? "" : "s", (double)r->machine.last_bytes / (1 << 20), r->isa,
           gemm_library(), gemm_core());
}

static void print_scaling(const struct bench_result *r)
{
    printf(
        "| threads | median s | lowest | highest | ratings/s | %s | efficiency | evaluation s | weights_hash "
        "|\n",
        r->weak ? "growth of rate" : "speed-up");
    printf("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |\n");
    for (int i = 0; i < r->rows; i++) {
        const struct bench_row *x = &r->row[i];

        printf("| %d | %.4g | %.4g | %.4g | %.4g | %.2f | %.2f | ", x->threads, x->median, x->low, x->high,
               per_second(x->work.ratings, x->median), bench_speedup(r, i), bench_efficiency(r, i));
        if (x->eval_examples)
            printf("%.4g | %s |\n", x->eval_s, x->hash);
        else
            printf("- | %s |\n", x->hash);
    }
    if (r->weak) {
        printf("\nThe data of each row:");
        for (int i = 0; i < r->rows; i++)
            printf("%s %" PRId64 " x %" PRId64 ", %" PRId64 " ratings", i ? ";" : "", r->row[i].users,
                   r->row[i].items, r->row[i].ratings);
        printf(". After the warm-up each had the same bits with %d thread%s.\n", r->row[0].threads,
               r->row[0].threads == 1 ? "" : "s");
    }
}

static void print_phases(const struct bench_result *r)
{
    printf("\nSeconds a repeat, mean over workers, median over repeats:\n\n| threads |");
    for (int p = 0; p < PHASES; p++)
        if (shown(p))
            printf(" %s |", phase_name((enum phase)p));
    printf(" busiest worker | barriers | a barrier us |\n| ---: |");
    for (int p = 0; p < PHASES; p++)
        if (shown(p))
            printf(" ---: |");
    printf(" ---: | ---: | ---: |\n");
    for (int i = 0; i < r->rows; i++) {
        printf("| %d |", r->row[i].threads);
        for (int p = 0; p < PHASES; p++)
            if (shown(p))
                printf(" %.4g |", r->row[i].phase[p]);
        printf(" %.4g | %.0f | %.2g |\n", r->row[i].busiest, r->row[i].barriers, 1e6 * r->row[i].barrier);
    }
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
           "on the "
           "same threads:\n\n",
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
                   "at a "
                   "time.\n",
                   r->row[i].threads, r->row[i].sgemm_workers);
    printf("\nBytes are counted as if caches kept nothing from phase to phase, so a phase that they serve "
           "can exceed the\n"
           "streaming rate. SGEMM is sampled between the repeats: a machine that is faster in a repeat, or a "
           "BLAS library\n"
           "that is not at its best here (`partrain doctor`), shows a phase above 100%% of it.\n");
}

void bench_print_md(const struct bench_result *r, const struct config *c)
{
    print_heading(r, c);
    print_scaling(r);
    print_phases(r);
    print_roof(r);
}

/* ---- csv and json: the fields are listed in docs/performance.md ---- */

void bench_csv_text(const char *text)
{
    bool quote = strpbrk(text, ",\"\r\n") != NULL;

    fputs(quote ? ",\"" : ",", stdout);
    for (; *text; text++) {
        if (quote && *text == '"')
            putchar('"');
        putchar(*text);
    }
    if (quote)
        putchar('"');
}

void bench_csv_names(const struct bench_field *f, int n)
{
    for (int i = 0; i < n; i++)
        if (f[i].csv)
            printf("%s%s", i ? "," : "", f[i].csv);
}

/* NaN is an empty field. */
void bench_csv_values(const struct bench_field *f, int n)
{
    for (int i = 0; i < n; i++) {
        if (!f[i].csv)
            continue;
        if (i)
            putchar(',');
        if (isfinite(f[i].value))
            printf(f[i].whole ? "%.0f" : "%.6g", f[i].value);
    }
}

struct json *bench_json_fields(const struct bench_field *f, int n)
{
    struct json *j = json_new_object();

    for (int i = 0; i < n; i++)
        if (f[i].json && f[i].whole)
            json_put_int(j, f[i].json, llround(f[i].value));
        else if (f[i].json)
            json_put_real(j, f[i].json, f[i].value / (f[i].unit > 0.0 ? f[i].unit : 1.0));
    return j;
}

/* NaN where nothing of the kind is done. */
static double rate(double amount, double seconds)
{
    return amount > 0.0 && seconds > 0.0 ? amount / seconds : NAN;
}

enum { FIELDS = 29, GIGA = 1000000000 };

static void row_fields(struct bench_field out[FIELDS], const struct bench_result *r, int i)
{
    const struct bench_row *x = &r->row[i];
    double gain = bench_speedup(r, i);
    const struct bench_field fields[FIELDS] = {
        {"threads", "threads", x->threads, true, 0},
        {"users", "users", (double)x->users, true, 0},
        {"items", "items", (double)x->items, true, 0},
        {"ratings", "ratings", (double)x->ratings, true, 0},
        {"steps", "steps", (double)x->steps, true, 0},
        {"repeats", NULL, r->repeats, true, 0},
        {"median_s", "median_s", x->median, false, 0},
        {"low_s", "low_s", x->low, false, 0},
        {"high_s", "high_s", x->high, false, 0},
        {"examples_per_s", "examples_per_s", x->work.examples / x->median, false, 0},
        {"ratings_per_s", "ratings_per_s", x->work.ratings / x->median, false, 0},
        {"speedup", "speedup", r->weak ? NAN : gain, false, 0},
        {"growth", "growth", r->weak ? gain : NAN, false, 0},
        {"efficiency", "efficiency", bench_efficiency(r, i), false, 0},
        {"flop_per_s", "gflop_per_s", cost_flop(&x->work) / x->median, false, GIGA},
        {"byte_per_s", "gbyte_per_s", cost_bytes(&x->work) / x->median, false, GIGA},
        {"sgemm_flop_per_s", "sgemm_gflop_per_s", x->sgemm, false, GIGA},
        {"sgemm_workers", "sgemm_workers", x->sgemm_workers, true, 0},
        {"stream_byte_per_s", "stream_gbyte_per_s", x->stream, false, GIGA},
        {"barrier_s", "barrier_s", x->barrier, false, 0},
        {"barriers", "barriers", x->barriers, true, 0},
        {"busiest_s", "busiest_s", x->busiest, false, 0},
        {"bound", "bound", x->bound, true, 0},
        {"exchange_bytes", "exchange_bytes", x->work.exchange, true, 0},
        {"sent_bytes", "sent_bytes", x->sent, true, 0},
        {"eval_s", "eval_s", x->eval_examples ? x->eval_s : NAN, false, 0},
        {"eval_examples", "eval_examples", (double)x->eval_examples, true, 0},
        {"eval_flop", "eval_flop", x->eval_flop, true, 0},
        {NULL, "eval_gflop_per_s", rate(x->eval_flop, x->eval_s), false, GIGA},
    };

    memcpy(out, fields, sizeof fields);
}

void bench_print_csv(const struct bench_result *r, const struct config *c)
{
    struct bench_field f[FIELDS];

    row_fields(f, r, 0);
    bench_csv_names(f, FIELDS);
    for (int p = 0; p < PHASES; p++)
        if (shown(p))
            printf(",%s_s,%s_flop,%s_byte", phase_name((enum phase)p), phase_name((enum phase)p),
                   phase_name((enum phase)p));
    printf(",model,data,weak,batch,shards,ranks,isa,blas,blas_core,weights_hash\n");
    for (int i = 0; i < r->rows; i++) {
        const struct bench_row *x = &r->row[i];

        row_fields(f, r, i);
        bench_csv_values(f, FIELDS);
        for (int p = 0; p < PHASES; p++)
            if (shown(p))
                printf(",%.6g,%.0f,%.0f", x->phase[p], x->work.flop[p], x->work.bytes[p]);
        bench_csv_text(config_enum_name("model.kind", c->model_kind));
        bench_csv_text(r->data);
        printf(",%d,%" PRId64 ",%d,%d", r->weak, r->batch, r->shards, r->ranks);
        bench_csv_text(r->isa);
        bench_csv_text(gemm_library());
        bench_csv_text(gemm_core());
        printf(",%s\n", x->hash);
    }
}

static struct json *phases_json(const struct bench_row *x)
{
    struct json *all = json_new_object();

    for (int p = 0; p < PHASES; p++) {
        double s = x->phase[p], flop = x->work.flop[p], bytes = x->work.bytes[p];
        const struct bench_field f[] = {{NULL, "s", s, false, 0},
                                        {NULL, "flop", flop, true, 0},
                                        {NULL, "bytes", bytes, true, 0},
                                        {NULL, "gflop_per_s", rate(flop, s), false, GIGA},
                                        {NULL, "gbyte_per_s", rate(bytes, s), false, GIGA}};

        if (shown(p))
            json_put(all, phase_name((enum phase)p), bench_json_fields(f, sizeof f / sizeof *f));
    }
    return all;
}

int bench_print_json(const struct bench_result *r, const struct config *c, struct error *err)
{
    struct json *j = json_new_object(), *rows = json_new_array();
    struct bench_field f[FIELDS];

    json_put_text(j, "model", config_enum_name("model.kind", c->model_kind));
    json_put_text(j, "data", r->data);
    json_put_bool(j, "weak", r->weak);
    json_put_bool(j, "epoch", r->epoch);
    json_put_int(j, "repeats", r->repeats);
    json_put_int(j, "batch", r->batch);
    json_put_int(j, "ranks", r->ranks);
    json_put_int(j, "shards", r->shards);
    json_put_text(j, "isa", r->isa);
    json_put_text(j, "blas", gemm_library());
    json_put_text(j, "blas_core", gemm_core());
    json_put_int(j, "cores", r->machine.cores);
    json_put_int(j, "nodes", r->machine.nodes);
    json_put_int(j, "l3_bytes", r->machine.l3);
    json_put_int(j, "last_level_caches", r->machine.last_caches);
    json_put_int(j, "last_level_bytes", r->machine.last_bytes);
    json_put_int(j, "stream_bytes", llround(r->stream_bytes));
    for (int i = 0; i < r->rows; i++) {
        struct json *row;

        row_fields(f, r, i);
        row = bench_json_fields(f, FIELDS);
        json_put(row, "phases", phases_json(&r->row[i]));
        json_put_text(row, "weights_hash", r->row[i].hash);
        json_put(rows, NULL, row);
    }
    json_put(j, "rows", rows);
    return cli_print_json(stdout, j, err);
}

/* ---- plot ---------------------------------------------------------------------------------------------- */

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
    struct file_writer *w;
    FILE *script;
    char *svg;
    int rc;

    if (!gnuplot_found())
        return 1;
    script = tmpfile();
    if (!script)
        return error_set(err, PT_EFILE, "%s: no temporary file for gnuplot: %s", file, strerror(errno));
    write_script(script, r, c);
    svg = gnuplot_run(script);
    if (!svg)
        return error_set(err, PT_EFILE, "%s: gnuplot failed to draw it", file);
    if ((rc = file_create(&w, file, err)) == 0) {
        file_write(w, svg, strlen(svg));
        rc = file_commit(w, err);
    }
    mem_free(svg);
    return rc;
}
