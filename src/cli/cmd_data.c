/* cmd_data.c - partrain data: describes ratings; writes ratings and splits as files. */
#include "cli/cli.h"

#include "base/json.h"
#include "data/facts.h"
#include "data/reading.h"
#include "data/write.h"
#include "read/read.h"
#include "setup/problem.h"

#include <inttypes.h>
#include <string.h>

struct request {
    const char *verb, *path, *file, *out, *to, *name;
    bool keep_ids, json;
    char **assignment;
    int assignments;
};

static const struct cli_option options[] = {
    {"config", 'c', "FILE", "take data.* and split.* from a configuration", CLI_TEXT(file)},
    {"out", 'o', "PATH", "the file (default: stdout); split: the folder", CLI_TEXT(out)},
    {"to", 0, "FORMAT", "csv, tsv, u.data, dat, lists; split: liang, base", CLI_TEXT(to)},
    {"name", 0, "NAME", "split --to base: NAME.base and NAME.test (default: u)", CLI_TEXT(name)},
    {"keep-ids", 0, NULL, "split --to liang: external ids, not numbers from 0", CLI_FLAG(keep_ids)},
    {"json", 0, NULL, "describe: as JSON", CLI_FLAG(json)},
    {0}};

const struct cli_usage cmd_data_usage = {
    "describe|convert|split|synth [PATH] [KEY=VALUE ...]",
    "describe  prints counts, spread, skew, times, and anything suspicious\n"
    "convert   reads any training format, filters by data.*, writes one file\n"
    "split     writes the split of a training: Liang's five files, or base and test\n"
    "synth     writes synthetic ratings: ml-100k, ml-1m, ml-20m, small, UxIxR\n"
    "PATH is what data.path may be: a file, a folder, an archive, -, synth:NAME.\n"
    "\n"
    "Example: partrain data describe ml-1m.zip\n"
    "         partrain data convert ml-1m.zip data.min_rating=4 -o liked.csv\n"
    "         partrain data split ml-1m.zip --to liang split.test_users=600 -o pro_sg\n"
    "         partrain data synth 1000x500x40000 data.seed=7 -o ratings.csv\n",
    options};

/* KEY=VALUE rather than a path: "section.key=". A path that looks so is written "./section.key=". */
static bool is_assignment(const char *word)
{
    size_t key = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_."), dot = strcspn(word, ".");

    return word[key] == '=' && dot < key;
}

static bool is(const struct request *q, const char *verb)
{
    return strcmp(q->verb, verb) == 0;
}

/* VERB [PATH] [KEY=VALUE ...], the latter two in any order; assignments are moved together. */
static int parse_words(struct request *q, char **word, int n, struct error *err)
{
    static const char *const verbs[] = {"describe", "convert", "split", "synth", NULL};

    if (n == 0)
        return error_set(err, PT_EUSAGE, "which of describe, convert, split and synth?");
    q->verb = word[0];
    if (!is(q, "describe") && !is(q, "convert") && !is(q, "split") && !is(q, "synth"))
        return cli_unknown(err, q->verb, verbs, "", "none of describe, convert, split, synth", "data");
    q->assignment = word + 1;
    for (int i = 1; i < n; i++) {
        if (is_assignment(word[i]))
            q->assignment[q->assignments++] = word[i];
        else if (!q->path)
            q->path = word[i];
        else
            return error_set(err, PT_EUSAGE,
                             "%.60s: one path is enough (%.60s); several files: a folder or a glob", word[i],
                             q->path);
    }
    return 0;
}

static int check_use(const struct request *q, struct error *err)
{
    if (q->json && !is(q, "describe"))
        return error_set(err, PT_EUSAGE, "--json is for describe");
    if ((q->name || q->keep_ids) && !is(q, "split"))
        return error_set(err, PT_EUSAGE, "%s is for split", q->name ? "--name" : "--keep-ids");
    if (is(q, "describe") && (q->out || q->to))
        return error_set(err, PT_EUSAGE, "%s: describe prints to stdout", q->out ? "-o" : "--to");
    if (is(q, "synth") && !q->path)
        return error_set(err, PT_EUSAGE, "which set: ml-100k, ml-1m, ml-20m, small or USERSxITEMSxRATINGS?");
    if (!is(q, "split"))
        return 0;
    if (!q->out)
        return error_set(err, PT_EUSAGE, "split: into which folder? -o DIR");
    if (!q->to || (strcmp(q->to, "liang") != 0 && strcmp(q->to, "base") != 0))
        return error_set(err, PT_EUSAGE,
                         "split: --to liang (five files, whole users held out) or --to base (NAME.base and "
                         "NAME.test, single ratings held out)?");
    return 0;
}

