/* tune.c - which trials, in which order: all of them once, or round after round with the better ones. */
#include "tune/tune.h"

#include "base/file.h"
#include "base/timing.h"
#include "config/tree.h"
#include "eval/metrics.h"
#include "math/adam.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every choice, and both ends of every range, must be a value of its key. */
static int check_values(const struct search *s, struct error *err)
{
    for (int i = 0; i < s->spec->axes; i++) {
        const struct tune_axis *a = &s->spec->axis[i];

        for (int k = 0; k < (a->choice ? a->choices : 2); k++) {
            struct config *c = NULL;
            int rc = config_copy(&c, s->base, err);

            if (rc == 0 && a->choice)
                rc = config_setf(c, err, "%s=%s", a->key, a->choice[k]);
            else if (rc == 0)
                rc = config_setf(c, err, "%s=%.17g", a->key, k ? a->to : a->from);
            config_free(c);
            if (rc < 0) {
                struct error reason = *err;

                return tree_fail(err, s->options->file, a->line, a->column, "tune: %s", reason.text);
            }
        }
    }
    return 0;
}

static int check_base(struct search *s, struct error *err)
{
    const struct tune_options *o = s->options;
    struct config *c = NULL;
    struct metric m;
    int rc = config_new(&s->base, err);

    if (rc == 0)
        rc = config_load(s->base, o->file, err);
    for (int i = 0; i < o->assignments && rc == 0; i++)
        rc = config_set(s->base, o->assignment[i], err);
    if (rc == 0)
        rc = tune_config(&c, s, NULL, 0, err);

    if (rc == 0)
        rc = config_need_data(c, err);
    if (rc == 0)
        rc = metric_parse(&m, c->monitor, err);
    if (rc == 0) {
        snprintf(s->result->metric, sizeof s->result->metric, "%s", m.name);
        s->result->smaller_is_better = metric_smaller_is_better(&m);
        s->epochs = s->spec->method == TUNE_HALVING ? c->epochs : 0;
        if (s->epochs && (c->schedule == SCHEDULE_COSINE || c->schedule == SCHEDULE_ONE_CYCLE))
            rc = error_set(err, PT_ECONFIG,
                           "tune: method halving stops trainings early, and the step size of train.schedule "
                           "%s depends on train.epochs; take random, or another schedule",
                           config_enum_name("train.schedule", c->schedule));
        for (int i = 0; i < s->spec->axes && rc == 0 && s->epochs; i++)
            if (strcmp(s->spec->axis[i].key, "train.epochs") == 0 ||
                strcmp(s->spec->axis[i].key, "train.schedule") == 0)
                rc =
                    error_set(err, PT_ECONFIG, "tune: method halving cannot search %s", s->spec->axis[i].key);
        if (rc == 0 && s->epochs && s->spec->min_epochs > s->epochs)
            rc = error_set(err, PT_ECONFIG, "tune: min_epochs %" PRId64 " is above train.epochs %" PRId64,
                           s->spec->min_epochs, s->epochs);
    }
    if (rc == 0)
        rc = check_values(s, err);
    config_free(c);
    return rc;
}

/* The plan of a search, which only the same plan resumes: the configuration without run.*, and the space.
 * What may grow (trials drawn, minutes) is left out. */
