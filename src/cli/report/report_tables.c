/* report_tables.c - the parts of a report that stand on the terminal and on the page. */
#include "cli/report/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 64 }; /* that are aligned each by itself */

int page_init(struct page *p, FILE *out, bool html, const struct report *r, struct error *err)
{
    *p = (struct page){.out = out, .html = html, .r = r};
    p->table = open_memstream(&p->cells, &p->size);
    return need_memory(p->table, err);
}

void page_fini(struct page *p)
{
    if (p->table)
        fclose(p->table);
    free(p->cells);
}

void page_text(const struct page *p, FILE *out, const char *text)
{
    for (; *text; text++) {
        if (p->html && *text == '&')
            fputs("&amp;", out);
        else if (p->html && *text == '<')
            fputs("&lt;", out);
        else if (p->html && *text == '>')
            fputs("&gt;", out);
        else if (p->html && *text == '"')
            fputs("&quot;", out);
        else
            putc((unsigned char)*text < 0x20 ? '?' : *text, out);
    }
}

void page_run(const struct page *p, FILE *out, int k)
{
    if (p->html)
        fprintf(out, "<span class=\"key\" style=\"background:var(--s%d)\"></span>", k % 8);
    page_text(p, out, p->r->run[k].name);
}

void page_heading(const struct page *p, int level, const char *text)
{
    if (p->html)
        fprintf(p->out, "<h%d>%s</h%d>\n", level, text, level);
    else
        fprintf(p->out, "\n%s\n", text);
}

/* Columns that a text takes on a terminal, for UTF-8 without wide characters. */
static int width_of(const char *text, size_t length)
{
    int width = 0;

    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* The first column ends, numbers begin with the blanks that it lacks. */
static void print_aligned(FILE *out, const char *text, bool left)
{
    int most[MOST_COLUMNS] = {0};

    for (int pass = 0; pass < 2; pass++) {
        int column = 0;

        for (const char *cell = text; *cell;) {
            size_t length = strcspn(cell, "\t");
            int width = width_of(cell, length),
                *widest = &most[column < MOST_COLUMNS ? column : MOST_COLUMNS - 1];
            int blanks = *widest - width;
            bool last = cell[length + 1] == '\n';

            if (pass == 0)
                *widest = width > *widest ? width : *widest;
            else if (left || column == 0)
                fprintf(out, "  %.*s%*s", (int)length, cell, last ? 0 : blanks, "");
            else
                fprintf(out, "  %*s%.*s", blanks, "", (int)length, cell);
            if (pass == 1 && last)
                putc('\n', out);
            column = last ? 0 : column + 1;
            cell += length + (last ? 2 : 1);
        }
    }
}

static void print_html(FILE *out, const char *text)
{
    const char *tag = "th";

    fputs("<div class=\"wide\"><table><thead>", out);
    for (const char *cell = text; *cell; cell++) {
        fputs("<tr>", out);
        for (size_t length; *cell != '\n'; cell += length + 1) {
            length = strcspn(cell, "\t");
            fprintf(out, "<%s>%.*s</%s>", tag, (int)length, cell, tag);
        }
        fputs(*tag == 't' && tag[1] == 'h' ? "</tr></thead><tbody>\n" : "</tr>\n", out);
        tag = "td";
    }
    fputs("</tbody></table></div>\n", out);
}

void page_table(struct page *p, bool left)
{
    putc(0, p->table);
    fflush(p->table);
    if (p->html)
        print_html(p->out, p->cells);
    else
        print_aligned(p->out, p->cells, left);
    rewind(p->table);
}

static void put_value(const struct page *p, double value, const struct column *c)
{
    double unit = c->format == AS_MIB ? 1048576.0 : c->format == AS_GIB ? 1073741824.0 : 1.0;

    if (isnan(value))
        fputs(p->html ? "–\t" : "-\t", p->table);
    else if (c->format == AS_SECONDS)
        fprintf(p->table, value < 10.0 ? "%.3f\t" : "%.1f\t", value);
    else
        fprintf(p->table, "%.*f\t", c->format == AS_FIGURE ? 4 : 0, value / unit);
}

/* The runs as titles. */
static void put_runs(struct page *p, const char *first)
{
    fprintf(p->table, "%s\t", first);
    for (int k = 0; k < p->r->n; k++) {
        page_run(p, p->table, k);
        putc('\t', p->table);
    }
    putc('\n', p->table);
}

void page_columns(struct page *p, const struct column *column, int n)
{
    fputs("run\t", p->table);
    for (int i = 0; i < n; i++)
        fprintf(p->table, "%s\t", column[i].title);
    putc('\n', p->table);
    for (int k = 0; k < p->r->n; k++) {
        const struct report_run *run = &p->r->run[k];

        page_run(p, p->table, k);
        putc('\t', p->table);
        for (int i = 0; i < n; i++)
            if (column[i].key)
                put_value(p, report_figure(run, column[i].section, column[i].key), &column[i]);
            else
                fprintf(p->table, "%s\t", config_enum_name("model.kind", run->config->model_kind));
        putc('\n', p->table);
    }
    page_table(p, false);
}

void page_runs(struct page *p)
{
    static const struct column column[] = {{"model", NULL, NULL, AS_WHOLE},
                                           {"epochs", NULL, "epochs", AS_WHOLE},
                                           {"best", NULL, "best_epoch", AS_WHOLE},
                                           {"parameters", NULL, "params", AS_WHOLE},
                                           {"threads", NULL, "threads", AS_WHOLE},
                                           {"shards", NULL, "shards", AS_WHOLE},
                                           {"train s", "time", "train_s", AS_SECONDS},
                                           {"s/epoch", "time", "epoch_s_median", AS_SECONDS},
                                           {"examples/s", "throughput", "examples_per_s", AS_WHOLE},
                                           {"peak MiB", NULL, "peak_rss_bytes", AS_MIB}};

    page_columns(p, column, sizeof column / sizeof *column);
    for (int k = 0; k < p->r->n; k++) {
        const struct report_run *run = &p->r->run[k];

        if (!p->html && run->summary)
            continue;
        fputs(p->html ? "<p>" : "  ", p->out);
        page_run(p, p->out, k);
        fputs(": ", p->out);
        page_text(p, p->out, run->config->data_path);
        if (!run->summary)
            fprintf(p->out, ", not finished after %" PRId64 " epochs", run->lines);
        fputs(p->html ? "</p>\n" : "\n", p->out);
    }
}

void page_figures(struct page *p)
{
    static const struct {
        const char *section, *title;
    } part[] = {{"test", "Test, best model"},
                {"baselines.popular", "Test, the most popular items"},
                {"baselines.mean", "Test, the training mean"},
                {"baselines.bias", "Test, two means: training mean + bias of the user + bias of the item"},
                {"valid", "Validation, best epoch"}};
    struct column column[REPORT_SERIES];

    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (strchr(part[i].section, '.') && !report_has(p->r, part[i].section))
            continue;
        for (int m = 0; m < p->r->metrics; m++)
            column[m] =
                (struct column){p->r->metric_name[m], part[i].section, p->r->metric_name[m], AS_FIGURE};
        page_heading(p, 3, part[i].title);
        page_columns(p, column, p->r->metrics);
    }
}

