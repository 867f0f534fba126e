/* cmd_predict.c - partrain predict: ratings for pairs of user and item, or of users with all items, in blocks
 * of pairs. */
#include "cli/pairs.h"

#include "base/mem.h"
#include "cli/target_options.h"
#include "read/lines.h"
#include "serve/rank.h"

#include <math.h>
#include <string.h>

enum { PAIRS = 1 << 20 };

struct request {
    struct targets targets;
};

static const struct cli_option options[] = {
    TARGET_OPTIONS("histories of users, instead of the run's data.path"), {0}};

const struct cli_usage cmd_predict_usage = {
    "-m RUN (FILE | - | --users LIST | --all)",
    "Predicts ratings by a model of ratings (autorec, mf): user, item, rating,\n"
    "title. FILE or - (stdin) has a pair a line, user and item, with a tab, :: , ; |\n"
    "or blanks between; an item may be given by its title behind a tab. Where the\n"
    "model was trained on the user or the item alone, the rating is the training\n"
    "mean plus that one's bias; on neither, eval.cold or the mean.\n"
    "\n"
    "Example: printf '1 260\\n1\\tHeat (1995)\\n' | partrain predict -m runs/ml-1m -\n",
    options};

/* What is printed of a pair. */
struct shown {
    int64_t user, item; /* names in the block's text */
    int32_t title;      /* the item's row in the run, -1 */
};

struct job {
    const struct targets *q;
    struct trained *trained;
    struct history_source *history; /* mf: of --data, or NULL */
    struct ranker *ranker;
    struct rows rows;
    struct rating_pair *pair; /* (PAIRS) owned; mf: examples are users of the run, then of --data */
    struct shown *shown;      /* (PAIRS) owned */
    double *rating;           /* (PAIRS) owned */
    int64_t n;                /* pairs in the block */
    struct pairs cut;         /* of lines */
    char *text;               /* owned: names, each ended by a zero */
    int64_t used, space;      /* of text */
    int64_t cold, told;       /* so far */
    struct predict_counts counts;
};

static bool add_history(void *arg, int32_t example, struct histories *people)
{
    const struct job *j = arg;
    int64_t users = j->trained->by_row ? idtable_count(j->trained->users) : 0;

    return example < users ? histories_end(people, example)
                           : history_source_add(j->history, j->trained, example - users, people);
}

static int run_block(struct job *j, struct error *err)
{
    TRY(predict_pairs(j->ranker, j->trained, j->pair, j->n, add_history, j, j->rating, &j->counts, err));
    for (int64_t i = 0; i < j->n; i++) {
        const struct shown *s = &j->shown[i];
        bool cold = isnan(j->rating[i]);

        rows_prediction(&j->rows, j->text + s->user, j->text + s->item,
                        s->title < 0 ? NULL : trained_title(j->trained, s->title),
                        cold ? trained_cold(j->trained) : j->rating[i]);
        j->cold += cold;
    }
    j->told += j->n;
    j->n = j->used = 0;
    return 0;
}

/* A name's place in the block's text; -1: no memory. */
static int64_t keep_name(struct job *j, const char *text, size_t length)
{
    int64_t at = j->used;

    if (j->used + (int64_t)length + 1 > j->space) {
        int64_t space = 2 * j->space + (int64_t)length + 4096;
        char *grown = mem_resize(j->text, space, 1);

        if (!grown)
            return -1;
        j->text = grown;
        j->space = space;
    }
    memcpy(j->text + at, text, length);
    j->text[at + (int64_t)length] = '\0';
    j->used += (int64_t)length + 1;
    return at;
}

/* The example that a user is: of the data for models that take histories, of the run for mf, and of --data
 * for users that the run does not know. */
static int32_t example_of(const struct job *j, const char *user, size_t length)
{
    const struct trained *trained = j->trained;
    int64_t row, other;

    if (!trained->by_row)
        return (int32_t)idtable_find(j->history->names, user, length);
    row = idtable_find(trained->users, user, length);
    if (!j->history || (row >= 0 && !trained->problem->cold_example[row]))
        return (int32_t)row;
    other = idtable_find(j->history->names, user, length);
    return (int32_t)(other < 0 ? row : idtable_count(trained->users) + other);
}

/* `item`: its row in the run, or -1 with the name that was given. */
static int add_pair(struct job *j, const char *user, size_t user_length, int64_t item, const char *name,
                    size_t length, struct error *err)
{
    const struct trained *trained = j->trained;
    bool by_item = trained->problem->side == SIDE_ITEM;
    struct rating_pair *p = &j->pair[j->n];
    struct shown *s = &j->shown[j->n];

    if (item >= 0) {
        name = idtable_name(trained->items, item);
        length = idtable_length(trained->items, item);
    }
    p->place = j->n;
    s->title = (int32_t)item;
    s->user = keep_name(j, user, user_length);
    s->item = keep_name(j, name, length);
    TRY(need_memory(s->user >= 0 && s->item >= 0, err));
    if (by_item) { /* an item that only the data have is an example too */
        p->example = (int32_t)idtable_find(j->history->names, name, length);
        p->column = (int32_t)idtable_find(trained->users, user, user_length);
    } else {
        p->example = example_of(j, user, user_length);
        p->column = (int32_t)item;
    }
    return ++j->n == PAIRS ? run_block(j, err) : 0;
}

static int take_line(struct job *j, const char *shown, int64_t line, const char *text, size_t length,
                     struct error *err)
{
    struct field user, item;
    bool shorten;
    int64_t row;

