/* cmd_recommend.c - partrain recommend: the best items for users, in training or new. */
#include "cli/target_options.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timing.h"
#include "serve/history_source.h"
#include "serve/rank.h"
#include "store/run_files.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 8,                     /* people at once, in batches of the model */
    HEAP_BYTES = 256 * 1024 * 1024 /* item-based models: kept candidates of the users at once */
};

struct request {
    struct targets targets;
    const char *allow, *deny;
    int64_t k, min_ratings;
    bool with_seen;
    int input; /* enum history_form */
};

static const char *const inputs[] = {"text", "jsonl", NULL};

static const struct cli_option options[] = {
    TARGET_OPTIONS("histories of users, instead of the run's data.path"),
    {"count", 'k', "N", "items for each user; default 10", CLI_WHOLE(k, 1, 1000000)},
    {"allow", 0, "FILE", "only these items: one id or title a line", CLI_TEXT(allow)},
    {"deny", 0, "FILE", "never these", CLI_TEXT(deny)},
    {"min-ratings", 0, "N", "models of ratings: only items with N in training",
     CLI_WHOLE(min_ratings, 1, INT32_MAX)},
    {"input", 0, "FORM", "of FILE: text (default), or jsonl with a user a line", CLI_WORD(input, inputs)},
    {"with-seen", 0, NULL, "also items that a user has rated", CLI_FLAG(with_seen)},
    {0}};

const struct cli_usage cmd_recommend_usage = {
    "-m RUN [-k N] (FILE | - | --users LIST | --all)",
    "Prints the best items for each user: user, rank, item, score, title. FILE or -\n"
    "(stdin) holds histories, also of users who are not in the data: one id or title\n"
    "a line, a blank line between two users; models of ratings need\n"
    "ITEM<tab>RATING. Users are called 1, 2, ... Rated items are left out.\n"
    "\n"
    "Example:\n"
    "  printf 'Toy Story (1995)\\nHeat (1995)\\n' | partrain recommend -m runs/ml-1m -\n",
    options};

struct job {
    const struct request *q;
    struct trained *trained;
    struct ranker *ranker;
    uint8_t *hidden;                /* (items of the model) owned; NULL: none */
    struct history_source *history; /* owned; NULL: histories from text */
    struct rows rows;
    struct scored *best;
    int *count;
    int64_t people, lines, empty; /* so far */
    double read_s;
};

static void print_person(struct job *j, const char *name, const struct scored *best, int n, bool of_history)
{
    rows_begin(&j->rows, name);
    for (int i = 0; i < n; i++) {
        int64_t c = best[i].column;
        const struct history_source *h = j->history;
        const char *title =
            of_history ? h->ratings->title ? h->ratings->title[c] : NULL : trained_title(j->trained, c);

        rows_item(&j->rows, i + 1, idtable_name(of_history ? h->names : j->trained->items, c), title,
                  (double)best[i].score);
    }
    rows_end(&j->rows);
    j->people++;
    j->lines += n;
    j->empty += n == 0;
}

static int room_for(struct job *j, int64_t n, struct error *err)
{
    j->best = mem_array(n * j->q->k, sizeof *j->best);
    j->count = mem_zalloc(n, sizeof *j->count);
    return j->best && j->count ? 0 : error_set(err, PT_ENOMEM, "out of memory; a smaller -k needs less");
}

