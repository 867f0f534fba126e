#include "store/model_file.h"

#include "base/mem.h"
#include "store/run_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const moment_suffix[] = {"", ".m", ".v"};

/* ---- writing ------------------------------------------------------------------------------------------ */

static void put_number(struct tensors_writer *w, const char *key, int digits, double value)
{
    char text[64];

    snprintf(text, sizeof text, "%.*g", digits, value);
    tensors_metadata(w, key, text);
}

/* The configuration, but for how many threads worked on which vector path: they leave no trace in a file. */
static int answer_text(char **out, const struct config *of, struct error *err)
{
    scoped(config_free) struct config *c = NULL;

    TRY(config_copy(&c, of, err));
    c->threads = 0;
    c->isa = 0;
    c->bind = BIND_AUTO;
    return config_text(c, true, out, err);
}

static int put_metadata(struct tensors_writer *w, const struct model_file *f, struct error *err)
{
    const struct problem *p = f->problem;
    mem_scoped char *config = NULL;
    char epoch[32];

    TRY(answer_text(&config, f->config, err));
    tensors_metadata(w, "config", config);
    tensors_metadata(w, "model", config_enum_name("model.kind", f->config->model_kind));
    tensors_metadata(w, "side", p->side == SIDE_USER ? "user" : "item");
    tensors_metadata(w, "numerics", MODEL_FILE_NUMERICS);
    tensors_metadata(w, "data_digest", p->ratings->digest);
    put_number(w, "low", 9, (double)p->low);
    put_number(w, "high", 9, (double)p->high);
    put_number(w, "mean", 17, p->mean);
    put_number(w, "shift", 9, (double)p->shift);
    tensors_metadata(w, "refit", p->refitted ? "yes" : "no");
    if (f->state) {
        tensors_metadata(w, "state", f->state);
        return 0;
    }
    tensors_metadata(w, "weights_hash", f->hash);
    snprintf(epoch, sizeof epoch, "%lld", (long long)f->epoch);
    tensors_metadata(w, "epoch", epoch);
    return 0;
}

/* w NULL: a rank that only sends its shards. */
static void put_tensor(struct tensors_writer *w, const struct param_list *l, const struct param *p, int which,
                       float *room)
{
    for (int64_t s = 0; s < p->spans; s++) {
        struct span span = params_span(l, p, s, which, room);

        if (!w)
            continue;
        if (span.length == span.stride)
            tensors_data(w, span.data, span.count * span.length * (int64_t)sizeof *span.data);
        else
            for (int64_t r = 0; r < span.count; r++)
                tensors_data(w, span.data + r * span.stride, span.length * (int64_t)sizeof *span.data);
    }
}

/* 1 for a row without a training rating, for use of the model without its training data. */
static void put_untrained(struct tensors_writer *w, const int64_t *count, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        tensors_data(w, &(uint8_t){count[i] == 0}, 1);
}

static void put_counts(struct tensors_writer *w, const int64_t *count, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        tensors_data(w, &(float){(float)count[i]}, sizeof(float));
}

static void put_biases(struct tensors_writer *w, const struct problem *p)
{
    bool by_user = p->side == SIDE_USER;
    const struct biases *b = &p->bias;
    float shrink[] = {(float)b->user_shrink, (float)b->item_shrink};

    if (!b->column)
        return;
    tensors_data(w, by_user ? b->example : b->column, p->users * (int64_t)sizeof(float));
    tensors_data(w, by_user ? b->column : b->example, p->items * (int64_t)sizeof(float));
    tensors_data(w, shrink, sizeof shrink);
    put_counts(w, by_user ? p->train->column_count : p->train->row_count, p->items);
}

/* Number of values for each weight, from the weight itself on, that the file holds. A closed form is never in
 * the middle of its work: it goes on from its model, or begins again. */
static int values_of(const struct model_file *f, const struct param *p)
{
    if (f->state && problem_traits(f->config)->closed)
        return 0;
    return f->state ? 1 + p->moments : 1;
}

/* A file with everything but the tensors' data. */
static int begin_file(struct tensors_writer **out, const char *path, const struct model_file *f,
                      struct error *err)
{
    const struct problem *p = f->problem;
    const struct param_list *l = &f->model->params;
    scoped(tensors_abandon) struct tensors_writer *w = NULL;

