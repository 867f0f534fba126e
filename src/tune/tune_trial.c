/* tune_trial.c - a search's folder:
 *
 *   DIR/plan.yaml      what is searched; another plan is not resumed here
 *   DIR/trials.jsonl   a line a trial and round, the file that a resumed search goes by
 *   DIR/trial-N/       a run's folder; the weights of those that are out are removed
 *   DIR/best.yaml      the best configuration so far */
#include "tune/tune.h"

#include "base/file.h"
#include "base/timing.h"
#include "eval/metrics.h"
#include "store/run_files.h"
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

char *tune_path(const struct search *s, int64_t trial, const char *name)
{
    return trial < 0
               ? mem_printf("%s/%s", s->options->folder, name)
               : mem_printf("%s/trial-%" PRId64 "%s%s", s->options->folder, trial, *name ? "/" : "", name);
}

int tune_config(struct config **out, const struct search *s, const struct tune_trial *t, int64_t epochs,
                struct error *err)
{
    scoped(config_free) struct config *c = NULL;

    TRY(config_copy(&c, s->base, err));
    for (int i = 0; t && t->value && i < s->spec->axes; i++)
        TRY(config_setf(c, err, "%s=%s", s->spec->axis[i].key, t->value[i]));
    if (epochs > 0)
        TRY(config_setf(c, err, "train.epochs=%" PRId64, epochs));
    TRY(config_check(c, err));
    *out = handed_on(c);
    return 0;
}

/* The fields that summary.json and a line of trials.jsonl have in common. */
static void read_epochs(struct tune_trial *t, const struct json *j)
{
    t->epochs = json_get_int(j, "epochs", 0);
    t->best_epoch = json_get_int(j, "best_epoch", 0);
    snprintf(t->weights_hash, sizeof t->weights_hash, "%.32s", json_get_text(j, "weights_hash", ""));
}

/* The result of a run, from its summary. */
static int read_result(struct search *s, struct tune_trial *t, struct error *err)
{
    mem_scoped char *path = tune_path(s, t->id, "summary.json");
    scoped(json_free) struct json *j = NULL;

    TRY(path ? json_read(&j, path, err) : error_set(err, PT_ENOMEM, "out of memory"));
    t->figure = json_get_real(json_get(j, "valid"), s->result->metric, NAN);
    read_epochs(t, j);
    t->train_s = json_get_real(json_get(j, "time"), "train_s", 0.0);
    t->status = TUNE_DONE;
    if (isnan(t->figure))
        return error_set(
            err, PT_ECONFIG,
            "tune: there is no validation part to choose by: set split.valid or split.valid_users");
    return 0;
}

static int keep_reason(const struct search *s, struct tune_trial *t, const char *text, struct error *err)
{
    t->reason = mem_pool_add(&s->result->pool, mem_strdup(text));
    return need_memory(t->reason, err);
}

/* The trial is a row without a figure, and the search goes on: it diverged, does not fit into memory, or the
 * run refuses its settings. */
static int give_up(const struct search *s, struct tune_trial *t, enum tune_status status, struct error *err)
{
    t->status = status;
    t->figure = NAN;
    if (s->options->warn)
        s->options->warn(s->options->arg, err->text);
    return keep_reason(s, t, err->text, err);
}

static int train(struct search *s, struct tune_trial *t, int64_t epochs, struct error *err)
{
    scoped(config_free) struct config *c = NULL;
    struct train_options o = {.resume = true,
                              .no_test = true,
                              .stop = s->options->stop,
                              .counts = &s->counts,
                              .warn = s->options->warn,
                              .arg = s->options->arg};
    mem_scoped char *folder = tune_path(s, t->id, "");
    int rc;

    TRY(need_memory(folder, err));
    rc = tune_config(&c, s, t, epochs, err);
    if (rc == 0) {
        c->refit = false; /* training again would change no figure of the search */
        o.folder = folder;
        rc = train_run(c, &o, NULL, err);
    }
    if (rc == 0)
        rc = read_result(s, t, err);
    else if (rc == PT_EDIVERGED || rc == PT_ECONFIG || rc == PT_ENOMEM)
        rc = give_up(s, t, rc == PT_EDIVERGED ? TUNE_DIVERGED : TUNE_REFUSED, err);
    return rc;
}

static const char *const status_name[] = {"waiting", "done", "diverged", "refused"};

