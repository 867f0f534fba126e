/* train.c - the run. Serial but for team_run: an epoch is a few runs of the workers over some minibatches
 * each. */
#include "train/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "train/warm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_S 0.1 /* time between two looks at signals and the progress line */

/* ---- setting up ----------------------------------------------------------------------------------- */

static int find_monitor(struct run *r, struct error *err)
{
    struct metric m;
    int rc;

    r->monitor = -1;
    if (!r->problem->valid.out)
        return 0;
    if ((rc = metric_parse(&m, r->config->monitor, err)) < 0) {
        error_prefix(err, "train.monitor");
        return rc;
    }
    for (int i = 0; i < r->spec.n; i++)
        if (strcmp(r->spec.metric[i].name, m.name) == 0)
            r->monitor = i;
    if (r->monitor < 0)
        return error_set(err, PT_ECONFIG, "train.monitor: %s is not among eval.metrics; add it there",
                         m.name);
    return 0;
}

/* What config_check cannot know: whether a split that came with the files has a validation part. */
static int check_validation(const struct run *r, struct error *err)
{
    if (r->monitor >= 0)
        return 0;
    if (r->config->patience)
        return error_set(err, PT_ECONFIG,
                         "train.patience: the split that came with these ratings has no validation part to "
                         "judge by, and split.valid is 0; set train.patience to 0");
    if (r->config->refit)
        return error_set(err, PT_ECONFIG,
                         "train.refit: the split that came with these ratings has no validation part to "
                         "choose by, and split.valid is 0; set train.refit to false");
    return 0;
}

static void free_model(struct run *r)
{
    evaluator_free(r->valid);
    evaluator_free(r->test);
    learner_fini(&r->learner);
    r->valid = r->test = NULL;
}

/* Model, minibatches, optimiser and evaluators on the problem at hand, for `epochs` epochs. */
static int make_model(struct run *r, int64_t epochs, struct error *err)
{
    struct problem *p = r->problem;
    struct model *m;
    int rc = learner_init(&r->learner, r->config, p, epochs, err);

    if (rc < 0)
        return rc;
    m = r->learner.model;
    if (p->valid.out && (rc = evaluator_new(&r->valid, &r->spec, &p->valid, m, p, err)) < 0)
        return rc;
    return p->test.out && !r->options->no_test ? evaluator_new(&r->test, &r->spec, &p->test, m, p, err) : 0;
}

void run_warn(const struct run *r, const char *text)
{
    if (r->options->warn && *text)
        r->options->warn(r->options->arg, text);
}

/* A model that no checkpoint will overwrite: from train.init, where that is given. */
static int start_model(struct run *r, int64_t epochs, struct error *err)
{
    const char *folder = r->config->init_run;
    struct warm_counts n;
    char note[256];
    int rc = make_model(r, epochs, err);

    if (rc < 0 || !*folder)
        return rc;
    if ((rc = warm_start(r->learner.model, r->problem, r->config, folder, &n, err)) < 0)
        return rc;
    snprintf(note, sizeof note,
             "train.init: the former run knows %lld items and %lld users of these; %lld and %lld are new",
             (long long)n.items, (long long)n.users, (long long)n.new_items, (long long)n.new_users);
    run_warn(r, note);
    return 0;
}

static int resume(struct run *r, struct error *err)
{
    int rc = rundir_load_checkpoint(r, err);

    if (rc == 0 && r->state.refit) { /* these weights belong to a model on training plus validation */
        free_model(r);
        if ((rc = problem_refit(r->problem, r->config, err)) == 0 &&
            (rc = eval_spec_make(&r->spec, r->config, r->problem, err)) == 0 &&
            (rc = make_model(r, r->state.best_epoch, err)) == 0)
            rc = rundir_load_checkpoint(r, err);
    }
    return rc;
}

static bool out_of_patience(const struct run *r)
{
    return r->config->patience && r->state.stale >= r->config->patience;
}

