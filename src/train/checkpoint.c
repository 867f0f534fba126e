/* checkpoint.c - the state of a run in checkpoint.safetensors (store/model_file.h); finds the newest
 * undamaged one and the best model that it refers to. */
#include "train/run.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/model_file.h"

#include <errno.h>
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
    scoped(json_free) struct json *j = NULL;

    TRY(json_parse(&j, text, strlen(text), err));
    *s = (struct run_state){.finished = json_get_bool(j, "finished", false)};
    STATE_INTS(GET_INT)
    STATE_REALS(GET_REAL)
    snprintf(s->model_hash, sizeof s->model_hash, "%s", json_get_text(j, "model_hash", ""));
    result_from_json(&s->best_valid, json_get(j, "best_valid"));
    result_from_json(&s->last_valid, json_get(j, "last_valid"));
    if (s->epoch < 0 || s->in_epoch < 0 || s->lines < 0 || s->best_epoch < 0)
        return error_set(err, PT_EFILE, "the state of the run is damaged");
    return 0;
}

/* ---- writing and reading ---- */

int checkpoint_write(struct tensors_writer **out, const char *path, const struct run *r, struct error *err)
{
    struct model_file f = {.model = r->trainer.model, .config = r->config, .problem = r->problem};
    mem_scoped char *text = state_text(&r->state);

    TRY(need_memory(text, err));
    f.state = text;
    return model_file_write(out, path, &f, err);
}

/* PT_EFILE if the file is damaged, PT_EDATA if the run was trained on other ratings. */
static int read_state(struct run *r, const char *path, struct error *err)
{
    const struct problem *p = r->problem;
    const char *text, *numerics, *digest;
    scoped(tensors_close) struct tensors *t = NULL;

    TRY(tensors_open(&t, path, err));
    digest = tensors_meta(t, "data_digest");
    text = tensors_meta(t, "state");
    numerics = tensors_meta(t, "numerics");
    if (!text)
        return error_set(err, PT_EFILE, "%s: it holds no state of a run; is it a model file?", path);
    if (digest && strcmp(digest, p->ratings->digest) != 0)
        return error_set(err, PT_EDATA,
                         "the run was trained on other ratings than these (data.path or the files behind it "
                         "have changed): digest %.12s, now %.12s",
                         digest, p->ratings->digest);
    TRY_PREFIXED(err, state_parse(&r->state, text, err), "%s", path);
    r->state.other_numerics = !numerics || strcmp(numerics, MODEL_FILE_NUMERICS) != 0;
    if (!digest)
        run_warn(r, MODEL_FILE_NO_DIGEST);
    return 0;
}

/* ---- the folder's newest ---- */

/* NAME, NAME.1, ...; borrowed until the next call. */
static const char *version_path(const struct rundir *d, const char *name, int i)
{
    char numbered[64];

    snprintf(numbered, sizeof numbered, i ? "%s.%d" : "%s", name, i);
    return rundir_path(d, numbered);
}

/* Version i becomes NAME; what NAME was goes to NAME.damaged where `aside`. */
static int promote(const struct rundir *d, const char *name, int i, bool aside, struct error *err)
{
    mem_scoped char *from = mem_strdup(version_path(d, name, i)), *to = mem_strdup(version_path(d, name, 0));
    mem_scoped char *damaged = to ? mem_printf("%s.damaged", to) : NULL;

    TRY(need_memory(from && damaged, err));
    if (aside && rename(to, damaged) < 0 && errno != ENOENT)
        return error_set(err, PT_EFILE, "cannot rename %s: %s", to, strerror(errno));
    if (rename(from, to) < 0)
        return error_set(err, PT_EFILE, "cannot rename %s: %s", from, strerror(errno));
    return 0;
}

/* The best model that the state refers to, under its name. Where it is lost the run can make it again only if
 * a better one comes; rundir_check_model has the last word. */
static int find_model(struct run *r, struct error *err)
{
    bool right = false;

    if (!*r->state.model_hash)
        return 0;
    for (int i = 0; i <= RUN_VERSIONS; i++) {
        const char *path = version_path(r->dir, RUN_MODEL, i);
        struct error ignored = {0};
        int rc;

        if (!file_exists(path))
            continue;
        rc = model_file_is_of(path, r->state.model_hash, &right, &ignored);
        if (rc < 0 && rc != PT_EFILE)
            return error_set(err, (enum pt_code)rc, "%s", ignored.text);
        if (rc == 0 && right)
            return i ? promote(r->dir, RUN_MODEL, i, false, err) : 0;
    }
    run_warn(r, "the best model so far is not in the folder any more, or damaged");
    return 0;
}

static int find_newest(struct run *r, struct error *err)
{
    struct error first = {0};

    for (int i = 0; i <= RUN_VERSIONS; i++) {
        const char *path = version_path(r->dir, RUN_CHECKPOINT, i);
        struct error failed = {0};
        int rc;

        if (!file_exists(path))
            continue;
        rc = read_state(r, path, &failed);
        if (rc == 0) {
            if (i)
                TRY(promote(r->dir, RUN_CHECKPOINT, i, true, err));
            return find_model(r, err);
        }
        if (rc != PT_EFILE)
            return error_set(err, (enum pt_code)rc, "%s", failed.text);
        if (!first.code)
            first = failed;
        run_warn(r, "%s; trying the checkpoint before it", failed.text);
    }
    return error_set(err, PT_EFILE, "no checkpoint in the folder is usable: %s", first.text);
}

/* The other ranks read what rank 0 has found. */
int rundir_find_checkpoint(struct run *r, struct error *err)
{
    int rc = r->ranks.id ? 0 : find_newest(r, err);

    rc = rundir_follow_rank_0(r, rc, err);
    return rc == 0 && r->ranks.id ? read_state(r, rundir_path(r->dir, RUN_CHECKPOINT), err) : rc;
}

/* A closed form begins again where it was not done; else its weights are those of the model. */
static int load_closed(struct run *r, struct error *err)
{
    if (r->state.epoch)
        return model_file_read(rundir_path(r->dir, RUN_MODEL), r->trainer.model, false, err);
    r->state.in_epoch = 0;
    r->state.sums = (struct epoch_sums){0};
    return 0;
}

int rundir_load_checkpoint(struct run *r, struct error *err)
{
    const char *path = rundir_path(r->dir, RUN_CHECKPOINT);

    if (problem_traits(r->config)->closed)
        return load_closed(r, err);
    if (r->state.in_epoch > scheduler_max_steps(&r->trainer.scheduler))
        return error_set(err, PT_EFILE, "%s: the state of the run is damaged", path);
    return model_file_read(path, r->trainer.model, true, err);
}

int rundir_check_model(const struct run *r, struct error *err)
{
    const char *path = rundir_path(r->dir, RUN_MODEL);
    bool right;

    if (!*r->state.model_hash)
        return 0;
    TRY(model_file_is_of(path, r->state.model_hash, &right, err));
    return right ? 0
                 : error_set(
                       err, PT_EFILE,
                       "%s is not the best model of this run (epoch %lld): an interrupted attempt left it "
                       "and this one came to other figures; train again in another folder",
                       path, (long long)r->state.best_epoch);
}
