/* report_html.c - runs side by side as one page that loads nothing: style and pictures are inside, scripts
 * there are none. Every text of a run is escaped. */
#include "cli/report/report.h"

#include "base/file.h"
#include "base/mem.h"
#include "cli/data.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>partrain report</title>\n<style>\n"
    ":root{--bg:#fff;--fg:#1c1e21;--dim:#5b626b;--line:#d9dde2;--s0:#1f5fbf;--s1:#c2410c;--s2:#177245;--s3:#"
    "8e24aa;--s4:#a16207;--s5:#0e7490;--s6:#be185d;--s7:#4b5563}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#15181c;--fg:#e6e8eb;--dim:#a0a8b2;--line:#343a42;--s0:#"
    "7fb2ff;--s1:#ffa06b;--s2:#6bd49a;--s3:#d59bf0;--s4:#e3c15b;--s5:#67d3ea;--s6:#ff8fbf;--s7:#b8c0cc}}\n"
    "body{margin:0 auto;max-width:1120px;padding:1rem;background:var(--bg);color:var(--fg);font:16px/1.5 "
    "system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.8rem 0 "
    ".5rem}h3{font-size:1rem;margin:.7rem 0 0}\n"
    "p{margin:.3rem 0}.dim{color:var(--dim)}.wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem}\n"
    "th,td{padding:.25rem .7rem .25rem 0;border-bottom:1px solid "
    "var(--line);text-align:right;white-space:nowrap}\n"
    "th:first-child,td:first-child{text-align:left}td:first-child{white-space:normal;min-width:7rem}th{color:"
    "var(--dim);font-weight:600}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:1rem}\n"
    "figure{margin:0}figcaption{font-size:.92rem;color:var(--dim)}.plot{width:100%;height:auto;display:block}"
    "\n"
    ".key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}\n"
    ".bar{height:.6em;min-width:1px;background:var(--s0)}td.fill{width:40%;min-width:5rem}\n"
    "pre{overflow-x:auto;font-size:.85rem}\n"
    ".plot [stroke=\"rgb(  1,   1,   1)\"]{stroke:var(--fg)}.plot [stroke=\"rgb(  2,   2,   "
    "2)\"]{stroke:var(--line)}\n"
    ".plot [fill=\"rgb(1,1,1)\"]{fill:var(--fg)}.plot [color=black]{color:var(--fg)}.plot "
    "[color=gray]{color:var(--line)}\n";

static void put_escaped(struct file_writer *w, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            file_write(w, "&amp;", 5);
        else if (*text == '<')
            file_write(w, "&lt;", 4);
        else if (*text == '>')
            file_write(w, "&gt;", 4);
        else if (*text == '"')
            file_write(w, "&quot;", 6);
        else if ((unsigned char)*text < 0x20 && *text != '\n')
            file_write(w, "?", 1);
        else
            file_write(w, text, 1);
    }
}

static void put(struct file_writer *w, const char *html)
{
    file_write(w, html, strlen(html));
}

static void put_name(struct file_writer *w, const struct report *r, int k)
{
    file_printf(w, "<span class=\"key\" style=\"background:var(--s%d)\"></span>", k % 8);
    put_escaped(w, r->run[k].name);
}

/* <tag>text</tag> */
static void put_element(struct file_writer *w, const char *tag, const char *text)
{
    file_printf(w, "<%s>", tag);
    put_escaped(w, text);
    file_printf(w, "</%s>", tag);
}

/* The same of a run's name. */
static void put_run(struct file_writer *w, const char *tag, const struct report *r, int k)
{
    file_printf(w, "<%s>", tag);
    put_name(w, r, k);
    file_printf(w, "</%s>", tag);
}

static void put_cell(struct file_writer *w, double value, const char *format)
{
    put(w, "<td>");
    if (isnan(value))
        put(w, "–");
    else if (strcmp(format, "whole") == 0)
        file_printf(w, "%.0f", value);
    else if (strcmp(format, "seconds") == 0)
        file_printf(w, value < 10.0 ? "%.3f" : "%.1f", value);
    else
        file_printf(w, "%.4f", value);
    put(w, "</td>");
}

