/* tune.c - which trials, in which order: all of them once, or round after round with the better ones. */
#include "tune/tune.h"

#include "base/file.h"
#include "base/timing.h"
#include "config/tree.h"
#include "eval/metrics.h"
#include "math/adam.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Every choice, and both ends of every range, must be a value of its key. */
static int check_values(const struct search *s, struct error *err)
{
    for (int i = 0; i < s->spec->axes; i++) {
        const struct tune_axis *a = &s->spec->axis[i];

        for (int k = 0; k < (a->choice ? a->choices : 2); k++) {
            scoped(config_free) struct config *c = NULL;
            struct error reason;

            TRY(config_copy(&c, s->base, err));
            if ((a->choice ? config_setf(c, &reason, "%s=%s", a->key, a->choice[k])
                           : config_setf(c, &reason, "%s=%.17g", a->key, k ? a->to : a->from)) < 0)
                return tree_fail(err, s->options->file, a->line, a->column, "tune: %s", reason.text);
        }
    }
    return 0;
}

static int check_halving(const struct search *s, const struct config *c, struct error *err)
{
    if (c->schedule == SCHEDULE_COSINE || c->schedule == SCHEDULE_ONE_CYCLE)
        return error_set(err, PT_ECONFIG,
                         "tune: method halving stops trainings early, and the step size of train.schedule "
                         "%s depends on train.epochs; take random, or another schedule",
                         config_enum_name("train.schedule", c->schedule));
    for (int i = 0; i < s->spec->axes; i++)
        if (strcmp(s->spec->axis[i].key, "train.epochs") == 0 ||
            strcmp(s->spec->axis[i].key, "train.schedule") == 0)
            return error_set(err, PT_ECONFIG, "tune: method halving cannot search %s", s->spec->axis[i].key);
    if (s->spec->min_epochs > s->epochs)
        return error_set(err, PT_ECONFIG, "tune: min_epochs %" PRId64 " is above train.epochs %" PRId64,
                         s->spec->min_epochs, s->epochs);
    return 0;
}

static int check_base(struct search *s, struct error *err)
{
    const struct tune_options *o = s->options;
    scoped(config_free) struct config *c = NULL;
    struct metric m;

    TRY(config_new(&s->base, err));
    TRY(config_load(s->base, o->file, err));
    for (int i = 0; i < o->assignments; i++)
        TRY(config_set(s->base, o->assignment[i], err));
    TRY(tune_config(&c, s, NULL, 0, err));
    TRY(config_need_data(c, err));
    TRY(metric_parse(&m, c->monitor, err));
    snprintf(s->result->metric, sizeof s->result->metric, "%s", m.name);
    s->result->smaller_is_better = metric_smaller_is_better(&m);
    s->epochs = s->spec->method == TUNE_HALVING ? c->epochs : 0;
    if (s->epochs)
        TRY(check_halving(s, c, err));
    return check_values(s, err);
}

