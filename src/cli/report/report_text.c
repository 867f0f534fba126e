/* report_text.c - runs side by side on a terminal. */
#include "cli/report/report.h"

#include <math.h>
#include <string.h>

#define SPARKS 32 /* width of a sparkline */

/* Columns that a text takes on a terminal, for UTF-8 without wide characters. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void pad(FILE *out, const char *text, int width)
{
    fprintf(out, "%s%*s", text, width > width_of(text) ? width - width_of(text) : 0, "");
}

static int name_width(const struct report *r)
{
    int width = 3;

    for (int k = 0; k < r->n; k++)
        width = width_of(r->run[k].name) > width ? width_of(r->run[k].name) : width;
    return width;
}

static void print_real(FILE *out, double value)
{
    if (isnan(value))
        fprintf(out, " %11s", "-");
    else
        fprintf(out, " %11.4f", value);
}

static void print_table(FILE *out, const struct report *r, const char *part, const char *title)
{
    int width = name_width(r);

    fprintf(out, "%s\n  ", title);
    pad(out, "run", width);
    for (int i = 0; i < r->metrics; i++)
        fprintf(out, " %11s", r->metric_name[i]);
    fputc('\n', out);
    for (int k = 0; k < r->n; k++) {
        fputs("  ", out);
        pad(out, r->run[k].name, width);
        for (int i = 0; i < r->metrics; i++)
            print_real(out, report_figure(&r->run[k], part, r->metric_name[i]));
        fputc('\n', out);
    }
    fputc('\n', out);
}

static void print_runs(FILE *out, const struct report *r)
{
    int width = name_width(r);

    fputs("  ", out);
    pad(out, "run", width);
    fputs("  model       epochs   best  parameters  threads   train s  s/epoch\n", out);
    for (int k = 0; k < r->n; k++) {
        const struct report_run *run = &r->run[k];
        const struct json *s = run->summary, *time = json_get(s, "time");

        fputs("  ", out);
        pad(out, run->name, width);
        fprintf(out, "  %-9s", config_enum_name("model.kind", run->config->model_kind));
        if (s)
            fprintf(out, " %8lld %6lld %11lld %8lld %9.1f %8.3f\n", (long long)json_get_int(s, "epochs", 0),
                    (long long)json_get_int(s, "best_epoch", 0), (long long)json_get_int(s, "params", 0),
                    (long long)json_get_int(s, "threads", 0), json_get_real(time, "train_s", 0.0),
                    json_get_real(time, "epoch_s_median", 0.0));
        else
            fprintf(out, " %8lld  not finished\n", (long long)run->lines);
    }
    fputc('\n', out);
}

/* Means over SPARKS stretches of the epochs, at most; drawn in eight heights between the smallest and the
 * largest value of all runs. */
static int stretches(const struct report_run *run, const char *series, double out[SPARKS])
{
    int n = run->lines < SPARKS ? (int)run->lines : SPARKS, kept = 0;

    for (int i = 0; i < n; i++) {
        double sum = 0.0;
        int64_t count = 0;

        for (int64_t k = i * run->lines / n; k < (i + 1) * run->lines / n; k++) {
            double value = report_value(run, k, series);

            if (!isnan(value)) {
                sum += value;
                count++;
            }
        }
        if (count)
            out[kept++] = sum / (double)count;
    }
    return kept;
}

static void print_curve(FILE *out, const struct report *r, const char *series)
{
    static const char *const spark[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY, value[SPARKS];
    int width = name_width(r), any = 0;

    for (int k = 0; k < r->n; k++) {
        int n = stretches(&r->run[k], series, value);

        any += n;
        for (int i = 0; i < n; i++) {
            low = fmin(low, value[i]);
            high = fmax(high, value[i]);
        }
    }
    if (!any)
        return;
    fprintf(out, "  %s, %.4g to %.4g\n", series, low, high);
    for (int k = 0; k < r->n; k++) {
        int n = stretches(&r->run[k], series, value);

        fputs("    ", out);
        pad(out, r->run[k].name, width + 2);
        for (int i = 0; i < n; i++) {
            int height = high > low ? (int)((value[i] - low) / (high - low) * 7.0 + 0.5) : 3;

            fputs(spark[height], out);
        }
        fputc('\n', out);
    }
}

static void print_differences(FILE *out, const struct report *r)
{
    int differ = 0;

    for (int i = 0; i < r->settings; i++) {
        if (!report_differs(r, i))
            continue;
        if (!differ++)
            fputs("\nsettings that differ\n", out);
        fprintf(out, "  %-24s", config_key(i));
        for (int k = 0; k < r->n; k++)
            fprintf(out, "  %s", r->run[k].value[i]);
        fputc('\n', out);
    }
    if (r->n > 1 && !differ)
        fputs("\nall settings are the same\n", out);
}

static void print_phases(FILE *out, const struct report *r)
{
    const struct json *first = NULL;
    const char *key = NULL;

    for (int k = 0; k < r->n && !first; k++)
        first = json_get(json_get(r->run[k].summary, "time"), "phases");
    if (!first)
        return;
    fputs("\nseconds by phase, mean over workers\n", out);
    while (json_next(first, &key)) {
        double sum = 0.0;

        for (int k = 0; k < r->n; k++)
            sum += json_get_real(json_get(json_get(r->run[k].summary, "time"), "phases"), key, 0.0);
        if (sum <= 0.0)
            continue;
        fprintf(out, "  %-24s", key);
        for (int k = 0; k < r->n; k++)
            fprintf(out, " %11.3f",
                    json_get_real(json_get(json_get(r->run[k].summary, "time"), "phases"), key, 0.0));
        fputc('\n', out);
    }
}

void report_print(FILE *out, const struct report *r)
{
    static const char *const baseline[][2] = REPORT_BASELINES;

    print_runs(out, r);
    print_table(out, r, "test", "test, best model");
    for (int i = 0; i < 3; i++)
        if (report_has(r, baseline[i][0]))
            print_table(out, r, baseline[i][0], baseline[i][1]);
    print_table(out, r, "valid", "validation, best epoch");
    fputs("curves over the epochs\n", out);
    for (int i = 0; i < r->series; i++)
        print_curve(out, r, r->series_name[i]);
    print_differences(out, r);
    print_phases(out, r);
}