void page_differences(struct page *p)
{
    const struct report *r = p->r;
    int differ = 0;

    for (int i = 0; i < r->settings; i++) {
        if (!report_differs(r, i))
            continue;
        if (!differ++)
            put_runs(p, "setting");
        fprintf(p->table, "%s\t", config_key(i));
        for (int k = 0; k < r->n; k++) {
            page_text(p, p->table, r->run[k].value[i]);
            putc('\t', p->table);
        }
        putc('\n', p->table);
    }
    if (r->n > 1)
        page_heading(p, 2, differ ? "Settings that differ" : "All settings are the same");
    if (differ)
        page_table(p, true);
}

static double seconds_of(const struct report *r, int k, const char *phase)
{
    return json_get_real(json_get(json_get(r->run[k].summary, "time"), "phases"), phase, 0.0);
}

/* On a page with a bar each, as long as its share of the longest. */
void page_phases(struct page *p)
{
    const struct report *r = p->r;
    const struct json *first = NULL;
    const char *key = NULL;
    double most = 0.0;

    for (int k = 0; k < r->n && !first; k++)
        first = json_get(json_get(r->run[k].summary, "time"), "phases");
    if (!first)
        return;
    put_runs(p, "phase");
    for (int k = 0; k < r->n; k++)
        for (key = NULL; json_next(first, &key);)
            most = fmax(most, seconds_of(r, k, key));
    for (key = NULL; json_next(first, &key);) {
        double sum = 0.0;

        for (int k = 0; k < r->n; k++)
            sum += seconds_of(r, k, key);
        if (sum <= 0.0)
            continue;
        fprintf(p->table, "%s\t", key);
        for (int k = 0; k < r->n; k++) {
            fprintf(p->table, "%.3f", seconds_of(r, k, key));
            if (p->html)
                fprintf(p->table, "<div class=\"bar\" style=\"width:%.1f%%;background:var(--s%d)\"></div>",
                        100.0 * seconds_of(r, k, key) / most, k % 8);
            putc('\t', p->table);
        }
        putc('\n', p->table);
    }
    page_heading(p, 2, "Where the time went: seconds by phase, mean over the workers");
    page_table(p, false);
}
