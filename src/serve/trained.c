#include "serve/trained.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "serve/fold_in.h"
#include "setup/problem.h"
#include "store/model_file.h"
#include "store/run_files.h"

#include <stdlib.h>
#include <string.h>

/* ---- facts ------------------------------------------------------------------------------------------- */

/* A table of the folder. */
static int read_ids(const struct trained *u, const char *name, struct idtable **out, char ***title,
                    struct error *err)
{
    char *path = file_join(u->folder, name);
    int rc = path ? run_ids_read(out, title, path, err) : error_set(err, PT_ENOMEM, "out of memory");

    mem_free(path);
    return rc;
}

static int read_config(struct trained *u, const struct tensors *t, const char *path, int threads,
                       struct error *err)
{
    const char *text = tensors_meta(t, "config");
    char assignment[48];
    int rc;

    if (!text)
        return error_set(err, PT_EFILE, "%s: it has no configuration; is it a model that partrain saved?",
                         path);
    if ((rc = config_new(&u->config, err)) < 0 ||
        (rc = config_load_text(u->config, text, strlen(text), path, err)) < 0)
        return rc;
    if (threads) {
        snprintf(assignment, sizeof assignment, "run.threads=%d", threads);
        if ((rc = config_set(u->config, assignment, err)) < 0)
            return rc;
    }
    return config_check(u->config, err);
}

static int check_rows(const struct tensors *t, const char *name, int64_t rows, const char *path,
                      const char *table, struct error *err)
{
    struct tensor_view v;
    int rc = tensors_find(t, name, TENSOR_F32, -1, -1, &v, err);

    if (rc == 0 && v.rows != rows)
        rc = error_set(err, PT_EFILE,
                       "%s: %s has %lld rows and %s %lld: they belong to different runs, or one is damaged",
                       path, name, (long long)v.rows, table, (long long)rows);
    return rc;
}

/* As run_facts_rows; where the file has no list there is nothing in it. */
static int read_rows(uint8_t **out, const struct tensors *t, const char *path, const char *key, int64_t n,
                     struct error *err)
{
    int rc = run_facts_rows(out, t, path, key, n, err);

