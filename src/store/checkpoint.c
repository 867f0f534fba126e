#include "store/checkpoint.h"

#include "base/json.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const moment_suffix[] = {"", ".m", ".v"};

/* ---- state as JSON ---------------------------------------------------------------------------------- */

static struct json *result_to_json(const struct eval_result *r)
{
    struct json *j = json_new_object(), *values = json_new_array();

    json_put_int(j, "examples", r->examples);
    json_put_int(j, "cells", r->cells);
    for (int i = 0; i < r->n; i++)
        json_put_real(values, NULL, r->value[i]);
    json_put(j, "value", values);
    return j;
}

static void result_from_json(struct eval_result *r, const struct json *j)
{
    const struct json *values = json_get(j, "value");

    *r = (struct eval_result){0};
    r->examples = json_get_int(j, "examples", 0);
    r->cells = json_get_int(j, "cells", 0);
    for (int64_t i = 0; values && i < json_count(values) && i < METRICS_MOST; i++)
        r->value[r->n++] = json_as_real(json_at(values, i), NAN);
}

static char *state_text(const struct run_state *s)
{
    struct json *j = json_new_object();
    char *text;

    json_put_int(j, "epochs", s->epochs);
    json_put_int(j, "epoch", s->epoch);
    json_put_int(j, "in_epoch", s->in_epoch);
    json_put_int(j, "steps_run", s->steps_run);
    json_put_int(j, "resumes", s->resumes);
    json_put_int(j, "best_epoch", s->best_epoch);
    json_put_int(j, "stale", s->stale);
    json_put_int(j, "lines", s->lines);
    json_put_int(j, "refit", s->refit);
    json_put_bool(j, "finished", s->finished);
    json_put_real(j, "best", s->best);
    json_put_real(j, "loss_sum", s->sums.loss);
    json_put_real(j, "square_sum", s->sums.squares);
    json_put_real(j, "kl_sum", s->sums.kl);
    json_put_int(j, "cell_count", s->sums.cells);
    json_put_int(j, "step_count", s->sums.steps);
    json_put_real(j, "train_s", s->train_s);
    json_put_real(j, "eval_s", s->eval_s);
    json_put_text(j, "model_hash", s->model_hash);
    json_put(j, "best_valid", result_to_json(&s->best_valid));
    json_put(j, "last_valid", result_to_json(&s->last_valid));
    text = json_text(j, false);
    json_free(j);
    return text;
}

