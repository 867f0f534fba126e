/* run.c - the run: epochs of minibatches, an evaluation on the validation part after each, the best model
 * saved, and the test part evaluated once. Serial except for trainer_steps: an epoch is done in chunks of
 * minibatches, with a check of signals and the clock between them. */
#include "train/run.h"

#include "base/mem.h"
#include "base/timing.h"
#include "store/model_file.h"

#include <math.h>
#include <string.h>

#define LISTS_MOST 5e8 /* scores: some seconds */
#define CHUNK_S    0.1 /* time between two checks of signals and updates of the progress line */

/* ---- an epoch ---- */

/* Asked by all ranks together: a signal need not reach them all, nor at the same minibatch. */
static bool stopping(struct run *r)
{
    return ranks_max(&r->ranks, r->options->stop && *r->options->stop);
}

static bool asked_to_save(struct run *r, sig_atomic_t before)
{
    return ranks_max(&r->ranks, r->options->save && before != *r->options->save);
}

/* By the clock of rank 0. */
static bool minutes_passed(struct run *r)
{
    double minutes = r->config->checkpoint_minutes;
    bool passed = minutes > 0.0 && clock_now() - r->saved_at >= 60.0 * minutes;

    ranks_copy(&r->ranks, &passed, sizeof passed);
    return passed;
}

/* Every weight has seen all steps afterwards. */
static void flush(struct run *r)
{
    trainer_steps(&r->trainer, r->state.in_epoch, r->state.in_epoch, false, true);
}

static int flush_and_save(struct run *r, struct error *err)
{
    flush(r);
    r->state.sums = r->trainer.model->sums;
    return r->dir ? rundir_save_checkpoint(r, err) : 0;
}

/* The rest of the current epoch, in chunks of about CHUNK_S. */
static int train_epoch(struct run *r, int64_t epochs, struct error *err)
{
    struct trainer *t = &r->trainer;
    struct run_state *st = &r->state;
    bool begin = true;
    int64_t size = 1;
    double before = st->train_s;
    sig_atomic_t save = r->options->save ? *r->options->save : 0;

    r->epoch_began_s = st->train_s;
    r->epoch_began_at = st->in_epoch;
    trainer_epoch(t, st->epoch);
    r->trainer.model->sums = r->state.sums;
    while (st->in_epoch < t->steps) {
        int64_t from = st->in_epoch, to = st->in_epoch + size < t->steps ? st->in_epoch + size : t->steps;
        double start = clock_now(), took;

        trainer_steps(t, from, to, begin, to == t->steps);
        took = clock_now() - start;
        st->train_s += took;
        st->steps_run += to - from;
        st->in_epoch = to;
        begin = false;
        if (r->dir)
            rundir_write_counts(r);
        size = took < CHUNK_S / 2 ? 2 * size : took > 2 * CHUNK_S && size > 1 ? size / 2 : size;
        ranks_copy(&r->ranks, &size, sizeof size);
        if (!isfinite(r->trainer.model->sums.loss)) {
            flush(r);
            return run_diverged(r, from, err);
        }
        run_progress(r, TRAIN_STEPS, epochs);
        if (stopping(r) && st->in_epoch < t->steps) {
            TRY(flush_and_save(r, err));
            return run_interrupted(r, err);
        }
        if (asked_to_save(r, save) || (r->dir && st->in_epoch < t->steps && minutes_passed(r))) {
            save = r->options->save ? *r->options->save : 0;
            TRY(flush_and_save(r, err));
        }
    }
    r->epoch_s[r->epochs_timed++] = st->train_s - before;
    return params_not_finite(&r->trainer.model->params) ? run_diverged(r, 0, err) : 0;
}

/* ---- validation ---- */

bool run_figure_is_better(const struct run *r, double a, double b)
{
    return metric_smaller_is_better(&r->spec.metric[r->monitor]) ? a < b : a > b;
}

/* Epoch 0 can be the best one too: of a model that begins at something (validate_start). */
static bool has_best(const struct run_state *s)
{
    return s->best_epoch || *s->model_hash;
}

/* Evaluates the validation part after a complete epoch, where it is due; r->new_best: the best so far. */
static void validate(struct run *r, int64_t epochs)
{
    struct run_state *s = &r->state;
    double figure;

    r->validated = r->new_best = false;
    if (r->monitor < 0 || s->refit) { /* the last epoch is what counts */
        r->new_best = true;
        if (!s->refit)
            s->best_epoch = s->epoch;
        return;
    }
    if (s->epoch % r->config->eval_every != 0 && s->epoch != epochs)
        return;
    evaluate(r->valid, &s->last_valid);
    r->validated = true;
    s->eval_s += s->last_valid.seconds;
    figure = s->last_valid.value[r->monitor];
    s->stale = s->epoch - s->best_epoch;
    if (isfinite(figure) &&
        (!has_best(s) || run_figure_is_better(r, figure, s->best) || !isfinite(s->best))) {
        r->new_best = true;
        s->best = figure;
        s->best_epoch = s->epoch;
        s->best_valid = s->last_valid;
        s->stale = 0;
    }
}

