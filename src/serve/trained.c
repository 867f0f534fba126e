#include "serve/trained.h"

#include "base/file.h"
#include "base/mem.h"
#include "model/item_weights.h"
#include "serve/fold_in.h"
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
    return need_memory(f->path, err);
}

static int read_config(struct trained_files *f, char *const *override, int n, struct error *err)
{
    const char *text = tensors_meta(f->tensors, "config");

    if (!text)
        return error_set(err, PT_EFILE, "%s: it has no configuration; is it a model that partrain saved?",
                         f->path);
    TRY(config_new(&f->config, err));
    TRY(config_load_text(f->config, text, strlen(text), f->path, err));
    f->config->retired = NULL; /* it had its effect in training */
    for (int i = 0; i < n; i++)
        TRY(config_set(f->config, override[i], err));
    return config_check_use(f->config, err);
}

/* A folder without a model: whether its run has not come so far. */
static int check_model(const struct trained_files *f, struct error *err)
{
    mem_scoped char *config = file_join(f->folder, RUN_CONFIG);

    char near[512] = "";

    TRY(need_memory(config, err));
    if (file_exists(f->path) || errno == EACCES)
        return 0;
    return error_set(err, PT_EUSAGE, "%s: there is no model in this folder; %s --out %s%s", f->folder,
                     file_exists(config) ? "its run has not saved one yet: partrain --resume"
                                         : "train one with",
                     f->folder, run_folders_near(f->folder, near, sizeof near));
}

int trained_files_open(struct trained_files *out, const char *folder, char *const *override, int n,
                       struct error *err)
{
    const char *digest;

    *out = (struct trained_files){0};
    TRY(name_files(out, folder, err));
    TRY(run_folder_check(out->folder, err));
    TRY(check_model(out, err));
    TRY(tensors_open(&out->tensors, out->path, err));
    TRY(read_config(out, override, n, err));
    TRY(run_facts_read(&out->facts, out->tensors, out->path, err));
    TRY(run_ids_read(&out->items, &out->title, out->folder, RUN_ITEMS, err));
    digest = tensors_meta(out->tensors, "data_digest");
    out->digest = digest ? mem_strdup(digest) : NULL;
    TRY(need_memory(!digest || out->digest, err));
    TRY(run_ids_read(&out->users, NULL, out->folder, RUN_USERS, err));
    out->model_users = idtable_count(out->users);
    return 0;
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

/* ---- problem and model ---- */

/* mf: of `users` users those without training ratings, and those whom the model has no row for. */
static int read_cold_users(uint8_t **out, const struct trained_files *f, int64_t users, struct error *err)
{
    mem_scoped uint8_t *read = NULL;

    TRY(run_facts_rows(&read, f->tensors, f->path, UNTRAINED_EXAMPLES, f->model_users, err));
    if (users == f->model_users) {
        *out = handed_on(read);
        return 0;
    }
    *out = mem_zalloc(users, 1);
    TRY(need_memory(*out, err));
    for (int64_t u = 0; u < users; u++)
        (*out)[u] = u >= f->model_users || (read && read[u]);
    return 0;
}

/* Zeros where the file has no list: without ratings there is nothing else to tell by. */
static int fill_cold(uint8_t **cold, int64_t n, struct error *err)
{
    if (!*cold)
        *cold = mem_zalloc(n, 1);
    return need_memory(*cold, err);
}

static int read_known(struct problem_known *known, const struct trained_files *f, const struct ratings *r,
                      struct error *err)
{
    int64_t users = idtable_count(r->users), items = idtable_count(r->items);
    bool by_row = problem_traits(f->config)->by_rating;
    int side = problem_side(f->config);
    int64_t columns = side == SIDE_ITEM ? users : items, examples = side == SIDE_ITEM ? items : users;

    TRY(run_facts_rows(&known->cold_column, f->tensors, f->path, UNTRAINED_COLUMNS, columns, err));
    if (by_row)
        TRY(read_cold_users(&known->cold_example, f, users, err));
    TRY(run_facts_biases(&known->bias, &known->examples, f->tensors, f->path, side, columns, err));
    if (r->n)
        return 0;
    if (known->bias.column && known->examples != examples)
        return error_set(err, PT_EFILE, "%s: its biases are those of another run", f->path);
    TRY(fill_cold(&known->cold_column, columns, err));
    return by_row ? fill_cold(&known->cold_example, examples, err) : 0;
}

static void known_fini(struct problem_known *known)
{
    mem_free(known->cold_column);
    mem_free(known->cold_example);
    biases_fini(&known->bias);
    split_free(known->split);
}

int trained_files_load(struct trained_files *f, struct ratings *ratings, struct split *split,
                       struct problem **problem, struct model **model, struct error *err)
{
    scoped_value(known_fini) struct problem_known known = {.facts = f->facts, .split = split};
    scoped(ratings_free) struct ratings *r = ratings;
    bool shape = r->n == 0;
    struct model_spec spec;
    struct problem *p;
    struct engine eng;

    TRY(read_known(&known, f, r, err));
    TRY(problem_of_ratings(problem, f->config, handed_on(r), &known, false, err));
    p = *problem;
    TRY(problem_fixed_spec(&spec, f->config, p, err));
    if (shape) /* of any number of histories */
        spec.eval_batch = f->config->eval_batch;
    eng = (struct engine){.team = p->team, .kern = p->kern, .train = p->train, .cells = &p->cells};
    TRY(model_new(model, &spec, &eng, err));
    TRY(model_file_load(f->tensors, *model, f->model_users, false, err));
    tensors_close(f->tensors);
    f->tensors = NULL;
    return 0;
}

/* ---- without ratings ---- */

/* The tensor `name` has as many rows as the table of ids. */
static int check_rows(const struct trained_files *f, const char *name, int64_t rows, const char *table,
                      struct error *err)
{
    struct tensor_view v;

