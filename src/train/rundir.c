/* rundir.c - a run's folder:
 *
 *   config.yaml             effective configuration
 *   items.tsv, users.tsv    external id (and title) by row
 *   metrics.jsonl           a line an epoch
 *   model.safetensors       the best weights so far
 *   checkpoint.safetensors  the last ones, and everything needed to go on
 *   summary.json            at the end
 *   .lock                   held (flock) while a process works on the folder; says how often the run was
 *                           resumed and how many minibatches all its processes trained
 *
 * While a run is under way there are also checkpoint.safetensors.1, .2, ... (train.keep_checkpoints) and the
 * models that they refer to, model.safetensors.1, ... A checkpoint never says more than what is on disk: the
 * best model and the lines of metrics.jsonl are flushed before it. The model may be of a later epoch, where a
 * process died between the two; the one before is kept for that. */
#include "train/run.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct rundir {
    char *folder; /* owned */
    char *path;   /* (space) owned: what rundir_path gave last */
    size_t space;
    int lock;   /* -1: this rank writes nothing */
    bool fresh; /* made by this process, and nothing is in it but the lock */
};

/* Whether the lock is still the file of that name: who held it may have taken the folder away. */
static bool still_there(struct rundir *d)
{
    struct stat ours, named;

    if (fstat(d->lock, &ours) < 0 || stat(rundir_path(d, ".lock"), &named) < 0 ||
        ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
        return false;
    d->fresh = d->fresh && ours.st_size == 0; /* else a run has been here meanwhile */
    return true;
}

static int take_lock(struct rundir *d, struct error *err)
{
    const char *path = rundir_path(d, ".lock");
    int rc;

    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (d->lock < 0)
        return error_set(err, PT_EFILE, "%s: cannot be written: %s", d->folder, strerror(errno));
    /* A process that was killed lets go when it is gone: where it had much memory that takes seconds. */
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
        if ((rc = file_make_folder(d->folder, err)) < 0)
            return rc;
        if ((rc = take_lock(d, err)) == 0) {
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
    return error_set(err, PT_EFILE, "%s: others make and remove this folder all the time; use another --out",
                     d->folder);
}

int rundir_open(struct rundir **out, const char *folder, bool resume, bool writes, struct error *err)
{
    struct rundir *d = mem_zalloc(1, sizeof *d);
    int rc;

    if (!d)
        return error_set(err, PT_ENOMEM, "out of memory");
    d->lock = -1;
    d->folder = mem_strdup(folder);
    d->space = strlen(folder) + 128; /* names in it are ours, and short */
    d->path = mem_alloc((int64_t)d->space, 1);
    if (!d->folder || !d->path) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto fail;
    }
    if (!writes) {
        *out = d;
        return 0;
    }
    if ((rc = make_and_lock(d, err)) < 0 || (rc = file_sweep(folder, err)) < 0)
        goto fail;
    if (!resume &&
        (rundir_has_checkpoint(d) || rundir_has_summary(d) || file_exists(rundir_path(d, "config.yaml")))) {
        rc = error_set(err, PT_EUSAGE,
                       "%s: there is a run in this folder; --resume goes on with it, or use another --out",
                       folder);
        goto fail;
    }
    *out = d;
    return 0;
fail:
    rundir_close(d);
    return rc;
}

void rundir_close(struct rundir *d)
{
    if (!d)
        return;
    if (d->fresh &&
        d->folder) { /* refused before it wrote: as if it had never been; the lock is let go last */
        unlink(rundir_path(d, ".lock"));
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
    return file_exists(rundir_path(d, "summary.json"));
}

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
    r->dir->fresh = false;
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
    int rc = config_new(&old, err);

    if (rc < 0)
        return rc;
    if ((rc = config_load(old, rundir_path(d, "config.yaml"), err)) < 0) {
        config_free(old);
        return rc == PT_ECONFIG ? (err->code = PT_EFILE) : rc; /* a file of our own, not the user's */
    }
    key = config_resume_conflict(old, c);
    if (key)
        rc = error_set(
            err, PT_ECONFIG,
            "%s: the run in this folder was started with another %s; only train.epochs and run.* may change",
            d->folder, key);
    else if (c->refit && old->epochs != c->epochs)
        rc =
            error_set(err, PT_ECONFIG, "%s: train.epochs cannot change in a run with train.refit", d->folder);
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
    double steps = (double)s->step_count, lr, beta1;
    struct json *j = json_new_object(), *time = json_new_object();
    bool judged = r->judged;
    char *text;

    adam_schedule(&r->learner.plan.spec, s->epoch - 1,
                  scheduler_first_step(&r->learner.scheduler, s->epoch) - 1, r->learner.plan.spec.total_steps,
                  &lr, &beta1);
    json_put_int(j, "epoch", s->epoch);
    if (s->refit)
        json_put_bool(j, "refit", true);
    json_put_real(j, "loss", s->loss_sum / steps);
    if (s->cell_count)
        json_put_real(j, "train_rmse", sqrt(s->square_sum / (double)s->cell_count));
    if (r->config->model_kind == KIND_MULTIVAE)
        json_put_real(j, "kl", s->kl_sum / steps);
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
    rc = checkpoint_write(&r->best_model, rundir_path(r->dir, RUN_MODEL), false, r->learner.model, r->config,
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

int rundir_after_rank_0(struct run *r, int rc, struct error *err)
{
    int first = rc;

    ranks_copy(&r->ranks, &first, sizeof first);
    return rc == 0 && first < 0 ? error_set(err, (enum pt_code)first, "rank 0 cannot go on") : rc;
}

int rundir_save_checkpoint(struct run *r, struct error *err)
{
    struct tensors_writer *w;
    int rc;

    r->state.epochs = r->config->epochs;
    if ((rc = rundir_commit_model(r, err)) < 0 ||
        (!r->ranks.id && (rc = file_flush(rundir_path(r->dir, "metrics.jsonl"), err)) < 0) ||
        (rc = checkpoint_write(&w, rundir_path(r->dir, RUN_CHECKPOINT), true, r->learner.model, r->config,
                               r->problem, &r->state, err)) < 0)
        return rc;
    if (w) {
        tensors_keep_old(w, (int)r->config->keep_checkpoints - 1);
        rc = tensors_commit(w, err);
    }
    r->saved_at = clock_now();
    return rundir_after_rank_0(r, rc, err);
}

int rundir_drop_summary(const struct rundir *d, struct error *err)
{
    const char *path = rundir_path(d, "summary.json");

    if (d->lock < 0)
        return 0;
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(err, PT_EFILE, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

void rundir_tidy(const struct rundir *d)
{
    if (d->lock < 0)
        return;
    file_drop_old(rundir_path(d, RUN_CHECKPOINT), RUN_VERSIONS);
    file_drop_old(rundir_path(d, RUN_MODEL), RUN_VERSIONS);
}

/* Best effort, and never flushed: it is for kills, not for power cuts, and the checkpoint has figures too. */
void rundir_note(const struct run *r)
{
    char text[64];
    int n = snprintf(text, sizeof text, "resumes %12lld steps %20lld\n", (long long)r->state.resumes,
                     (long long)r->state.steps_run);

    if (r->dir->lock < 0 || pwrite(r->dir->lock, text, (size_t)n, 0) < 0)
        return;
}

bool rundir_take_note(struct run *r)
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