    if (rc < 0 || *out)
        return rc;
    *out = mem_zalloc(n, 1);
    return *out ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

static int read_facts(struct trained *u, const struct tensors *t, const char *path, struct error *err)
{
    const struct config *c = u->config;
    int64_t users = idtable_count(u->users), items = idtable_count(u->items);
    const char *digest = tensors_meta(t, "data_digest");
    struct run_facts known;
    int rc;

    if (digest && !(u->data_digest = mem_strdup(digest)))
        return error_set(err, PT_ENOMEM, "out of memory");
    u->by_row = problem_traits(c)->by_rating;
    u->rating = !problem_is_binary(c);
    u->side = problem_side(c);
    u->examples = u->side == SIDE_USER ? users : items;
    u->columns = u->side == SIDE_USER ? items : users;
    if ((rc = run_facts_read(&known, t, path, err)) < 0)
        return rc;
    u->shift = (float)known.shift;
    u->low = known.low;
    u->high = known.high;
    u->mean = known.mean;
    if (u->columns < 1 || u->examples < 1)
        return error_set(err, PT_EFILE, "%s: a run without users or items", u->folder);
    if (u->by_row && ((rc = check_rows(t, "user.weight", users, path, RUN_USERS, err)) < 0 ||
                      (rc = check_rows(t, "item.weight", items, path, RUN_ITEMS, err)) < 0))
        return rc;
    if (!u->by_row && (rc = check_rows(t, "decoder.weight", u->columns, path,
                                       u->side == SIDE_USER ? RUN_ITEMS : RUN_USERS, err)) < 0)
        return rc;
    if ((rc = read_rows(&u->untrained, t, path, UNTRAINED_COLUMNS, u->columns, err)) < 0)
        return rc;
    return u->by_row ? read_rows(&u->untrained_row, t, path, UNTRAINED_EXAMPLES, u->examples, err) : 0;
}

double trained_rating(const struct trained *u, float output)
{
    double r = (double)output + (double)u->shift;

    if (u->config->clip)
        r = r < u->low ? u->low : r > u->high ? u->high : r;
    return r;
}

double trained_cold(const struct trained *u)
{
    return problem_cold_value(u->config, u->mean);
}

/* ---- the model ----------------------------------------------------------------------------------------- */

static int make_team(struct trained *u, struct error *err)
{
    int64_t threads = u->config->threads;
    int rc = topo_new(&u->topo, NULL, err);

    if (rc < 0)
        return rc;
    if (!threads)
        threads = team_default_workers(u->topo);
    /* A run of another processor's vector path is used on this one's. */
    if (kernels_pick(&u->kern, config_enum_name("run.isa", u->config->isa), err) < 0 &&
        (rc = kernels_pick(&u->kern, "auto", err)) < 0)
        return rc;
    return team_new(&u->team, (int)threads, u->topo, (enum topo_bind)u->config->bind, err);
}

static int cut_columns(struct trained *u, struct error *err)
{
    const struct config *c = u->config;
    int64_t k = u->by_row || c->hidden.n == 0 ? c->latent : c->hidden.value[0];
    int64_t *zeros = mem_zalloc(u->columns, sizeof *zeros);
    struct ratings nothing = {0};
    struct matrix_spec spec = {
        .side = u->side, .examples = u->examples, .columns = u->columns, .binary = !u->rating};
    int rc = 0;

    u->shards = c->shards ? (int)c->shards : shard_count(u->columns, row_pad(k), !u->rating);
    u->cut = mem_alloc(u->shards, sizeof *u->cut);
    if (zeros && u->cut)
        shard_cut(u->cut, u->shards, zeros, u->columns, 1.0);
    else
        rc = error_set(err, PT_ENOMEM, "out of memory");
    mem_free(zeros);
    return rc < 0 ? rc : matrix_new(&u->empty, &nothing, &spec, u->cut, u->shards, u->team, err);
}

static int make_fold(struct trained *u, struct error *err)
{
    struct fold_in_spec spec = {.model = u->model,
                                .team = u->team,
                                .cut = u->cut,
                                .shards = u->shards,
                                .untrained = u->untrained,
                                .untrained_row = u->untrained_row,
                                .shift = u->shift,
                                .low = u->low,
                                .high = u->high,
                                .batch = u->batch};

    return fold_in_new(&u->fold, &spec, err);
}

static int make_model(struct trained *u, const struct tensors *t, struct error *err)
{
    struct problem shape = {
        .examples = u->examples, .columns = u->columns, .shift = u->shift, .side = u->side};
    struct engine eng;
    struct model_spec spec;
    int rc;

    if ((rc = cut_columns(u, err)) < 0 || (rc = problem_use_spec(&spec, u->config, &shape, err)) < 0)
        return rc;
    u->batch = u->config->eval_batch;
    spec.eval_batch = u->batch;
    eng = (struct engine){.team = u->team, .kern = u->kern, .train = u->empty, .cells = &u->none};
    if ((rc = model_new(&u->model, &spec, &eng, err)) < 0 ||
        (rc = model_file_load(t, u->model, -1, false, err)) < 0)
        return rc;
    return u->by_row ? make_fold(u, err) : 0;
}

int trained_open(struct trained **out, const char *folder, int threads, struct error *err)
{
    struct trained *u = mem_zalloc(1, sizeof *u);
    struct tensors *t = NULL;
    const char *slash = strrchr(folder, '/'), *base = slash ? slash + 1 : folder;
    char *path = NULL;
    int rc = PT_ENOMEM;

    if (!u)
        return error_set(err, PT_ENOMEM, "out of memory");
    u->folder = mem_strdup(folder);
    if (u->folder && strcmp(base, RUN_MODEL) == 0)
        strcpy(u->folder + (slash ? slash - folder : 0), slash ? "" : ".");
    path = u->folder ? file_join(u->folder, RUN_MODEL) : NULL;
    if (!path) {
        error_set(err, rc, "out of memory");
        goto fail;
    }
    if (!file_exists(path)) {
        rc = error_set(err, PT_EUSAGE, "%s: there is no model in this folder; train one with --out %s",
                       u->folder, u->folder);
        goto fail;
    }
    if ((rc = tensors_open(&t, path, err)) < 0 || (rc = read_config(u, t, path, threads, err)) < 0 ||
        (rc = read_ids(u, RUN_ITEMS, &u->items, &u->title, err)) < 0 ||
        (rc = read_ids(u, RUN_USERS, &u->users, NULL, err)) < 0 || (rc = read_facts(u, t, path, err)) < 0 ||
        (rc = make_team(u, err)) < 0 || (rc = make_model(u, t, err)) < 0)
        goto fail;
    tensors_close(t);
    mem_free(path);
    *out = u;
    return 0;
fail:
    tensors_close(t);
    mem_free(path);
    trained_close(u);
    return rc;
}

void trained_close(struct trained *u)
{
    if (!u)
        return;
    fold_in_free(u->fold);
    model_free(u->model);
    matrix_free(u->empty);
    run_ids_free_titles(u->title, u->items ? idtable_count(u->items) : 0);
    idtable_free(u->titles);
    mem_free(u->titled);
    idtable_free(u->items);
    idtable_free(u->users);
    mem_free(u->untrained);
    mem_free(u->untrained_row);
    mem_free(u->cut);
    team_free(u->team);
    topo_free(u->topo);
    config_free(u->config);
    mem_free(u->data_digest);
    mem_free(u->folder);
    mem_free(u);
}