    TRY(tensors_create(&w, path, err));
    for (int which = 0; which < 3; which++)
        for (int i = 0; i < l->n; i++) {
            const struct param *param = &l->param[i];
            char name[96];

            snprintf(name, sizeof name, "%s%s", param->name, moment_suffix[which]);
            if (which < values_of(f, param))
                tensors_declare(w, name, TENSOR_F32, param->rows, param->cols);
        }
    for (int i = 0; i < f->model->state.n && f->state; i++)
        tensors_declare(w, f->model->state.param[i].name, TENSOR_F32, f->model->state.param[i].rows,
                        f->model->state.param[i].cols);
    if (!f->state) {
        tensors_declare(w, UNTRAINED_COLUMNS, TENSOR_U8, p->columns, 0);
        if (problem_traits(f->config)->by_rating)
            tensors_declare(w, UNTRAINED_EXAMPLES, TENSOR_U8, p->examples, 0);
        if (p->bias.column) {
            tensors_declare(w, BIAS_USERS, TENSOR_F32, p->users, 0);
            tensors_declare(w, BIAS_ITEMS, TENSOR_F32, p->items, 0);
            tensors_declare(w, BIAS_SHRINK, TENSOR_F32, 2, 0);
            tensors_declare(w, BIAS_COUNT, TENSOR_F32, p->items, 0);
        }
    }
    TRY(put_metadata(w, f, err));
    *out = handed_on(w);
    return 0;
}

int model_file_write(struct tensors_writer **out, const char *path, const struct model_file *f,
                     struct error *err)
{
    const struct param_list *l = &f->model->params;
    struct tensors_writer *w = NULL;
    mem_scoped float *room = params_room(l);

    TRY(need_memory(room, err));
    if (!l->ranks || l->ranks->id == 0)
        TRY(begin_file(&w, path, f, err));
    for (int which = 0; which < 3; which++)
        for (int i = 0; i < l->n; i++)
            if (which < values_of(f, &l->param[i]))
                put_tensor(w, l, &l->param[i], which, room);
    for (int i = 0; i < f->model->state.n && f->state; i++)
        put_tensor(w, l, &f->model->state.param[i], 0, room);
    if (w && !f->state) {
        put_untrained(w, f->problem->train->column_count, f->problem->columns);
        if (problem_traits(f->config)->by_rating)
            put_untrained(w, f->problem->train->row_count, f->problem->examples);
        put_biases(w, f->problem);
    }
    *out = w;
    return 0;
}

int model_file_is_of(const char *path, const char *hash, bool *out, struct error *err)
{
    scoped(tensors_close) struct tensors *t = NULL;
    const char *own;

    TRY(tensors_open(&t, path, err));
    own = tensors_meta(t, "weights_hash");
    *out = own && strcmp(own, hash) == 0;
    return 0;
}

/* ---- reading ---- */

/* The first `rows` rows of a parameter, which is what the file has. */
static int get_tensor(const struct tensors *t, const struct param *p, int which, int64_t rows,
                      struct error *err)
{
    int64_t left = rows * (p->cols ? p->cols : 1);
    struct tensor_view v;
    char name[96];
    const float *from;

    snprintf(name, sizeof name, "%s%s", p->name, moment_suffix[which]);
    TRY(tensors_find(t, name, TENSOR_F32, rows, p->cols, &v, err));
    from = v.data;
    for (int64_t s = 0; s < p->spans; s++) {
        const float *first = from;
        struct span span = p->span(p->owner, s, which);

        for (int64_t r = 0; r < span.count && left > 0; r++, from += span.length, left -= span.length)
            if (span.data)
                memcpy(span.data + r * span.stride, from,
                       (size_t)(span.length < left ? span.length : left) * sizeof *span.data);
        tensors_used(t, first, (from - first) * (int64_t)sizeof *from);
    }
    return 0;
}

int model_file_load(const struct tensors *t, struct model *m, int64_t users, bool moments, struct error *err)
{
    for (int which = 0; which < (moments ? 3 : 1); which++)
        for (int i = 0; i < m->params.n; i++) {
            const struct param *p = &m->params.param[i];
            bool fewer = users >= 0 && strncmp(p->name, "user.", 5) == 0;

            if (which <= p->moments)
                TRY(get_tensor(t, p, which, fewer ? users : p->rows, err));
        }
    for (int i = 0; i < m->state.n && moments; i++)
        TRY(get_tensor(t, &m->state.param[i], 0, m->state.param[i].rows, err));
    return 0;
}