/* data.path and, for the five files, a model that holds out users, unless told otherwise. */
static int configure(struct config **out, const struct request *q, struct error *err)
{
    scoped(config_free) struct config *c = NULL;

    TRY(cli_load(&c, q->file, q->assignment, q->assignments, err));
    if (q->path) {
        bool prefix = is(q, "synth") && strncmp(q->path, "synth:", 6) != 0;

        TRY(config_setf(c, err, "data.path=%s%s", prefix ? "synth:" : "", q->path));
    }
    if (q->to && strcmp(q->to, "liang") == 0 && !config_given(c, "model.kind"))
        TRY(config_set(c, "model.kind=multivae", err));
    TRY(config_check(c, err));
    if (!*c->data_path)
        return error_set(err, PT_EUSAGE, "which ratings? partrain data %s PATH", q->verb);
    *out = handed_on(c);
    return 0;
}

#define BAR_WIDTH 40

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

static void print_facts(FILE *out, const char *path, const struct facts *f, const struct ratings *r)
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
        cli_date(f->first_time, first);
        cli_date(f->last_time, last);
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

static int print_facts_json(FILE *out, const char *path, const struct facts *f, const struct ratings *r,
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

static int describe(const struct request *q, const struct config *c, const struct ratings *r,
                    struct error *err)
{
    struct facts f;

    TRY(facts_make(&f, r, err));
    if (q->json)
        return print_facts_json(stdout, c->data_path, &f, r, err);
    print_facts(stdout, c->data_path, &f, r);
    return 0;
}

static int convert(const struct request *q, const struct ratings *r, struct error *err)
{
    bool to_stdout = !q->out || strcmp(q->out, "-") == 0;
    enum write_format format = WRITE_CSV;

    if (q->to)
        TRY(write_format_find(&format, q->to, err));
    if (!q->to && !to_stdout && !write_format_of_path(&format, q->out))
        return error_set(err, PT_EUSAGE,
                         "%.200s: its ending names no format; say --to csv, tsv, u.data, dat or lists",
                         q->out);
    if (format == WRITE_LISTS && r->low != r->high)
        cli_message("note: lists hold pairs: the values of the ratings are left out");
    TRY(write_ratings(r, format, q->out, to_stdout ? stdout : NULL, err));
    cli_message("%" PRId64 " ratings of %" PRId64 " users and %" PRId64 " items as %s%s%s", r->n,
                idtable_count(r->users), idtable_count(r->items), write_format_name(format),
                to_stdout ? "" : " in ", to_stdout ? "" : q->out);
    if (r->noise_floor > 0.0)
        cli_message("noise floor: RMSE %.4f", r->noise_floor);
    return 0;
}

static int write_split(const struct request *q, const struct config *c, const struct ratings *r,
                       struct error *err)
{
    struct split_spec spec = problem_split_spec(c);
    scoped(split_free) struct split *s = NULL;
    bool liang = strcmp(q->to, "liang") == 0;
    struct write_counts n;

    TRY(split_make(&s, r, &spec, err));
    TRY(liang ? write_liang(r, s, q->out, q->keep_ids, &n, err)
              : write_base_test(r, s, q->out, q->name ? q->name : "u", &n, err));
    cli_message("%s: %" PRId64 " ratings train, %" PRId64 " validate, %" PRId64 " test", q->out, n.train,
                n.valid_out, n.test_out);
    if (s->rows)
        cli_message("shown of held-out users: %" PRId64 " in validation, %" PRId64 " in test", n.valid_in,
                    n.test_in);
    if (n.left_out)
        cli_message("%" PRId64 " held-out ratings take no part: nobody in training has their items",
                    n.left_out);
    if (liang && r->low != r->high)
        cli_message("note: the five files hold pairs: the values of the ratings are left out");
    return 0;
}

int cmd_data(int argc, char **argv, struct error *err)
{
    struct request q = {0};
    struct cli_args args;
    scoped(config_free) struct config *c = NULL;
    scoped(ratings_free) struct ratings *r = NULL;
    struct ratings_spec spec;

    TRY(cli_parse(&args, &cmd_data_usage, argc, argv, &q, err));
    TRY(parse_words(&q, argv + args.rest, argc - args.rest, err));
    TRY(check_use(&q, err));
    TRY(configure(&c, &q, err));
    spec = problem_ratings_spec(c, problem_workers(c));
    spec.want_time = true;
    spec.binarize = c->binarize; /* the values as they are, also for a model that does not look at them */
    TRY(ratings_read(&r, &spec, err));
    if (is(&q, "describe"))
        return describe(&q, c, r, err);
    reading_report(r, false, cli_warn, cli_warn, NULL);
    return is(&q, "split") ? write_split(&q, c, r, err) : convert(&q, r, err);
}