/* A row for each run: its name, then a figure of its summary for each column. */
struct column {
    const char *title, *section, *key, *format; /* section NULL: of the summary itself */
    double scale;
};

static void put_table(struct file_writer *w, const struct report *r, const struct column *column, int n)
{
    put(w, "<div class=\"wide\"><table><thead><tr><th>run</th>");
    for (int i = 0; i < n; i++)
        put_element(w, "th", column[i].title);
    put(w, "</tr></thead><tbody>\n");
    for (int k = 0; k < r->n; k++) {
        const struct json *s = r->run[k].summary;

        put(w, "<tr>");
        put_run(w, "td", r, k);
        for (int i = 0; i < n; i++)
            put_cell(w,
                     column[i].scale *
                         json_get_real(column[i].section ? report_section(s, column[i].section) : s,
                                       column[i].key, NAN),
                     column[i].format);
        put(w, "</tr>\n");
    }
    put(w, "</tbody></table></div>\n");
}

static void put_runs(struct file_writer *w, const struct report *r)
{
    static const struct column column[] = {{"epochs", NULL, "epochs", "whole", 1},
                                           {"best epoch", NULL, "best_epoch", "whole", 1},
                                           {"parameters", NULL, "params", "whole", 1},
                                           {"threads", NULL, "threads", "whole", 1},
                                           {"shards", NULL, "shards", "whole", 1},
                                           {"training s", "time", "train_s", "seconds", 1},
                                           {"s/epoch", "time", "epoch_s_median", "seconds", 1},
                                           {"examples/s", "throughput", "examples_per_s", "whole", 1},
                                           {"peak MiB", NULL, "peak_rss_bytes", "whole", 1.0 / 1048576}};

    put(w, "<h2>Runs</h2>\n");
    put_table(w, r, column, sizeof column / sizeof *column);
    for (int k = 0; k < r->n; k++) {
        put(w, "<p>");
        put_name(w, r, k);
        file_printf(w, ": %s, ", config_enum_name("model.kind", r->run[k].config->model_kind));
        put_escaped(w, r->run[k].config->data_path);
        if (!r->run[k].summary)
            file_printf(w, ", <strong>not finished</strong> after %" PRId64 " epochs", r->run[k].lines);
        put(w, "</p>\n");
    }
}

static void put_metrics(struct file_writer *w, const struct report *r, const char *part, const char *title)
{
    struct column column[REPORT_SERIES];

    for (int i = 0; i < r->metrics; i++)
        column[i] = (struct column){r->metric_name[i], part, r->metric_name[i], "figure", 1};
    file_printf(w, "<h3>%s</h3>\n", title);
    put_table(w, r, column, r->metrics);
}

static void put_baselines(struct file_writer *w, const struct report *r)
{
    static const char *const baseline[][2] = REPORT_BASELINES;

    for (int i = 0; i < 3; i++)
        if (report_has(r, baseline[i][0]))
            put_metrics(w, r, baseline[i][0], baseline[i][1]);
}

static void put_plot(struct file_writer *w, char *svg, const char *caption)
{
    if (svg) {
        put(w, "<figure>");
        put_element(w, "figcaption", caption);
        put(w, "\n");
        put(w, svg);
        put(w, "</figure>\n");
    }
    mem_free(svg);
}

static void put_curves(struct file_writer *w, const struct report *r)
{
    put(w, "<h2>Learning curves</h2>\n<p>");
    for (int k = 0; k < r->n; k++) {
        put_run(w, "span", r, k);
        put(w, " &nbsp; ");
    }
    put(w, "</p>\n<div class=\"plots\">\n");
    for (int i = 0; i < r->series; i++)
        put_plot(w, report_plot_series(r, r->series_name[i]), r->series_name[i]);
    put(w, "</div>\n");
}

