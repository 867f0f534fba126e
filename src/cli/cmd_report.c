/* cmd_report.c - partrain report: runs side by side, on the terminal or as a page. */
#include "cli/report/report.h"

#include "cli/process.h"

#include <string.h>
#include <strings.h>

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
    static const char *const other[] = {".pdf", ".ps",  ".png", ".svg",  ".jpg",  ".txt",
                                        ".md",  ".csv", ".tsv", ".json", ".docx", ".xlsx"};
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof other / sizeof *other; i++)
        if (strcasecmp(dot, other[i]) == 0)
            return error_set(err, PT_EUSAGE, "%.400s: a page is HTML, so its name should end in .html", path);
    return 0;
}

int cmd_report(int argc, char **argv, struct error *err)
{
    struct request q = {0};
    bool plots = false;
    struct cli_args args;
    struct report r;
    int rc = cli_parse(&args, &cmd_report_usage, argc, argv, &q, err);

    if (rc < 0)
        return rc;
    if (args.rest == argc)
        return error_set(err, PT_EUSAGE, "which runs? partrain report RUN [RUN ...]");
    if (!q.page && q.no_data)
        return error_set(err, PT_EUSAGE, "--no-data is for a page: -o FILE");
    if (q.page && (rc = check_name(q.page, err)) < 0)
        return rc;
    if ((rc = report_read(&r, argv + args.rest, argc - args.rest, q.page && !q.no_data, err)) < 0)
        return rc;
    if (q.page) {
        plots = gnuplot_found();
        if (!plots)
            cli_message("gnuplot was not found: the page has tables and no plots (Debian: gnuplot-nox)");
        rc = report_write_html(q.page, &r, plots, err);
        if (rc == 0)
            cli_message("%s: %d run%s", q.page, r.n, plural(r.n));
    } else {
        rc = report_print(stdout, &r, err);
    }
    report_fini(&r);
    return rc;
}
