/* run_open.c - from the configuration to a run before its next step: the folder, the problem, the model,
 * and the state of an earlier process where there is one. */
#include "train/run.h"

#include "base/mem.h"
#include "model/item_weights.h"

#include <stdio.h>
#include <string.h>

static int find_monitor(struct run *r, struct error *err)
{
    struct metric m;

    r->monitor = -1;
    if (!r->problem->valid.out)
        return 0;
    TRY_PREFIXED(err, metric_parse(&m, r->config->monitor, err), "train.monitor");
    for (int i = 0; i < r->spec.n; i++)
        if (strcmp(r->spec.metric[i].name, m.name) == 0)
            r->monitor = i;
    if (r->monitor < 0)
        return error_set(err, PT_ECONFIG, "train.monitor: %s is not among eval.metrics; add it there",
                         m.name);
    return 0;
}

/* The reason why there is no validation part. */
static void explain_no_validation(char *text, size_t size, const struct run *r)
{
    const struct split *s = r->problem->split;

    if (s->valid_rows)
        snprintf(text, size,
                 "none of the %lld validation %s has ratings enough to be scored (split.min_fold_in %lld, "
                 "split.fold_in %g)",
                 (long long)s->valid_rows, r->problem->side == SIDE_USER ? "users" : "items",
                 (long long)r->config->split_min_fold_in, r->config->split_fold_in);
    else if (r->config->split_kind == (int)SPLIT_GIVEN || r->problem->ratings->finished)
        snprintf(text, size, "the split that came with these ratings has no validation part%s",
                 r->config->split_valid == 0 && !s->rows ? ", and split.valid is 0" : "");
    else
        snprintf(text, size, "the split leaves no rating to validate on");
}

static int check_validation(const struct run *r, struct error *err)
{
    char why[256];

    if (r->monitor >= 0 || (!r->config->patience && !r->config->refit))
        return 0;
    explain_no_validation(why, sizeof why, r);
    if (r->config->patience)
        return error_set(
            err, PT_ECONFIG,
            "train.patience: no validation figure: %s; give it more (split.*), or leave train.patience out",
            why);
    return error_set(err, PT_ECONFIG, "train.refit: no validation figure: %s; set train.refit to false", why);
}

/* Whether the validation part, of all ranks, holds a rating that counts as relevant. */
static bool any_relevant(struct run *r)
{
    const struct matrix *out = r->problem->valid.out;
    bool found = false;

    for (int s = 0; s < out->shards && !found; s++) {
        const struct matrix_part *part = &out->part[s]; /* empty where another rank has the shard */

        for (uint32_t i = 0; part->ptr && i < part->ptr[out->rows] && !found; i++)
            found = (double)matrix_value(out, part, i) + r->spec.shift >= r->spec.relevant;
    }
    return ranks_max(&r->ranks, found);
}

/* A ranking figure is a mean over the users with a relevant held-out rating: without one it is NaN. */
static int check_relevant(struct run *r, struct error *err)
{
    const struct metric *m = r->monitor >= 0 ? &r->spec.metric[r->monitor] : NULL;

    if (!m || !metric_is_ranking(m) || m->kind == METRIC_COVERAGE || any_relevant(r))
        return 0;
    return error_set(err, PT_EDATA,
                     "train.monitor: %s has no value: none of the %lld validation ratings is %g "
                     "(eval.relevant) or more; lower eval.relevant",
                     m->name, (long long)r->problem->valid.out->entries, r->spec.relevant);
}

/* Warns of a part with held-out users (items) none of whom is scored. */
static void warn_unscored(const struct run *r, const char *part, int64_t rows,
                          const struct eval_part *held_out)
{
    if (!rows || held_out->out)
        return;
    run_warn(r,
             "none of the %lld %s %s is scored: each has fewer than split.min_fold_in (%lld) ratings, or so "
             "few that split.fold_in (%g) hides none of them; there will be no %s figures",
             (long long)rows, part, r->problem->side == SIDE_USER ? "users" : "items",
             (long long)r->config->split_min_fold_in, r->config->split_fold_in, part);
}

static void free_model(struct run *r)
{
    evaluator_free(r->valid);
    evaluator_free(r->test);
    trainer_fini(&r->trainer);
    r->valid = r->test = NULL;
}

/* Model, minibatches, optimiser and evaluators for `epochs` epochs. */
static int make_model(struct run *r, int64_t epochs, struct error *err)
{
    struct problem *p = r->problem;
    struct model *m;

    TRY(trainer_init(&r->trainer, r->config, p, epochs, err));
    m = r->trainer.model;
    if (p->valid.out)
        TRY(evaluator_new(&r->valid, &r->spec, &p->valid, m, p, err));
    return p->test.out && !r->options->no_test ? evaluator_new(&r->test, &r->spec, &p->test, m, p, err) : 0;
}

int run_start_model(struct run *r, int64_t epochs, struct error *err)
{
    const char *folder = r->config->init_run;
    struct init_from_counts n;
    char note[512];
    int rc = make_model(r, epochs, err);

    if (rc < 0 || !*folder)
        return rc;
    TRY(init_from_run(r->trainer.model, r->problem, r->config, folder, &n, err));
    run_warn(r, "train.init: the former run knows %lld items and %lld users of these; %lld and %lld are new",
             (long long)n.items, (long long)n.users, (long long)n.new_items, (long long)n.new_users);
    if (n.items && n.users && !r->state.refit &&
        (rc = init_from_leaks(note, sizeof note, r->problem, r->config, err)) > 0)
        run_warn(r, "%s", note);
    return rc < 0 ? rc : 0;
}