static int state_parse(struct run_state *s, const char *text, struct error *err)
{
    struct json *j;
    int rc = json_parse(&j, text, strlen(text), err);

    if (rc < 0)
        return rc;
    *s = (struct run_state){
        .epochs = json_get_int(j, "epochs", 0),
        .epoch = json_get_int(j, "epoch", 0),
        .in_epoch = json_get_int(j, "in_epoch", 0),
        .steps_run = json_get_int(j, "steps_run", 0),
        .resumes = json_get_int(j, "resumes", 0),
        .best_epoch = json_get_int(j, "best_epoch", 0),
        .stale = json_get_int(j, "stale", 0),
        .lines = json_get_int(j, "lines", 0),
        .refit = (int)json_get_int(j, "refit", 0),
        .finished = json_get_bool(j, "finished", false),
        .best = json_get_real(j, "best", NAN),
        .sums.loss = json_get_real(j, "loss_sum", NAN),
        .sums.squares = json_get_real(j, "square_sum", NAN),
        .sums.kl = json_get_real(j, "kl_sum", NAN),
        .sums.cells = json_get_int(j, "cell_count", 0),
        .sums.steps = json_get_int(j, "step_count", 0),
        .train_s = json_get_real(j, "train_s", 0.0),
        .eval_s = json_get_real(j, "eval_s", 0.0),
    };
    snprintf(s->model_hash, sizeof s->model_hash, "%s", json_get_text(j, "model_hash", ""));
    result_from_json(&s->best_valid, json_get(j, "best_valid"));
    result_from_json(&s->last_valid, json_get(j, "last_valid"));
    json_free(j);
    if (s->epoch < 0 || s->in_epoch < 0 || s->lines < 0 || s->best_epoch < 0)
        return error_set(err, PT_EFILE, "a run's state that cannot be");
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static int put_config(struct tensors_writer *w, const struct config *c, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int rc;

    if (!f)
        return error_set(err, PT_ENOMEM, "checkpoint: out of memory");
    rc = config_print(c, f, true, err);
    if ((fclose(f) != 0 || !text) && rc == 0)
        rc = error_set(err, PT_ENOMEM, "checkpoint: out of memory");
    if (rc == 0)
        tensors_metadata(w, "config", text);
    free(text);
    return rc;
}

static int put_facts(struct tensors_writer *w, const struct config *c, const struct problem *p,
                     const struct run_state *state, bool whole, struct error *err)
{
    char text[64], *json;
    int rc = put_config(w, c, err);

    if (rc < 0)
        return rc;
    tensors_metadata(w, "model", config_enum_name("model.kind", c->model_kind));
    tensors_metadata(w, "side", p->side == SIDE_USER ? "user" : "item");
    tensors_metadata(w, "isa", p->kern->name);
    tensors_metadata(w, "data_sha256", p->ratings->sha256);
    snprintf(text, sizeof text, "%.9g", (double)p->low);
    tensors_metadata(w, "low", text);
    snprintf(text, sizeof text, "%.9g", (double)p->high);
    tensors_metadata(w, "high", text);
    snprintf(text, sizeof text, "%.17g", p->mean);
    tensors_metadata(w, "mean", text);
    snprintf(text, sizeof text, "%.9g", (double)p->shift);
    tensors_metadata(w, "shift", text);
    tensors_metadata(w, "refit", p->refitted ? "yes" : "no");
    if (!whole) {
        tensors_metadata(w, "weights_hash", state->model_hash);
        snprintf(text, sizeof text, "%lld", (long long)state->epoch);
        tensors_metadata(w, "epoch", text);
        return 0;
    }
    json = state_text(state);
    if (!json)
        return error_set(err, PT_ENOMEM, "checkpoint: out of memory");
    tensors_metadata(w, "state", json);
    mem_free(json);
    return 0;
}

/* w NULL: a rank that only hands over what it has. */
static void put_tensor(struct tensors_writer *w, const struct param_list *l, const struct param *p, int which,
                       float *room)
{
    for (int64_t s = 0; s < p->spans; s++) {
        int64_t count, length, stride;
        const float *data = params_span(l, p, s, which, room, &count, &length, &stride);

        if (!w)
            continue;
        if (length == stride)
            tensors_data(w, data, count * length * (int64_t)sizeof *data);
        else
            for (int64_t r = 0; r < count; r++)
                tensors_data(w, data + r * stride, length * (int64_t)sizeof *data);
    }
}

/* Rows without a training rating are 1, for who uses the model without its training data. */
static void put_untrained(struct tensors_writer *w, const int64_t *count, int64_t n)
{
    uint8_t piece[4096];

    for (int64_t i = 0; i < n;) {
        int64_t used = 0;

        while (i < n && used < (int64_t)sizeof piece)
            piece[used++] = count[i++] == 0;
        tensors_data(w, piece, used);
    }
}

/* A file with everything but the tensors' data. */
static int begin_file(struct tensors_writer **out, const char *path, bool whole, const struct model *m,
                      const struct config *c, const struct problem *p, const struct run_state *state,
                      struct error *err)
{
    struct tensors_writer *w;
    int rc = tensors_create(&w, path, err), kinds = whole ? 3 : 1;

    if (rc < 0)
        return rc;
    for (int which = 0; which < kinds; which++)
        for (int i = 0; i < m->params.n; i++) {
            const struct param *param = &m->params.param[i];
            char name[96];

            snprintf(name, sizeof name, "%s%s", param->name, moment_suffix[which]);
            if (which <= param->moments)
                tensors_declare(w, name, TENSOR_F32, param->rows, param->cols);
        }
    if (!whole) {
        tensors_declare(w, KNOWN_COLUMNS, TENSOR_U8, p->columns, 0);
        if (problem_traits(c)->by_rating)
            tensors_declare(w, KNOWN_EXAMPLES, TENSOR_U8, p->examples, 0);
    }
    rc = put_facts(w, c, p, state, whole, err);
    if (rc < 0) {
        tensors_abandon(w);
        return rc;
    }
    *out = w;
    return 0;
}

int checkpoint_write(struct tensors_writer **out, const char *path, bool whole, const struct model *m,
                     const struct config *c, const struct problem *p, const struct run_state *state,
                     struct error *err)
{
    struct tensors_writer *w = NULL;
    float *room = params_room(&m->params);
    int rc = 0, kinds = whole ? 3 : 1;

    if (!room)
        return error_set(err, PT_ENOMEM, "checkpoint: out of memory");
    if (!m->params.ranks || m->params.ranks->id == 0)
        rc = begin_file(&w, path, whole, m, c, p, state, err);
    if (rc < 0) {
        mem_free(room);
        return rc;
    }
    for (int which = 0; which < kinds; which++)
        for (int i = 0; i < m->params.n; i++)
            if (which <= m->params.param[i].moments)
                put_tensor(w, &m->params, &m->params.param[i], which, room);
    if (w && !whole) {
        put_untrained(w, p->train->column_count, p->columns);
        if (problem_traits(c)->by_rating)
            put_untrained(w, p->train->row_count, p->examples);
    }
    mem_free(room);
    *out = w;
    return 0;
}

int checkpoint_is_of(const char *path, const char *hash, bool *out, struct error *err)
{
    struct tensors *t;
    const char *own;
    int rc = tensors_open(&t, path, err);

    if (rc < 0)
        return rc;
    own = tensors_meta(t, "weights_hash");
    *out = own && strcmp(own, hash) == 0;
    tensors_close(t);
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
    int rc;

    snprintf(name, sizeof name, "%s%s", p->name, moment_suffix[which]);
    rc = tensors_find(t, name, TENSOR_F32, rows, p->cols, &v, err);
    if (rc < 0)
        return rc;
    from = v.data;
    for (int64_t s = 0; s < p->spans; s++) {
        int64_t count, length, stride;
        const float *first = from;
        float *data;

        p->span(p->owner, s, which, &data, &count, &length, &stride);
        for (int64_t r = 0; r < count && left > 0; r++, from += length, left -= length)
            if (data)
                memcpy(data + r * stride, from, (size_t)(length < left ? length : left) * sizeof *data);
        tensors_used(t, first, (from - first) * (int64_t)sizeof *from);
    }
    return 0;
}

static int check_data(const struct tensors *t, const struct problem *p, struct error *err)
{
    const char *sha = tensors_meta(t, "data_sha256");

    if (sha && strcmp(sha, p->ratings->sha256) != 0)
        return error_set(err, PT_EDATA,
                         "the run was trained on other ratings than these (data.path or the files behind it "
                         "have changed): sha256 %.12s, now %.12s",
                         sha, p->ratings->sha256);
    return 0;
}

int checkpoint_weights(const struct tensors *t, struct model *m, int64_t users, struct error *err)
{
    int rc = 0;

    for (int i = 0; i < m->params.n && rc == 0; i++) {
        const struct param *p = &m->params.param[i];
        bool fewer = users >= 0 && strncmp(p->name, "user.", 5) == 0;

        rc = get_tensor(t, p, 0, fewer ? users : p->rows, err);
    }
    return rc;
}

int checkpoint_load(const char *path, bool whole, struct model *m, struct error *err)
{
    struct tensors *t;
    int rc = tensors_open(&t, path, err);

    if (rc < 0)
        return rc;
    for (int which = 0; which < (whole ? 3 : 1); which++)
        for (int i = 0; i < m->params.n && rc == 0; i++)
            if (which <= m->params.param[i].moments)
                rc = get_tensor(t, &m->params.param[i], which, m->params.param[i].rows, err);
    tensors_close(t);
    return rc;
}

int checkpoint_state(const char *path, const struct problem *p, struct run_state *state, char *note,
                     size_t size, struct error *err)
{
    struct tensors *t;
    const char *text, *isa;
    int rc = tensors_open(&t, path, err);

    *note = '\0';
    if (rc < 0)
        return rc;
    text = tensors_meta(t, "state");
    if (!text)
        rc = error_set(err, PT_EFILE, "%s: it has no state of a run; is it a model file?", path);
    else if ((rc = check_data(t, p, err)) == 0 && (rc = state_parse(state, text, err)) < 0)
        error_prefix(err, "%s", path);
    isa = tensors_meta(t, "isa");
    if (rc == 0 && isa && strcmp(isa, p->kern->name) != 0)
        snprintf(note, size, "the run began on the vector path %s, this is %s: bits may change", isa,
                 p->kern->name);
    tensors_close(t);
    return rc;
}