/* What the run will take; a dry run is done with that. */
static int plan(const struct run *r, bool *done, struct error *err)
{
    struct memory_plan m;
    struct train_progress p = {
        .event = TRAIN_PLANNED, .plan = &m, .problem = r->problem, .epochs = r->config->epochs};
    int rc = plan_make(&m, r->config, r->problem, err);

    if (rc < 0)
        return rc;
    *done = r->options->dry_run;
    if (*done && r->options->listen)
        r->options->listen(r->options->arg, &p);
    /* Of several ranks each has only its shards; the plan is that of one that has all. */
    return r->ranks.count > 1 ? 0 : plan_check(&m, r->config, err);
}

static int open_run(struct run *r, bool *done, struct error *err)
{
    const struct train_options *o = r->options;
    int rc;

    *done = false;
    if (o->folder && !o->dry_run &&
        (rc = rundir_open(&r->dir, o->folder, o->resume, r->ranks.id == 0, err)) < 0)
        return rc;
    r->found = r->dir && rundir_has_checkpoint(r->dir);
    ranks_copy(&r->ranks, &r->found, sizeof r->found);
    if (r->found && (rc = rundir_check_config(r->dir, r->config, err)) < 0)
        return rc;
    if ((rc = problem_new(&r->problem, r->config, err)) < 0 ||
        (rc = eval_spec_make(&r->spec, r->config, r->problem, err)) < 0 || (rc = find_monitor(r, err)) < 0 ||
        (rc = check_validation(r, err)) < 0 || (rc = plan(r, done, err)) < 0 || *done)
        return rc;
    rc = (r->dir && rundir_has_checkpoint(r->dir) ? make_model : start_model)(r, r->config->epochs, err);
    if (rc < 0)
        return rc;
    r->epoch_s = mem_alloc(2 * r->config->epochs + 2, sizeof *r->epoch_s);
    if (!r->epoch_s)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (!r->dir)
        return 0;
    if (r->found) {
        if ((rc = resume(r, err)) < 0)
            return rc;
        *done = r->state.finished && rundir_has_summary(r->dir) &&
                (r->state.epoch >= r->config->epochs || r->state.epochs == r->config->epochs);
        ranks_copy(&r->ranks, done, sizeof *done);
        if (*done) {
            rundir_tidy(r->dir); /* the process that finished it may have died before */
            return 0;
        }
        r->state.finished = false;
    }
    if (rundir_take_note(r))
        r->state.resumes++;
    rundir_note(r);
    if ((rc = rundir_drop_summary(r->dir, err)) < 0)
        return rc;
    return rundir_write_start(r, err); /* train.epochs and run.* may have changed */
}

static void close_run(struct run *r)
{
    tensors_abandon(r->best_model);
    free_model(r);
    problem_free(r->problem);
    rundir_close(r->dir);
    mem_free(r->epoch_s);
}

/* ---- telling --------------------------------------------------------------------------------------------
 */

int64_t run_examples(const struct run *r)
{
    return r->learner.scheduler.examples;
}

static void tell(const struct run *r, enum train_event event, int64_t epochs)
{
    const struct run_state *s = &r->state;
    bool within = event == TRAIN_STEPS;
    struct train_progress p = {.event = event, .epoch = s->epoch + within, .epochs = epochs};
    double done, epoch_s;

    if (!r->options->listen)
        return;
    p.share = within ? (double)s->in_epoch / (double)r->learner.scheduler.steps : 0.0;
    done = (double)s->epoch + p.share;
    p.loss = r->learner.model->step_count ? r->learner.model->loss_sum / (double)r->learner.model->step_count
                                          : NAN;
    epoch_s = s->train_s / done;
    p.examples_per_s = (double)run_examples(r) / epoch_s;
    p.seconds_left = ((double)epochs - done) * (s->train_s + s->eval_s) / done;
    p.best_epoch = s->best_epoch;
    p.spec = &r->spec;
    p.valid = s->last_valid.n ? &s->last_valid : NULL;
    p.test = event == TRAIN_TESTED && r->test ? &r->tested : NULL;
    p.problem = r->problem;
    p.model = r->learner.model;
    r->options->listen(r->options->arg, &p);
}

/* ---- an epoch
 * ---------------------------------------------------------------------------------------------- */

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

