#include "serve/loaded.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "read/read.h"
#include "store/model_file.h"
#include "store/run_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- configuration ----------------------------------------------------------------------------------- */

static bool has_prefix(const char *word, const char *prefix)
{
    return strncmp(word, prefix, strlen(prefix)) == 0;
}

static int read_config(struct loaded *l, char *const *override, int n, struct error *err)
{
    int rc = run_config_read(&l->config, l->folder, err);

    l->same_split = true;
    for (int i = 0; i < n && rc == 0; i++) {
        if (has_prefix(override[i], "model.") || has_prefix(override[i], "train."))
            return error_set(err, PT_ECONFIG,
                             "%.60s: part of the trained model; data.*, split.*, eval.* and run.* can be set",
                             override[i]);
        if (l->on && (has_prefix(override[i], "data.") || has_prefix(override[i], "split.")))
            return error_set(
                err, PT_EUSAGE,
                "%.60s: all of %.400s is judged, beside the run's own ratings as they were read; leave "
                "it out",
                override[i], l->on);
        rc = config_set(l->config, override[i], err);
        l->same_split &= !has_prefix(override[i], "split.");
    }
    return rc < 0 ? rc : config_check_use(l->config, err);
}

static bool overrides_data(char *const *override, int n)
{
    for (int i = 0; i < n; i++)
        if (has_prefix(override[i], "data."))
            return true;
    return false;
}

/* ---- ids ---------------------------------------------------------------------------------------------- */

struct ids {
    struct idtable *items, *users; /* owned */
    char **title;                  /* owned */
};

static void ids_free(struct ids *ids)
{
    run_ids_free_titles(ids->title, ids->items ? idtable_count(ids->items) : 0);
    idtable_free(ids->items);
    idtable_free(ids->users);
}

static int read_ids(struct ids *ids, const char *folder, struct error *err)
{
    char *items = file_join(folder, RUN_ITEMS), *users = file_join(folder, RUN_USERS);
    int rc = items && users ? 0 : error_set(err, PT_ENOMEM, "out of memory");

    if (rc == 0 && (rc = run_ids_read(&ids->items, &ids->title, items, err)) == 0)
        rc = run_ids_read(&ids->users, NULL, users, err);
    mem_free(items);
    mem_free(users);
    return rc;
}

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

/* ---- other ratings, in the model's rows -------------------------------------------------------------- */

/* Row of `to` for each row of `from`; -1: it is not there. Owned. */
static int32_t *row_map(const struct idtable *from, const struct idtable *to)
{
    int32_t *map = mem_alloc(idtable_count(from), sizeof *map);

    for (int64_t i = 0; map && i < idtable_count(from); i++)
        map[i] = (int32_t)idtable_find(to, idtable_name(from, i), idtable_length(from, i));
    return map;
}

/* Ratings in the rows of the model's tables (NULL: the table stays); those with an id that is not there go,
 * unless `add`: then users of the others get rows behind those that are there. */
static int move_rows(struct ratings *r, struct idtable *users, bool add, const struct idtable *items,
                     struct error *err)
{
    int32_t *user = users ? row_map(r->users, users) : NULL, *item = items ? row_map(r->items, items) : NULL;
    bool full = false;
    int64_t n = 0;

    if ((users && !user) || (items && !item)) {
        mem_free(user);
        mem_free(item);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
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
        r->user[n] = u;
        r->item[n] = c;
        r->value[n] = r->value[i];
        if (r->time)
            r->time[n] = r->time[i];
        if (r->given)
            r->given[n] = r->given[i];
        n++;
    }
    r->n = n;
    mem_free(user);
    mem_free(item);
    return full ? error_set(err, PT_ENOMEM, "out of memory") : 0;
}