    TRY(tensors_find(f->tensors, name, TENSOR_F32, -1, -1, &v, err));
    if (v.rows != rows)
        return error_set(err, PT_EFILE,
                         "%s: %s has %lld rows and %s %lld: they belong to different runs, or one is damaged",
                         f->path, name, (long long)v.rows, table, (long long)rows);
    return 0;
}

/* Checks the tables with rows of users or items, by kind of model. */
static int check_tables(const struct trained_files *f, struct error *err)
{
    const struct model_traits *traits = problem_traits(f->config);
    int64_t users = f->model_users, items = idtable_count(f->items);
    bool by_user = problem_side(f->config) == SIDE_USER;

    if (users < 1 || items < 1)
        return error_set(err, PT_EFILE, "%s: a run without users or items", f->folder);
    if (traits->closed)
        return check_rows(f, "ease.weight", item_weights_kept(items, f->config->items_most), RUN_ITEMS, err);
    if (!traits->alternating && !traits->by_rating)
        return check_rows(f, "decoder.weight", by_user ? items : users, by_user ? RUN_ITEMS : RUN_USERS, err);
    if (traits->by_rating)
        TRY(check_rows(f, "user.weight", users, RUN_USERS, err));
    return check_rows(f, "item.weight", items, RUN_ITEMS, err);
}

static double clip(const struct trained *trained, double r)
{
    if (!trained->config->clip)
        return r;
    return r < trained->problem->low    ? trained->problem->low
           : r > trained->problem->high ? trained->problem->high
                                        : r;
}

double trained_rating(const struct trained *trained, float output)
{
    return clip(trained, (double)output + (double)trained->problem->shift);
}

double trained_cold(const struct trained *trained)
{
    return problem_cold_value(trained->config, trained->problem->mean);
}

/* NAN: nothing is known of it. */
static double history_bias(const struct trained *trained, const struct histories *h, int64_t e)
{
    const struct biases *b = &trained->problem->bias;
    int32_t row = h->row[e];
    double sum = 0.0;
    int64_t n = 0;

    if (trained->by_row && row >= 0)
        return trained->problem->cold_example[row] ? NAN : (double)b->example[row];
    for (int64_t i = h->ptr[e]; i < h->ptr[e + 1]; i++)
        if (h->kind[i] == HISTORY_INPUT) {
            sum += (double)h->value[i] - b->mean - (double)b->column[h->column[i]];
            n++;
        }
    return n ? sum / ((double)n + (trained->problem->side == SIDE_USER ? b->user_shrink : b->item_shrink))
             : NAN;
}

double trained_stand_in(const struct trained *trained, const struct histories *h, int64_t e, int64_t column)
{
    const struct biases *b = &trained->problem->bias;
    double bias;

    if (!b->column || trained->config->eval_untrained != UNTRAINED_BIAS)
        return NAN;
    if (column >= 0 && !trained->problem->cold_column[column]) {
        bias = (double)b->column[column];
    } else {
        bias = e < 0 ? NAN : history_bias(trained, h, e);
        if (isnan(bias))
            return NAN;
    }
    return clip(trained, b->mean + bias);
}

/* The shape of training: ids and titles. */
static int load_shape(struct trained *trained, struct error *err)
{
    struct trained_files *f = &trained->files;
    scoped(split_free) struct split *split = mem_zalloc(1, sizeof *split);
    scoped(ratings_free) struct ratings *r = mem_zalloc(1, sizeof *r);

    TRY(need_memory(split && r, err));
    r->users = handed_on(f->users);
    r->items = handed_on(f->items);
    r->title = handed_on(f->title);
    trained->items = r->items;
    trained->users = r->users;
    return trained_files_load(f, handed_on(r), handed_on(split), &trained->problem, &trained->model, err);
}

int trained_open(struct trained **out, const char *folder, int threads, struct error *err)
{
    scoped(trained_close) struct trained *trained = mem_zalloc(1, sizeof *trained);
    struct trained_files *f = &trained->files;
    const struct kernels *kern;
    char word[48], *override[] = {word};

    TRY(need_memory(trained, err));
    snprintf(word, sizeof word, "run.threads=%d", threads);
    TRY(trained_files_open(f, folder, override, threads ? 1 : 0, err));
    TRY(check_tables(f, err));
    if (kernels_pick(&kern, config_enum_name("run.isa", f->config->isa), NULL) < 0)
        f->config->isa = 0; /* auto: the run is of another processor */
    trained->config = f->config;
    trained->by_row = problem_traits(f->config)->by_rating;
    trained->rating = !problem_is_binary(f->config);
    trained->batch = f->config->eval_batch;
    if (trained->rating)
        TRY(run_facts_counts(&trained->item_ratings, f->tensors, idtable_count(f->items), err));
    TRY(load_shape(trained, err));
    if (trained->by_row)
        TRY(fold_in_new(&trained->fold, trained->model, trained->problem, trained->batch, err));
    *out = handed_on(trained);
    return 0;
}

void trained_close(struct trained *trained)
{
    if (!trained)
        return;
    fold_in_free(trained->fold);
    model_free(trained->model);
    problem_free(trained->problem);
    idtable_free(trained->titles);
    mem_free(trained->titled);
    mem_free(trained->item_ratings);
    trained_files_close(&trained->files);
    mem_free(trained);
}