static void put_differences(struct file_writer *w, const struct report *r)
{
    int differ = 0;

    if (r->n < 2)
        return;
    put(w, "<h2>Settings that differ</h2>\n");
    for (int i = 0; i < r->settings; i++) {
        if (!report_differs(r, i))
            continue;
        if (!differ++) {
            put(w, "<div class=\"wide\"><table><thead><tr><th>key</th>");
            for (int k = 0; k < r->n; k++)
                put_run(w, "th", r, k);
            put(w, "</tr></thead><tbody>\n");
        }
        put(w, "<tr>");
        put_element(w, "td", config_key(i));
        for (int k = 0; k < r->n; k++)
            put_element(w, "td", r->run[k].value[i]);
        put(w, "</tr>\n");
    }
    put(w, differ ? "</tbody></table></div>\n" : "<p>None: the runs have the same configuration.</p>\n");
}

static void put_phases(struct file_writer *w, const struct report *r)
{
    put(w, "<h2>Where the time went</h2>\n<p class=\"dim\">Seconds, mean over the workers, evaluation "
           "included.</p>\n");
    for (int k = 0; k < r->n; k++) {
        const struct json *phases = json_get(json_get(r->run[k].summary, "time"), "phases"), *value;
        const char *key = NULL;
        double most = 0.0;

        while ((value = json_next(phases, &key)))
            most = fmax(most, json_as_real(value, 0.0));
        if (most <= 0.0)
            continue;
        put(w, "<h3>");
        put_name(w, r, k);
        put(w, "</h3>\n<div class=\"wide\"><table style=\"width:100%\"><tbody>\n");
        for (key = NULL; (value = json_next(phases, &key));) {
            if (json_as_real(value, 0.0) <= 0.0)
                continue;
            put(w, "<tr>");
            put_element(w, "td", key);
            put_cell(w, json_as_real(value, 0.0), "seconds");
            file_printf(w,
                        "<td class=\"fill\"><div class=\"bar\" "
                        "style=\"width:%.1f%%;background:var(--s%d)\"></div></td></tr>\n",
                        100.0 * json_as_real(value, 0.0) / most, k % 8);
        }
        put(w, "</tbody></table></div>\n");
    }
}

static void put_machine(struct file_writer *w, const struct report *r)
{
    static const struct column column[] = {{"NUMA nodes", "machine", "nodes", "whole", 1},
                                           {"cores", "machine", "cores", "whole", 1},
                                           {"processors", "machine", "pus", "whole", 1},
                                           {"workers bound", "machine", "bound_workers", "whole", 1},
                                           {"memory, GiB", "machine", "memory", "whole", 1.0 / 1073741824}};

    put(w, "<h2>Machine</h2>\n");
    put_table(w, r, column, sizeof column / sizeof *column);
    for (int k = 0; k < r->n; k++) {
        const struct json *build = json_get(r->run[k].summary, "build");
        char text[512];

        if (!build)
            continue;
        put(w, "<p class=\"dim\">");
        put_name(w, r, k);
        snprintf(text, sizeof text, ": partrain %s, %s, vector path %s; weights %s",
                 json_get_text(build, "version", "?"), json_get_text(build, "compiler", "?"),
                 json_get_text(build, "isa", "?"), json_get_text(r->run[k].summary, "weights_hash", "?"));
        put_escaped(w, text);
        put(w, "</p>\n");
    }
}

static void put_counts(struct file_writer *w, const char *what, const struct facts_counts *c)
{
    file_printf(w, "<tr><td>%s</td><td>%" PRId64 "</td>", what, c->rows);
    for (int i = 0; i < FACTS_QUANTILES; i++)
        file_printf(w, "<td>%" PRId64 "</td>", c->quantile[i]);
    file_printf(w, "<td>%.1f</td><td>%.3f</td></tr>\n", c->mean, c->gini);
}