/* Takes what it needs out of `ids`. */
static int adopt_rows(struct loaded *l, struct ratings *r, struct ids *ids, struct error *err)
{
    const struct config *c = l->config;
    bool by_user = problem_side(c) == SIDE_USER;
    bool users = !by_user || problem_traits(c)->by_rating;
    int64_t before = r->n;
    int rc = move_rows(r, users ? ids->users : NULL, by_user, by_user ? ids->items : NULL, err);

    if (rc < 0)
        return rc;
    l->dropped = before - r->n;
    if (r->n == 0)
        return error_set(err, PT_EDATA,
                         "%s: the model knows none of the %s of these ratings; are their ids those of its "
                         "%s.tsv?",
                         l->folder, by_user ? "items" : "users", by_user ? "items" : "users");
    if (users) {
        idtable_free(r->users);
        r->users = ids->users;
        ids->users = NULL;
    }
    if (by_user) {
        run_ids_free_titles(r->title, idtable_count(r->items));
        idtable_free(r->items);
        r->items = ids->items;
        r->title = ids->title;
        ids->items = NULL;
        ids->title = NULL;
    }
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

/* The run's ratings, or others where they were asked for, in the model's rows. */
static int place_ratings(struct loaded *l, struct ratings *r, const char *digest, bool others,
                         struct error *err)
{
    struct ids ids = {0};
    int rc = read_ids(&ids, l->folder, err);
    bool same;

    if (rc < 0)
        goto end;
    l->known = idtable_count(ids.users);
    same = same_ids(ids.items, r->items) && same_ids(ids.users, r->users);
    l->same_data = digest ? strcmp(digest, r->digest) == 0 : same && !others;
    if (!digest && !others)
        snprintf(r->note, sizeof r->note, "%.180s: " MODEL_FILE_NO_DIGEST, l->folder);
    if (l->same_data) {
        if (!same)
            rc =
                error_set(err, PT_EFILE, "%s: items.tsv and users.tsv do not belong to its model", l->folder);
    } else if (digest && !others) {
        rc = error_set(err, PT_EDATA,
                       "%s: the ratings are not those that the model was trained on: the files behind "
                       "data.path have changed. To use it on other ratings, give data.path=FILE",
                       l->folder);
    } else {
        rc = adopt_rows(l, r, &ids, err);
    }
end:
    ids_free(&ids);
    return rc;
}

static int read_ratings(struct ratings **out, const struct loaded *l, bool others, struct error *err)
{
    struct ratings_spec spec = problem_ratings_spec(l->config, problem_workers(l->config));
    int rc;

    if (strcmp(spec.path, "-") == 0 && !others)
        return error_set(err, PT_ECONFIG,
                         "%s: the run read its ratings from standard input; give data.path=FILE, or "
                         "data.path=- and the same ratings again",
                         l->folder);
    rc = ratings_read(out, &spec, err);
    if (rc == PT_EDATA && !others)
        run_prefix_ratings_error(err, spec.path, "ratings are read from the run's data.path",
                                 "others: data.path=FILE");
    return rc;
}

static int make_model(struct loaded *l, const struct tensors *t, struct error *err)
{
    struct problem *p = l->problem;
    struct engine eng = {.team = p->team, .kern = p->kern, .train = p->train, .cells = &p->cells};
    struct model_spec spec;
    int rc;

    if ((rc = problem_use_spec(&spec, l->config, p, err)) < 0 ||
        (rc = model_new(&l->model, &spec, &eng, err)) < 0)
        return rc;
    rc = model_file_load(t, l->model, l->known, false, err);
    return rc < 0 || !problem_traits(l->config)->by_rating ? rc : load_fold_users(l, err);
}

/* mf: of `users` users those without training ratings, and those whom the model has no row for. */
static int read_cold_users(struct problem_known *known, const struct loaded *l, const struct tensors *t,
                           const char *path, int64_t users, struct error *err)
{
    uint8_t *read;
    int rc = run_facts_rows(&read, t, path, UNTRAINED_EXAMPLES, l->known, err);

    if (rc < 0 || users == l->known) {
        known->cold_example = read;
        return rc;
    }
    known->cold_example = mem_zalloc(users, 1);
    if (!known->cold_example)
        rc = error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t u = 0; u < users && rc == 0; u++)
        known->cold_example[u] = u >= l->known || (read && read[u]);
    mem_free(read);
    return rc;
}

static int load(struct loaded *l, const char *path, bool others, struct error *err)
{
    struct ratings *ratings = NULL;
    struct problem_known known = {0};
    struct tensors *t = NULL;
    int64_t columns, examples;
    int rc;

    if ((rc = tensors_open(&t, path, err)) < 0 || (rc = run_facts_read(&known.facts, t, path, err)) < 0 ||
        (rc = read_ratings(&ratings, l, others, err)) < 0 ||
        (rc = place_ratings(l, ratings, tensors_meta(t, "data_digest"), others, err)) < 0)
        goto end;
    if (l->on && (rc = load_on(l, ratings, known.facts.refit, err)) < 0)
        goto end;
    examples = idtable_count(ratings->users);
    columns = idtable_count(ratings->items);
    if (problem_side(l->config) == SIDE_ITEM)
        columns = examples;
    if ((rc = run_facts_rows(&known.cold_column, t, path, UNTRAINED_COLUMNS, columns, err)) < 0 ||
        (problem_traits(l->config)->by_rating &&
         (rc = read_cold_users(&known, l, t, path, examples, err)) < 0))
        goto end;
    rc = problem_of_ratings(&l->problem, l->config, ratings, &known, err);
    ratings = NULL;
    if (rc == 0)
        rc = make_model(l, t, err);
end:
    ratings_free(ratings);
    mem_free(known.cold_column);
    mem_free(known.cold_example);
    tensors_close(t);
    return rc;
}

int load_run(struct loaded **out, const char *folder, char *const *override, int n, struct error *err)
{
    return load_run_on(out, folder, NULL, override, n, err);
}

int load_run_on(struct loaded **out, const char *folder, const char *on, char *const *override, int n,
                struct error *err)
{
    struct loaded *l = mem_zalloc(1, sizeof *l);
    char *path = file_join(folder, RUN_MODEL);
    int rc;

    if (!l || !path || !(l->folder = mem_strdup(folder))) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto fail;
    }
    l->on = on;
    if ((rc = read_config(l, override, n, err)) < 0)
        goto fail;
    if (!file_exists(path)) {
        rc = error_set(err, PT_EFILE, "%s: no model.safetensors in it: the run has not saved a model yet",
                       folder);
        goto fail;
    }
    if ((rc = load(l, path, overrides_data(override, n), err)) < 0)
        goto fail;
    mem_free(path);
    *out = l;
    return 0;
fail:
    mem_free(path);
    loaded_free(l);
    return rc;
}

void loaded_free(struct loaded *l)
{
    if (!l)
        return;
    model_free(l->model);
    problem_free(l->problem);
    mem_free(l->row_of);
    config_free(l->config);
    mem_free(l->folder);
    mem_free(l);
}
