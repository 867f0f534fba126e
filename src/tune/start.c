#include "tune/start.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/timing.h"
#include "store/run_files.h"
#include "model/item_weights.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool start_better(const struct start_result *r, double a, double b)
{
    return r->smaller_is_better ? a < b : a > b;
}

int start_best_baseline(const struct start_result *r)
{
    int best = -1;

    for (int k = 0; k < BASELINES && r->baselines.any; k++)
        if (isfinite(r->baselines.value[k][0]) &&
            (best < 0 || start_better(r, r->baselines.value[k][0], r->baselines.value[best][0])))
            best = k;
    return best;
}

struct listener {
    const char *name; /* of the candidate */
    const struct start_options *options;
    struct start_result *result;
};

static void warn(void *arg, const char *text)
{
    const struct listener *l = arg;
    char note[1200];

    snprintf(note, sizeof note, "%s: %s", l->name, text);
    l->options->warn(l->options->arg, note);
}

/* What needs no model, on the validation part. Without memory for it there is none to compare with. */
static void measure_baselines(struct start_result *r, const struct train_progress *p)
{
    struct error ignored;

    if (!p->problem->valid.out)
        return;
    snprintf(r->metric, sizeof r->metric, "%s", p->spec->metric[0].name);
    r->smaller_is_better = metric_smaller_is_better(&p->spec->metric[0]);
    if (baselines_evaluate(&r->baselines, p->spec, &p->problem->valid, p->problem, &p->model->eng, &ignored) <
        0)
        r->baselines.any = false;
}

static void listen(void *arg, const struct train_progress *p)
{
    struct listener *l = arg;

    if (p->event == TRAIN_READY && !l->result->baselines.any)
        measure_baselines(l->result, p);
}

/* ---- a candidate ---- */

static int configure(struct config **out, const struct advice *a, int i, const struct start_options *o,
                     struct error *err)
{
    scoped(config_free) struct config *c = NULL;
    mem_scoped char *text = NULL;
    size_t length;

    TRY(advice_text(&text, &length, a, i, o->path, o->given, o->n_given, err));
    TRY(config_new(&c, err));
    TRY(config_load_text(c, text, length, a->candidate[i].name, err));
    TRY(config_check(c, err));
    *out = handed_on(c);
    return 0;
}

/* Up to its refit, or `rest`: what comes then. */
static int train_candidate(struct start_result *r, const struct advice *a, int i,
                           const struct start_options *o, struct item_counts *counts, bool rest,
                           struct error *err)
{
    struct start_trial *t = &r->trial[i];
    struct listener l = {a->candidate[i].name, o, r};
    mem_scoped char *folder = file_join(o->folder, a->candidate[i].name);
    struct train_options run = {.folder = folder,
                                .resume = rest,
                                .hold_refit = !rest,
                                .stop = o->stop,
                                .counts = counts,
                                .listen = listen,
                                .warn = warn,
                                .arg = &l};
    scoped(config_free) struct config *c = NULL;
    double began = clock_now();
    int rc;

    TRY(need_memory(folder, err));
    TRY(configure(&c, a, i, o, err));
    if (rest && !c->refit)
        return 0;
    o->begin(o->arg, a->candidate[i].name, rest);
    rc = train_run(c, &run, &t->result, err);
    t->seconds += clock_now() - began;
    return rc;
}

static int try_candidate(struct start_result *r, const struct advice *a, int i, const struct start_options *o,
                         struct item_counts *counts, struct error *err)
{
    struct start_trial *t = &r->trial[i];
    int rc;

    if (a->candidate[i].minutes > ADVICE_MINUTES) {
        snprintf(t->why, sizeof t->why, "not tried: about %.0f min on two cores", a->candidate[i].minutes);
        return 0;
    }
    rc = train_candidate(r, a, i, o, counts, false, err);
    t->done = rc == 0 && t->result.has_valid && isfinite(t->result.best_valid.value[0]);
    if (t->done)
        t->figure = t->result.best_valid.value[0];
    else if (rc == 0)
        snprintf(t->why, sizeof t->why, "no validation figure");
    if (rc == PT_EDIVERGED || rc == PT_ECONFIG || rc == PT_ENOMEM) {
        snprintf(t->why, sizeof t->why, "%.150s", err->text);
        rc = 0;
    }
    return rc;
}

static struct advice_setting *find(struct advice_list *l, const char *key)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->setting[i].key, key) == 0)
            return &l->setting[i];
    return NULL;
}

/* The validation figure. In a ranking the usual standard error of a difference is taken from models of many
 * epochs, whose best one these users have chosen: a closed form is left for more than chance. */
static double worth(const struct start_result *r, const struct advice *a, int i)
{
    const struct start_trial *t = &r->trial[i];
    double users = (double)t->result.best_valid.examples;
    bool sure = a->ratings || strcmp(a->candidate[i].kind, "ease") == 0;

    return sure ? t->figure : t->figure - 0.1 / sqrt(users);
}