/* The sums of the epoch so far, between model and state. */
static void keep_sums(struct run *r)
{
    r->state.loss_sum = r->learner.model->loss_sum;
    r->state.square_sum = r->learner.model->square_sum;
    r->state.kl_sum = r->learner.model->kl_sum;
    r->state.cell_count = r->learner.model->cell_count;
    r->state.step_count = r->learner.model->step_count;
}

static void restore_sums(struct run *r)
{
    r->learner.model->loss_sum = r->state.loss_sum;
    r->learner.model->square_sum = r->state.square_sum;
    r->learner.model->kl_sum = r->state.kl_sum;
    r->learner.model->cell_count = r->state.cell_count;
    r->learner.model->step_count = r->state.step_count;
}

static void flush(struct run *r)
{
    learner_steps(&r->learner, r->state.in_epoch, r->state.in_epoch, false, true);
}

static const char *rating_advice(const struct run *r)
{
    if (problem_is_binary(r->config))
        return "";
    return r->config->center ? "" : ", or ratings are far from 0 (model.center)";
}

/* Loss or weights have become infinite or no numbers in the steps of the epoch behind `from`. */
static int diverged(struct run *r, int64_t from, struct error *err)
{
    const struct run_state *s = &r->state;
    const char *layer;
    char what[128] = "the loss, but no weight yet, is", best[64] = "no model was saved yet";

    flush(r);
    layer = params_not_finite(&r->learner.model->params);
    if (layer)
        snprintf(what, sizeof what, "weights of %s are", layer);
    if (s->best_epoch)
        snprintf(best, sizeof best, "the best model, of epoch %lld, is kept", (long long)s->best_epoch);
    return error_set(
        err, PT_EDIVERGED,
        "training diverged in epoch %lld, within steps %lld to %lld: %s not finite. Likely causes: "
        "train.lr (%g) is too large%s; %s",
        (long long)s->epoch + 1, (long long)from + 1, (long long)s->in_epoch, what, r->config->lr,
        rating_advice(r), best);
}

static int flush_and_save(struct run *r, struct error *err)
{
    flush(r);
    keep_sums(r);
    return r->dir ? rundir_save_checkpoint(r, err) : 0;
}

/* After the state was saved. */
static int interrupted(const struct run *r, struct error *err)
{
    if (!r->dir)
        return error_set(err, PT_EINTERRUPTED, "interrupted");
    return error_set(
        err, PT_EINTERRUPTED,
        "interrupted in epoch %lld, and saved; to go on: the same command with --out %s --resume",
        (long long)r->state.epoch + 1, r->options->folder);
}

static int train_epoch(struct run *r, int64_t epochs, struct error *err)
{
    struct learner *l = &r->learner;
    struct run_state *st = &r->state;
    bool begin = true;
    int64_t size = 1;
    double before = st->train_s;
    sig_atomic_t save = r->options->save ? *r->options->save : 0;
    int rc;

    learner_epoch(l, st->epoch);
    restore_sums(r);
    while (st->in_epoch < l->steps) {
        int64_t from = st->in_epoch, to = st->in_epoch + size < l->steps ? st->in_epoch + size : l->steps;
        double start = clock_now(), took;

        learner_steps(l, st->in_epoch, to, begin, to == l->steps);
        took = clock_now() - start;
        st->train_s += took;
        st->steps_run += to - from;
        st->in_epoch = to;
        begin = false;
        if (r->dir)
            rundir_note(r);
        size = took < CHUNK_S / 2 ? 2 * size : took > 2 * CHUNK_S && size > 1 ? size / 2 : size;
        ranks_copy(&r->ranks, &size, sizeof size);
        if (!isfinite(r->learner.model->loss_sum))
            return diverged(r, from, err);
        tell(r, TRAIN_STEPS, epochs);
        if (stopping(r) && st->in_epoch < l->steps) {
            rc = flush_and_save(r, err);
            return rc < 0 ? rc : interrupted(r, err);
        }
        if (asked_to_save(r, save) || (r->dir && st->in_epoch < l->steps && minutes_passed(r))) {
            save = r->options->save ? *r->options->save : 0;
            if ((rc = flush_and_save(r, err)) < 0)
                return rc;
        }
    }
    r->epoch_s[r->epochs_timed++] = st->train_s - before;
    return params_not_finite(&r->learner.model->params) ? diverged(r, 0, err) : 0;
}

