#include "serve/eval_run.h"

#include "base/mem.h"
#include "read/read.h"
#include "serve/fold_in.h"
#include "store/model_file.h"
#include "store/run_files.h"

#include <stdio.h>
#include <string.h>

static bool has_prefix(const char *word, const char *prefix)
{
    return strncmp(word, prefix, strlen(prefix)) == 0;
}

static int check_override(const struct eval_run *e, const char *word, struct error *err)
{
    if (has_prefix(word, "model.") || has_prefix(word, "train."))
        return error_set(err, PT_ECONFIG,
                         "%.60s: part of the trained model; data.*, split.*, eval.* and run.* can be set",
                         word);
    if (e->on && (has_prefix(word, "data.") || has_prefix(word, "split.")))
        return error_set(err, PT_EUSAGE,
                         "%.60s: leave it out; --on evaluates all of %.400s, beside the run's own ratings",
                         word, e->on);
    return 0;
}

static bool overrides(const char *section, char *const *override, int n)
{
    for (int i = 0; i < n; i++)
        if (has_prefix(override[i], section))
            return true;
    return false;
}

/* ---- ids ---------------------------------------------------------------------------------------------- */

static bool same_ids(const struct idtable *a, const struct idtable *b)
{
    if (idtable_count(a) != idtable_count(b))
        return false;
    for (int64_t i = 0; i < idtable_count(a); i++)
        if (idtable_length(a, i) != idtable_length(b, i) ||
            memcmp(idtable_name(a, i), idtable_name(b, i), idtable_length(a, i)) != 0)
            return false;
    return true;
}

/* ---- ratings, in the rows of the model --------------------------------------------------------------- */

/* Ratings and their parts in the rows of the model's tables (NULL: the table stays); those with an id that is
 * not there go, unless `add`: then users of the others get rows behind those that are there. */
static int move_rows(struct ratings *r, uint8_t *part, struct idtable *users, bool add,
                     const struct idtable *items, struct error *err)
{
    mem_scoped int32_t *user = users ? idtable_map(users, r->users) : NULL;
    mem_scoped int32_t *item = items ? idtable_map(items, r->items) : NULL;
    bool full = false;
    int64_t n = 0;

    TRY(need_memory((!users || user) && (!items || item), err));
    for (int64_t i = 0; i < r->n; i++) {
        int32_t u = user ? user[r->user[i]] : r->user[i], c = item ? item[r->item[i]] : r->item[i];

        if (u < 0 && c >= 0 && add) {
            u = (int32_t)idtable_put(users, idtable_name(r->users, r->user[i]),
                                     idtable_length(r->users, r->user[i]));
            user[r->user[i]] = u;
            full |= u < 0;
        }
        if (u < 0 || c < 0)
            continue;
        ratings_move(r, n, i);
        r->user[n] = u;
        r->item[n] = c;
        part[n++] = part[i];
    }
    r->n = n;
    return need_memory(!full, err);
}

/* Other ratings than the run's: splits them, then moves them into the model's rows; those of ids that it does
 * not have are dropped. Tables of ids that the ratings now refer to move into them. */
static int split_and_move(struct eval_run *e, struct ratings *r, struct split **split, struct error *err)
{
    const struct config *c = e->config;
    struct trained_files *f = &e->files;
    bool by_user = problem_side(c) == SIDE_USER;
    bool users = !by_user || problem_traits(c)->by_rating;
    struct split_spec spec = problem_split_spec(c);
    int64_t before = r->n;

    spec.side = problem_side(c);
    TRY(split_make(split, r, &spec, err));
    TRY(move_rows(r, (*split)->part, users ? f->users : NULL, by_user, by_user ? f->items : NULL, err));
    split_shorten(*split, r->n);
    e->dropped = before - r->n;
    if (r->n == 0)
        return error_set(err, PT_EDATA,
                         "%s: the model knows none of the %s of these ratings; are their ids those of its "
                         "%s.tsv?",
                         e->folder, by_user ? "items" : "users", by_user ? "items" : "users");
    if (users) {
        idtable_free(r->users);
        r->users = handed_on(f->users);
    }
    if (by_user) {
        run_ids_free_titles(r->title, idtable_count(r->items));
        idtable_free(r->items);
        r->items = handed_on(f->items);
        r->title = handed_on(f->title);
    }
    return 0;
}

/* The run's ratings, or others where they were asked for, in the model's rows. */
static int place_ratings(struct eval_run *e, struct ratings *r, bool others, struct split **split,
                         struct error *err)
{
    const struct trained_files *f = &e->files;
    bool same = same_ids(f->items, r->items) && same_ids(f->users, r->users);

    e->same_data = f->digest ? strcmp(f->digest, r->digest) == 0 : same && !others;
    if (!f->digest && !others)
        snprintf(r->note, sizeof r->note, "%.180s: " MODEL_FILE_NO_DIGEST, e->folder);
    if (e->same_data)
        return same ? 0
                    : error_set(err, PT_EFILE, "%s: items.tsv and users.tsv do not belong to its model",
                                e->folder);
    if (f->digest && !others)
        return error_set(err, PT_EDATA,
                         "%s: the ratings are not those that the model was trained on: the files behind "
                         "data.path have changed. To use it on other ratings, give data.path=FILE",
                         e->folder);
    return split_and_move(e, r, split, err);
}

static int read_ratings(struct ratings **out, const struct eval_run *e, bool others, struct error *err)
{
    struct ratings_spec spec = problem_ratings_spec(e->config, problem_workers(e->config));
    int rc;

    if (strcmp(spec.path, "-") == 0 && !others)
        return error_set(err, PT_ECONFIG,
                         "%s: the run read its ratings from standard input; give data.path=FILE, or "
                         "data.path=- and the same ratings again",
                         e->folder);
    rc = ratings_read(out, &spec, err);
    if (rc == PT_EDATA && !others)
        run_prefix_ratings_error(err, spec.path, "ratings are read from the run's data.path",
                                 "others: data.path=FILE");
    return rc;
}

