/* cmd_data.c - partrain data: describes ratings; writes ratings and splits as files. */
#include "cli/cli.h"

#include "cli/data.h"
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
    struct config *c = NULL;
    int rc = cli_load(&c, q->file, q->assignment, q->assignments, err);

    if (rc == 0 && q->path) {
        bool prefix = is(q, "synth") && strncmp(q->path, "synth:", 6) != 0;

        rc = config_setf(c, err, "data.path=%s%s", prefix ? "synth:" : "", q->path);
    }
    if (rc == 0 && q->to && strcmp(q->to, "liang") == 0 && !config_given(c, "model.kind"))
        rc = config_set(c, "model.kind=multivae", err);
    if (rc == 0)
        rc = config_check(c, err);
    if (rc == 0 && !*c->data_path)
        rc = error_set(err, PT_EUSAGE, "which ratings? partrain data %s PATH", q->verb);
    if (rc < 0) {
        config_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

static int describe(const struct request *q, const struct config *c, const struct ratings *r,
                    struct error *err)
{
    struct facts f;
    int rc = facts_make(&f, r, err);

    if (rc < 0)
        return rc;
    if (q->json)
        return data_print_json(stdout, c->data_path, &f, r, err);
    data_print(stdout, c->data_path, &f, r);
    return 0;
}

static int convert(const struct request *q, const struct ratings *r, struct error *err)
{
    bool to_stdout = !q->out || strcmp(q->out, "-") == 0;
    enum write_format format = WRITE_CSV;
    int rc;

    if (q->to && (rc = write_format_find(&format, q->to, err)) < 0)
        return rc;
    if (!q->to && !to_stdout && !write_format_of_path(&format, q->out))
        return error_set(err, PT_EUSAGE,
                         "%.200s: its ending names no format; say --to csv, tsv, u.data, dat or lists",
                         q->out);
    if (format == WRITE_LISTS && r->low != r->high)
        cli_message("note: lists hold pairs: the values of the ratings are left out");
    rc = write_ratings(r, format, q->out, to_stdout ? stdout : NULL, err);
    if (rc == 0)
        cli_message("%" PRId64 " ratings of %" PRId64 " users and %" PRId64 " items as %s%s%s", r->n,
                    idtable_count(r->users), idtable_count(r->items), write_format_name(format),
                    to_stdout ? "" : " in ", to_stdout ? "" : q->out);
    if (rc == 0 && r->noise_floor > 0.0)
        cli_message("noise floor: RMSE %.4f", r->noise_floor);
    return rc;
}

static int write_split(const struct request *q, const struct config *c, const struct ratings *r,
                       struct error *err)
{
    struct split_spec spec = problem_split_spec(c);
    struct split *s = NULL;
    struct write_counts n;
    int rc = split_make(&s, r, &spec, err);

    if (rc < 0)
        return rc;
    if (strcmp(q->to, "liang") == 0)
        rc = write_liang(r, s, q->out, q->keep_ids, &n, err);
    else
        rc = write_base_test(r, s, q->out, q->name ? q->name : "u", &n, err);
    if (rc == 0) {
        cli_message("%s: %" PRId64 " ratings train, %" PRId64 " validate, %" PRId64 " test", q->out, n.train,
                    n.valid_out, n.test_out);
        if (s->rows)
            cli_message("shown of held-out users: %" PRId64 " in validation, %" PRId64 " in test", n.valid_in,
                        n.test_in);
        if (n.left_out)
            cli_message("%" PRId64 " held-out ratings take no part: nobody in training has their items",
                        n.left_out);
        if (strcmp(q->to, "liang") == 0 && r->low != r->high)
            cli_message("note: the five files hold pairs: the values of the ratings are left out");
    }
    split_free(s);
    return rc;
}

int cmd_data(int argc, char **argv, struct error *err)
{
    struct request q = {0};
    struct cli_args args;
    struct config *c = NULL;
    struct ratings *r = NULL;
    struct ratings_spec spec;
    int rc;

    if ((rc = cli_parse(&args, &cmd_data_usage, argc, argv, &q, err)) < 0 ||
        (rc = parse_words(&q, argv + args.rest, argc - args.rest, err)) < 0 ||
        (rc = check_use(&q, err)) < 0 || (rc = configure(&c, &q, err)) < 0)
        return rc;
    spec = problem_ratings_spec(c, problem_workers(c));
    spec.want_time = true;
    spec.binarize = c->binarize; /* the values as they are, also for a model that does not look at them */
    if ((rc = ratings_read(&r, &spec, err)) == 0) {
        if (!is(&q, "describe"))
            reading_tell(r, false, cli_warn, NULL);
        if (is(&q, "describe"))
            rc = describe(&q, c, r, err);
        else
            rc = is(&q, "split") ? write_split(&q, c, r, err) : convert(&q, r, err);
    }
    ratings_free(r);
    config_free(c);
    return rc;
}
