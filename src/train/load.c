#include "train/load.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- configuration ----------------------------------------------------------------------------------- */

static bool has_prefix(const char *word, const char *prefix)
{
    return strncmp(word, prefix, strlen(prefix)) == 0;
}

static int read_config(struct loaded *l, char *const *override, int n, struct error *err)
{
    char *path = file_join(l->folder, "config.yaml");
    int rc;

    if (!path)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (!file_exists(path))
        rc = error_set(err, PT_EFILE, "%s: no config.yaml in it; name a run's folder (train --out)",
                       l->folder);
    else if ((rc = config_new(&l->config, err)) == 0)
        rc = config_load(l->config, path, err);
    if (rc == PT_ECONFIG) /* a file of our own, not the user's */
        rc = err->code = PT_EFILE;
    mem_free(path);
    l->same_split = true;
    for (int i = 0; i < n && rc == 0; i++) {
        if (has_prefix(override[i], "model.") || has_prefix(override[i], "train."))
            return error_set(err, PT_ECONFIG,
                             "%.60s: part of the trained model; data.*, split.*, eval.* and run.* can be set",
                             override[i]);
        rc = config_set(l->config, override[i], err);
        l->same_split &= !has_prefix(override[i], "split.");
    }
    return rc < 0 ? rc : config_check(l->config, err);
}

static bool overrides_data(char *const *override, int n)
{
    for (int i = 0; i < n; i++)
        if (has_prefix(override[i], "data."))
            return true;
    return false;
}

/* ---- what the model's file tells --------------------------------------------------------------------- */

static int meta_number(const struct tensors *t, const char *path, const char *key, double *out,
                       struct error *err)
{
    const char *text = tensors_meta(t, key);
    char *end;

    *out = text ? strtod(text, &end) : 0.0;
    if (!text || end == text || *end)
        return error_set(err, PT_EFILE, "%s: no %s in it; it was not written by partrain train", path, key);
    return 0;
}

/* "3 17": 1 at these of `n` places. Owned; NULL where the key is not there. */
static int meta_rows(uint8_t **out, const struct tensors *t, const char *path, const char *key, int64_t n,
                     struct error *err)
{
    const char *text = tensors_meta(t, key);

    *out = NULL;
    if (!text)
        return 0;
    *out = mem_zalloc(n, 1);
    if (!*out)
        return error_set(err, PT_ENOMEM, "out of memory");
    while (*text) {
        char *end;
        long long i = strtoll(text, &end, 10);

        if (end == text || i < 0 || i >= n || (*end && *end != ' '))
            return error_set(err, PT_EFILE, "%s: %s is damaged", path, key);
        (*out)[i] = 1;
        text = *end ? end + 1 : end;
    }
    return 0;
}

static int read_known(struct problem_known *k, const struct tensors *t, const char *path, struct error *err)
{
    double low, high, shift;
    int rc;

    if ((rc = meta_number(t, path, "low", &low, err)) < 0 ||
        (rc = meta_number(t, path, "high", &high, err)) < 0 ||
        (rc = meta_number(t, path, "shift", &shift, err)) < 0 ||
        (rc = meta_number(t, path, "mean", &k->mean, err)) < 0)
        return rc;
    k->low = (float)low;
    k->high = (float)high;
    k->shift = (float)shift;
    k->refit = tensors_meta(t, "refit") && strcmp(tensors_meta(t, "refit"), "yes") == 0;
    return 0;
}

/* ---- ids ---------------------------------------------------------------------------------------------- */

/* Undoes what the writer did to tabs, line ends and backslashes, in place; returns the length. */
static size_t unescape(char *text, size_t length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '\\' && i + 1 < length) {
            c = text[++i];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        text[used++] = c;
    }
    return used;
}

static void free_titles(char **title, int64_t n)
{
    for (int64_t i = 0; title && i < n; i++)
        mem_free(title[i]);
    mem_free(title);
}

