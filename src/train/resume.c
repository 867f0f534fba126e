/* resume.c - finds the newest undamaged checkpoint and the best model that it refers to. */
#include "train/run.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/model_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* NAME, NAME.1, ...; borrowed until the next call. */
static const char *version_path(const struct rundir *d, const char *name, int i)
{
    char numbered[64];

    if (!i)
        return rundir_path(d, name);
    snprintf(numbered, sizeof numbered, "%s.%d", name, i);
    return rundir_path(d, numbered);
}

/* Version i becomes NAME; what NAME was goes to NAME.damaged where `aside`. */
static int promote(const struct rundir *d, const char *name, int i, bool aside, struct error *err)
{
    char *from = mem_strdup(version_path(d, name, i)), *to = mem_strdup(version_path(d, name, 0));
    char damaged[64];
    int rc = 0;

    snprintf(damaged, sizeof damaged, "%s.damaged", name);
    if (!from || !to)
        rc = error_set(err, PT_ENOMEM, "out of memory");
    else if (aside && rename(to, rundir_path(d, damaged)) < 0 && errno != ENOENT)
        rc = error_set(err, PT_EFILE, "cannot rename %s: %s", to, strerror(errno));
    else if (rename(from, to) < 0)
        rc = error_set(err, PT_EFILE, "cannot rename %s: %s", from, strerror(errno));
    mem_free(from);
    mem_free(to);
    return rc;
}

static int read_state(struct run *r, const char *path, struct error *err)
{
    char note[256];
    int rc = checkpoint_state(path, r->problem, &r->state, note, sizeof note, err);

    if (rc == 0)
        run_warn(r, note);
    return rc;
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
        char text[sizeof first.text + 64];
        struct error failed = {0};
        int rc;

        if (!file_exists(path))
            continue;
        rc = read_state(r, path, &failed);
        if (rc == 0) {
            if (i && (rc = promote(r->dir, RUN_CHECKPOINT, i, true, err)) < 0)
                return rc;
            return find_model(r, err);
        }
        if (rc != PT_EFILE)
            return error_set(err, (enum pt_code)rc, "%s", failed.text);
        if (!first.code)
            first = failed;
        snprintf(text, sizeof text, "%s; trying the checkpoint before it", failed.text);
        run_warn(r, text);
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

int rundir_load_checkpoint(struct run *r, struct error *err)
{
    const char *path = rundir_path(r->dir, RUN_CHECKPOINT);

    if (r->state.in_epoch > scheduler_max_steps(&r->trainer.scheduler))
        return error_set(err, PT_EFILE, "%s: the state of the run is damaged", path);
    return model_file_read(path, r->trainer.model, true, err);
}

int rundir_check_model(const struct run *r, struct error *err)
{
    const char *path = rundir_path(r->dir, RUN_MODEL);
    bool right;
    int rc;

    if (!*r->state.model_hash)
        return 0;
    if ((rc = model_file_is_of(path, r->state.model_hash, &right, err)) < 0)
        return rc;
    return right ? 0
                 : error_set(
                       err, PT_EFILE,
                       "%s is not the best model of this run (epoch %lld): an interrupted attempt left it "
                       "and this one came to other figures; train again in another folder",
                       path, (long long)r->state.best_epoch);
}