/* Whether the model is saved now: without validation only that of the last epoch. */
static bool writes_model(const struct run *r, int64_t epochs)
{
    return r->new_best &&
           (r->monitor >= 0 ? !r->state.refit || r->state.epoch == epochs : r->state.epoch == epochs);
}

int run_keep_weights(struct run *r, float **kept, struct error *err)
{
    const struct param_list *l = &r->trainer.model->params;

    *kept = *kept ? *kept : mem_alloc(params_held(l), 1);
    TRY(need_memory(*kept, err));
    params_keep(l, *kept, false);
    return 0;
}

/* `last`: the checkpoint that ends the training is about to be written anyway. */
static int end_epoch(struct run *r, int64_t epochs, bool last, struct error *err)
{
    int64_t every = r->config->checkpoint_every;

    r->state.sums = r->trainer.model->sums;
    if (writes_model(r, epochs))
        TRY(params_hash(&r->trainer.model->params, r->state.model_hash, err));
    if (r->dir) {
        TRY(rundir_add_metrics(r, r->state.epoch ? r->epoch_s[r->epochs_timed - 1] : 0.0, err));
        if (writes_model(r, epochs))
            TRY(rundir_write_model(r, err));
    } else if (writes_model(r, epochs) && (r->test || r->trainer.model->spec.companion)) {
        TRY(run_keep_weights(r, &r->best_weights, err));
    }
    run_progress(r, TRAIN_EPOCH, epochs);
    r->state.in_epoch = 0;
    r->trainer.model->sums = r->state.sums =
        (struct epoch_sums){0}; /* the model's too: an interruption here saves what it has */
    if (r->dir && !last && !stopping(r) && ((every && r->state.epoch % every == 0) || minutes_passed(r)))
        TRY(rundir_save_checkpoint(r, err));
    return 0;
}

/* ---- the run ---- */

static bool patient(const struct run *r)
{
    return r->state.refit || !r->config->patience || r->state.stale < r->config->patience;
}

/* Whether the model at hand is one to choose already. */
static bool begins_at_means(const struct run *r)
{
    return r->monitor >= 0 && problem_is_sgd(r->config) && !r->state.refit && !has_best(&r->state) &&
           r->state.epoch == 0 && r->state.in_epoch == 0 && r->config->epochs > 0;
}

/* Epochs up to `epochs`, or until validation has not improved for train.patience of them. */
static int train_epochs(struct run *r, int64_t epochs, struct error *err)
{
    bool more = r->state.epoch < epochs && patient(r);

    if (begins_at_means(r)) {
        validate(r, epochs);
        TRY(end_epoch(r, epochs, false, err));
    }
    while (more) {
        TRY(train_epoch(r, epochs, err));
        r->state.epoch++;
        validate(r, epochs);
        more = r->state.epoch < epochs && patient(r);
        TRY(end_epoch(r, epochs, !more, err));
        if (stopping(r) && more) {
            TRY(r->dir ? rundir_save_checkpoint(r, err) : 0);
            return run_interrupted(r, err);
        }
    }
    return 0;
}

/* No evaluation has a finite figure to choose the best model by. */
static int check_best(const struct run *r, struct error *err)
{
    if (r->monitor < 0 || has_best(&r->state) || !r->state.last_valid.n)
        return 0;
    return error_set(
        err, PT_EDIVERGED,
        "training diverged: the validation %s is not finite in any epoch, so no model is the best. "
        "Likely cause: train.lr (%g) is too large",
        r->spec.metric[r->monitor].name, r->config->lr);
}

/* The validation part has chosen, and moves into training. */
static int begin_refit(struct run *r, struct error *err)
{
    TRY(run_add_companion(r, true, err));
    r->state.refit = 1;
    r->state.epoch = r->state.in_epoch = 0;
    *r->state.model_hash = '\0';
    TRY(run_join_validation(r, err));
    TRY(run_start_model(r, r->state.best_epoch, err));
    return r->dir ? rundir_save_checkpoint(r, err) : 0;
}

/* A run of no epochs has a model too: the initial weights. */
static int keep_first_model(struct run *r, struct error *err)
{
    if (r->state.model_hash[0])
        return 0;
    TRY(params_hash(&r->trainer.model->params, r->state.model_hash, err));
    return r->dir ? rundir_write_model(r, err) : 0;
}