/* ---- judging
 * --------------------------------------------------------------------------------------------------- */

static bool better(const struct run *r, double a, double b)
{
    return metric_smaller_is_better(&r->spec.metric[r->monitor]) ? a < b : a > b;
}

/* The validation part after a complete epoch; whether it is the best so far. */
static void judge(struct run *r, int64_t epochs)
{
    struct run_state *s = &r->state;
    double figure;

    r->judged = r->new_best = false;
    if (r->monitor < 0 || s->refit) { /* the last epoch is what counts */
        r->new_best = true;
        if (!s->refit)
            s->best_epoch = s->epoch;
        return;
    }
    if (s->epoch % r->config->eval_every != 0 && s->epoch != epochs)
        return;
    evaluate(r->valid, &s->last_valid);
    r->judged = true;
    s->eval_s += s->last_valid.seconds;
    figure = s->last_valid.value[r->monitor];
    s->stale++;
    if (!s->best_epoch || better(r, figure, s->best) || isnan(s->best)) {
        r->new_best = true;
        s->best = figure;
        s->best_epoch = s->epoch;
        s->best_valid = s->last_valid;
        s->stale = 0;
    }
}

/* Whether the model at hand is written now: without validation only the last epoch's is. */
static bool writes_model(const struct run *r, int64_t epochs)
{
    return r->new_best &&
           (r->monitor >= 0 ? !r->state.refit || r->state.epoch == epochs : r->state.epoch == epochs);
}

static bool checkpoint_due(struct run *r)
{
    int64_t every = r->config->checkpoint_every;

    return (every && r->state.epoch % every == 0) || minutes_passed(r);
}

/* `last`: the checkpoint that ends the training is about to be written anyway. */
static int end_epoch(struct run *r, int64_t epochs, bool last, struct error *err)
{
    int rc = 0;

    keep_sums(r);
    if (writes_model(r, epochs) &&
        (rc = params_hash(&r->learner.model->params, r->state.model_hash, err)) < 0)
        return rc;
    if (r->dir) {
        if ((rc = rundir_add_metrics(r, r->epoch_s[r->epochs_timed - 1], err)) < 0)
            return rc;
        if (writes_model(r, epochs) && (rc = rundir_write_model(r, err)) < 0)
            return rc;
    }
    tell(r, TRAIN_EPOCH, epochs);
    r->state.in_epoch = 0;
    r->state.loss_sum = r->state.square_sum = r->state.kl_sum = 0.0;
    r->state.cell_count = r->state.step_count = 0;
    restore_sums(r); /* the model's too: an interruption here saves what it has */
    if (r->dir && !last && !stopping(r) && checkpoint_due(r))
        rc = rundir_save_checkpoint(r, err);
    return rc;
}

/* Epochs up to `epochs`, or until validation has not improved for train.patience evaluations. */
static int train_epochs(struct run *r, int64_t epochs, struct error *err)
{
    bool patient = r->state.refit || !out_of_patience(r);
    int rc;

    while (r->state.epoch < epochs && patient) {
        if ((rc = train_epoch(r, epochs, err)) < 0)
            return rc;
        r->state.epoch++;
        judge(r, epochs);
        patient = r->state.refit || !out_of_patience(r);
        if ((rc = end_epoch(r, epochs, !patient || r->state.epoch == epochs, err)) < 0)
            return rc;
        if (stopping(r) && patient && r->state.epoch < epochs) {
            rc = r->dir ? rundir_save_checkpoint(r, err) : 0;
            return rc < 0 ? rc : interrupted(r, err);
        }
    }
    return 0;
}

/* Trains again on training plus validation, for the number of epochs that validation chose. */
static int refit(struct run *r, struct error *err)
{
    int rc;

    if (!r->state.refit) {
        free_model(r);
        r->state.refit = 1;
        r->state.epoch = r->state.in_epoch = 0;
        if ((rc = problem_refit(r->problem, r->config, err)) < 0 || /* mean and shift are others now: */
            (rc = eval_spec_make(&r->spec, r->config, r->problem, err)) < 0 ||
            (rc = start_model(r, r->state.best_epoch, err)) < 0)
            return rc;
        if (r->dir && (rc = rundir_save_checkpoint(r, err)) < 0)
            return rc;
    }
    tell(r, TRAIN_REFIT, r->state.best_epoch);
    return train_epochs(r, r->state.best_epoch, err);
}

