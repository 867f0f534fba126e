/* data_print.c - facts about ratings, as text and as JSON. */
#include "cli/data.h"

#include "base/json.h"
#include "cli/cli.h"
#include "data/reading.h"

#include <inttypes.h>
#include <time.h>

#define BAR_WIDTH 40

void data_date(int64_t time, char out[32])
{
    time_t t = (time_t)time;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%d", &tm))
        snprintf(out, 32, "%" PRId64, time);
}

static void print_counts(FILE *out, const char *what, const struct facts_counts *c)
{
    fprintf(out, "  %-18s", what);
    for (int i = 0; i < FACTS_QUANTILES; i++)
        fprintf(out, " %8" PRId64, c->quantile[i]);
    fprintf(out, " %8.1f %6.3f\n", c->mean, c->gini);
}

static void print_values(FILE *out, const struct facts *f)
{
    int64_t most = 1;

    for (int i = 0; i < f->bars; i++)
        most = f->bar[i].count > most ? f->bar[i].count : most;
    fprintf(out, "\nvalues: %g to %g, mean %.4g, standard deviation %.4g\n", f->low, f->high, f->mean,
            f->deviation);
    for (int i = 0; i < f->bars; i++) {
        const struct facts_bar *b = &f->bar[i];
        int width = (int)((double)b->count / (double)most * BAR_WIDTH + 0.5);
        char name[48];

        if (b->low == b->high)
            snprintf(name, sizeof name, "%g", b->low);
        else
            snprintf(name, sizeof name, "%.4g .. %.4g", b->low, b->high);
        fprintf(out, "  %-18s %5.1f%% %10" PRId64 "  ", name, 100.0 * (double)b->count / (double)f->ratings,
                b->count);
        for (int k = 0; k < width; k++)
            fputs("\u2588", out);
        fputc('\n', out);
    }
}

struct list {
    FILE *out;
    int n;
};

static void print_suspicion(void *arg, const char *text)
{
    struct list *l = arg;

    if (!l->n++)
        fputs("\nlook twice:\n", l->out);
    fprintf(l->out, "  %s\n", text);
}

void data_print(FILE *out, const char *path, const struct facts *f, const struct ratings *r)
{
    struct list list = {out, 0};
    char first[32], last[32], line[1600];

    fprintf(out, "%s: %" PRId64 " users, %" PRId64 " items, %" PRId64 " ratings, %.4g%% of all pairs\n", path,
            f->users.rows, f->items.rows, f->ratings, 100.0 * f->density);
    if (*reading_line(r, line, sizeof line))
        fprintf(out, "read: %s\n", line);
    for (int k = 0; k < 3 && *r->reading.preview[k]; k++)
        fprintf(out, "%s %s\n", k ? "     " : "first:", r->reading.preview[k]);
    if (*reading_kept(r, line, sizeof line))
        fprintf(out, "kept: %s\n", line);
    if (f->has_time) {
        data_date(f->first_time, first);
        data_date(f->last_time, last);
        fprintf(out, "times: %s to %s\n", first, last);
    } else {
        fputs("times: none\n", out);
    }
    if (r->noise_floor > 0.0)
        fprintf(out, "noise floor: RMSE %.4f, which no model can be expected to beat\n", r->noise_floor);
    fprintf(out, "digest: %s\n", r->digest);
    print_values(out, f);
    fprintf(out, "\n  %-18s %8s %8s %8s %8s %8s %8s %8s %8s %6s\n", "", "fewest", "10%", "25%", "median",
            "75%", "90%", "most", "mean", "Gini");
    print_counts(out, "ratings of a user", &f->users);
    print_counts(out, "ratings of an item", &f->items);
    facts_suspicions(f, r, print_suspicion, &list);
    if (!list.n)
        fputs("\nnothing odd was seen\n", out);
}

static struct json *counts_json(const struct facts_counts *c)
{
    static const char *const name[FACTS_QUANTILES] = {"min", "p10", "p25", "median", "p75", "p90", "max"};
    struct json *j = json_new_object();

    json_put_int(j, "rows", c->rows);
    for (int i = 0; i < FACTS_QUANTILES; i++)
        json_put_int(j, name[i], c->quantile[i]);
    json_put_real(j, "mean", c->mean);
    json_put_real(j, "gini", c->gini);
    json_put_int(j, "with_one_rating", c->single);
    json_put_int(j, "with_nearly_all", c->nearly_all);
    json_put_int(j, "of_one_value", c->constant);
    return j;
}

static struct json *values_json(const struct facts *f)
{
    struct json *j = json_new_array();

    for (int i = 0; i < f->bars; i++) {
        struct json *bar = json_new_object();

        json_put_real(bar, "from", f->bar[i].low);
        json_put_real(bar, "to", f->bar[i].high);
        json_put_int(bar, "count", f->bar[i].count);
        json_put(j, NULL, bar);
    }
    return j;
}

static void put_suspicion(void *arg, const char *text)
{
    json_put_text(arg, NULL, text);
}

int data_print_json(FILE *out, const char *path, const struct facts *f, const struct ratings *r,
                    struct error *err)
{
    struct json *j = json_new_object(), *odd = json_new_array();

    json_put_text(j, "path", path);
    json_put(j, "reading", reading_json(r));
    json_put_int(j, "ratings", f->ratings);
    json_put_real(j, "density", f->density);
    json_put_real(j, "mean", f->mean);
    json_put_real(j, "deviation", f->deviation);
    json_put(j, "values", values_json(f));
    json_put(j, "users", counts_json(&f->users));
    json_put(j, "items", counts_json(&f->items));
    if (f->has_time) {
        json_put_int(j, "first_time", f->first_time);
        json_put_int(j, "last_time", f->last_time);
    }
    json_put_int(j, "duplicates", r->duplicates);
    json_put_int(j, "filtered", r->filtered);
    json_put_int(j, "bad_lines", r->lines_bad);
    if (r->noise_floor > 0.0)
        json_put_real(j, "noise_floor", r->noise_floor);
    json_put_text(j, "digest", r->digest);
    facts_suspicions(f, r, put_suspicion, odd);
    json_put(j, "look_twice", odd);
    return cli_print_json(out, j, err);
}
