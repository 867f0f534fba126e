/* model.c - a trained model: opening, ids, histories, similar items, evaluation, export. */
#include "api/api.h"

#include "base/mem.h"
#include "export/onnx.h"
#include "serve/compare.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int api_model_open(struct pt_model **out, char *folder, int lock, int threads, struct error *err)
{
    struct pt_model *m = mem_zalloc(1, sizeof *m);
    int rc = 0;

    if (!m) {
        if (lock >= 0)
            api_remove_folder(folder, lock);
        mem_free(folder);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
    m->folder = folder;
    m->lock = lock;
    m->maker = getpid();
    m->threads = threads;
    if ((rc = trained_open(&m->trained, folder, threads, err)) < 0)
        pt_model_free(m);
    else
        *out = m;
    return rc;
}

int pt_model_open(struct pt_model **out, const char *folder, int threads, struct pt_error *error)
{
    struct error *err = api_error(error);
    char *copy = mem_strdup(folder);

    TRY(need_memory(copy, err));
    return api_model_open(out, copy, -1, threads, err);
}

void pt_model_free(struct pt_model *m)
{
    if (!m)
        return;
    ranker_free(m->ranker);
    mem_free(m->hidden);
    history_source_free(m->history);
    similar_free(m->similar);
    trained_close(m->trained);
    if (m->lock >= 0 && m->maker == getpid())
        api_remove_folder(m->folder, m->lock);
    else if (m->lock >= 0)
        close(m->lock);
    mem_free(m->folder);
    mem_free(m);
}

int64_t pt_model_items(const struct pt_model *m)
{
    return idtable_count(m->trained->items);
}

int64_t pt_model_users(const struct pt_model *m)
{
    return idtable_count(m->trained->users);
}

const char *pt_model_item_id(const struct pt_model *m, int64_t item)
{
    return item >= 0 && item < pt_model_items(m) ? idtable_name(m->trained->items, item) : NULL;
}

const char *pt_model_item_title(const struct pt_model *m, int64_t item)
{
    return item >= 0 && item < pt_model_items(m) ? trained_title(m->trained, item) : NULL;
}

const char *pt_model_user_id(const struct pt_model *m, int64_t user)
{
    return user >= 0 && user < pt_model_users(m) ? idtable_name(m->trained->users, user) : NULL;
}

int64_t pt_model_find_item(struct pt_model *m, const char *id_or_title)
{
    int64_t item = trained_find_item(m->trained, id_or_title, strlen(id_or_title));

    return item < 0 ? -1 : item;
}

int64_t pt_model_find_user(const struct pt_model *m, const char *id)
{
    return idtable_find(m->trained->users, id, strlen(id));
}

static int read_histories(struct pt_model *m, const struct pt_ratings *ratings, struct error *err)
{
    struct history_source *fresh = NULL;
    int rc;

    m->trained->files.config->memory = ratings;
    rc = history_source_read(&fresh, m->trained, ratings ? RATINGS_MEMORY : NULL, err);
    m->trained->files.config->memory = NULL;
    if (rc < 0)
        return rc;
    history_source_free(m->history);
    m->history = fresh;
    return 0;
}

int api_need_histories(struct pt_model *m, struct error *err)
{
    return m->history ? 0 : read_histories(m, NULL, err);
}

int pt_model_histories(struct pt_model *m, const struct pt_ratings *ratings, struct pt_error *err)
{
    return read_histories(m, ratings, api_error(err));
}

static int need_similar(struct pt_model *m, struct error *err)
{
    return m->similar ? 0 : similar_new(&m->similar, m->trained, err);
}

int pt_similar(struct pt_model *m, const int32_t *item, int64_t n, int k, int32_t *near, float *score,
               struct pt_error *error)
{
    struct error *err = api_error(error);
    mem_scoped struct scored *best = k < 1 || n < 0 ? NULL : mem_array(n * k, sizeof *best);
    mem_scoped int *count = n < 0 ? NULL : mem_zalloc(n, sizeof *count);

    if (k < 1 || n < 0)
        return error_set(err, PT_EUSAGE, "k is %d; at least 1", k);
    for (int64_t i = 0; i < n; i++)
        if (item[i] < 0 || item[i] >= pt_model_items(m))
            return error_set(err, PT_EUSAGE, "there is no item %d", (int)item[i]);
    TRY(need_similar(m, err));
    TRY(need_memory(best && count, err));
    TRY(similar_find(m->similar, item, n, k, best, count, err));
    api_give_best(best, count, n, k, near, score);
    return 0;
}

int pt_item_vectors(struct pt_model *m, int64_t *length, float *vector, struct pt_error *err)
{
    TRY(need_similar(m, api_error(err)));
    *length = similar_length(m->similar);
    for (int64_t i = 0; vector && i < pt_model_items(m); i++)
        memcpy(vector + i * *length, similar_vector(m->similar, i), (size_t)*length * sizeof *vector);
    return 0;
}

static void forget(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

int pt_evaluate(struct pt_model *m, struct pt_evaluation *e, struct pt_error *error)
{
    struct error *err = api_error(error);
    mem_scoped char *metrics = NULL;
    scoped_value(evaluation_free) struct evaluation found = {0};
    char threads[48], *override[2] = {threads};
    struct eval_request q = {.folder = m->folder,
                             .on = e->held_out ? RATINGS_MEMORY : NULL,
                             .ratings = {.input = e->input, .held_out = e->held_out},
                             .override = override,
                             .overrides = 1,
                             .quiet = true,
                             .warn = forget};

    snprintf(threads, sizeof threads, "run.threads=%d", m->threads);
    if (e->metrics) {
        TRY(need_memory((metrics = mem_printf("eval.metrics=%s", e->metrics)) != NULL, err));
        override[q.overrides++] = metrics;
    }
    TRY(evaluate_run(&found, NULL, &q, err));
    e->examples = found.result.examples;
    e->cells = found.result.cells;
    e->unknown = found.dropped;
    for (e->n = 0; e->n < found.spec.n && e->n < (int)(sizeof e->figure / sizeof *e->figure); e->n++) {
        struct pt_figure *f = &e->figure[e->n];

        snprintf(f->name, sizeof f->name, "%s", found.spec.metric[e->n].name);
        f->value = found.result.value[e->n];
    }
    return 0;
}

int pt_model_save(struct pt_model *m, const char *folder, struct pt_error *err)
{
    return api_copy_folder(m->folder, folder, api_error(err));
}

int pt_export_onnx(struct pt_model *m, const char *path, struct pt_error *err)
{
    return onnx_write(m->trained, path, api_error(err));
}