static int add_line(const struct search *s, const struct tune_trial *t, struct error *err)
{
    struct json *j = json_new_object(), *set = json_new_object();
    mem_scoped char *text = NULL, *path = tune_path(s, -1, "trials.jsonl");

    for (int i = 0; t->value && i < s->spec->axes; i++)
        json_put_text(set, s->spec->axis[i].key, t->value[i]);
    json_put_int(j, "trial", t->id);
    json_put_int(j, "rung", t->rung);
    json_put_text(j, "status", status_name[t->status]);
    json_put(j, "set", set);
    json_put_int(j, "epochs", t->epochs);
    json_put_text(j, "metric", s->result->metric);
    json_put_real(j, "valid", t->figure);
    json_put_int(j, "best_epoch", t->best_epoch);
    json_put_real(j, "train_s", t->train_s);
    json_put_text(j, "weights_hash", t->weights_hash);
    if (t->reason)
        json_put_text(j, "reason", t->reason);
    text = json_text(j, false);
    json_free(j);
    return text && path ? file_append_line(path, text, err) : error_set(err, PT_ENOMEM, "out of memory");
}

int tune_read_lines(struct search *s, struct error *err)
{
    mem_scoped char *path = tune_path(s, -1, "trials.jsonl");

    TRY(need_memory(path, err));
    if (!file_exists(path))
        return 0;
    TRY(file_keep_lines(path, INT64_MAX, err));
    return json_read_lines(&s->line, path, err);
}

/* Whether an earlier call did this trial's round; its outcome then. `reason` is borrowed; or NULL. */
static bool recall(const struct search *s, struct tune_trial *t, const char **reason)
{
    for (int64_t i = 0; i < json_count(s->line); i++) {
        const struct json *j = json_at(s->line, i);
        const char *status = json_get_text(j, "status", "");

        if (json_get_int(j, "trial", -1) != t->id || json_get_int(j, "rung", -1) != t->rung)
            continue;
        t->status = TUNE_DONE;
        for (int k = TUNE_DONE; k <= TUNE_REFUSED; k++)
            if (strcmp(status, status_name[k]) == 0)
                t->status = (enum tune_status)k;
        t->figure = json_get_real(j, "valid", NAN);
        read_epochs(t, j);
        t->train_s = json_get_real(j, "train_s", 0.0);
        *reason = json_get_text(j, "reason", NULL);
        return true;
    }
    return false;
}

bool tune_better(const struct tune_result *r, const struct tune_trial *a, const struct tune_trial *b)
{
    if (a->status != TUNE_DONE || isnan(a->figure))
        return false;
    if (b->status != TUNE_DONE || isnan(b->figure))
        return true;
    return r->smaller_is_better ? a->figure < b->figure : a->figure > b->figure;
}

void tune_drop_weights(const struct search *s, const struct tune_trial *t)
{
    mem_scoped char *folder = s->options->keep ? NULL : tune_path(s, t->id, "");

    if (folder)
        run_drop_weights(folder);
}

/* The best configuration as a file that trains as it is: with what was searched, without the search. */
static int write_best(struct search *s, const struct tune_trial *t, struct error *err)
{
    scoped(config_free) struct config *c = NULL;
    mem_scoped char *text = NULL, *all = NULL;

    TRY(tune_config(&c, s, t, s->epochs, err));
    TRY(config_text(c, false, &text, err));
    all = mem_printf("# Found by partrain tune: trial %" PRId64 " of %" PRId64
                     ", validation %s %.4f at epoch %" PRId64 ".\n%s",
                     t->id, s->result->n - 1, s->result->metric, t->figure, t->best_epoch, text);
    TRY(need_memory(all, err));
    return file_write_text(s->result->best_path, all, err);
}

/* A trial has ended: the weights of the worse one are removed, unless it may train on. */
static int compare_with_best(struct search *s, struct tune_trial *t, struct error *err)
{
    struct tune_result *r = s->result;
    bool first = r->best < 0, best = first ? t->status == TUNE_DONE : tune_better(r, t, &r->trial[r->best]);

    if (s->spec->method != TUNE_HALVING && !(best && first))
        tune_drop_weights(s, best ? &r->trial[r->best] : t);
    if (!best && r->best != t->id)
        return 0;
    r->best = t->id;
    return write_best(s, t, err);
}

static bool time_is_up(const struct search *s)
{
    return s->spec->minutes > 0.0 && clock_now() - s->started >= 60.0 * s->spec->minutes;
}

int tune_try(struct search *s, struct tune_trial *t, int64_t epochs, struct error *err)
{
    const struct tune_options *o = s->options;
    const char *reason = NULL;
    bool again = recall(s, t, &reason);
    int rc;

    TRY(reason ? keep_reason(s, t, reason, err) : 0);
    if (!again && s->begun++ > 0 && time_is_up(s)) { /* one trial a call, so that each gets on */
        s->result->time_is_up = true;
        return 0;
    }
    if (!again) {
        rc = train(s, t, epochs, err);
        if (rc == PT_EINTERRUPTED)
            return error_set(err, rc,
                             "interrupted in trial %" PRId64
                             "; to go on: the same command with --out %s --resume",
                             t->id, o->folder);
        TRY(rc);
        TRY(add_line(s, t, err));
    }
    TRY(compare_with_best(s, t, err));
    if (o->listen)
        o->listen(o->arg, s->result, t, again);
    return 0;
}