int run_join_validation(struct run *r, struct error *err)
{
    free_model(r);
    mem_free(r->best_weights);
    r->best_weights = NULL;
    TRY(problem_refit(r->problem, r->config, err));
    return eval_spec_make(&r->spec, r->config, r->problem, err); /* another mean and shift */
}

/* The model of the folder's run, at its last saved step. */
static int load_model(struct run *r, struct error *err)
{
    if (r->state.refit) /* weights on training plus validation */
        TRY(run_join_validation(r, err));
    TRY(make_model(r, r->state.refit ? r->state.best_epoch : r->config->epochs, err));
    return rundir_load_checkpoint(r, err);
}

/* Estimates memory and time; a dry run ends here. */
static int plan(const struct run *r, bool *done, struct error *err)
{
    struct memory_plan m;
    struct train_progress p = {
        .event = TRAIN_PLANNED, .plan = &m, .problem = r->problem, .epochs = r->config->epochs};

    TRY(plan_make(&m, r->config, r->problem, r->options->folder, err));
    if (r->problem->counts && m.limit && m.total > m.limit) { /* for want of memory none are shared */
        item_counts_fini(r->problem->counts);
        r->problem->counts = NULL;
        TRY(plan_make(&m, r->config, r->problem, r->options->folder, err));
    }
    *done = r->options->dry_run;
    if (*done)
        TRY(plan_time(&m, r->config, r->problem, err));
    if (*done && r->options->listen)
        r->options->listen(r->options->arg, &p);
    /* Of several ranks each has only its shards; the plan is that of one that has all. */
    return r->ranks.count > 1 ? 0 : plan_check(&m, r->config, err);
}

static int open_folder(struct run *r, struct error *err)
{
    const struct train_options *o = r->options;

    if (o->folder && !o->dry_run)
        TRY(rundir_open(&r->dir, o->folder, o->resume, r->ranks.id == 0, err));
    r->found = r->dir && rundir_has_checkpoint(r->dir);
    ranks_copy(&r->ranks, &r->found, sizeof r->found);
    if (r->dir && !r->found && file_exists(rundir_path(r->dir, RUN_CONFIG)))
        run_warn(r, "%.4096s: its run had saved no checkpoint; it begins again at epoch 1", o->folder);
    return r->found ? rundir_check_config(r->dir, r->config, err) : 0;
}

/* The state of the folder's run. `done`: it has finished. */
static int find_state(struct run *r, bool *done, struct error *err)
{
    TRY(rundir_find_checkpoint(r, err));
    *done = r->state.finished && rundir_has_summary(r->dir) &&
            (r->state.epoch >= r->config->epochs || r->state.epochs == r->config->epochs);
    ranks_copy(&r->ranks, done, sizeof *done);
    if (!*done && r->state.other_numerics)
        return error_set(
            err, PT_EUSAGE,
            "%s: the run began under another version of partrain, whose arithmetic rounds otherwise, so "
            "it cannot be continued to one answer. Train in another folder; the models in this one stay "
            "usable, also as a start (train.init)",
            rundir_path(r->dir, RUN_CHECKPOINT));
    if (*done)
        rundir_drop_old(r->dir); /* the process that finished it may have died before */
    else
        r->state.finished = false;
    return 0;
}

/* Marks the folder as that of a running run. */
static int enter_folder(struct run *r, struct error *err)
{
    if (rundir_read_counts(r))
        r->state.resumes++;
    rundir_write_counts(r);
    TRY(rundir_drop_summary(r->dir, err));
    return rundir_write_start(r, err); /* train.epochs and run.* may have changed */
}

int run_open(struct run *r, bool *done, struct error *err)
{
    *done = false;
    TRY(open_folder(r, err));
    TRY(problem_new(&r->problem, r->config, err));
    if (r->found)
        TRY(find_state(r, done, err));
    if (*done)
        return 0;
    if (r->problem->valid.out && !problem_is_binary(r->config))
        TRY(eval_mean_rmse(&r->valid_mean_rmse, r->problem, r->problem->valid.out, err));
    r->problem->counts = r->options->counts;
    idtable_seal(r->problem->ratings->users);
    idtable_seal(r->problem->ratings->items);
    TRY(eval_spec_make(&r->spec, r->config, r->problem, err));
    TRY(find_monitor(r, err));
    TRY(check_validation(r, err));
    TRY(check_relevant(r, err));
    TRY(plan(r, done, err));
    if (*done)
        return 0;
    if (strcmp(r->problem->kern->name, "baseline") == 0)
        run_warn(
            r, "run.isa is baseline: fused multiply-adds are emulated, some 15 times slower than with AVX2");
    warn_unscored(r, "validation", r->problem->split->valid_rows, &r->problem->valid);
    warn_unscored(r, "test", r->problem->split->test_rows, &r->problem->test);
    r->epoch_s = mem_alloc(2 * r->config->epochs + 2, sizeof *r->epoch_s);
    TRY(need_memory(r->epoch_s, err));
    TRY(r->found ? load_model(r, err) : run_start_model(r, r->config->epochs, err));
    return r->dir ? enter_folder(r, err) : 0;
}

void run_close(struct run *r)
{
    tensors_abandon(r->best_model);
    mem_free(r->best_weights);
    free_model(r);
    problem_free(r->problem);
    rundir_close(r->dir);
    mem_free(r->epoch_s);
}
