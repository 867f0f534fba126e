/* rundir_files.c - what a run writes into its folder (rundir.c) from its start to its end: config.yaml, the
 * ids, metrics.jsonl, the best model and the checkpoints. */
#include "train/run.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "serve/loaded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int write_config(const struct run *r, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    struct file_writer *w;
    FILE *f = open_memstream(&text, &size);
    int rc;

    if (!f)
        return error_set(err, PT_ENOMEM, "out of memory");
    rc = config_print(r->config, f, true, err);
    if ((fclose(f) != 0 || !text) && rc == 0)
        rc = error_set(err, PT_ENOMEM, "out of memory");
    if (rc == 0 && (rc = file_create(&w, rundir_path(r->dir, "config.yaml"), err)) == 0) {
        file_write(w, text, size);
        rc = file_commit(w, err);
    }
    free(text);
    return rc;
}

/* Tabs and line ends of an id would break the table. */
void rundir_put_field(struct file_writer *w, const char *text)
{
    for (; *text; text++)
        if (*text == '\t')
            file_write(w, "\\t", 2);
        else if (*text == '\n')
            file_write(w, "\\n", 2);
        else if (*text == '\r')
            file_write(w, "\\r", 2);
        else if (*text == '\\')
            file_write(w, "\\\\", 2);
        else
            file_write(w, text, 1);
}

static int write_ids(const struct run *r, const char *name, const struct idtable *ids, char **title,
                     struct error *err)
{
    struct file_writer *w;
    int rc = file_create(&w, rundir_path(r->dir, name), err);

    if (rc < 0)
        return rc;
    for (int64_t i = 0; i < idtable_count(ids); i++) {
        rundir_put_field(w, idtable_name(ids, i));
        if (title && title[i]) {
            file_write(w, "\t", 1);
            rundir_put_field(w, title[i]);
        }
        file_write(w, "\n", 1);
    }
    return file_commit(w, err);
}

int rundir_write_start(const struct run *r, struct error *err)
{
    const struct ratings *ratings = r->problem->ratings;
    int rc;

    if (r->ranks.id > 0)
        return 0;
    rundir_stays(r->dir);
    rc = file_keep_lines(rundir_path(r->dir, "metrics.jsonl"), r->state.lines, err);
    if (rc < 0 || (rc = write_config(r, err)) < 0 ||
        (rc = write_ids(r, "items.tsv", ratings->items, ratings->title, err)) < 0)
        return rc;
    return write_ids(r, "users.tsv", ratings->users, NULL, err);
}

int rundir_check_config(const struct rundir *d, const struct config *c, struct error *err)
{
    struct config *old = NULL;
    const char *key;
    int rc = load_config(&old, rundir_folder(d), err);

    if (rc == PT_EUSAGE) /* it has a checkpoint */
        return error_set(err, PT_EFILE, "%s: its config.yaml is gone, so its run cannot go on",
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
    bool judged = r->judged;
    char *text;

    adam_schedule(&r->trainer.plan.spec, s->epoch - 1,
                  scheduler_first_step(&r->trainer.scheduler, s->epoch) - 1, &lr, &beta1);
    json_put_int(j, "epoch", s->epoch);
    if (s->refit)
        json_put_bool(j, "refit", true);
    json_put_real(j, "loss", s->sums.loss / steps);
    if (s->sums.cells)
        json_put_real(j, "train_rmse", sqrt(s->sums.squares / (double)s->sums.cells));
    if (problem_traits(r->config)->variational)
        json_put_real(j, "kl", s->sums.kl / steps);
    json_put_real(j, "lr", lr);
    if (judged)
        put_result(j, "valid", &r->spec, &s->last_valid);
    json_put_bool(j, "best", r->new_best);
    json_put_real(time, "train_s", epoch_s);
    if (judged)
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
        return error_set(err, PT_ENOMEM, "metrics.jsonl: out of memory");
    rc = file_append_line(rundir_path(r->dir, "metrics.jsonl"), text, err);
    mem_free(text);
    if (rc == 0)
        r->state.lines++;
    return rc;
}

int rundir_write_model(struct run *r, struct error *err)
{
    int rc;

    tensors_abandon(r->best_model);
    r->best_model = NULL;
    rc = checkpoint_write(&r->best_model, rundir_path(r->dir, RUN_MODEL), false, r->trainer.model, r->config,
                          r->problem, &r->state, err);
    if (rc == 0 &&
        r->best_model) /* as many as the checkpoints that may refer to them, and one that none does yet */
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
        (!r->ranks.id && (rc = file_flush(rundir_path(r->dir, "metrics.jsonl"), err)) < 0) ||
        (rc = checkpoint_write(&w, rundir_path(r->dir, RUN_CHECKPOINT), true, r->trainer.model, r->config,
                               r->problem, &r->state, err)) < 0)
        return rc;
    if (w) {
        tensors_keep_old(w, (int)r->config->keep_checkpoints - 1);
        rc = tensors_commit(w, err);
    }
    r->saved_at = clock_now();
    return rundir_after_rank_0(r, rc, err);
}
