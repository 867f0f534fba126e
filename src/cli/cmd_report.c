/* cmd_report.c - partrain report: runs side by side, on the terminal or as a page. */
#include "cli/report/report.h"

#include "base/text.h"
#include "cli/cli.h"

#include <math.h>
#include <string.h>

struct request {
    const char *page;
    bool no_data;
};

static const struct cli_option options[] = {
    {"out", 'o', "FILE", "write a page (HTML) instead of text", CLI_TEXT(page)},
    {"no-data", 0, NULL, "page: do not read the ratings for plots about them", CLI_FLAG(no_data)},
    {0}};

const struct cli_usage cmd_report_usage = {
    "RUN [RUN ...] [-o FILE]",
    "Shows one run, or several side by side: figures, learning curves, settings that\n"
    "differ, where the time went, machine and data. Without -o as text. With -o as\n"
    "one page that needs nothing else, in light and dark, with plots by gnuplot where\n"
    "that is installed. Runs that are not finished are shown as far as they are.\n"
    "\n"
    "Example: partrain report runs/mf runs/autorec -o report.html\n",
    options};

/* A name with the ending of another format. */
static int check_name(const char *path, struct error *err)
{
    static const char *const other[] = {".pdf", ".ps",  ".png",  ".svg",  ".jpg",  ".txt", ".md",
                                        ".csv", ".tsv", ".json", ".docx", ".xlsx", NULL};

    return text_suffix(path, strlen(path), other)
               ? error_set(err, PT_EUSAGE, "%.400s: a page is HTML, so its name should end in .html", path)
               : 0;
}

#define SPARKS 32 /* width of a sparkline */

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
    int width = 0, any = 0;

    for (int k = 0; k < r->n; k++) {
        int n = stretches(&r->run[k], series, value);

        any += n;
        width = (int)strlen(r->run[k].name) > width ? (int)strlen(r->run[k].name) : width;
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

        fprintf(out, "    %s%*s", r->run[k].name, width - (int)strlen(r->run[k].name) + 2, "");
        for (int i = 0; i < n; i++) {
            int height = high > low ? (int)((value[i] - low) / (high - low) * 7.0 + 0.5) : 3;

            fputs(spark[height], out);
        }
        fputc('\n', out);
    }
}

static int report_print(FILE *out, const struct report *r, struct error *err)
{
    struct page p;

    TRY(page_init(&p, out, false, r, err));
    page_runs(&p);
    page_figures(&p);
    fputs("\nCurves over the epochs\n", out);
    for (int i = 0; i < r->series; i++)
        print_curve(out, r, r->series_name[i]);
    page_differences(&p);
    page_phases(&p);
    page_fini(&p);
    return 0;
}

int cmd_report(int argc, char **argv, struct error *err)
{
    struct request q = {0};
    bool plots = false;
    struct cli_args args;
    scoped_value(report_fini) struct report r = {0};

    TRY(cli_parse(&args, &cmd_report_usage, argc, argv, &q, err));
    if (args.rest == argc)
        return error_set(err, PT_EUSAGE, "which runs? partrain report RUN [RUN ...]");
    if (!q.page && q.no_data)
        return error_set(err, PT_EUSAGE, "--no-data is for a page: -o FILE");
    if (q.page)
        TRY(check_name(q.page, err));
    TRY(report_read(&r, argv + args.rest, argc - args.rest, q.page && !q.no_data, err));
    if (q.page) {
        plots = gnuplot_found();
        if (!plots)
            cli_message("gnuplot was not found: the page has tables and no plots (Debian: gnuplot-nox)");
        TRY(report_write_html(q.page, &r, plots, err));
        cli_message("%s: %d run%s", q.page, r.n, plural(r.n));
        return 0;
    }
    return report_print(stdout, &r, err);
}
