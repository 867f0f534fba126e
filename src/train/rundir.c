/* rundir.c - the folder of a run (its files: store/run_files.h): creation, lock, versions.
 *
 * .lock is held (flock) while a process works on the folder; it contains how often the run was resumed and
 * how many minibatches all its processes trained.
 *
 * During a run there are also checkpoint.safetensors.1, .2, ... (train.keep_checkpoints) and the models
 * that they refer to, model.safetensors.1, ... A checkpoint refers only to what is on disk: the best model
 * and the lines of metrics.jsonl are flushed before it. After a crash between the two the model may be of a
 * later epoch than the checkpoint; the model before it is kept for that case. */
#include "train/run.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timing.h"
#include "store/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct rundir {
    char *folder; /* owned */
    char *path;   /* (space) owned: the last result of rundir_path */
    size_t space;
    int lock;   /* -1: this rank writes nothing */
    bool fresh; /* made by this process, and empty except for the lock */
};

/* Whether the lock is still the file of that name: its former holder may have removed the folder. */
static bool still_there(struct rundir *d)
{
    struct stat ours, named;

    if (fstat(d->lock, &ours) < 0 || stat(rundir_path(d, RUN_LOCK), &named) < 0 ||
        ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
        return false;
    d->fresh = d->fresh && ours.st_size == 0; /* else a run has been here meanwhile */
    return true;
}

static int lock_folder(struct rundir *d, struct error *err)
{
    const char *path = rundir_path(d, RUN_LOCK);
    int rc;

    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (d->lock < 0)
        return error_set(err, PT_EFILE, "%s: cannot be written: %s", d->folder, strerror(errno));
    /* The lock of a killed process ends with it: with much memory that takes seconds. */
    for (int i = 0; (rc = flock(d->lock, LOCK_EX | LOCK_NB)) != 0 && i < 100; i++)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    if (rc != 0)
        return error_set(err, PT_EUSAGE, "%s: another process is training in this folder; use another --out",
                         d->folder);
    return 0;
}

static int make_and_lock(struct rundir *d, struct error *err)
{
    bool absent;
    int rc = 0;

    for (int i = 0; i < 10; i++) {
        absent = !file_exists(d->folder);
        TRY(file_make_folder(d->folder, err));
        if ((rc = lock_folder(d, err)) == 0) {
            d->fresh = absent;
            if (still_there(d))
                return 0;
        } else if (file_exists(d->folder)) {
            return rc;
        }
        if (d->lock >= 0)
            close(d->lock);
        d->lock = -1;
        d->fresh = false;
    }
    return error_set(err, PT_EFILE,
                     "%s: other processes keep creating and removing this folder; use another --out",
                     d->folder);
}

int rundir_open(struct rundir **out, const char *folder, bool resume, bool writes, struct error *err)
{
    scoped(rundir_close) struct rundir *d = mem_zalloc(1, sizeof *d);

    TRY(need_memory(d, err));
    d->lock = -1;
    d->folder = mem_strdup(folder);
    d->space = strlen(folder) + 128; /* names in it are ours, and short */
    d->path = mem_alloc((int64_t)d->space, 1);
    TRY(need_memory(d->folder && d->path, err));
    if (writes) {
        TRY(make_and_lock(d, err));
        TRY(file_sweep(folder, err));
    }
    if (writes && !resume &&
        (rundir_has_checkpoint(d) || rundir_has_summary(d) || file_exists(rundir_path(d, RUN_CONFIG))))
        return error_set(err, PT_EUSAGE,
                         "%s: there is a run in this folder; --resume goes on with it, or use another --out",
                         folder);
    *out = handed_on(d);
    return 0;
}

void rundir_close(struct rundir *d)
{
    if (!d)
        return;
    if (d->fresh && d->folder) { /* refused before it wrote: the folder goes; the lock is released last */
        unlink(rundir_path(d, RUN_LOCK));
        rmdir(d->folder);
    }
    if (d->lock >= 0)
        close(d->lock);
    mem_free(d->folder);
    mem_free(d->path);
    mem_free(d);
}

const char *rundir_path(const struct rundir *d, const char *name)
{
    snprintf(d->path, d->space, "%s/%s", d->folder, name);
    return d->path;
}

bool rundir_has_checkpoint(const struct rundir *d)
{
    return file_exists(rundir_path(d, RUN_CHECKPOINT)) || file_exists(rundir_path(d, RUN_CHECKPOINT ".1"));
}

bool rundir_has_summary(const struct rundir *d)
{
    return file_exists(rundir_path(d, RUN_SUMMARY));
}

int rundir_follow_rank_0(struct run *r, int rc, struct error *err)
{
    int first = rc;

    ranks_copy(&r->ranks, &first, sizeof first);
    return rc == 0 && first < 0 ? error_set(err, (enum pt_code)first, "rank 0 failed") : rc;
}

int rundir_drop_summary(const struct rundir *d, struct error *err)
{
    const char *path = rundir_path(d, RUN_SUMMARY);

    if (d->lock < 0)
        return 0;
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(err, PT_EFILE, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

void rundir_drop_old(const struct rundir *d)
{
    if (d->lock < 0)
        return;
    file_drop_old(rundir_path(d, RUN_CHECKPOINT), RUN_VERSIONS);
    file_drop_old(rundir_path(d, RUN_MODEL), RUN_VERSIONS);
}

/* Best effort, never flushed: for kills, not for power cuts; the checkpoint has both numbers too. */
void rundir_write_counts(const struct run *r)
{
    char text[64];
    int n = snprintf(text, sizeof text, "resumes %12lld steps %20lld\n", (long long)r->state.resumes,
                     (long long)r->state.steps_run);

    if (r->dir->lock < 0 || pwrite(r->dir->lock, text, (size_t)n, 0) < 0)
        return;
}

bool rundir_read_counts(struct run *r)
{
    char text[64] = "";
    long long resumes, steps;

    if (r->dir->lock < 0 || pread(r->dir->lock, text, sizeof text - 1, 0) <= 0 ||
        sscanf(text, "resumes %lld steps %lld", &resumes, &steps) != 2)
        return false;
    r->state.resumes = resumes > r->state.resumes ? resumes : r->state.resumes;
    r->state.steps_run = steps > r->state.steps_run ? steps : r->state.steps_run;
    return true;
}

/* ---- files in it: configuration, ids, metrics.jsonl, the best model, checkpoints ---- */

int rundir_write_start(const struct run *r, struct error *err)
{
    const struct ratings *ratings = r->problem->ratings;

    if (r->ranks.id > 0)
        return 0;
    r->dir->fresh = false; /* from here on rundir_close keeps the folder */
    TRY(file_keep_lines(rundir_path(r->dir, RUN_METRICS), r->state.lines, err));
    TRY(run_config_write(r->config, rundir_path(r->dir, RUN_CONFIG), err));
    TRY(run_ids_write(rundir_path(r->dir, RUN_ITEMS), ratings->items, ratings->title, err));
    return run_ids_write(rundir_path(r->dir, RUN_USERS), ratings->users, NULL, err);
}

int rundir_check_config(const struct rundir *d, const struct config *c, struct error *err)
{
    scoped(config_free) struct config *old = NULL;
    const char *key;
    int rc = run_config_read(&old, d->folder, err);

    if (rc == PT_EUSAGE) /* it has a checkpoint */
        return error_set(err, PT_EFILE, "%s: its " RUN_CONFIG " is gone, so its run cannot go on", d->folder);
    TRY(rc);
    key = config_resume_conflict(old, c);
    if (key)
        return error_set(
            err, PT_ECONFIG,
            "%s: the run in this folder was started with another %s; only train.epochs and run.* may change",
            d->folder, key);
    if (c->refit && old->epochs != c->epochs)
        return error_set(err, PT_ECONFIG, "%s: train.epochs cannot change in a run with train.refit",
                         d->folder);
    return 0;
}

struct json *run_figures_json(const struct eval_spec *spec, const struct eval_result *r)
{
    struct json *j = json_new_object();

    for (int i = 0; i < r->n; i++)
        json_put_real(j, spec->metric[i].name, r->value[i]);
    return j;
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
        json_put(j, "valid", run_figures_json(&r->spec, &s->last_valid));
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
    mem_scoped char *text = NULL;

    if (r->ranks.id > 0)
        return 0;
    text = metrics_line(r, epoch_s);
    TRY(need_memory(text, err));
    TRY(file_append_line(rundir_path(r->dir, RUN_METRICS), text, err));
    r->state.lines++;
    return 0;
}

int rundir_write_model(struct run *r, struct error *err)
{
    struct model_file f = {.model = r->trainer.model,
                           .config = r->config,
                           .problem = r->problem,
                           .hash = r->state.model_hash,
                           .epoch = r->state.epoch};

    tensors_abandon(r->best_model);
    r->best_model = NULL;
    TRY(model_file_write(&r->best_model, rundir_path(r->dir, RUN_MODEL), &f, err));
    if (r->best_model) /* one for each checkpoint that may refer to it, and the newest */
        tensors_keep_old(r->best_model, (int)r->config->keep_checkpoints);
    return 0;
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
    int rc = 0;

    r->state.epochs = r->config->epochs;
    TRY(rundir_commit_model(r, err));
    if (!r->ranks.id)
        TRY(file_flush(rundir_path(r->dir, RUN_METRICS), err));
    TRY(checkpoint_write(&w, rundir_path(r->dir, RUN_CHECKPOINT), r, err));
    if (w) {
        tensors_keep_old(w, (int)r->config->keep_checkpoints - 1);
        rc = tensors_commit(w, err);
    }
    r->saved_at = clock_now();
    return rundir_follow_rank_0(r, rc, err);
}