static int evaluate_baselines(struct run *r, struct error *err)
{
    const struct problem *p = r->problem;
    const struct eval_part *part = r->test                                 ? &p->test
                                   : r->state.best_valid.n && !p->refitted ? &p->valid
                                                                           : NULL;

    if (!part || r->options->no_test)
        return 0;
    return baselines_evaluate(&r->baselines, &r->spec, part, p, &r->trainer.model->eng, err);
}

/* What the lists of a model of ratings are worth, for `recommend` to say; on large data it would take longer
 * than the rest of the evaluation. */
static int evaluate_lists(struct run *r, struct error *err)
{
    const struct problem *p = r->problem;
    struct eval_spec spec = r->spec;
    struct baseline_figures figures;
    scoped(evaluator_free) struct evaluator *e = NULL;
    struct eval_result own;

    if (!r->test || !r->dir || problem_is_binary(r->config) || p->side == SIDE_ITEM ||
        (double)p->examples * (double)p->columns > LISTS_MOST)
        return 0;
    spec.n = 1;
    TRY(metric_parse(&spec.metric[0], "ndcg@10", err));
    TRY(baselines_evaluate(&figures, &spec, &p->test, p, &r->trainer.model->eng, err));
    TRY(evaluator_new(&e, &spec, &p->test, r->trainer.model, p, err));
    evaluate(e, &own);
    r->lists_ndcg = own.value[0];
    r->popular_ndcg = figures.value[BASELINE_POPULAR][0];
    return 0;
}

/* Evaluates the test part, once: with the weights of the last step, and with the best model. */
static int finish(struct run *r, struct error *err)
{
    run_list_companion(r);
    TRY(params_hash(&r->trainer.model->params, r->weights_hash, err));
    if (r->dir)
        TRY(rundir_check_model(r, err));
    if (r->test && strcmp(r->weights_hash, r->state.model_hash) != 0) {
        evaluate(r->test, &r->last_tested);
        if (!r->dir)
            params_keep(&r->trainer.model->params, r->best_weights, true);
        else
            TRY(model_file_read(rundir_path(r->dir, RUN_MODEL), r->trainer.model, false, err));
    }
    if (r->test)
        evaluate(r->test, &r->tested);
    if (!r->last_tested.n)
        r->last_tested = r->tested;
    if (r->test && !problem_is_binary(r->config))
        TRY(eval_mean_rmse(&r->test_mean_rmse, r->problem, r->problem->test.out, err));
    TRY(evaluate_baselines(r, err));
    TRY(evaluate_lists(r, err));
    run_progress(r, TRAIN_TESTED, r->config->epochs);
    run_compare_baselines(r);
    if (r->dir)
        TRY(summary_write(r, err));
    if (r->dir)
        rundir_drop_old(r->dir);
    return 0;
}

static int train(struct run *r, struct train_result *out, struct error *err)
{
    bool done;

    TRY(run_open(r, &done, err));
    if (done)
        return 0;
    r->saved_at = clock_now();
    r->ready_s = clock_now() - r->started;
    run_progress(r, TRAIN_READY, r->config->epochs);
    if (!r->state.refit) {
        TRY(train_epochs(r, r->config->epochs, err));
        TRY(check_best(r, err));
    }
    if (r->config->refit && r->monitor >= 0) {
        bool held = r->options->hold_refit && !r->state.refit;

        TRY(r->state.refit ? 0 : begin_refit(r, err));
        if (held && out)
            run_result(r, out);
        if (held)
            return 0;
        run_progress(r, TRAIN_REFIT, r->state.best_epoch);
        TRY(train_epochs(r, r->state.best_epoch, err)); /* as many as validation chose */
    }
    TRY(keep_first_model(r, err));
    TRY(run_add_companion(r, false, err));
    r->state.finished = true;
    if (r->dir)
        TRY(rundir_save_checkpoint(r, err));
    TRY(finish(r, err));
    if (out)
        run_result(r, out);
    return 0;
}

int train_run(const struct config *c, const struct train_options *o, struct train_result *out,
              struct error *err)
{
    struct run r = {.config = c,
                    .options = o,
                    .ranks = ranks_self(),
                    .started = clock_now(),
                    .valid_mean_rmse = NAN,
                    .test_mean_rmse = NAN,
                    .lists_ndcg = NAN,
                    .popular_ndcg = NAN};
    struct error failed = {0};
    int rc = train(&r, out, err);

    if (rc < 0 && rundir_commit_model(&r, &failed) < 0) /* a run that fails still leaves its best model */
        run_warn(&r, "%s", failed.text);
    run_close(&r);
    return rc;
}
