/* report_html.c - runs side by side as one page that loads nothing: style and pictures are inside, scripts
 * there are none. Every text of a run is escaped. */
#include "cli/report/report.h"

#include "base/file.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

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

static void put_run(struct page *p, const char *tag, int k)
{
    fprintf(p->out, "<%s>", tag);
    page_run(p, p->out, k);
    fprintf(p->out, "</%s>", tag);
}

static void put_plot(FILE *out, char *svg, const char *caption)
{
    if (svg)
        fprintf(out, "<figure><figcaption>%s</figcaption>\n%s</figure>\n", caption, svg);
    mem_free(svg);
}

static void put_curves(struct page *p)
{
    fputs("<h2>Learning curves</h2>\n<p>", p->out);
    for (int k = 0; k < p->r->n; k++) {
        put_run(p, "span", k);
        fputs(" &nbsp; ", p->out);
    }
    fputs("</p>\n<div class=\"plots\">\n", p->out);
    for (int i = 0; i < p->r->series; i++)
        put_plot(p->out, report_plot_series(p->r, p->r->series_name[i]), p->r->series_name[i]);
    fputs("</div>\n", p->out);
}

static void put_machine(struct page *p)
{
    static const struct column column[] = {{"NUMA nodes", "machine", "nodes", AS_WHOLE},
                                           {"cores", "machine", "cores", AS_WHOLE},
                                           {"processors", "machine", "pus", AS_WHOLE},
                                           {"workers bound", "machine", "bound_workers", AS_WHOLE},
                                           {"memory, GiB", "machine", "memory", AS_GIB}};

    page_heading(p, 2, "Machine");
    page_columns(p, column, sizeof column / sizeof *column);
    for (int k = 0; k < p->r->n; k++) {
        const struct json *build = json_get(p->r->run[k].summary, "build");
        char text[512];

        if (!build)
            continue;
        fputs("<p class=\"dim\">", p->out);
        page_run(p, p->out, k);
        snprintf(text, sizeof text, ": partrain %s, %s, vector path %s; weights %s",
                 json_get_text(build, "version", "?"), json_get_text(build, "compiler", "?"),
                 json_get_text(build, "isa", "?"), json_get_text(p->r->run[k].summary, "weights_hash", "?"));
        page_text(p, p->out, text);
        fputs("</p>\n", p->out);
    }
}

static void put_counts(FILE *table, const char *what, const struct facts_counts *c)
{
    fprintf(table, "%s\t%" PRId64 "\t", what, c->rows);
    for (int i = 0; i < FACTS_QUANTILES; i++)
        fprintf(table, "%" PRId64 "\t", c->quantile[i]);
    fprintf(table, "%.1f\t%.3f\t\n", c->mean, c->gini);
}

static void put_facts(struct page *p, const struct facts *f, bool plots)
{
    char first[32], last[32];

    fprintf(p->out,
            "<p>%" PRId64
            " ratings kept, %.4g%% of all pairs; values %g to %g, mean %.4g, standard deviation %.4g.",
            f->ratings, 100.0 * f->density, f->low, f->high, f->mean, f->deviation);
    if (f->has_time) {
        cli_date(f->first_time, first);
        cli_date(f->last_time, last);
        fprintf(p->out, " From %s to %s.", first, last);
    }
    fputs("</p>\n", p->out);
    fputs("ratings of\tnumber\tfewest\t10%\t25%\tmedian\t75%\t90%\tmost\tmean\tGini\t\n", p->table);
    put_counts(p->table, "users", &f->users);
    put_counts(p->table, "items", &f->items);
    page_table(p, false);
    if (!plots)
        return;
    fputs("<div class=\"plots\">\n", p->out);
    put_plot(p->out, report_plot_facts(f, 0), "activity: ratings of each user");
    put_plot(p->out, report_plot_facts(f, 1), "popularity: ratings of each item");
    put_plot(p->out, report_plot_facts(f, 2), "values");
    fputs("</div>\n", p->out);
}

static void put_data(struct page *p, bool plots)
{
    static const struct column column[] = {{"users", "data", "users", AS_WHOLE},
                                           {"items", "data", "items", AS_WHOLE},
                                           {"ratings", "data", "ratings", AS_WHOLE},
                                           {"train", "data", "train", AS_WHOLE},
                                           {"validation", "data", "valid", AS_WHOLE},
                                           {"test", "data", "test", AS_WHOLE},
                                           {"filtered", "data", "filtered", AS_WHOLE},
                                           {"duplicates", "data", "duplicates", AS_WHOLE},
                                           {"noise floor", "data", "noise_floor", AS_FIGURE}};

    page_heading(p, 2, "Data");
    page_columns(p, column, sizeof column / sizeof *column);
    for (int k = 0; k < p->r->n; k++) {
        const struct report_run *run = &p->r->run[k];

        if (!run->facts && !*run->facts_note)
            continue;
        put_run(p, "h3", k);
        if (*run->facts_note) {
            fputs("\n<p class=\"dim\">", p->out);
            page_text(p, p->out, run->facts_note);
            fputs("</p>\n", p->out);
        }
        if (run->facts)
            put_facts(p, run->facts, plots);
    }
}

static void put_configurations(struct page *p)
{
    page_heading(p, 2, "Configurations");
    for (int k = 0; k < p->r->n; k++) {
        fputs("<details>", p->out);
        put_run(p, "summary", k);
        fputs("\n<pre>", p->out);
        for (int i = 0; i < p->r->settings; i++) {
            fprintf(p->out, "%s: ", config_key(i));
            page_text(p, p->out, p->r->run[k].value[i]);
            putc('\n', p->out);
        }
        fputs("</pre></details>\n", p->out);
    }
}

static void put_page(struct page *p, bool plots)
{
    fputs(head, p->out);
    for (int i = 0; i < 8; i++)
        fprintf(
            p->out,
            ".plot [stroke=\"rgb(161,   0,   %d)\"]{stroke:var(--s%d)}.plot [fill=\"rgb(161,   0,   %d)\"]"
            "{fill:var(--s%d)}.plot [color=\"rgb(161,   0,   %d)\"]{color:var(--s%d)}\n",
            i, i, i, i, i, i);
    fputs("</style>\n</head>\n<body>\n<h1>partrain report</h1>\n", p->out);
    if (!plots)
        fputs("<p class=\"dim\">Without plots: gnuplot was not found.</p>\n", p->out);
    page_heading(p, 2, "Runs");
    page_runs(p);
    if (p->r->metrics) {
        page_heading(p, 2, "Figures");
        page_figures(p);
    }
    if (plots && p->r->series)
        put_curves(p);
    page_differences(p);
    page_phases(p);
    put_machine(p);
    put_data(p, plots);
    put_configurations(p);
    fputs("</body>\n</html>\n", p->out);
}

int report_write_html(const char *path, const struct report *r, bool plots, struct error *err)
{
    mem_scoped char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct page p;
    int rc;

    TRY(need_memory(out, err));
    if ((rc = page_init(&p, out, true, r, err)) == 0) {
        put_page(&p, plots);
        page_fini(&p);
    }
    TRY(need_memory(fclose(out) == 0, err));
    return rc < 0 ? rc : file_write_text(path, text, err);
}