static int for_text(struct job *j, struct error *err)
{
    scoped_value(histories_fini) struct histories p = {0};
    scoped(history_text_close) struct history_text *t = NULL;
    int64_t most = BLOCK * j->trained->batch, known = 0, unknown, lines;
    char name[32];

    if (!trained_takes_histories(j->trained))
        return error_set(
            err, PT_EUSAGE,
            "item-based AutoRec has weights for its users alone, none for new people (Multi-VAE, Mult-DAE, "
            "mf and autorec with model.side=user take those); use --users or --all");
    TRY(room_for(j, most, err));
    TRY(history_text_open(&t, j->trained, j->q->targets.file, (enum history_form)j->q->input, targets_note,
                          (void *)&j->q->targets, err));
    do {
        histories_clear(&p);
        TRY(history_text_next(t, &p, most, err));
        if (p.n == 0)
            break;
        known += p.entries;
        TRY(ranker_run(j->ranker, &p, j->best, j->count, err));
        history_text_lines(t, &unknown);
        if (!known && unknown && p.n < most && !history_text_would_wait(t))
            return error_set(err, PT_EDATA, "%s: the model knows none of these items; a line is ITEM%s",
                             targets_file(&j->q->targets),
                             j->trained->rating ? "<tab>RATING" : ", by its id or title");
        for (int64_t i = 0; i < p.n; i++) {
            const char *own = history_text_name(t, i);

            snprintf(name, sizeof name, "%lld", (long long)(j->people + 1));
            print_person(j, own ? own : name, j->best + i * j->q->k, j->count[i], false);
        }
    } while (fflush(stdout) == 0); /* else main says so */
    lines = history_text_lines(t, &unknown);
    if (j->people == 0)
        return error_set(err, PT_EDATA, "%s: %s; one id or title a line is expected",
                         targets_file(&j->q->targets), lines ? "only blank lines" : "empty");
    if (unknown > 5 && !j->q->targets.quiet)
        cli_message("%lld of %lld lines name no item of the model; they were passed over", (long long)unknown,
                    (long long)lines);
    return 0;
}

static int for_users(struct job *j, struct error *err)
{
    int64_t most = BLOCK * j->trained->batch, n = 0;
    scoped_value(histories_fini) struct histories p = {0};
    mem_scoped int32_t *user = NULL;

    TRY(targets_users(&j->q->targets, j->history->names, "the data", &user, &n, err));
    TRY(room_for(j, most, err));
    for (int64_t from = 0; from < n; from += most) {
        int64_t end = from + most < n ? from + most : n;

        histories_clear(&p);
        for (int64_t i = from; i < end; i++)
            TRY(need_memory(history_source_add(j->history, j->trained, user[i], &p), err));
        TRY(ranker_run(j->ranker, &p, j->best, j->count, err));
        for (int64_t i = from; i < end; i++)
            print_person(j, idtable_name(j->history->names, user[i]), j->best + (i - from) * j->q->k,
                         j->count[i - from], false);
    }
    return 0;
}

/* Item-based models: the users asked for, as many at once as HEAP_BYTES hold. */
static int for_columns(struct job *j, struct error *err)
{
    struct rank_spec spec = {.k = (int)j->q->k, .keep_seen = j->q->with_seen};
    int64_t most = HEAP_BYTES / (2 * j->q->k * (int64_t)sizeof(struct scored) + 64) + 1, n = 0;
    mem_scoped uint8_t *hidden = mem_zalloc(j->history->n, 1);
    mem_scoped int32_t *user = NULL;

    TRY(need_memory(hidden, err));
    for (int64_t e = 0; j->hidden && e < j->history->n; e++) {
        int64_t item = idtable_find_row(j->trained->items, j->history->names, e);

        hidden[e] = item < 0 ? j->q->allow || j->q->min_ratings : j->hidden[item];
    }
    spec.hidden = hidden;
    TRY(targets_users(&j->q->targets, j->trained->users, "the run", &user, &n, err));
    most = most < n ? most : n;
    TRY(room_for(j, most, err));
    for (int64_t from = 0; from < n; from += most) {
        int64_t count = from + most < n ? most : n - from;

        TRY(rank_users(j->trained, j->history, &spec, user + from, count, j->best, j->count, err));
        for (int64_t i = 0; i < count; i++)
            print_person(j, idtable_name(j->trained->users, user[from + i]), j->best + i * j->q->k,
                         j->count[i], true);
    }
    return 0;
}

static int parse(struct request *q, struct cli_args *args, int argc, char **argv, struct error *err)
{
    TRY(cli_parse(args, &cmd_recommend_usage, argc, argv, q, err));
    TRY(targets_check(&q->targets, args, "histories", "for whom", err));
    if (q->targets.data && q->targets.file)
        return error_set(err, PT_EUSAGE, "--data is for --users and --all; histories come from %.60s",
                         q->targets.file);
    return 0;
}

