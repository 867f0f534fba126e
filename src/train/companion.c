/* companion.c - the linear companion of a trained model (model/item_weights.h): EASE of the training
 * part, and how much of its scores is added, chosen by the validation figure that chose the epoch. The
 * best model gets it; the checkpoint's weights stay as training left them, so that a run can go on
 * from there. */
#include "train/run.h"

#include "base/mem.h"
#include "model/item_weights.h"
#include "store/model_file.h"

#include <math.h>

#define MULTIPLE_MOST 512.0f /* EASE's scores shrink as data gets sparse; here they are nearly alone */

static struct companion *companion_of(const struct run *r)
{
    struct model *m = r->trainer.model;

    return m->ops->companion ? m->ops->companion(m) : NULL;
}

/* The multiple with the best validation figure of the weights at hand; the first of two alike. */
static void choose(struct run *r, struct companion *c)
{
    double alone = NAN, best = NAN;

    for (float multiple = 0.0f; multiple <= MULTIPLE_MOST;
         multiple = multiple > 0.0f ? 2.0f * multiple : 1.0f) {
        struct eval_result result;
        double figure;

        c->scale.row.w[0] = multiple;
        evaluate(r->valid, &result);
        figure = result.value[r->monitor];
        r->state.eval_s += result.seconds;
        if (multiple == 0.0f)
            alone = figure;
        if (multiple == 0.0f || run_figure_is_better(r, figure, best)) {
            best = figure;
            r->state.ease_weight = (double)multiple;
            r->state.best_valid = result;
        }
    }
    run_warn(r, "model.ease: %g times the scores of EASE added: validation %s %.4f (without %.4f)",
             r->state.ease_weight, r->spec.metric[r->monitor].name, r->state.best_valid.value[r->monitor],
             alone);
}

/* The best epoch's weights; without a folder and without a test part the last ones are all there is. */
static int load_best(struct run *r, struct error *err)
{
    if (r->dir)
        return model_file_read(rundir_path(r->dir, RUN_MODEL), r->trainer.model, false, err);
    if (r->best_weights)
        params_keep(&r->trainer.model->params, r->best_weights, true);
    return 0;
}

/* The model at hand, with its companion, as the best one. */
static int save(struct run *r, struct companion *c, struct error *err)
{
    struct model *m = r->trainer.model;
    int64_t epoch = r->state.epoch;
    int rc = 0;

    companion_list(c, m, true);
    TRY(params_hash(&m->params, r->state.model_hash, err));
    if (r->dir) {
        r->state.epoch = r->state.best_epoch;
        rc = rundir_write_model(r, err);
        r->state.epoch = epoch;
    } else if (r->best_weights) {
        mem_free(r->best_weights); /* its list of weights is longer now */
        r->best_weights = NULL;
        rc = run_keep_weights(r, &r->best_weights, err);
    }
    companion_list(c, m, false);
    return rc;
}

int run_add_companion(struct run *r, bool only_choose, struct error *err)
{
    struct companion *c = companion_of(r);
    bool chooses = r->config->ease_weight < 0 && !r->state.refit;
    mem_scoped float *last = NULL;
    int rc = 0;

    if (!c || (only_choose && !chooses))
        return 0;
    if (chooses && r->monitor < 0)
        return error_set(
            err, PT_ECONFIG,
            "model.ease_weight: there is no validation part to choose it by; set it to a number, such as 8");
    TRY(r->dir ? rundir_save_checkpoint(r, err) : 0);
    TRY(run_keep_weights(r, &last, err));
    TRY(load_best(r, err));
    TRY(companion_solve(c, r->config->ease_l2, r->config->ease_dropout, err));
    if (r->config->ease_weight >= 0)
        r->state.ease_weight = r->config->ease_weight;
    else if (chooses)
        choose(r, c);
    c->scale.row.w[0] = (float)r->state.ease_weight;
    if (!only_choose)
        rc = save(r, c, err);
    params_keep(&r->trainer.model->params, last, true);
    return rc;
}

void run_list_companion(struct run *r)
{
    struct companion *c = companion_of(r);

    if (c)
        companion_list(c, r->trainer.model, true);
}
