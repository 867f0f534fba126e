/* bench_print.c - the figures of `partrain bench`: tables for people, csv and json for programs, a plot. */
#include "cli/bench/bench.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
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

static double flop_rate(const struct bench_row *r)
{
    return cost_flop(&r->work) / r->median;
}

static double byte_rate(const struct bench_row *r)
{
    return cost_bytes(&r->work) / r->median;
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
           BENCH_BLOCK, BENCH_BLOCK, BENCH_BLOCK, 1e-6 * r->stream_bytes);
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

/* What is not there is an empty field. */
static void csv_real(double value)
{
    if (isfinite(value))
        printf(",%.6g", value);
    else
        printf(",");
}

static void csv_int(int64_t value)
{
    printf(",%" PRId64, value);
}

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

static double speedup(const struct bench_result *r, int i)
{
    return r->weak ? NAN : bench_speedup(r, i);
}

static double growth(const struct bench_result *r, int i)
{
    return r->weak ? bench_speedup(r, i) : NAN;
}

static double seconds_of_eval(const struct bench_row *x)
{
    return x->eval_examples ? x->eval_s : NAN;
}

static void print_csv_heading(void)
{
    printf("threads,users,items,ratings,steps,repeats,median_s,low_s,high_s,examples_per_s,ratings_per_s,"
           "speedup,growth,efficiency,flop_per_s,byte_per_s,sgemm_flop_per_s,sgemm_workers,stream_byte_per_s,"
           "barrier_s,barriers,busiest_s,bound,exchange_bytes,sent_bytes,eval_s,eval_examples,eval_flop");
    for (int p = 0; p < PHASES; p++)
        if (shown(p))
            printf(",%s_s,%s_flop,%s_byte", phase_name((enum phase)p), phase_name((enum phase)p),
                   phase_name((enum phase)p));
    printf(",model,data,weak,batch,shards,ranks,isa,blas,blas_core,weights_hash\n");
}

static void print_csv_row(const struct bench_result *r, int i, const struct config *c)
{
    const struct bench_row *x = &r->row[i];
    const double rates[] = {x->median,
                            x->low,
                            x->high,
                            x->work.examples / x->median,
                            x->work.ratings / x->median,
                            speedup(r, i),
                            growth(r, i),
                            bench_efficiency(r, i),
                            flop_rate(x),
                            byte_rate(x),
                            x->sgemm};

    printf("%d", x->threads);
    csv_int(x->users);
    csv_int(x->items);
    csv_int(x->ratings);
    csv_int(x->steps);
    csv_int(r->repeats);
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++)
        csv_real(rates[k]);
    csv_int(x->sgemm_workers);
    csv_real(x->stream);
    csv_real(x->barrier);
    csv_int(llround(x->barriers));
    csv_real(x->busiest);
    csv_int(x->bound);
    csv_int(llround(x->work.exchange));
    csv_int(llround(x->sent));
    csv_real(seconds_of_eval(x));
    csv_int(x->eval_examples);
    csv_int(llround(x->eval_flop));
    for (int p = 0; p < PHASES; p++) {
        if (!shown(p))
            continue;
        csv_real(x->phase[p]);
        csv_int(llround(x->work.flop[p]));
        csv_int(llround(x->work.bytes[p]));
    }
    bench_csv_text(config_enum_name("model.kind", c->model_kind));
    bench_csv_text(r->data);
    csv_int(r->weak);
    csv_int(r->batch);
    csv_int(r->shards);
    csv_int(r->ranks);
    bench_csv_text(r->isa);
    bench_csv_text(gemm_library());
    bench_csv_text(gemm_core());
    printf(",%s\n", x->hash);
}

void bench_print_csv(const struct bench_result *r, const struct config *c)
{
    print_csv_heading();
    for (int i = 0; i < r->rows; i++)
        print_csv_row(r, i, c);
}

/* NaN, null in JSON, where nothing of the kind is done. */
static double rate(double amount, double seconds)
{
    return amount > 0.0 && seconds > 0.0 ? amount / seconds : NAN;
}

static struct json *phases_json(const struct bench_row *x)
{
    struct json *all = json_new_object();

    for (int p = 0; p < PHASES; p++) {
        struct json *j = json_new_object();

        if (!shown(p)) {
            json_free(j);
            continue;
        }
        json_put_real(j, "s", x->phase[p]);
        json_put_int(j, "flop", llround(x->work.flop[p]));
        json_put_int(j, "bytes", llround(x->work.bytes[p]));
        json_put_real(j, "gflop_per_s", 1e-9 * rate(x->work.flop[p], x->phase[p]));
        json_put_real(j, "gbyte_per_s", 1e-9 * rate(x->work.bytes[p], x->phase[p]));
        json_put(all, phase_name((enum phase)p), j);
    }
    return all;
}

static struct json *row_json(const struct bench_result *r, int i)
{
    const struct bench_row *x = &r->row[i];
    struct json *j = json_new_object();

    json_put_int(j, "threads", x->threads);
    json_put_int(j, "sent_bytes", llround(x->sent));
    json_put_int(j, "bound", x->bound);
    json_put_int(j, "users", x->users);
    json_put_int(j, "items", x->items);
    json_put_int(j, "ratings", x->ratings);
    json_put_int(j, "steps", x->steps);
    json_put_real(j, "median_s", x->median);
    json_put_real(j, "low_s", x->low);
    json_put_real(j, "high_s", x->high);
    json_put_real(j, "examples_per_s", x->work.examples / x->median);
    json_put_real(j, "ratings_per_s", x->work.ratings / x->median);
    json_put_real(j, "speedup", speedup(r, i));
    json_put_real(j, "growth", growth(r, i));
    json_put_real(j, "efficiency", bench_efficiency(r, i));
    json_put_real(j, "gflop_per_s", 1e-9 * flop_rate(x));
    json_put_real(j, "gbyte_per_s", 1e-9 * byte_rate(x));
    json_put_real(j, "sgemm_gflop_per_s", 1e-9 * x->sgemm);
    json_put_int(j, "sgemm_workers", x->sgemm_workers);
    json_put_real(j, "stream_gbyte_per_s", 1e-9 * x->stream);
    json_put_real(j, "barrier_s", x->barrier);
    json_put_int(j, "barriers", llround(x->barriers));
    json_put_int(j, "exchange_bytes", llround(x->work.exchange));
    json_put_real(j, "busiest_s", x->busiest);
    json_put(j, "phases", phases_json(x));
    json_put_real(j, "eval_s", seconds_of_eval(x));
    json_put_int(j, "eval_examples", x->eval_examples);
    json_put_int(j, "eval_flop", llround(x->eval_flop));
    json_put_real(j, "eval_gflop_per_s", 1e-9 * rate(x->eval_flop, x->eval_s));
    json_put_text(j, "weights_hash", x->hash);
    return j;
}

int bench_print_json(const struct bench_result *r, const struct config *c, struct error *err)
{
    struct json *j = json_new_object(), *rows = json_new_array();

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
    for (int i = 0; i < r->rows; i++)
        json_put(rows, NULL, row_json(r, i));
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