static int hide_items(struct job *j, struct error *err)
{
    const struct request *q = j->q;
    int64_t n = idtable_count(j->trained->items);

    if (q->min_ratings && !j->trained->item_ratings)
        return error_set(err, PT_EUSAGE,
                         "--min-ratings: the model does not say how often items were rated: it is one of "
                         "clicks, or of an earlier partrain");
    if (!q->allow && !q->deny && !q->min_ratings)
        return 0;
    j->hidden = mem_zalloc(n, 1);
    TRY(need_memory(j->hidden, err));
    if (q->allow) {
        memset(j->hidden, 1, (size_t)n);
        TRY(history_text_items(j->trained, q->allow, j->hidden, 0, targets_note, (void *)&q->targets, err));
        if (!memchr(j->hidden, 0, (size_t)n))
            return error_set(err, PT_EDATA,
                             "--allow %.400s: the model knows none of its items; a line is an id or a title",
                             q->allow);
    }
    if (q->deny)
        TRY(history_text_items(j->trained, q->deny, j->hidden, 1, targets_note, (void *)&q->targets, err));
    for (int64_t i = 0; i < n && q->min_ratings; i++)
        j->hidden[i] |= j->trained->item_ratings[i] < (float)q->min_ratings;
    return 0;
}

static int recommend(struct job *j, struct error *err)
{
    const struct request *q = j->q;
    bool by_column = j->trained->problem->side == SIDE_ITEM;
    struct rank_spec spec = {.k = (int)q->k, .keep_seen = q->with_seen};

    TRY(hide_items(j, err));
    spec.hidden = j->hidden;
    if (!q->targets.file) {
        double start = clock_now();

        TRY(history_source_read(&j->history, j->trained, q->targets.data, err));
        j->read_s = clock_now() - start;
        targets_scale(&q->targets, j->trained, j->history);
    }
    if (!by_column)
        TRY(ranker_new(&j->ranker, j->trained, &spec, err));
    return q->targets.file ? for_text(j, err) : by_column ? for_columns(j, err) : for_users(j, err);
}

/* Says once what lists of predicted ratings are, and what they are worth. */
static void note_ratings(const struct job *j)
{
    mem_scoped char *path = file_join(j->trained->files.folder, RUN_SUMMARY);
    scoped(json_free) struct json *summary = NULL;
    const struct json *lists;
    struct error none;
    double own, popular;

    if (!j->trained->rating || j->q->min_ratings)
        return;
    if (path && json_read(&summary, path, &none) < 0)
        summary = NULL;
    lists = json_get(summary, "lists");
    own = json_get_real(lists, "ndcg@10", NAN);
    popular = json_get_real(lists, "popular", NAN);
    cli_message("note: a model of ratings ranks by predicted rating, also items with few ratings%s",
                j->trained->item_ratings ? "; --min-ratings N leaves those out" : "");
    if (!isnan(own) && !isnan(popular))
        cli_message("note: test ndcg@10 of such lists %.4f; of the most popular items %.4f%s", own, popular,
                    own < popular ? "; a model of choices makes better ones: model.kind=ease" : "");
    else if (j->trained->problem->side == SIDE_USER)
        cli_message(
            "note: what such lists are worth: partrain eval -m %s --against popular --metrics ndcg@10",
            j->q->targets.model);
}

static void print_totals(const struct job *j, double open_s, double use_s)
{
    if (j->empty)
        cli_message("%lld of them got none: the model does not know them, or nothing is left to recommend",
                    (long long)j->empty);
    cli_message("%lld %s, %lld recommendations in %.2f s (before that: model opened in %.2f s, histories "
                "read in %.2f s)",
                (long long)j->people, j->people == 1 ? "person" : "people", (long long)j->lines,
                use_s - j->read_s, open_s, j->read_s);
}

static void job_fini(struct job *j)
{
    ranker_free(j->ranker);
    history_source_free(j->history);
    mem_free(j->hidden);
    mem_free(j->best);
    mem_free(j->count);
    trained_close(j->trained);
}

int cmd_recommend(int argc, char **argv, struct error *err)
{
    struct request q = {.k = 10};
    scoped_value(job_fini) struct job j = {.q = &q, .rows = {.file = stdout}};
    struct cli_args args;
    double start = clock_now(), opened;

    TRY(parse(&q, &args, argc, argv, err));
    TRY(trained_open(&j.trained, q.targets.model, (int)q.targets.threads, err));
    if (q.k > idtable_count(j.trained->items))
        q.k = idtable_count(j.trained->items);
    opened = clock_now();
    j.rows.form = (enum rows_form)q.targets.form;
    TRY(recommend(&j, err));
    if (!q.targets.quiet)
        note_ratings(&j);
    if (!q.targets.quiet && (q.targets.all || j.empty))
        print_totals(&j, opened - start, clock_now() - opened);
    return 0;
}