/* One line of a table: [text, text + length). */
static int put_id(struct idtable *ids, char ***title, int64_t *room, char *text, size_t length,
                  const char *path, struct error *err)
{
    char *tab = memchr(text, '\t', length);
    size_t name = unescape(text, tab ? (size_t)(tab - text) : length);
    int64_t n = idtable_count(ids), row = idtable_put(ids, text, name);

    if (row < 0)
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    if (row < n)
        return error_set(err, PT_EFILE, "%s: line %" PRId64 ": the id of line %" PRId64 " again", path, n + 1,
                         row + 1);
    if (!title)
        return 0;
    if (n == *room) {
        char **grown = mem_resize(*title, 2 * n + 64, sizeof *grown);

        if (!grown)
            return error_set(err, PT_ENOMEM, "%s: out of memory", path);
        *title = grown;
        *room = 2 * n + 64;
    }
    (*title)[n] = NULL;
    if (tab) {
        tab[1 + unescape(tab + 1, (size_t)(text + length - tab - 1))] = '\0';
        if (!((*title)[n] = mem_strdup(tab + 1)))
            return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    }
    return 0;
}

int load_ids(struct idtable **out, char ***title, const char *path, struct error *err)
{
    struct idtable *ids = idtable_new();
    char *text = NULL, *at, *end, **titles = NULL;
    int64_t room = 0;
    size_t length;
    int rc;

    if (!ids)
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    if ((rc = file_read(&text, &length, path, SIZE_MAX / 4, PT_EFILE, err)) < 0)
        goto fail;
    for (at = text; at < text + length; at = end + 1) {
        end = memchr(at, '\n', (size_t)(text + length - at));
        if (!end) {
            rc = error_set(err, PT_EFILE, "%s: its last line has no end; the file is not whole", path);
            goto fail;
        }
        if ((rc = put_id(ids, title ? &titles : NULL, &room, at, (size_t)(end - at), path, err)) < 0)
            goto fail;
    }
    mem_free(text);
    *out = ids;
    if (title)
        *title = titles;
    return 0;
fail:
    mem_free(text);
    free_titles(titles, idtable_count(ids) < room ? idtable_count(ids) : room);
    idtable_free(ids);
    return rc;
}

struct ids {
    struct idtable *items, *users; /* owned */
    char **title;                  /* owned */
};

static void ids_free(struct ids *ids)
{
    free_titles(ids->title, ids->items ? idtable_count(ids->items) : 0);
    idtable_free(ids->items);
    idtable_free(ids->users);
}