/* A run of no epochs has a model too: the weights as they were drawn. */
static int keep_first_model(struct run *r, struct error *err)
{
    int rc;

    if (r->state.model_hash[0])
        return 0;
    rc = params_hash(&r->learner.model->params, r->state.model_hash, err);
    return rc == 0 && r->dir ? rundir_write_model(r, err) : rc;
}

/* The weights at hand are the last step's; the saved model is the best one. Reads the test part, once. */
static int finish(struct run *r, struct error *err)
{
    int rc = params_hash(&r->learner.model->params, r->weights_hash, err);

    if (rc < 0)
        return rc;
    if (r->dir && (rc = rundir_check_model(r, err)) < 0)
        return rc;
    if (r->test && strcmp(r->weights_hash, r->state.model_hash) != 0 && r->dir) {
        evaluate(r->test, &r->last_tested);
        if ((rc = checkpoint_load(rundir_path(r->dir, "model.safetensors"), r->learner.model, r->problem,
                                  NULL, err)) < 0)
            return rc;
    }
    if (r->test)
        evaluate(r->test, &r->tested);
    if (!r->last_tested.n)
        r->last_tested = r->tested;
    tell(r, TRAIN_TESTED, r->config->epochs);
    if (r->dir && (rc = summary_write(r, err)) < 0)
        return rc;
    if (r->dir)
        rundir_tidy(r->dir);
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of the epochs of this process. */
double run_epoch_median(const struct run *r)
{
    int64_t n = r->epochs_timed;
    double *copy = mem_alloc(n, sizeof *copy), median = 0.0;

    if (copy && n) {
        memcpy(copy, r->epoch_s, (size_t)n * sizeof *copy);
        qsort(copy, (size_t)n, sizeof *copy, compare);
        median = n % 2 ? copy[n / 2] : (copy[n / 2 - 1] + copy[n / 2]) / 2;
    }
    mem_free(copy);
    return median;
}

static void report(const struct run *r, struct train_result *out)
{
    *out = (struct train_result){.spec = r->spec,
                                 .best_valid = r->state.best_valid,
                                 .last_valid = r->state.last_valid,
                                 .test = r->tested,
                                 .has_valid = r->monitor >= 0,
                                 .has_test = r->tested.n > 0,
                                 .epochs = r->state.epoch,
                                 .best_epoch = r->state.best_epoch,
                                 .train_s = r->state.train_s,
                                 .epoch_s_median = run_epoch_median(r)};
    memcpy(out->weights_hash, r->weights_hash, sizeof out->weights_hash);
    memcpy(out->model_hash, r->state.model_hash, sizeof out->model_hash);
}

/* A run that fails still leaves its best model. */
static void keep_best(struct run *r, int rc)
{
    struct error failed = {0};

    if (rc < 0 && rundir_commit_model(r, &failed) < 0)
        run_warn(r, failed.text);
}

int train_run(const struct config *c, const struct train_options *o, struct train_result *out,
              struct error *err)
{
    struct run r = {.config = c, .options = o, .ranks = ranks_self(), .started = clock_now()};
    bool done;
    int rc = open_run(&r, &done, err);

    if (rc < 0 || done)
        goto end;
    r.saved_at = clock_now();
    r.ready_s = clock_now() - r.started;
    tell(&r, TRAIN_READY, c->epochs);
    if (!r.state.refit && (rc = train_epochs(&r, c->epochs, err)) < 0)
        goto end;
    if (c->refit && r.monitor >= 0 && (rc = refit(&r, err)) < 0)
        goto end;
    if ((rc = keep_first_model(&r, err)) < 0)
        goto end;
    r.state.finished = true;
    if (r.dir && (rc = rundir_save_checkpoint(&r, err)) < 0)
        goto end;
    rc = finish(&r, err);
    if (rc == 0 && out)
        report(&r, out);
end:
    keep_best(&r, rc);
    close_run(&r);
    return rc;
}
