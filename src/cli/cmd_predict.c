/* cmd_predict.c - partrain predict: ratings for pairs of user and item, or of users with all items.
 *
 * Pairs come in blocks. A block is sorted by example (user; item for item-based models), each example goes
 * through the model once, and the ratings are printed in the order of the pairs. */
#include "cli/pairs.h"

#include "base/mem.h"
#include "cli/target_options.h"
#include "read/lines.h"
#include "serve/rank.h"

#include <math.h>
#include <stdlib.h>
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

struct pair {
    int32_t example, column; /* of the model's input; -1: unknown. mf: users of the run, then of --data */
    int64_t person, at;      /* the example's number in the block, and that of the output; -1: none */
    int64_t place;           /* in the block */
    int64_t user, item;      /* names in the block's text */
    int32_t title;           /* the item's row in the run, -1 */
};

struct job {
    const struct targets *q;
    struct trained *trained;
    struct history_source *history; /* mf: of --data, or NULL */
    struct ranker *ranker;
    struct rows rows;
    struct pair *pair;        /* (PAIRS) owned */
    int64_t n;                /* pairs in the block */
    struct pairs cut;         /* of lines */
    char *text;               /* owned: names, each ended by a zero */
    int64_t used, space;      /* of text */
    int64_t cold, half, told; /* so far; half: one side is known */
    int64_t shown;            /* pairs that are among the ratings which the model is given of them */
};

static int by_example(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->example != y->example)
        return (x->example > y->example) - (x->example < y->example);
    return (x->column > y->column) - (x->column < y->column);
}