static void print_space(FILE *f, const struct tune_spec *s)
{
    fprintf(f, "tune:\n  method: %s\n  seed: %" PRId64 "\n", tune_method_name[s->method], s->seed);
    if (s->method == TUNE_HALVING)
        fprintf(f, "  trials: %" PRId64 "\n  min_epochs: %" PRId64 "\n  eta: %" PRId64 "\n", s->trials,
                s->min_epochs, s->eta);
    fputs("  space:\n", f);
    for (int i = 0; i < s->axes; i++) {
        const struct tune_axis *a = &s->axis[i];

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
}

/* The plan of a search, which only the same plan resumes: the configuration without run.*, and the space.
 * What may grow (trials drawn, minutes) is left out. */
static int plan_text(const struct search *s, char **out, struct error *err)
{
    scoped(config_free) struct config *c = NULL;
    mem_scoped char *text = NULL;
    size_t size = 0;
    FILE *f;

    TRY(tune_config(&c, s, NULL, 0, err));
    TRY(config_text(c, true, &text, err));
    TRY(need_memory((f = open_memstream(out, &size)) != NULL, err));
    fprintf(f, "%.*s", (int)(strstr(text, "\nrun:\n") + 1 - text), text); /* its last section */
    print_space(f, s->spec);
    return need_memory(fclose(f) == 0, err);
}

static int compare_plan(const char *path, const char *plan, const char *folder, struct error *err)
{
    mem_scoped char *old = NULL;
    size_t length;

    TRY(file_read(&old, &length, path, (size_t)1 << 24, PT_EFILE, err));
    if (strcmp(old, plan) == 0)
        return 0;
    return error_set(err, PT_ECONFIG,
                     "%s: the search in this folder was another one (plan.yaml); only trials, minutes and "
                     "run.* may change",
                     folder);
}

static bool has_trials(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    bool trial = false;

    while (d && !trial && (entry = readdir(d)))
        trial = strncmp(entry->d_name, "trial-", 6) == 0 || strcmp(entry->d_name, "trials.jsonl") == 0;
    if (d)
        closedir(d);
    return trial;
}

static int open_folder(struct search *s, struct error *err)
{
    const char *folder = s->options->folder;
    mem_scoped char *path = tune_path(s, -1, "plan.yaml"), *plan = NULL;

    s->result->best_path = file_join(folder, "best.yaml");
    TRY(need_memory(path && s->result->best_path, err));
    TRY(plan_text(s, &plan, err));
    if (!has_trials(folder)) { /* nor did a search begin that ended before its first trial */
        TRY(file_make_folder(folder, err));
        TRY(file_write_text(path, plan, err));
    } else if (!file_exists(path)) { /* one would go on with them, and drop their weights */
        return error_set(
            err, PT_EUSAGE,
            "%s: there are folders trial-N in it, and no plan.yaml of a search; use another --out", folder);
    } else if (s->options->resume) {
        TRY(compare_plan(path, plan, folder, err));
    } else {
        return error_set(
            err, PT_EUSAGE,
            "%s: there is a search in this folder; --resume goes on with it, or use another --out", folder);
    }
    return tune_read_lines(s, err);
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
    return need_memory(!r->pool.failed, err);
}

static int try_all(struct search *s, struct error *err)
{
    for (int64_t i = 0; i < s->result->n && !s->result->time_is_up; i++)
        TRY(tune_try(s, &s->result->trial[i], 0, err));
    return 0;
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
    mem_scoped struct tune_trial **alive = mem_alloc(n, sizeof(struct tune_trial *));

    TRY(need_memory(alive, err));
    for (int64_t i = 0; i < n; i++)
        alive[i] = &s->result->trial[i + 1];
    TRY(tune_try(s, &s->result->trial[0], s->epochs, err));
    for (int rung = 0;; rung++) {
        int64_t keep = n / s->spec->eta > 1 ? n / s->spec->eta : 1;

        for (int64_t i = 0; i < n && !s->result->time_is_up; i++) {
            alive[i]->rung = rung;
            TRY(tune_try(s, alive[i], epochs, err));
        }
        if (s->result->time_is_up)
            return 0;
        rank(s, alive, n);
        if (epochs >= s->epochs)
            keep = 1;
        for (int64_t i = keep; i < n; i++)
            tune_drop_weights(s, alive[i]);
        n = keep;
        if (epochs >= s->epochs || alive[0]->status != TUNE_DONE)
            return 0;
        while (n > 1 && alive[n - 1]->status != TUNE_DONE)
            n--;
        epochs = n == 1 || epochs > s->epochs / s->spec->eta ? s->epochs : epochs * s->spec->eta;
    }
}

static void search_fini(struct search *s)
{
    json_free(s->line);
    config_free(s->base);
    item_counts_fini(&s->counts);
}

int tune_run(const struct tune_options *o, struct tune_result *out, struct error *err)
{
    scoped_value(search_fini) struct search s = {.options = o, .result = out, .started = clock_now()};

    *out = (struct tune_result){.best = -1};
    TRY(tune_spec_read(&out->spec, o->file, err));
    s.spec = out->spec;
    TRY(check_base(&s, err));
    TRY(open_folder(&s, err));
    TRY(draw_trials(&s, err));
    TRY(s.spec->method == TUNE_HALVING ? halve(&s, err) : try_all(&s, err));
    if (out->best < 0)
        return error_set(err, out->trial[0].status == TUNE_REFUSED ? PT_ECONFIG : PT_EDIVERGED,
                         "tune: no trial came to an end; trial 0: %s",
                         out->trial[0].reason ? out->trial[0].reason : "diverged");
    return 0;
}

void tune_result_fini(struct tune_result *r)
{
    tune_spec_free(r->spec);
    mem_pool_free(&r->pool);
    mem_free(r->best_path);
    *r = (struct tune_result){0};
}