    if (pairs_blank(text, length))
        return 0;
    if (!pairs_cut(&j->cut, text, length, &user, &item, &shorten))
        return error_set(err, PT_EDATA, "%s:%lld: a user and an item are expected", shown, (long long)line);
    row = trained_find_item(j->trained, item.text, item.length);
    if (row < 0 && shorten) {
        item.length = (size_t)((const char *)memchr(item.text, ' ', item.length) - item.text);
        row = trained_find_item(j->trained, item.text, item.length);
    }
    TRY(need_memory(row != -3, err));
    if (line == 1 && (row < 0 || idtable_find(j->trained->users, user.text, user.length) < 0)) {
        int header = pairs_header(&j->cut, text, length, row < 0, shown, err);

        if (header)
            return header < 0 ? header : 0;
    }
    return add_pair(j, user.text, user.length, row < 0 ? -1 : row, item.text, item.length, err);
}

static int for_text(struct job *j, struct error *err)
{
    const char *shown = targets_file(j->q), *begin, *end;
    scoped(lines_close) struct lines *lines = NULL;
    int64_t line = 0;

    TRY(lines_open(&lines, j->q->file, NULL, shown, false, err));
    for (;;) {
        TRY(lines_next(lines, line, &begin, &end, err));
        if (begin == end)
            return 0;
        while (begin < end) {
            const char *newline = memchr(begin, '\n', (size_t)(end - begin));

            TRY(take_line(j, shown, ++line, begin, (size_t)(newline - begin), err));
            begin = newline + 1;
        }
    }
}

static int for_rows(struct job *j, struct error *err)
{
    const struct trained *trained = j->trained;
    const struct idtable *users =
        j->history && trained->problem->side == SIDE_USER ? j->history->names : trained->users;
    const char *where = users == trained->users ? "the run" : "the data";
    scoped(list_free) struct list *list = NULL;
    int64_t n, missing = 0;

    TRY(targets_list(j->q, users, &list, err));
    n = list ? list->n : idtable_count(users);
    for (int64_t i = 0; i < n; i++) {
        const char *user = list ? list->entry[i] : idtable_name(users, i);

        if (list && (trained->problem->side == SIDE_ITEM ? idtable_find(trained->users, user, strlen(user))
                                                         : example_of(j, user, strlen(user))) < 0)
            targets_note_missing(j->q, users, where, user, missing++);
        for (int64_t item = 0; item < idtable_count(trained->items); item++)
            TRY(add_pair(j, user, strlen(user), item, NULL, 0, err));
    }
    targets_note_all_missing(j->q, where, missing);
    return 0;
}

/* How the predictions came about. */
static void note_predictions(const struct job *j)
{
    const char *advice =
        j->trained->by_row && !j->q->data ? "; --data FILE gives ratings of other users" : "";

    if (j->history)
        targets_scale(j->q, j->trained, j->history);
    if (j->q->quiet)
        return;
    if (j->counts.half)
        cli_message("%lld of %lld predictions are the training mean plus the bias of user or item: the other "
                    "was not trained%s",
                    (long long)j->counts.half, (long long)j->told, advice);
    if (j->cold)
        cli_message("%lld of %lld predictions are the stand-in %.4g: neither user nor item was trained%s",
                    (long long)j->cold, (long long)j->told, trained_cold(j->trained),
                    j->counts.half ? "" : advice);
    if (j->counts.shown && j->q->file)
        cli_message("note: %lld of the ratings asked for are input of the model here: how well it predicts "
                    "those says nothing (docs/recommend.md, Ratings)",
                    (long long)j->counts.shown);
}

static int predict(struct job *j, struct error *err)
{
    const struct targets *q = j->q;
    struct rank_spec spec = {.k = 1};

    if (!j->trained->rating)
        return error_set(err, PT_EUSAGE, "a %s ranks items and predicts no ratings; use partrain recommend",
                         config_enum_name("model.kind", j->trained->config->model_kind));
    j->pair = mem_alloc(PAIRS, sizeof *j->pair);
    j->shown = mem_alloc(PAIRS, sizeof *j->shown);
    j->rating = mem_alloc(PAIRS, sizeof *j->rating);
    TRY(need_memory(j->pair && j->shown && j->rating, err));
    if (!j->trained->by_row || q->data)
        TRY(history_source_read(&j->history, j->trained, q->data, err));
    TRY(ranker_new(&j->ranker, j->trained, &spec, err));
    TRY(q->file ? for_text(j, err) : for_rows(j, err));
    if (j->n)
        TRY(run_block(j, err));
    note_predictions(j);
    return 0;
}

static void job_fini(struct job *j)
{
    ranker_free(j->ranker);
    history_source_free(j->history);
    mem_free(j->pair);
    mem_free(j->shown);
    mem_free(j->rating);
    mem_free(j->text);
    trained_close(j->trained);
}

int cmd_predict(int argc, char **argv, struct error *err)
{
    struct request q = {0};
    scoped_value(job_fini) struct job j = {.q = &q.targets, .rows = {.file = stdout}};
    struct cli_args args;

    TRY(cli_parse(&args, &cmd_predict_usage, argc, argv, &q, err));
    TRY(targets_check(&q.targets, &args, "pairs", "of what", err));
    TRY(trained_open(&j.trained, q.targets.model, (int)q.targets.threads, err));
    j.rows.form = (enum rows_form)q.targets.form;
    return predict(&j, err);
}
