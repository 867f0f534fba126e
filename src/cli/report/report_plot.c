/* report_plot.c - plots as SVG, by gnuplot. The script goes in by stdin and the picture comes out by stdout,
 * both files without a name: nothing of a run's name or folder gets near a command line.
 *
 * Colours are marks that the page's style replaces, so that one picture serves light and dark:
 * #010101 text and frame, #020202 grid, #a1000N series N. */
#include "cli/report/report.h"

#include "base/mem.h"
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MOST_POINTS 1000 /* of a curve */

/* Takes out every <title> in place: curves' would become tooltips that show gnuplot's own words. */
static void drop_titles(char *svg)
{
    char *begin, *end;

    while ((begin = strstr(svg, "<title>")) && (end = strstr(begin, "</title>"))) {
        end += strlen("</title>");
        memmove(begin, end, strlen(end) + 1);
        svg = begin;
    }
}

/* What stands from <svg on, as it can stand in a page: gnuplot's <title> and <desc> would become tooltips. */
static char *svg_of(const char *text)
{
    static const char head[] = "<svg class=\"plot\" role=\"img\" viewBox=\"0 0 420 280\">\n<g>",
                      canvas[] = "<g id=\"gnuplot_canvas\">";
    const char *begin = strstr(text, "<svg"), *body = strstr(text, canvas);
    char *svg;

    if (!begin || !body || !strstr(body, "</svg>"))
        return NULL;
    body += strlen(canvas);
    svg = mem_alloc((int64_t)(sizeof head + strlen(body)), 1);
    if (svg)
        drop_titles(strcat(strcpy(svg, head), body));
    return svg;
}

static FILE *begin_script(void)
{
    FILE *f = tmpfile();

    if (f)
        fputs("set terminal svg size 420,280 dynamic noenhanced font 'sans-serif,13'\n"
              "set border 3 lc rgb '#010101'\nset grid lc rgb '#020202' lt 1 lw 1\n"
              "set tics nomirror textcolor rgb '#010101'\nset nokey\nset lmargin 9\nset rmargin 4\n"
              "set tmargin 1\n",
              f);
    return f;
}

/* Closes the script. */
static char *draw(FILE *script)
{
    char *text = gnuplot_run(script), *svg = text ? svg_of(text) : NULL;

    mem_free(text);
    return svg;
}

/* $runK with the points of one curve; how many there are. */
static int64_t put_points(FILE *f, const struct report_run *run, int k, const char *series)
{
    int64_t step = run->lines / MOST_POINTS + 1, points = 0;

    fprintf(f, "$run%d << END\n", k);
    for (int64_t i = 0; i < run->lines; i++) {
        double value = report_value(run, i, series);

        if (isnan(value) || (i % step != 0 && i != run->lines - 1))
            continue;
        fprintf(f, "%" PRId64 " %.9g\n", json_get_int(json_at(run->metrics, i), "epoch", i + 1), value);
        points++;
    }
    fputs("END\n", f);
    return points;
}

char *report_plot_series(const struct report *r, const char *series)
{
    FILE *f = begin_script();
    int64_t *points = mem_zalloc(r->n, sizeof *points);
    int drawn = 0;

    if (f && points) {
        fputs("set xlabel 'epoch' textcolor rgb '#010101'\n", f);
        for (int k = 0; k < r->n; k++)
            points[k] = put_points(f, &r->run[k], k, series);
        for (int k = 0; k < r->n; k++) {
            if (!points[k])
                continue;
            fprintf(f, "%s $run%d using 1:2 with %s lw 2 dt %d lc rgb '#a1000%d'", drawn++ ? "," : "plot", k,
                    points[k] == 1 ? "points pt 7" : "lines", k / 8 % 5 + 1, k % 8);
        }
        fputc('\n', f);
    }
    mem_free(points);
    if (f && !drawn) {
        fclose(f);
        f = NULL;
    }
    return f ? draw(f) : NULL;
}

static void put_curve(FILE *f, const struct facts_counts *c, const char *who)
{
    fprintf(f,
            "set logscale xy\nset format '%%g'\nset xlabel '%s, the busiest first' textcolor rgb '#010101'\n"
            "set ylabel 'ratings' textcolor rgb '#010101' offset 1\n$c << END\n",
            who);
    for (int i = 0; i < c->curve_points; i++)
        fprintf(f, "%" PRId64 " %" PRId64 "\n", c->curve_rank[i], c->curve_count[i]);
    fputs("END\nplot $c using 1:2 with lines lw 2 lc rgb '#a10000'\n", f);
}

static void put_bars(FILE *f, const struct facts *x)
{
    fputs("set xlabel 'rating' textcolor rgb '#010101'\nset ylabel 'share, %' textcolor rgb '#010101' offset "
          "1\n"
          "set yrange [0:*]\nset boxwidth 0.8\nset style fill solid 1 noborder\n$c << END\n",
          f);
    for (int i = 0; i < x->bars; i++)
        fprintf(f, "%d \"%.3g\" %.6g\n", i, x->bar[i].low,
                100.0 * (double)x->bar[i].count / (double)x->ratings);
    fputs("END\nplot $c using 1:3:xtic(2) with boxes lc rgb '#a10000'\n", f);
}

char *report_plot_facts(const struct facts *x, int which)
{
    FILE *f = begin_script();

    if (!f)
        return NULL;
    if (which == 2)
        put_bars(f, x);
    else
        put_curve(f, which ? &x->items : &x->users, which ? "items" : "users");
    return draw(f);
}