static int plan_text(const struct search *s, char **out, struct error *err)
{
    struct config *c = NULL;
    char *run;
    size_t size = 0;
    FILE *f = open_memstream(out, &size);
    int rc = f ? tune_config(&c, s, NULL, 0, err) : error_set(err, PT_ENOMEM, "out of memory");

    if (rc == 0)
        rc = config_print(c, f, true, err);
    config_free(c);
    if (rc < 0) {
        if (f)
            fclose(f);
        return rc;
    }
    run = strstr(*out, "\nrun:\n"); /* the last section */
    if (run)
        fseek(f, run + 1 - *out, SEEK_SET);
    fprintf(f, "tune:\n  method: %s\n  seed: %" PRId64 "\n", tune_method_name[s->spec->method],
            s->spec->seed);
    if (s->spec->method == TUNE_HALVING)
        fprintf(f, "  trials: %" PRId64 "\n  min_epochs: %" PRId64 "\n  eta: %" PRId64 "\n", s->spec->trials,
                s->spec->min_epochs, s->spec->eta);
    fputs("  space:\n", f);
    for (int i = 0; i < s->spec->axes; i++) {
        const struct tune_axis *a = &s->spec->axis[i];

        if (!a->choice) {
            fprintf(f, "    %s: {from: %.17g, to: %.17g, scale: %s, points: %d}\n", a->key, a->from, a->to,
                    a->logarithmic ? "log" : "linear", a->points);
            continue;
        }
        fprintf(f, "    %s: [", a->key);
        for (int k = 0; k < a->choices; k++)
            fprintf(f, "%s%s", k ? ", " : "", a->choice[k]);
        fputs("]\n", f);
    }
    return fclose(f) == 0 ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

static int compare_plan(const char *path, const char *plan, const char *folder, struct error *err)
{
    char *old;
    size_t length;
    int rc = 0;

    TRY(file_read(&old, &length, path, (size_t)1 << 24, PT_EFILE, err));
    if (strcmp(old, plan) != 0)
        rc = error_set(err, PT_ECONFIG,
                       "%s: the search in this folder was another one (plan.yaml); only trials, minutes and "
                       "run.* may change",
                       folder);
    mem_free(old);
    return rc;
}

static int open_folder(struct search *s, struct error *err)
{
    const char *folder = s->options->folder;
    char *path = tune_path(s, -1, "plan.yaml"), *plan = NULL;
    int rc = path ? plan_text(s, &plan, err) : error_set(err, PT_ENOMEM, "out of memory");

    s->result->best_path = file_join(folder, "best.yaml");
    if (rc == 0 && !s->result->best_path)
        rc = error_set(err, PT_ENOMEM, "out of memory");
    if (rc == 0 && file_exists(path)) {
        if (s->options->resume)
            rc = compare_plan(path, plan, folder, err);
        else
            rc = error_set(
                err, PT_EUSAGE,
                "%s: there is a search in this folder; --resume goes on with it, or use another --out",
                folder);
    } else if (rc == 0 && (rc = file_make_folder(folder, err)) == 0) {
        rc = file_write_text(path, plan, err);
    }
    free(path);
    free(plan);
    return rc < 0 ? rc : tune_read_lines(s, err);
}

static int draw_trials(struct search *s, struct error *err)
{
    struct tune_result *r = s->result;
    int64_t n = 1 + (s->spec->method == TUNE_GRID ? tune_grid_size(s->spec) : s->spec->trials);

    r->trial = mem_pool_zalloc(&r->pool, n, sizeof *r->trial);
    for (; r->trial && r->n < n; r->n++) {
        struct tune_trial *t = &r->trial[r->n];

        *t = (struct tune_trial){.id = r->n, .figure = NAN};
        if (r->n > 0 && (t->value = mem_pool_zalloc(&r->pool, s->spec->axes, sizeof *t->value)))
            tune_draw(s->spec, r->n, t->value, &r->pool);
    }
    return r->pool.failed ? error_set(err, PT_ENOMEM, "tune: out of memory for %" PRId64 " trials", n) : 0;
}

static int try_all(struct search *s, struct error *err)
{
    int rc = 0;

    for (int64_t i = 0; i < s->result->n && rc == 0 && !s->result->time_is_up; i++)
        rc = tune_try(s, &s->result->trial[i], 0, err);
    return rc;
}

/* Epochs of the first round: such that the last one trains fully what is left. */
static int64_t first_epochs(const struct search *s)
{
    int64_t epochs = s->epochs;

    if (s->spec->min_epochs)
        return s->spec->min_epochs;
    for (int64_t left = s->result->n - 1; left >= s->spec->eta && epochs > 1; left /= s->spec->eta)
        epochs = (epochs + s->spec->eta - 1) / s->spec->eta;
    return epochs;
}

/* Moves the better ones to the front: by insertion, the earlier trial first among equals. */
static void rank(const struct search *s, struct tune_trial **alive, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        for (int64_t k = i; k > 0 && tune_better(s->result, alive[k], alive[k - 1]); k--) {
            struct tune_trial *t = alive[k];

            alive[k] = alive[k - 1];
            alive[k - 1] = t;
        }
}

/* Rounds: all train a little, the best of them on, until what is left has trained fully. The configuration as
 * it stands is not in the race: it trains fully at once, to be compared with. */
static int halve(struct search *s, struct error *err)
{
    int64_t n = s->result->n - 1, epochs = first_epochs(s);
    struct tune_trial **alive = mem_alloc(n, sizeof(struct tune_trial *));
    int rc;

    if (!alive)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t i = 0; i < n; i++)
        alive[i] = &s->result->trial[i + 1];
    rc = tune_try(s, &s->result->trial[0], s->epochs, err);
    for (int rung = 0; rc == 0; rung++) {
        int64_t keep = n / s->spec->eta > 1 ? n / s->spec->eta : 1;

        for (int64_t i = 0; i < n && rc == 0 && !s->result->time_is_up; i++) {
            alive[i]->rung = rung;
            rc = tune_try(s, alive[i], epochs, err);
        }
        if (rc < 0 || s->result->time_is_up)
            break;
        rank(s, alive, n);
        if (epochs >= s->epochs)
            keep = 1;
        for (int64_t i = keep; i < n; i++)
            tune_drop_weights(s, alive[i]);
        n = keep;
        if (epochs >= s->epochs || alive[0]->status != TUNE_DONE)
            break;
        while (n > 1 && alive[n - 1]->status != TUNE_DONE)
            n--;
        epochs = n == 1 || epochs > s->epochs / s->spec->eta ? s->epochs : epochs * s->spec->eta;
    }
    mem_free(alive);
    return rc;
}

int tune_run(const struct tune_options *o, struct tune_result *out, struct error *err)
{
    struct search s = {.options = o, .result = out, .started = clock_now()};
    int rc;

    *out = (struct tune_result){.best = -1};
    TRY(tune_spec_read(&out->spec, o->file, err));
    s.spec = out->spec;
    if ((rc = check_base(&s, err)) == 0 && (rc = open_folder(&s, err)) == 0 &&
        (rc = draw_trials(&s, err)) == 0)
        rc = s.spec->method == TUNE_HALVING ? halve(&s, err) : try_all(&s, err);
    if (rc == 0 && out->best < 0)
        rc = error_set(err, out->trial[0].status == TUNE_REFUSED ? PT_ECONFIG : PT_EDIVERGED,
                       "tune: no trial came to an end; trial 0: %s",
                       out->trial[0].reason ? out->trial[0].reason : "diverged");
    json_free(s.line);
    config_free(s.base);
    item_counts_fini(&s.counts);
    return rc;
}

void tune_result_fini(struct tune_result *r)
{
    tune_spec_free(r->spec);
    mem_pool_free(&r->pool);
    mem_free(r->best_path);
    *r = (struct tune_result){0};
}
