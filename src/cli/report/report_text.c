/* report_text.c - runs side by side on a terminal. */
#include "cli/report/report.h"

#include <math.h>
#include <string.h>

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

int report_print(FILE *out, const struct report *r, struct error *err)
{
    struct page p;
    int rc = page_init(&p, out, false, r, err);

    if (rc < 0)
        return rc;
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