/* ---- fold-in ----
 *
 * Users that a matrix factorisation was not trained on get rows in its table of users, from the ratings that
 * the split gives them as input (fold_in.h): those with input the row that fits it, others without a row of
 * their own the mean row. */

static bool add_history(struct histories *histories, const struct problem *p, int64_t u)
{
    const struct matrix *in = p->test.in && p->test.in->row_count[u]     ? p->test.in
                              : p->valid.in && p->valid.in->row_count[u] ? p->valid.in
                                                                         : NULL; /* nothing goes in */
    int64_t row = in ? matrix_row(in, u) : 0;

    for (int s = 0; in && s < in->shards; s++) {
        const struct matrix_part *part = &in->part[s];

        for (int64_t i = part->ptr[row]; i < part->ptr[row + 1]; i++)
            if (!histories_add(histories, (int32_t)in->cut[s].begin + (int32_t)part->col[i],
                               matrix_value(in, part, i) + p->shift, HISTORY_INPUT))
                return false;
    }
    return histories_end(histories, -1);
}

/* Row i of `from`, `pitch` floats apart, into the table `name` for user[i]; users ascend, and so do the rows
 * of the table's spans. */
static void put_table(const struct eval_run *e, const char *name, const int32_t *user, int64_t n,
                      const float *from, int64_t pitch)
{
    const struct param *q = params_find(&e->model->params, name);
    int64_t first = 0, i = 0;

    if (!q) /* no biases */
        return;
    for (int64_t s = 0; s < q->spans && i < n; s++) {
        struct span span = span_by_row(q->span(q->owner, s, 0), q->cols == 0);

        for (; i < n && user[i] < first + span.count; i++)
            if (e->row_of[user[i]] == ROW_FOLDED || user[i] >= e->files.model_users)
                memcpy(span.data + (user[i] - first) * span.stride, from + i * pitch,
                       (size_t)span.length * sizeof *span.data);
        first += span.count;
    }
}

static void put_rows(struct eval_run *e, const struct histories *histories, const int32_t *user,
                     const float *rows)
{
    struct problem *p = e->problem;
    int k = e->model->spec.latent;

    for (int64_t i = 0; i < histories->n; i++) {
        bool folded = fold_in_takes(p->cold_column, histories, i);

        e->row_of[user[i]] = folded ? ROW_FOLDED : ROW_NONE;
        if (folded)
            p->cold_example[user[i]] = 0;
    }
    put_table(e, "user.weight", user, histories->n, rows, k + 1);
    put_table(e, "user.bias", user, histories->n, rows + k, k + 1);
}

static int fold_in_users(struct eval_run *e, struct error *err)
{
    const struct problem *p = e->problem;
    scoped_value(histories_fini) struct histories histories = {0};
    mem_scoped int32_t *user = mem_alloc(p->users, sizeof *user);
    scoped(fold_in_free) struct fold_in *f = NULL;

    e->row_of = mem_zalloc(p->users, 1);
    TRY(need_memory(user && e->row_of, err));
    for (int64_t u = 0; p->cold_example && u < p->users; u++) {
        if (!p->cold_example[u])
            continue;
        user[histories.n] = (int32_t)u;
        TRY(need_memory(add_history(&histories, p, u), err));
    }
    if (!histories.n)
        return 0;
    TRY(fold_in_new(&f, e->model, p, histories.n, err));
    fold_in_all(f, &histories);
    put_rows(e, &histories, user, fold_in_codes(f));
    return 0;
}

static int load(struct eval_run *e, bool others, struct error *err)
{
    scoped(ratings_free) struct ratings *ratings = NULL;
    scoped(split_free) struct split *split = NULL;

    TRY(read_ratings(&ratings, e, others, err));
    TRY(place_ratings(e, ratings, others, &split, err));
    if (e->on)
        TRY(eval_run_on(e, ratings, err));
    TRY(trained_files_load(&e->files, handed_on(ratings), e->on ? NULL : handed_on(split), &e->problem,
                           &e->model, err));
    return problem_traits(e->config)->by_rating ? fold_in_users(e, err) : 0;
}

int eval_run_open(struct eval_run **out, const char *folder, const char *on, const struct eval_ratings *which,
                  char *const *override, int n, struct error *err)
{
    const struct pt_ratings *input = which ? which->input : NULL;
    bool others = overrides("data.", override, n) || input;
    scoped(eval_run_close) struct eval_run *e = mem_zalloc(1, sizeof *e);

    TRY(need_memory(e, err));
    e->on = on;
    e->on_memory = which ? which->held_out : NULL;
    e->same_split = !overrides("split.", override, n);
    for (int i = 0; i < n; i++)
        TRY(check_override(e, override[i], err));
    TRY(trained_files_open(&e->files, folder, override, n, err));
    e->folder = e->files.folder;
    e->config = e->files.config;
    if (input) {
        e->config->memory = input;
        TRY(config_set(e->config, "data.path=" RATINGS_MEMORY, err));
    }
    if (which && which->before_refit)
        e->files.facts.refit = false;
    TRY(load(e, others, err));
    *out = handed_on(e);
    return 0;
}

void eval_run_close(struct eval_run *e)
{
    if (!e)
        return;
    model_free(e->model);
    problem_free(e->problem);
    mem_free(e->row_of);
    ratings_free(e->on_read);
    trained_files_close(&e->files);
    mem_free(e);
}