static int by_place(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

static bool take_person(const struct job *j, int32_t example, struct histories *people)
{
    int64_t users = j->trained->by_row ? idtable_count(j->trained->users) : 0;

    return example < users ? histories_end(people, example)
                           : history_source_add(j->history, j->trained, example - users, people);
}

/* How many of the ratings wanted of the last person go in as well: both ascend. */
static int64_t count_shown(const struct histories *people, const struct histories *want)
{
    int64_t at = people->ptr[people->n - 1], n = 0;

    for (int64_t i = want->ptr[want->n - 1]; i < want->entries; i++) {
        while (at < people->entries && people->column[at] < want->column[i])
            at++;
        n += at < people->entries && people->column[at] == want->column[i] &&
             people->kind[at] == HISTORY_INPUT;
    }
    return n;
}

/* The people of the block, and what is wanted of each: pairs stand by example, then column. */
static bool collect(struct job *j, struct histories *people, struct histories *want, float *output)
{
    for (int64_t i = 0; i < j->n;) {
        int32_t e = j->pair[i].example, last = -1;

        for (; i < j->n && j->pair[i].example == e; i++) {
            struct pair *p = &j->pair[i];

            if (e >= 0 && p->column >= 0 && p->column != last &&
                !histories_add(want, last = p->column, 0.0f, HISTORY_INPUT))
                return false;
            p->person = e < 0 ? -1 : people->n;
            p->at = e < 0 || p->column < 0 ? -1 : want->entries - 1;
        }
        if (e < 0)
            continue;
        if (!histories_end(want, -1) || !take_person(j, e, people))
            return false;
        j->shown += count_shown(people, want);
    }
    for (int64_t i = 0; i < want->entries; i++)
        output[i] = NAN;
    return true;
}

static double rating_of(struct job *j, const struct pair *p, const struct histories *people,
                        const float *output)
{
    double r;

    if (p->at >= 0 && !isnan(output[p->at]))
        return trained_rating(j->trained, output[p->at]);
    r = trained_stand_in(j->trained, people, p->person, p->column);
    j->half += !isnan(r);
    j->cold += isnan(r);
    return isnan(r) ? trained_cold(j->trained) : r;
}

static void print_block(struct job *j, const struct histories *people, const float *output)
{
    qsort(j->pair, (size_t)j->n, sizeof *j->pair, by_place);
    for (int64_t i = 0; i < j->n; i++) {
        const struct pair *p = &j->pair[i];

        rows_prediction(&j->rows, j->text + p->user, j->text + p->item,
                        p->title < 0 ? NULL : trained_title(j->trained, p->title),
                        rating_of(j, p, people, output));
    }
    j->told += j->n;
}

static int run_block(struct job *j, struct error *err)
{
    struct histories people = {0}, want = {0};
    float *output = mem_alloc(j->n, sizeof *output);
    int rc = 0;

    qsort(j->pair, (size_t)j->n, sizeof *j->pair, by_example);
    if (!output || !collect(j, &people, &want, output))
        rc = error_set(err, PT_ENOMEM, "out of memory");
    if (rc == 0 && (rc = ranker_predict(j->ranker, &people, &want, output, err)) == 0)
        print_block(j, &people, output);
    histories_fini(&people);
    histories_fini(&want);
    mem_free(output);
    j->n = j->used = 0;
    return rc;
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
    if (!j->history || (row >= 0 && !trained->untrained_row[row]))
        return (int32_t)row;
    other = idtable_find(j->history->names, user, length);
    return (int32_t)(other < 0 ? row : idtable_count(trained->users) + other);
}

/* `item`: its row in the run, or -1 with the name that was given. */
static int add_pair(struct job *j, const char *user, size_t user_length, int64_t item, const char *name,
                    size_t length, struct error *err)
{
    const struct trained *trained = j->trained;
    bool by_item = trained->side == SIDE_ITEM;
    struct pair *p = &j->pair[j->n];

    if (item >= 0) {
        name = idtable_name(trained->items, item);
        length = idtable_length(trained->items, item);
    }
    p->place = j->n;
    p->title = (int32_t)item;
    p->user = keep_name(j, user, user_length);
    p->item = keep_name(j, name, length);
    if (p->user < 0 || p->item < 0)
        return error_set(err, PT_ENOMEM, "out of memory");
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
    if (row == -3)
        return error_set(err, PT_ENOMEM, "out of memory");
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
    struct lines *lines;
    int64_t line = 0;
    int rc = 0;

    TRY(lines_open(&lines, j->q->file, NULL, shown, err));
    while (rc == 0 && (rc = lines_next(lines, line, &begin, &end, err)) == 0 && begin < end)
        while (begin < end && rc == 0) {
            const char *newline = memchr(begin, '\n', (size_t)(end - begin));

            rc = take_line(j, shown, ++line, begin, (size_t)(newline - begin), err);
            begin = newline + 1;
        }
    lines_close(lines);
    return rc;
}

static int for_rows(struct job *j, struct error *err)
{
    const struct trained *trained = j->trained;
    const struct idtable *users =
        j->history && trained->side == SIDE_USER ? j->history->names : trained->users;
    const char *where = users == trained->users ? "the run" : "the data";
    struct list *list = NULL;
    int64_t n = idtable_count(users), missing = 0;
    int rc = targets_list(j->q, users, &list, err);

    if (rc == 0 && list)
        n = list->n;
    for (int64_t i = 0; i < n && rc == 0; i++) {
        const char *user = list ? list->entry[i] : idtable_name(users, i);

        if (list && (trained->side == SIDE_ITEM ? idtable_find(trained->users, user, strlen(user))
                                                : example_of(j, user, strlen(user))) < 0)
            targets_note_missing(j->q, where, user, missing++);
        for (int64_t item = 0; item < idtable_count(trained->items) && rc == 0; item++)
            rc = add_pair(j, user, strlen(user), item, NULL, 0, err);
    }
    if (rc == 0)
        targets_note_all_missing(j->q, where, missing);
    list_free(list);
    return rc;
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
    if (j->half)
        cli_message("%lld of %lld predictions are the training mean plus the bias of user or item: the other "
                    "was not trained%s",
                    (long long)j->half, (long long)j->told, advice);
    if (j->cold)
        cli_message("%lld of %lld predictions are the stand-in %.4g: neither user nor item was trained%s",
                    (long long)j->cold, (long long)j->told, trained_cold(j->trained), j->half ? "" : advice);
    if (j->shown && j->q->file)
        cli_message("note: %lld of the ratings asked for are input of the model here: how well it predicts "
                    "those says nothing (docs/recommend.md, Ratings)",
                    (long long)j->shown);
}

static int predict(struct job *j, struct error *err)
{
    const struct targets *q = j->q;
    struct rank_spec spec = {.k = 1};
    int rc = 0;

    if (!j->trained->rating)
        return error_set(err, PT_EUSAGE, "a %s ranks items and predicts no ratings; use partrain recommend",
                         config_enum_name("model.kind", j->trained->config->model_kind));
    j->pair = mem_alloc(PAIRS, sizeof *j->pair);
    if (!j->pair)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (!j->trained->by_row || q->data)
        rc = history_source_read(&j->history, j->trained, q->data, err);
    if (rc < 0 || (rc = ranker_new(&j->ranker, j->trained, &spec, err)) < 0 ||
        (rc = q->file ? for_text(j, err) : for_rows(j, err)) < 0 || (j->n && (rc = run_block(j, err)) < 0))
        return rc;
    note_predictions(j);
    return 0;
}

int cmd_predict(int argc, char **argv, struct error *err)
{
    struct request q = {0};
    struct job j = {.q = &q.targets, .rows = {.file = stdout}};
    struct cli_args args;
    int rc;

    TRY(cli_parse(&args, &cmd_predict_usage, argc, argv, &q, err));
    TRY(targets_check(&q.targets, &args, "pairs", "of what", err));
    TRY(trained_open(&j.trained, q.targets.model, (int)q.targets.threads, err));
    j.rows.form = (enum rows_form)q.targets.form;
    rc = predict(&j, err);
    ranker_free(j.ranker);
    history_source_free(j.history);
    mem_free(j.pair);
    mem_free(j.text);
    trained_close(j.trained);
    return rc;
}