static int best_of(const struct start_result *r, const struct advice *a, const char *kind)
{
    int best = -1;

    for (int i = 0; i < a->candidates; i++)
        if (r->trial[i].done && (!kind || strcmp(a->candidate[i].kind, kind) == 0) &&
            (best < 0 || start_better(r, worth(r, a, i), worth(r, a, best))))
            best = i;
    return best;
}

/* Weights are kept of the best so far: those of an EASE of many items are gigabytes. */
static void drop_beaten(const struct start_result *r, const struct advice *a, const struct start_options *o)
{
    int best = best_of(r, a, NULL);

    for (int i = 0; i < a->candidates; i++) {
        mem_scoped char *folder = i == best ? NULL : file_join(o->folder, a->candidate[i].name);

        if (folder && r->trial[i].done)
            run_drop_weights(folder);
    }
}

/* The best EASE's settings are those of the companions. */
static void pass_on_ease(struct advice *a, const struct start_result *r)
{
    static const char *const key[][2] = {{"train.l2", "model.ease_l2"},
                                         {"model.input_dropout", "model.ease_dropout"}};
    int best = best_of(r, a, "ease");

    for (int i = 0; i < a->candidates && best >= 0; i++)
        for (int k = 0; k < 2; k++) {
            const struct advice_setting *from = find(&a->candidate[best].own, key[k][0]);
            struct advice_setting *to = find(&a->candidate[i].own, key[k][1]);

            if (to) {
                snprintf(to->value, sizeof to->value, "%s", from ? from->value : "0");
                snprintf(to->reason, sizeof to->reason, "of the best ease on validation");
            }
        }
}

/* The files of a run's folder move into the one above it. */
static int move_up(const char *folder, const char *name, struct error *err)
{
    mem_scoped char *from = file_join(folder, name);
    DIR *d = from ? opendir(from) : NULL;
    struct dirent *entry;
    int rc = 0;

    if (!d)
        return error_set(err, PT_EFILE, "%s/%s: cannot be read: %s", folder, name, strerror(errno));
    while (rc == 0 && (entry = readdir(d))) {
        mem_scoped char *old = file_join(from, entry->d_name), *new = file_join(folder, entry->d_name);

        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            (!old || !new || rename(old, new) != 0))
            rc = error_set(err, PT_EFILE, "%s: cannot be moved to %s: %s", old ? old : name, folder,
                           strerror(errno));
    }
    closedir(d);
    if (rc == 0)
        rmdir(from);
    return rc;
}

/* The files of the best would take the place of those of a run; an interrupted start left its candidates. */
static int check_folder(const char *folder, const struct advice *a, struct error *err)
{
    static const char *const name[] = {RUN_CONFIG, RUN_MODEL, RUN_CHECKPOINT};

    for (int i = 0; i < 3 + a->candidates; i++) {
        mem_scoped char *path = file_join(folder, i < 3 ? name[i] : a->candidate[i - 3].name);

        TRY(need_memory(path, err));
        if (file_exists(path))
            return error_set(err, PT_EUSAGE, "%s: there is %s in this folder; use another --out", folder,
                             i < 3 ? "a run" : "what an earlier start trained");
    }
    return 0;
}

/* While candidate i trained. */
static int interrupted(const struct start_result *r, const struct advice *a, int i, const char *folder,
                       struct error *err)
{
    const char *name = a->candidate[i].name;

    if (r->best < 0 || r->best == i)
        return error_set(err, PT_EINTERRUPTED,
                         "interrupted while %s trained; partrain --resume --out %s/%s finishes it", name,
                         folder, name);
    return error_set(err, PT_EINTERRUPTED,
                     "interrupted while %s trained; the best before it is %s: partrain --resume --out %s/%s "
                     "finishes that one",
                     name, a->candidate[r->best].name, folder, a->candidate[r->best].name);
}

int start_train(struct start_result *out, struct advice *a, const struct start_options *o, struct error *err)
{
    struct item_counts counts = {0};
    int rc = 0, at = 0;

    *out = (struct start_result){.best = -1};
    TRY(check_folder(o->folder, a, err));
    for (int pass = 0; pass < 2 && rc == 0; pass++) { /* those that take seconds first */
        for (int i = 0; i < a->candidates && rc == 0; i++)
            if (a->candidate[i].network == (pass == 1)) {
                rc = try_candidate(out, a, at = i, o, &counts, err);
                drop_beaten(out, a, o);
            }
        pass_on_ease(a, out);
    }
    out->best = best_of(out, a, NULL);
    if (rc == 0)
        rc = out->best < 0 ? error_set(err, PT_EDATA, "no candidate trained: %s", out->trial[0].why)
                           : train_candidate(out, a, at = out->best, o, &counts, true, err);
    item_counts_fini(&counts);
    if (rc == PT_EINTERRUPTED)
        return interrupted(out, a, at, o->folder, err);
    return rc < 0 ? rc : move_up(o->folder, a->candidate[out->best].name, err);
}
