/* rundir_files.c - files that a run writes to its folder: configuration, ids, metrics.jsonl, the best model
 * and checkpoints. */
#include "train/run.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/timing.h"
#include "store/model_file.h"

#include <math.h>

int rundir_write_start(const struct run *r, struct error *err)
{
    const struct ratings *ratings = r->problem->ratings;
    int rc;

    if (r->ranks.id > 0)
        return 0;
    rundir_keep(r->dir);
    rc = file_keep_lines(rundir_path(r->dir, RUN_METRICS), r->state.lines, err);
    if (rc < 0 || (rc = run_config_write(r->config, rundir_path(r->dir, RUN_CONFIG), err)) < 0 ||
        (rc = run_ids_write(rundir_path(r->dir, RUN_ITEMS), ratings->items, ratings->title, err)) < 0)
        return rc;
    return run_ids_write(rundir_path(r->dir, RUN_USERS), ratings->users, NULL, err);
}

int rundir_check_config(const struct rundir *d, const struct config *c, struct error *err)
{
    struct config *old = NULL;
    const char *key;
    int rc = run_config_read(&old, rundir_folder(d), err);

    if (rc == PT_EUSAGE) /* it has a checkpoint */
        return error_set(err, PT_EFILE, "%s: its " RUN_CONFIG " is gone, so its run cannot go on",
                         rundir_folder(d));
    if (rc < 0)
        return rc;
    key = config_resume_conflict(old, c);
    if (key)
        rc = error_set(
            err, PT_ECONFIG,
            "%s: the run in this folder was started with another %s; only train.epochs and run.* may change",
            rundir_folder(d), key);
    else if (c->refit && old->epochs != c->epochs)
        rc = error_set(err, PT_ECONFIG, "%s: train.epochs cannot change in a run with train.refit",
                       rundir_folder(d));
    config_free(old);
    return rc;
}

static void put_result(struct json *j, const char *key, const struct eval_spec *spec,
                       const struct eval_result *r)
{
    struct json *values = json_new_object();

    for (int i = 0; i < r->n; i++)
        json_put_real(values, spec->metric[i].name, r->value[i]);
    json_put(j, key, values);
}

/* A line of metrics.jsonl; for mem_free. NULL: no memory. */
static char *metrics_line(const struct run *r, double epoch_s)
{
    const struct run_state *s = &r->state;
    double steps = (double)s->sums.steps, lr, beta1;
    struct json *j = json_new_object(), *time = json_new_object();
    char *text;

    json_put_int(j, "epoch", s->epoch);
    if (s->refit)
        json_put_bool(j, "refit", true);
    if (s->epoch) {
        adam_schedule(&r->trainer.plan.spec, s->epoch - 1,
                      scheduler_first_step(&r->trainer.scheduler, s->epoch) - 1, &lr, &beta1);
        json_put_real(j, "loss", s->sums.loss / steps);
    }
    if (s->sums.cells)
        json_put_real(j, "train_rmse", sqrt(s->sums.squares / (double)s->sums.cells));
    if (problem_traits(r->config)->variational)
        json_put_real(j, "kl", s->sums.kl / steps);
    if (s->epoch)
        json_put_real(j, "lr", lr);
    if (r->validated)
        put_result(j, "valid", &r->spec, &s->last_valid);
    json_put_bool(j, "best", r->new_best);
    json_put_real(time, "train_s", epoch_s);
    if (r->validated)
        json_put_real(time, "eval_s", s->last_valid.seconds);
    json_put(j, "time", time);
    text = json_text(j, false);
    json_free(j);
    return text;
}

int rundir_add_metrics(struct run *r, double epoch_s, struct error *err)
{
    char *text;
    int rc;

    if (r->ranks.id > 0)
        return 0;
    text = metrics_line(r, epoch_s);
    if (!text)
        return error_set(err, PT_ENOMEM, RUN_METRICS ": out of memory");
    rc = file_append_line(rundir_path(r->dir, RUN_METRICS), text, err);
    mem_free(text);
    if (rc == 0)
        r->state.lines++;
    return rc;
}

int rundir_write_model(struct run *r, struct error *err)
{
    struct model_file f = {.model = r->trainer.model,
                           .config = r->config,
                           .problem = r->problem,
                           .hash = r->state.model_hash,
                           .epoch = r->state.epoch};
    int rc;

    tensors_abandon(r->best_model);
    r->best_model = NULL;
    rc = model_file_write(&r->best_model, rundir_path(r->dir, RUN_MODEL), &f, err);
    if (rc == 0 && r->best_model) /* one for each checkpoint that may refer to it, and the newest */
        tensors_keep_old(r->best_model, (int)r->config->keep_checkpoints);
    return rc;
}

int rundir_commit_model(struct run *r, struct error *err)
{
    int rc = r->best_model ? tensors_commit(r->best_model, err) : 0;

    r->best_model = NULL;
    return rc;
}

int rundir_save_checkpoint(struct run *r, struct error *err)
{
    struct tensors_writer *w;
    int rc;

    r->state.epochs = r->config->epochs;
    if ((rc = rundir_commit_model(r, err)) < 0 ||
        (!r->ranks.id && (rc = file_flush(rundir_path(r->dir, RUN_METRICS), err)) < 0) ||
        (rc = checkpoint_write(&w, rundir_path(r->dir, RUN_CHECKPOINT), r->trainer.model, r->config,
                               r->problem, &r->state, err)) < 0)
        return rc;
    if (w) {
        tensors_keep_old(w, (int)r->config->keep_checkpoints - 1);
        rc = tensors_commit(w, err);
    }
    r->saved_at = clock_now();
    return rundir_follow_rank_0(r, rc, err);
}
