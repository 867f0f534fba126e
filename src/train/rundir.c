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
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
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
        if ((rc = file_make_folder(d->folder, err)) < 0)
            return rc;
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
        (rundir_has_checkpoint(d) || rundir_has_summary(d) || file_exists(rundir_path(d, RUN_CONFIG)))) {
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

const char *rundir_folder(const struct rundir *d)
{
    return d->folder;
}

void rundir_keep(struct rundir *d)
{
    d->fresh = false;
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
