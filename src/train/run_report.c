/* run_report.c - progress, warnings, reasons for an early end, and results of a run. */
#include "train/run.h"

#include "base/mem.h"
#include "base/timing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t run_examples(const struct run *r)
{
    const struct scheduler *s = &r->trainer.scheduler;

    if (problem_is_sgd(r->config))
        return r->problem->cells.n;
    return s->last == LAST_DROP ? s->examples / s->size * s->size : s->examples;
}

void run_progress(const struct run *r, enum train_event event, int64_t epochs)
{
    const struct run_state *s = &r->state;
    bool within = event == TRAIN_STEPS;
    struct train_progress p = {.event = event, .epoch = s->epoch + within, .epochs = epochs};
    double done, began, took = s->train_s - r->epoch_began_s;

    if (!r->options->listen)
        return;
    p.share = within ? (double)s->in_epoch / (double)r->trainer.steps : 0.0;
    done = (double)s->epoch + p.share;
    p.loss = r->trainer.model->sums.steps ? r->trainer.model->sums.loss / (double)r->trainer.model->sums.steps
                                          : NAN;
    began = (double)(s->in_epoch - r->epoch_began_at) / (double)r->trainer.steps;
    p.examples_per_s = took > 0.0 ? began * (double)run_examples(r) / took : NAN;
    p.seconds_left = ((double)epochs - done) * (s->train_s + s->eval_s) / done;
    p.best_epoch = s->best_epoch;
    p.spec = &r->spec;
    p.valid = s->last_valid.n ? &s->last_valid : NULL;
    p.validated = event == TRAIN_EPOCH && r->validated;
    p.test = event == TRAIN_TESTED && r->test ? &r->tested : NULL;
    p.problem = r->problem;
    p.model = r->trainer.model;
    r->options->listen(r->options->arg, &p);
}

void run_compare_baselines(const struct run *r)
{
    const struct eval_result *own = r->tested.n > 0 ? &r->tested : &r->state.best_valid;
    const char *part = r->tested.n > 0 ? "test" : "validation";
    char text[512];

    if (r->options->no_test) /* a search compares its trials itself */
        return;
    if (eval_mean_note(text, sizeof text, r->config, part, &r->spec, own,
                       r->tested.n > 0 ? r->test_mean_rmse : r->valid_mean_rmse) ||
        baselines_note(text, sizeof text, r->config, &r->baselines, part, &r->spec, own))
        run_warn(r, "%s", text);
}

int run_diverged(const struct run *r, int64_t from, struct error *err)
{
    const struct run_state *s = &r->state;
    const char *layer = params_not_finite(&r->trainer.model->params);
    bool far = !problem_is_binary(r->config) && !r->config->center;
    bool counts = !problem_is_binary(r->config) && r->problem->high - r->problem->low > 100.0f;
    char what[128] = "the loss, but no weight yet, is", best[64] = "no model was saved yet";

    if (problem_traits(r->config)->closed)
        return error_set(err, PT_EDIVERGED,
                         "train.l2 (%g) is too small: the matrix X'X + train.l2 I of these ratings "
                         "has no inverse in float64; set it to 1 or more",
                         r->config->l2);
    if (layer)
        snprintf(what, sizeof what, "weights of %s are", layer);
    if (s->best_epoch || *s->model_hash)
        snprintf(best, sizeof best, "the best model, of epoch %lld, is kept", (long long)s->best_epoch);
    return error_set(
        err, PT_EDIVERGED,
        "training diverged in epoch %lld, within steps %lld to %lld: %s not finite. Likely causes: "
        "train.lr (%g) is too large%s%s; %s",
        (long long)s->epoch + 1, (long long)from + 1, (long long)s->in_epoch, what, r->config->lr,
        far ? ", or ratings are far from 0 (model.center)" : "",
        counts ? ", or these ratings are counts, which models of choices take (docs/implicit.md)" : "", best);
}

int run_interrupted(const struct run *r, struct error *err)
{
    if (!r->dir)
        return error_set(err, PT_EINTERRUPTED, "interrupted");
    return error_set(
        err, PT_EINTERRUPTED,
        "interrupted in epoch %lld, and saved; to go on: the same command with --out %s --resume",
        (long long)r->state.epoch + 1, r->options->folder);
}

double run_epoch_median(const struct run *r)
{
    int64_t n = r->epochs_timed;
    mem_scoped double *copy = mem_alloc(n, sizeof *copy);

    if (!copy || !n)
        return 0.0;
    memcpy(copy, r->epoch_s, (size_t)n * sizeof *copy);
    return median(copy, n);
}

void run_result(const struct run *r, struct train_result *out)
{
    *out = (struct train_result){.spec = r->spec,
                                 .best_valid = r->state.best_valid,
                                 .last_valid = r->state.last_valid,
                                 .test = r->tested,
                                 .baselines = r->baselines,
                                 .has_valid = r->monitor >= 0,
                                 .has_test = r->tested.n > 0,
                                 .last_is_best = r->monitor >= 0 && r->config->epochs > 1 &&
                                                 r->state.best_epoch == r->config->epochs,
                                 .epochs = r->state.epoch,
                                 .best_epoch = r->state.best_epoch,
                                 .train_s = r->state.train_s,
                                 .epoch_s_median = run_epoch_median(r)};
    memcpy(out->weights_hash, r->weights_hash, sizeof out->weights_hash);
    memcpy(out->model_hash, r->state.model_hash, sizeof out->model_hash);
}