static int read_ids(struct ids *ids, const char *folder, struct error *err)
{
    char *items = file_join(folder, "items.tsv"), *users = file_join(folder, "users.tsv");
    int rc = items && users ? 0 : error_set(err, PT_ENOMEM, "out of memory");

    if (rc == 0 && (rc = load_ids(&ids->items, &ids->title, items, err)) == 0)
        rc = load_ids(&ids->users, NULL, users, err);
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

/* Ratings in the rows of the model's tables (NULL: the table stays); those with an id that is not there go.
 */
static int move_rows(struct ratings *r, const struct idtable *users, const struct idtable *items,
                     struct error *err)
{
    int32_t *user = users ? row_map(r->users, users) : NULL, *item = items ? row_map(r->items, items) : NULL;
    int64_t n = 0;

    if ((users && !user) || (items && !item)) {
        mem_free(user);
        mem_free(item);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
    for (int64_t i = 0; i < r->n; i++) {
        int32_t u = user ? user[r->user[i]] : r->user[i], c = item ? item[r->item[i]] : r->item[i];

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
    return 0;
}

/* Takes what it needs out of `ids`. */
static int adopt_rows(struct loaded *l, struct ratings *r, struct ids *ids, struct error *err)
{
    const struct config *c = l->config;
    bool by_user = c->model_kind != KIND_AUTOREC || c->model_side == SIDE_USER;
    bool users = !by_user || c->model_kind == KIND_MF;
    int64_t before = r->n;
    int rc = move_rows(r, users ? ids->users : NULL, by_user ? ids->items : NULL, err);

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
        free_titles(r->title, idtable_count(r->items));
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
static int place_ratings(struct loaded *l, struct ratings *r, const char *sha256, bool others,
                         struct error *err)
{
    struct ids ids = {0};
    int rc = read_ids(&ids, l->folder, err);

    if (rc < 0)
        goto end;
    if (sha256 && strcmp(sha256, r->sha256) == 0) {
        l->same_data = true;
        if (!same_ids(ids.items, r->items) || !same_ids(ids.users, r->users))
            rc =
                error_set(err, PT_EFILE, "%s: items.tsv and users.tsv do not belong to its model", l->folder);
    } else if (!others) {
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
    struct ratings_spec spec = problem_ratings_spec(l->config);
    int rc;

    if (strcmp(spec.path, "-") == 0 && !others)
        return error_set(err, PT_ECONFIG,
                         "%s: the run read its ratings from standard input; give data.path=FILE, or "
                         "data.path=- and the same ratings again",
                         l->folder);
    rc = ratings_read(out, &spec, err);
    if (rc == PT_EDATA && !others)
        error_prefix(err, "the run's ratings (others: data.path=FILE)");
    return rc;
}

static int make_model(struct loaded *l, const char *path, struct error *err)
{
    struct problem *p = l->problem;
    struct engine eng = {p->team, p->kern, &l->plan, p->train, &p->cells};
    struct adam_spec adam = problem_adam_spec(l->config);
    struct model_spec spec;
    int rc;

    if ((rc = adam_plan_init(&l->plan, &adam, 1, err)) < 0 ||
        (rc = problem_model_spec(&spec, l->config, p, err)) < 0)
        return rc;
    spec.batch = spec.eval_batch; /* nothing is trained */
    if ((rc = model_new(&l->model, &spec, &eng, err)) < 0)
        return rc;
    return checkpoint_load(path, l->model, p, NULL, err);
}

/* `ratings` (taken over): NULL: read them. */
static int load(struct loaded *l, const char *path, struct ratings *ratings, bool others, struct error *err)
{
    struct problem_known known = {0};
    struct tensors *t = NULL;
    uint8_t mask = ratings ? PART_TRAIN : 0;
    int64_t columns, examples;
    int rc;

    if ((rc = tensors_open(&t, path, err)) < 0 || (rc = read_known(&known, t, path, err)) < 0 ||
        (!ratings && (rc = read_ratings(&ratings, l, others, err)) < 0) ||
        (rc = place_ratings(l, ratings, mask ? NULL : tensors_meta(t, "data_sha256"), others, err)) < 0)
        goto end;
    examples = idtable_count(ratings->users);
    columns = idtable_count(ratings->items);
    if (l->config->model_kind == KIND_AUTOREC && l->config->model_side == SIDE_ITEM)
        columns = examples;
    if ((rc = meta_rows(&known.cold_column, t, path, "cold_columns", columns, err)) < 0 ||
        (l->config->model_kind == KIND_MF &&
         (rc = meta_rows(&known.cold_example, t, path, "cold_examples", examples, err)) < 0))
        goto end;
    rc = problem_of_ratings(&l->problem, l->config, ratings, mask, &known, err);
    ratings = NULL;
    if (rc == 0)
        rc = make_model(l, path, err);
end:
    ratings_free(ratings);
    mem_free(known.cold_column);
    mem_free(known.cold_example);
    tensors_close(t);
    return rc;
}

static int open_run(struct loaded **out, const char *folder, char *const *override, int n,
                    struct ratings *ratings, struct error *err)
{
    struct loaded *l = mem_zalloc(1, sizeof *l);
    char *path = file_join(folder, "model.safetensors");
    bool others = ratings || overrides_data(override, n);
    int rc;

    if (!l || !path || !(l->folder = mem_strdup(folder))) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto fail;
    }
    if ((rc = read_config(l, override, n, err)) < 0)
        goto fail;
    if (!file_exists(path)) {
        rc = error_set(err, PT_EFILE, "%s: no model.safetensors in it: the run has not saved a model yet",
                       folder);
        goto fail;
    }
    rc = load(l, path, ratings, others, err);
    ratings = NULL;
    if (rc < 0)
        goto fail;
    mem_free(path);
    *out = l;
    return 0;
fail:
    ratings_free(ratings);
    mem_free(path);
    loaded_free(l);
    return rc;
}

int load_run(struct loaded **out, const char *folder, char *const *override, int n, struct error *err)
{
    return open_run(out, folder, override, n, NULL, err);
}

int load_run_for(struct loaded **out, const char *folder, char *const *override, int n,
                 struct ratings *ratings, struct error *err)
{
    return open_run(out, folder, override, n, ratings, err);
}

void loaded_free(struct loaded *l)
{
    if (!l)
        return;
    model_free(l->model);
    adam_plan_fini(&l->plan);
    problem_free(l->problem);
    config_free(l->config);
    mem_free(l->folder);
    mem_free(l);
}
