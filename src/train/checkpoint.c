#include "train/checkpoint.h"

#include "base/json.h"
#include "base/mem.h"
#include "store/model_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- state as JSON ---- */

/* Key, field; of reals also the value where the key is missing. */
#define STATE_INTS(X)                                                                                        \
    X("epochs", epochs)                                                                                      \
    X("epoch", epoch)                                                                                        \
    X("in_epoch", in_epoch)                                                                                  \
    X("steps_run", steps_run)                                                                                \
    X("resumes", resumes)                                                                                    \
    X("best_epoch", best_epoch)                                                                              \
    X("stale", stale)                                                                                        \
    X("lines", lines)                                                                                        \
    X("refit", refit)                                                                                        \
    X("cell_count", sums.cells)                                                                              \
    X("step_count", sums.steps)
#define STATE_REALS(X)                                                                                       \
    X("best", best, NAN)                                                                                     \
    X("loss_sum", sums.loss, NAN)                                                                            \
    X("square_sum", sums.squares, NAN)                                                                       \
    X("kl_sum", sums.kl, NAN)                                                                                \
    X("train_s", train_s, 0.0)                                                                               \
    X("eval_s", eval_s, 0.0)                                                                                 \
    X("ease_weight", ease_weight, NAN)
#define PUT_INT(key, field)           json_put_int(j, key, s->field);
#define PUT_REAL(key, field, missing) json_put_real(j, key, s->field);
#define GET_INT(key, field)           s->field = json_get_int(j, key, 0);
#define GET_REAL(key, field, missing) s->field = json_get_real(j, key, missing);

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

    STATE_INTS(PUT_INT)
    STATE_REALS(PUT_REAL)
    json_put_bool(j, "finished", s->finished);
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
    *s = (struct run_state){.finished = json_get_bool(j, "finished", false)};
    STATE_INTS(GET_INT)
    STATE_REALS(GET_REAL)
    snprintf(s->model_hash, sizeof s->model_hash, "%s", json_get_text(j, "model_hash", ""));
    result_from_json(&s->best_valid, json_get(j, "best_valid"));
    result_from_json(&s->last_valid, json_get(j, "last_valid"));
    json_free(j);
    if (s->epoch < 0 || s->in_epoch < 0 || s->lines < 0 || s->best_epoch < 0)
        return error_set(err, PT_EFILE, "the state of the run is damaged");
    return 0;
}

/* ---- writing and reading ---- */

int checkpoint_write(struct tensors_writer **out, const char *path, const struct model *m,
                     const struct config *c, const struct problem *p, const struct run_state *state,
                     struct error *err)
{
    struct model_file f = {.model = m, .config = c, .problem = p};
    char *text = state_text(state);
    int rc;

    if (!text)
        return error_set(err, PT_ENOMEM, "checkpoint: out of memory");
    f.state = text;
    rc = model_file_write(out, path, &f, err);
    mem_free(text);
    return rc;
}

static int check_data(const struct tensors *t, const struct problem *p, struct error *err)
{
    const char *digest = tensors_meta(t, "data_digest");

    if (digest && strcmp(digest, p->ratings->digest) != 0)
        return error_set(err, PT_EDATA,
                         "the run was trained on other ratings than these (data.path or the files behind it "
                         "have changed): digest %.12s, now %.12s",
                         digest, p->ratings->digest);
    return 0;
}

int checkpoint_state(const char *path, const struct problem *p, struct run_state *state, char *note,
                     size_t size, struct error *err)
{
    struct tensors *t;
    const char *text, *isa, *data = "";
    int rc = tensors_open(&t, path, err);

    *note = '\0';
    if (rc < 0)
        return rc;
    if (!tensors_meta(t, "data_digest"))
        data = MODEL_FILE_NO_DIGEST;
    text = tensors_meta(t, "state");
    if (!text)
        rc = error_set(err, PT_EFILE, "%s: it holds no state of a run; is it a model file?", path);
    else if ((rc = check_data(t, p, err)) == 0 && (rc = state_parse(state, text, err)) < 0)
        error_prefix(err, "%s", path);
    isa = tensors_meta(t, "isa");
    if (rc == 0 && isa && strcmp(isa, p->kern->name) != 0)
        snprintf(note, size, "the run began on the vector path %s, this is %s: bits may change%s%s", isa,
                 p->kern->name, *data ? "; " : "", data);
    else if (rc == 0)
        snprintf(note, size, "%s", data);
    tensors_close(t);
    return rc;
}