int model_file_read(const char *path, struct model *m, bool moments, struct error *err)
{
    scoped(tensors_close) struct tensors *t = NULL;

    TRY(tensors_open(&t, path, err));
    return model_file_load(t, m, -1, moments, err);
}

/* ---- facts about the training ratings ---- */

static int number(const struct tensors *t, const char *path, const char *key, double *out, struct error *err)
{
    const char *text = tensors_meta(t, key);
    char *end;

    *out = text ? strtod(text, &end) : 0.0;
    if (!text || end == text || *end)
        return error_set(err, PT_EFILE, "%s: no %s in it; it was not written by partrain train", path, key);
    return 0;
}

int run_facts_read(struct run_facts *out, const struct tensors *t, const char *path, struct error *err)
{
    const char *refit = tensors_meta(t, "refit");

    out->refit = refit && strcmp(refit, "yes") == 0;
    TRY(number(t, path, "low", &out->low, err));
    TRY(number(t, path, "high", &out->high, err));
    TRY(number(t, path, "shift", &out->shift, err));
    return number(t, path, "mean", &out->mean, err);
}

static bool has_tensor(const struct tensors *t, const char *name)
{
    for (int i = 0; i < tensors_count(t); i++)
        if (strcmp(tensors_at(t, i).name, name) == 0)
            return true;
    return false;
}

/* "3 17" as ones in `out`. */
static int read_list(uint8_t *out, const char *text, const char *path, const char *name, int64_t n,
                     struct error *err)
{
    while (*text) {
        char *end;
        long long i;

        errno = 0;
        i = strtoll(text, &end, 10);
        if (end == text || errno || i < 0 || i >= n || (*end && *end != ' '))
            return error_set(err, PT_EFILE, "%s: %s is damaged", path, name);
        out[i] = 1;
        text = *end ? end + 1 : end;
    }
    return 0;
}

int run_facts_rows(uint8_t **out, const struct tensors *t, const char *path, const char *name, int64_t n,
                   struct error *err)
{
    const char *text = tensors_meta(t, name);
    bool tensor = has_tensor(t, name);
    struct tensor_view v;

    *out = NULL;
    if (!tensor && !text)
        return 0;
    if (tensor)
        TRY(tensors_find(t, name, TENSOR_U8, n, 0, &v, err));
    *out = mem_zalloc(n, 1);
    TRY(need_memory(*out, err));
    if (!tensor)
        return read_list(*out, text, path, name, n, err);
    memcpy(*out, v.data, (size_t)n);
    return 0;
}

static int copy_vector(float **out, int64_t *n, const struct tensors *t, const char *name, int64_t rows,
                       struct error *err)
{
    struct tensor_view v;

    TRY(tensors_find(t, name, TENSOR_F32, rows, 0, &v, err));
    *n = v.rows;
    *out = mem_alloc(v.rows, sizeof **out);
    TRY(need_memory(*out, err));
    memcpy(*out, v.data, (size_t)v.bytes);
    return 0;
}

int run_facts_counts(float **out, const struct tensors *t, int64_t items, struct error *err)
{
    int64_t n;

    *out = NULL;
    return has_tensor(t, BIAS_COUNT) ? copy_vector(out, &n, t, BIAS_COUNT, items, err) : 0;
}

int run_facts_biases(struct biases *out, int64_t *examples, const struct tensors *t, const char *path,
                     int side, int64_t columns, struct error *err)
{
    bool by_user = side == SIDE_USER;
    struct tensor_view shrink;
    int64_t n;

    *out = (struct biases){0};
    *examples = 0;
    if (!has_tensor(t, BIAS_USERS))
        return 0;
    TRY(number(t, path, "mean", &out->mean, err));
    TRY(tensors_find(t, BIAS_SHRINK, TENSOR_F32, 2, 0, &shrink, err));
    TRY(copy_vector(&out->column, &n, t, by_user ? BIAS_ITEMS : BIAS_USERS, columns, err));
    out->user_shrink = (double)((const float *)shrink.data)[0];
    out->item_shrink = (double)((const float *)shrink.data)[1];
    return copy_vector(&out->example, examples, t, by_user ? BIAS_USERS : BIAS_ITEMS, -1, err);
}
