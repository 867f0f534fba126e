/* baseline_mean.c - the baseline of a rating model: the training mean, predicted for every rating. */
#include "eval/baseline.h"

#include "base/mem.h"
#include "par/ranks.h"

#include <math.h>
#include <stdio.h>

#define FEWEST 30 /* held-out ratings: with fewer the RMSE says little */

static double squares(const struct matrix_part *part, const struct matrix *m, double mean)
{
    double sum = 0.0;

    for (uint32_t i = 0; part->ptr && i < part->ptr[m->rows]; i++) {
        double d = (double)(part->code ? m->code_value[part->code[i]] : part->value[i]) - mean;

        sum += d * d;
    }
    return sum;
}

int eval_mean_rmse(double *rmse, const struct problem *p, const struct matrix *out, struct error *err)
{
    struct ranks *ranks = team_ranks(p->team);
    int shards = p->shards;
    double *by_shard = mem_zalloc((int64_t)ranks->count * shards, sizeof *by_shard), *own, sum = 0.0;

    if (!by_shard)
        return error_set(err, PT_ENOMEM, "out of memory");
    own = by_shard + (int64_t)ranks->id * shards;
    for (int s = 0; s < shards; s++) /* another rank's shard is empty here: a zero adds nothing below */
        own[s] = squares(&out->part[s], out, p->mean - (double)p->shift);
    ranks_share(ranks, by_shard, ranks->count, (int64_t)sizeof *by_shard * shards);
    for (int s = 0; s < shards; s++)
        for (int q = 0; q < ranks->count; q++)
            sum += by_shard[(int64_t)q * shards + s];
    mem_free(by_shard);
    *rmse = sqrt(sum / (double)out->entries);
    return 0;
}

/* The model's RMSE, where it or its square was asked for; else NAN. */
static double rmse_of(const struct eval_spec *spec, const struct eval_result *r)
{
    for (int i = 0; i < r->n; i++) {
        if (spec->metric[i].kind == METRIC_RMSE)
            return r->value[i];
        if (spec->metric[i].kind == METRIC_MSE)
            return sqrt(r->value[i]);
    }
    return NAN;
}

bool eval_mean_note(char *text, size_t size, const struct config *c, const char *part,
                    const struct eval_spec *spec, const struct eval_result *r, double mean_rmse)
{
    double rmse = rmse_of(spec, r);
    bool centred = c->center || c->range_low < c->range_high;
    bool scaled = spec->high - spec->low >= 1.0 && spec->high - spec->low <= 10.0;

    if (isnan(mean_rmse) || isnan(rmse) || mean_rmse == 0.0 || r->cells < FEWEST || rmse < mean_rmse)
        return false;
    snprintf(text, size,
             "the model is no better than predicting the training mean (%s RMSE %.4g against %.4g); try "
             "%strain.lr %s %g, %smore epochs",
             part, rmse, mean_rmse, centred ? "" : "model.center=true, ", c->lr > 0.0 ? "below" : "above",
             c->lr, scaled ? "" : "ratings scaled to 1 to 5, ");
    return true;
}