static void put_facts(struct file_writer *w, const struct report_run *run, bool plots)
{
    const struct facts *f = run->facts;
    char first[32], last[32];

    file_printf(w,
                "<p>%" PRId64
                " ratings kept, %.4g%% of all pairs; values %g to %g, mean %.4g, standard deviation %.4g.",
                f->ratings, 100.0 * f->density, f->low, f->high, f->mean, f->deviation);
    if (f->has_time) {
        data_date(f->first_time, first);
        data_date(f->last_time, last);
        file_printf(w, " From %s to %s.", first, last);
    }
    put(w, "</p>\n<div class=\"wide\"><table><thead><tr><th>ratings "
           "of</th><th>number</th><th>fewest</th><th>10%</th><th>25%</th><th>median</th><th>75%</th><th>90%</"
           "th><th>most</th><th>mean</th><th>Gini</th></tr></thead><tbody>\n");
    put_counts(w, "users", &f->users);
    put_counts(w, "items", &f->items);
    put(w, "</tbody></table></div>\n");
    if (!plots)
        return;
    put(w, "<div class=\"plots\">\n");
    put_plot(w, report_plot_facts(f, 0), "activity: ratings of each user");
    put_plot(w, report_plot_facts(f, 1), "popularity: ratings of each item");
    put_plot(w, report_plot_facts(f, 2), "values");
    put(w, "</div>\n");
}

static void put_data(struct file_writer *w, const struct report *r, bool plots)
{
    static const struct column column[] = {{"users", "data", "users", "whole", 1},
                                           {"items", "data", "items", "whole", 1},
                                           {"ratings", "data", "ratings", "whole", 1},
                                           {"train", "data", "train", "whole", 1},
                                           {"validation", "data", "valid", "whole", 1},
                                           {"test", "data", "test", "whole", 1},
                                           {"filtered", "data", "filtered", "whole", 1},
                                           {"duplicates", "data", "duplicates", "whole", 1},
                                           {"noise floor", "data", "noise_floor", "figure", 1}};

    put(w, "<h2>Data</h2>\n");
    put_table(w, r, column, sizeof column / sizeof *column);
    for (int k = 0; k < r->n; k++) {
        if (!r->run[k].facts && !*r->run[k].facts_note)
            continue;
        put_run(w, "h3", r, k);
        put(w, "\n");
        if (*r->run[k].facts_note) {
            put(w, "<p class=\"dim\">");
            put_escaped(w, r->run[k].facts_note);
            put(w, "</p>\n");
        }
        if (r->run[k].facts)
            put_facts(w, &r->run[k], plots);
    }
}

static void put_configurations(struct file_writer *w, const struct report *r)
{
    put(w, "<h2>Configurations</h2>\n");
    for (int k = 0; k < r->n; k++) {
        put(w, "<details>");
        put_run(w, "summary", r, k);
        put(w, "\n<pre>");
        for (int i = 0; i < r->settings; i++) {
            put_escaped(w, config_key(i));
            put(w, ": ");
            put_escaped(w, r->run[k].value[i]);
            put(w, "\n");
        }
        put(w, "</pre></details>\n");
    }
}

int report_write_html(const char *path, const struct report *r, bool plots, struct error *err)
{
    struct file_writer *w;
    int rc = file_create(&w, path, err);

    if (rc < 0)
        return rc;
    put(w, head);
    for (int i = 0; i < 8; i++)
        file_printf(w,
                    ".plot [stroke=\"rgb(161,   0,   %d)\"]{stroke:var(--s%d)}.plot [fill=\"rgb(161,   0,   "
                    "%d)\"]{fill:var(--s%d)}.plot [color=\"rgb(161,   0,   %d)\"]{color:var(--s%d)}\n",
                    i, i, i, i, i, i);
    put(w, "</style>\n</head>\n<body>\n<h1>partrain report</h1>\n");
    if (!plots)
        put(w, "<p class=\"dim\">Without plots: gnuplot was not found.</p>\n");
    put_runs(w, r);
    if (r->metrics) {
        put(w, "<h2>Figures</h2>\n");
        put_metrics(w, r, "test", "Test, best model");
        put_baselines(w, r);
        put_metrics(w, r, "valid", "Validation, best epoch");
    }
    if (plots && r->series)
        put_curves(w, r);
    put_differences(w, r);
    put_phases(w, r);
    put_machine(w, r);
    put_data(w, r, plots);
    put_configurations(w, r);
    put(w, "</body>\n</html>\n");
    return file_commit(w, err);
}
