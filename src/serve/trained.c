#include "serve/trained.h"

#include "base/file.h"
#include "base/mem.h"
#include "model/item_weights.h"
#include "serve/fold_in.h"
#include "setup/problem.h"
#include "store/run_files.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the files ---- */

/* "runs/a/model.safetensors" is "runs/a". */
static int name_files(struct trained_files *f, const char *folder, struct error *err)
{
    const char *slash = strrchr(folder, '/');

    f->folder = mem_strdup(folder);
    if (f->folder && strcmp(slash ? slash + 1 : folder, RUN_MODEL) == 0)
        strcpy(f->folder + (slash ? slash - folder : 0), slash ? "" : ".");
    f->path = f->folder ? file_join(f->folder, RUN_MODEL) : NULL;
    return f->path ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

static int read_config(struct trained_files *f, char *const *override, int n, struct error *err)
{
    const char *text = tensors_meta(f->tensors, "config");
    int rc = 0;

    if (!text)
        return error_set(err, PT_EFILE, "%s: it has no configuration; is it a model that partrain saved?",
                         f->path);
    TRY(config_new(&f->config, err));
    TRY(config_load_text(f->config, text, strlen(text), f->path, err));
    f->config->retired = NULL; /* it had its effect in training */
    for (int i = 0; i < n && rc == 0; i++)
        rc = config_set(f->config, override[i], err);
    return rc < 0 ? rc : config_check_use(f->config, err);
}

int trained_files_open(struct trained_files *out, const char *folder, char *const *override, int n,
                       struct error *err)
{
    const char *digest;

    *out = (struct trained_files){0};
    TRY(name_files(out, folder, err));
    if (!file_exists(out->path) && errno != EACCES)
        return error_set(err, PT_EUSAGE, "%s: there is no model in this folder; train one with --out %s",
                         out->folder, out->folder);
    TRY(tensors_open(&out->tensors, out->path, err));
    TRY(read_config(out, override, n, err));
    TRY(run_facts_read(&out->facts, out->tensors, out->path, err));
    TRY(run_ids_read(&out->items, &out->title, out->folder, RUN_ITEMS, err));
    digest = tensors_meta(out->tensors, "data_digest");
    if (digest && !(out->digest = mem_strdup(digest)))
        return error_set(err, PT_ENOMEM, "out of memory");
    return run_ids_read(&out->users, NULL, out->folder, RUN_USERS, err);
}

void trained_files_close(struct trained_files *f)
{
    run_ids_free_titles(f->title, f->items ? idtable_count(f->items) : 0);
    idtable_free(f->items);
    idtable_free(f->users);
    config_free(f->config);
    tensors_close(f->tensors);
    mem_free(f->digest);
    mem_free(f->path);
    mem_free(f->folder);
    *f = (struct trained_files){0};
}

/* Rows without a training rating: run_facts_rows, and zeros where the file has no such list. */
static int read_untrained(uint8_t **out, const struct trained_files *f, const char *key, int64_t n,
                          struct error *err)
{
    int rc = run_facts_rows(out, f->tensors, f->path, key, n, err);

    if (rc < 0 || *out)
        return rc;
    *out = mem_zalloc(n, 1);
    return *out ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

/* ---- the model ---- */

/* The tensor `name` has as many rows as the table of ids. */
static int check_rows(const struct trained_files *f, const char *name, int64_t rows, const char *table,
                      struct error *err)
{
    struct tensor_view v;
    int rc = tensors_find(f->tensors, name, TENSOR_F32, -1, -1, &v, err);

    if (rc == 0 && v.rows != rows)
        rc = error_set(err, PT_EFILE,
                       "%s: %s has %lld rows and %s %lld: they belong to different runs, or one is damaged",
                       f->path, name, (long long)v.rows, table, (long long)rows);
    return rc;
}

/* Checks the tables with rows of users or items, by kind of model. */
static int check_tables(const struct trained *trained, int64_t users, int64_t items, struct error *err)
{
    const struct trained_files *f = &trained->files;

    if (problem_traits(trained->config)->alternating)
        return check_rows(f, "item.weight", items, RUN_ITEMS, err);
    if (problem_traits(trained->config)->closed)
        return check_rows(f, "ease.weight", item_weights_kept(items, trained->config->items_most), RUN_ITEMS,
                          err);
    if (!trained->by_row)
        return check_rows(f, "decoder.weight", trained->columns,
                          trained->side == SIDE_USER ? RUN_ITEMS : RUN_USERS, err);
    TRY(check_rows(f, "user.weight", users, RUN_USERS, err));
    return check_rows(f, "item.weight", items, RUN_ITEMS, err);
}

static int read_biases(struct trained *trained, struct error *err)
{
    const struct trained_files *f = &trained->files;
    int64_t examples;
    int rc = run_facts_biases(&trained->bias, &examples, f->tensors, f->path, trained->side, trained->columns,
                              err);

    if (rc == 0)
        rc = run_facts_counts(&trained->item_ratings, f->tensors, idtable_count(f->items), err);
    if (rc == 0 && trained->bias.column && examples != trained->examples)
        rc = error_set(err, PT_EFILE, "%s: its biases are those of another run", f->path);
    return rc;
}

static int set_facts(struct trained *trained, struct error *err)
{
    const struct trained_files *f = &trained->files;
    const struct config *c = trained->config = f->config;
    int64_t users = idtable_count(f->users), items = idtable_count(f->items);
    int rc;

    trained->items = f->items;
    trained->users = f->users;
    trained->by_row = problem_traits(c)->by_rating;
    trained->rating = !problem_is_binary(c);
    trained->side = problem_side(c);
    trained->examples = trained->side == SIDE_USER ? users : items;
    trained->columns = trained->side == SIDE_USER ? items : users;
    trained->shift = (float)f->facts.shift;
    trained->low = f->facts.low;
    trained->high = f->facts.high;
    trained->mean = f->facts.mean;
    if (trained->columns < 1 || trained->examples < 1)
        return error_set(err, PT_EFILE, "%s: a run without users or items", f->folder);
    TRY(check_tables(trained, users, items, err));
    TRY(read_untrained(&trained->untrained, f, UNTRAINED_COLUMNS, trained->columns, err));
    if (trained->by_row &&
        (rc = read_untrained(&trained->untrained_row, f, UNTRAINED_EXAMPLES, trained->examples, err)) < 0)
        return rc;
    return trained->rating ? read_biases(trained, err) : 0;
}

static double clip(const struct trained *trained, double r)
{
    if (!trained->config->clip)
        return r;
    return r < trained->low ? trained->low : r > trained->high ? trained->high : r;
}

double trained_rating(const struct trained *trained, float output)
{
    return clip(trained, (double)output + (double)trained->shift);
}

double trained_cold(const struct trained *trained)
{
    return problem_cold_value(trained->config, trained->mean);
}

/* NAN: nothing is known of it. */
static double history_bias(const struct trained *trained, const struct histories *h, int64_t e)
{
    const struct biases *b = &trained->bias;
    int32_t row = h->row[e];
    double sum = 0.0;
    int64_t n = 0;

    if (trained->by_row && row >= 0)
        return trained->untrained_row[row] ? NAN : (double)b->example[row];
    for (int64_t i = h->ptr[e]; i < h->ptr[e + 1]; i++)
        if (h->kind[i] == HISTORY_INPUT) {
            sum += (double)h->value[i] - b->mean - (double)b->column[h->column[i]];
            n++;
        }
    return n ? sum / ((double)n + (trained->side == SIDE_USER ? b->user_shrink : b->item_shrink)) : NAN;
}

double trained_stand_in(const struct trained *trained, const struct histories *h, int64_t e, int64_t column)
{
    const struct biases *b = &trained->bias;
    double bias;

    if (!b->column || trained->config->eval_untrained != UNTRAINED_BIAS)
        return NAN;
    if (column >= 0 && !trained->untrained[column]) {
        bias = (double)b->column[column];
    } else {
        bias = e < 0 ? NAN : history_bias(trained, h, e);
        if (isnan(bias))
            return NAN;
    }
    return clip(trained, b->mean + bias);
}

static int make_team(struct trained *trained, struct error *err)
{
    int64_t threads = trained->config->threads;
    int rc;

    TRY(topo_new(&trained->topo, NULL, err));
    if (!threads)
        threads = team_default_workers(trained->topo);
    /* A run of another processor's vector path is used on this one's. */
    if (kernels_pick(&trained->kern, config_enum_name("run.isa", trained->config->isa), err) < 0 &&
        (rc = kernels_pick(&trained->kern, "auto", err)) < 0)
        return rc;
    return team_new(&trained->team, (int)threads, trained->topo, (enum topo_bind)trained->config->bind, err);
}

static int cut_columns(struct trained *trained, struct error *err)
{
    const struct config *c = trained->config;
    int64_t k = trained->by_row || c->hidden.n == 0 ? c->latent : c->hidden.value[0];
    mem_scoped int64_t *zeros = mem_zalloc(trained->columns, sizeof *zeros);
    struct ratings nothing = {0};
    struct matrix_spec spec = {.side = trained->side,
                               .examples = trained->examples,
                               .columns = trained->columns,
                               .binary = problem_drops_values(c)};

    trained->shards =
        c->shards ? (int)c->shards : shard_count(trained->columns, row_pad(k), !trained->rating);
    trained->cut = mem_alloc(trained->shards, sizeof *trained->cut);
    TRY(need_memory(zeros && trained->cut, err));
    shard_cut(trained->cut, trained->shards, zeros, trained->columns, 1.0);
    return matrix_new(&trained->empty, &nothing, &spec, trained->cut, trained->shards, trained->team, err);
}

static int make_fold_in(struct trained *trained, struct error *err)
{
    struct fold_in_spec spec = {.model = trained->model,
                                .team = trained->team,
                                .cut = trained->cut,
                                .shards = trained->shards,
                                .untrained = trained->untrained,
                                .untrained_row = trained->untrained_row,
                                .shift = trained->shift,
                                .low = trained->low,
                                .high = trained->high,
                                .batch = trained->batch};

    return fold_in_new(&trained->fold, &spec, err);
}

static int make_model(struct trained *trained, struct error *err)
{
    struct problem shape = {.examples = trained->examples,
                            .columns = trained->columns,
                            .shift = trained->shift,
                            .side = trained->side};
    struct engine eng;
    struct model_spec spec;

    TRY(cut_columns(trained, err));
    TRY(problem_fixed_spec(&spec, trained->config, &shape, err));
    trained->batch = trained->config->eval_batch;
    spec.eval_batch = trained->batch;
    eng = (struct engine){
        .team = trained->team, .kern = trained->kern, .train = trained->empty, .cells = &trained->none};
    TRY(model_new(&trained->model, &spec, &eng, err));
    TRY(model_file_load(trained->files.tensors, trained->model, -1, false, err));
    return trained->by_row ? make_fold_in(trained, err) : 0;
}

int trained_open(struct trained **out, const char *folder, int threads, struct error *err)
{
    scoped(trained_close) struct trained *trained = mem_zalloc(1, sizeof *trained);
    char word[48], *override[] = {word};

    TRY(need_memory(trained, err));
    snprintf(word, sizeof word, "run.threads=%d", threads);
    TRY(trained_files_open(&trained->files, folder, override, threads ? 1 : 0, err));
    TRY(set_facts(trained, err));
    TRY(make_team(trained, err));
    TRY(make_model(trained, err));
    tensors_close(trained->files.tensors);
    trained->files.tensors = NULL;
    *out = trained;
    trained = NULL;
    return 0;
}

void trained_close(struct trained *trained)
{
    if (!trained)
        return;
    fold_in_free(trained->fold);
    model_free(trained->model);
    matrix_free(trained->empty);
    idtable_free(trained->titles);
    mem_free(trained->titled);
    mem_free(trained->untrained);
    mem_free(trained->untrained_row);
    biases_fini(&trained->bias);
    mem_free(trained->item_ratings);
    mem_free(trained->cut);
    team_free(trained->team);
    topo_free(trained->topo);
    trained_files_close(&trained->files);
    mem_free(trained);
}
