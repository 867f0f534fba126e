#include "eval/baseline.h"

#include "base/mem.h"
#include "base/text.h"
#include "par/ranks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FEWEST 30 /* evaluated users or ratings: with fewer a figure says little */

void baseline_infer(struct worker *w, struct model *m, const struct input *in)
{
    struct baseline *b = (struct baseline *)m;

    if (w->id == 0)
        b->in = in;
    team_barrier(w);
}

/* ---- popular ---- */

static void popular_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    const struct matrix *train = m->eng.train;
    const int64_t *count = train->column_count + train->cut[shard].begin;
    int64_t width = shard_width(&train->cut[shard]);

    (void)w;
    for (int64_t p = 0; p < rows; p++)
        for (int64_t c = 0; c < width; c++)
            out[p * ld + c] = (float)count[c];
}

/* ---- mean, and two means ---- */

static void mean_cells(struct worker *w, struct model *m, int shard, const struct view *cells, float *out)
{
    const struct problem *p = ((struct baseline *)m)->problem;

    (void)w;
    (void)shard;
    for (int64_t i = 0; i < cells->row[cells->rows]; i++)
        out[i] = (float)(p->mean - (double)p->shift);
}

static void bias_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    const struct baseline *b = (struct baseline *)m;
    const struct problem *p = b->problem;
    const struct shard *cut = &p->cut[shard];

    (void)w;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = cut->begin; c < cut->end; c++)
            out[r * ld + c - cut->begin] =
                (float)(p->mean - (double)p->shift + (double)p->bias.example[b->in->example[r]] +
                        (double)p->bias.column[c]);
}

static void bias_cells(struct worker *w, struct model *m, int shard, const struct view *cells, float *out)
{
    const struct baseline *b = (struct baseline *)m;
    const struct problem *p = b->problem;
    const float *column = p->bias.column + p->cut[shard].begin;

    (void)w;
    for (int64_t r = 0; r < cells->rows; r++) {
        double of_row = p->mean - (double)p->shift + (double)p->bias.example[b->in->example[r]];

        for (int64_t i = cells->row[r]; i < cells->row[r + 1]; i++)
            out[i] = (float)(of_row + (double)column[cells->col[i]]);
    }
}

static int bias_init(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    const struct biases *two = &b->problem->bias;

    (void)spec;
    (void)err;
    snprintf(b->choice, sizeof b->choice, "shrinkage %g for users, %g for items", two->user_shrink,
             two->item_shrink);
    return 0;
}

/* ---- all of them ---- */

static const struct model_ops popular_ops = {.infer = baseline_infer, .score = popular_score};
static const struct model_ops mean_ops = {.infer = baseline_infer, .score_cells = mean_cells};
static const struct model_ops bias_ops = {
    .infer = baseline_infer, .score = bias_score, .score_cells = bias_cells};

static const struct baseline_ops popular = {"popular", "popular", true, false, &popular_ops, .init = NULL};
static const struct baseline_ops mean = {"mean", "mean", false, true, &mean_ops, .init = NULL};
static const struct baseline_ops bias = {"bias", "two means", true, true, &bias_ops, .init = bias_init};

/* Another baseline: a row here, and one of enum baseline_kind. */
static const struct baseline_ops *const all[BASELINES] = {
    [BASELINE_POPULAR] = &popular,          [BASELINE_MEAN] = &mean,          [BASELINE_BIAS] = &bias,
    [BASELINE_ITEMKNN] = &baseline_itemknn, [BASELINE_EASE] = &baseline_ease,
};

int baseline_find(const char *name)
{
    for (int i = 0; i < BASELINES; i++)
        if (strcmp(all[i]->name, name) == 0)
            return i;
    return -1;
}

int baseline_unknown(const char *word, struct error *err)
{
    const char *nearest = NULL;
    char list[96] = "";
    int best = (int)strnlen(word, 32) / 2 + 1;

    for (int i = 0; i < BASELINES; i++) {
        int d = word_distance(word, all[i]->name);

        text_append(list, sizeof list, "%s%s", i ? ", " : "", all[i]->name);
        if (d < best) {
            best = d;
            nearest = all[i]->name;
        }
    }
    return error_set(err, PT_EUSAGE, "--against %.400s: no run's folder, and none of %s%s%s%s", word, list,
                     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

const char *baseline_name(enum baseline_kind kind)
{
    return all[kind]->name;
}

static bool fits(const struct baseline_ops *ops, const struct metric *m)
{
    return m->kind != METRIC_LOSS && (metric_is_ranking(m) ? ops->ranks : ops->rates);
}

bool baseline_chooses(const struct baseline *b)
{
    return isnan(b->setting) && b->problem->valid.out;
}

/* The setting that is best by the first metric of the spec on the validation part; none is better than
 * nothing: the plain one. */
static int choose(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    const double *choice = b->ops->choices;
    scoped(evaluator_free) struct evaluator *e = NULL;
    struct eval_spec one = *spec;
    double best = -1.0, last = NAN;

    one.n = 1;
    TRY(evaluator_new(&e, &one, &b->problem->valid, baseline_model(b), b->problem, err));
    for (int i = 0; i < 5 && choice[i] > 0.0; i++) {
        struct eval_result r;

        b->ops->set(b, last = choice[i]);
        evaluate(e, &r);
        if (r.value[0] > best) {
            best = r.value[0];
            b->setting = choice[i];
        }
    }
    if (b->setting != last)
        b->ops->set(b, b->setting);
    return 0;
}

/* Makes the model ready with its setting: the given one, or one of the choices. */
static int settle(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    const char *how = b->problem->valid.out ? ", by validation"
                      : isnan(b->setting)   ? "; no validation part to choose it by"
                                            : ", by the validation part of the run";
    bool chooses = baseline_chooses(b);

    b->setting = isnan(b->setting) ? b->ops->plain : b->setting;
    if (chooses)
        TRY(choose(b, spec, err));
    else
        b->ops->set(b, b->setting);
    snprintf(b->choice, sizeof b->choice, "%s%g%s%s", b->ops->before, b->setting, b->ops->after, how);
    return 0;
}

int baseline_new(struct baseline **out, enum baseline_kind kind, const struct eval_spec *spec,
                 const struct problem *p, const struct engine *eng, double setting, struct error *err)
{
    const struct baseline_ops *ops = all[kind];
    scoped(baseline_free) struct baseline *b = NULL;

    if (kind == BASELINE_BIAS && !p->bias.column)
        return error_set(
            err, PT_EUSAGE,
            "bias is for models of ratings that keep it (those of an earlier partrain do not); a "
            "ranking is compared with popular, itemknn or ease");
    if (ops->set && p->side == SIDE_ITEM)
        return error_set(err, PT_EUSAGE, "%s ranks items for users; this model's examples are items",
                         ops->name);
    for (int i = 0; i < spec->n; i++)
        if (!fits(ops, &spec->metric[i]))
            return error_set(err, PT_EUSAGE, "%s: %s has no such figure; give --metrics such as %s",
                             spec->metric[i].name, ops->name, ops->rates ? "rmse" : "ndcg@10");
    b = mem_zalloc(1, sizeof *b);
    TRY(need_memory(b, err));
    *b = (struct baseline){
        .model = {.ops = ops->model, .eng = *eng}, .ops = ops, .problem = p, .setting = setting};
    if (ops->init)
        TRY(ops->init(b, spec, err));
    if (ops->set)
        TRY(settle(b, spec, err));
    *out = handed_on(b);
    return 0;
}

struct model *baseline_model(struct baseline *b)
{
    return b->ease ? b->ease : &b->model;
}

const char *baseline_choice(const struct baseline *b)
{
    return b->choice;
}

bool baseline_has_setting(enum baseline_kind kind)
{
    return all[kind]->set != NULL;
}

double baseline_setting(const struct baseline *b)
{
    return b->setting;
}

void baseline_free(struct baseline *b)
{
    if (b && b->ops->fini)
        b->ops->fini(b);
    mem_free(b);
}

/* ---- at the end of a run ---- */

/* One baseline's figures for the metrics that it fits. */
static int evaluate_one(double *value, enum baseline_kind kind, const struct eval_spec *spec,
                        const struct eval_part *part, const struct problem *p, const struct engine *eng,
                        struct error *err)
{
    struct eval_spec own = *spec;
    scoped(baseline_free) struct baseline *b = NULL;
    scoped(evaluator_free) struct evaluator *e = NULL;
    struct eval_result result;
    int at[METRICS_MOST] = {0};

    own.n = 0;
    own.untrained = UNTRAINED_SCORE; /* its own output knows who is not known */
    for (int i = 0; i < spec->n; i++)
        if (fits(all[kind], &spec->metric[i])) {
            at[own.n] = i;
            own.metric[own.n++] = spec->metric[i];
        }
    if (own.n == 0 || (kind == BASELINE_BIAS && !p->bias.column))
        return 0;
    TRY(baseline_new(&b, kind, &own, p, eng, NAN, err));
    TRY(evaluator_new(&e, &own, part, &b->model, p, err));
    evaluate(e, &result);
    for (int i = 0; i < own.n; i++)
        value[at[i]] = result.value[i];
    return 0;
}

int baselines_evaluate(struct baseline_figures *out, const struct eval_spec *spec,
                       const struct eval_part *part, const struct problem *p, const struct engine *eng,
                       struct error *err)
{
    static const enum baseline_kind cheap[] = {BASELINE_POPULAR, BASELINE_MEAN, BASELINE_BIAS};

    out->any = true;
    for (int k = 0; k < BASELINES; k++)
        for (int i = 0; i < METRICS_MOST; i++)
            out->value[k][i] = NAN;
    for (int k = 0; k < 3; k++)
        TRY(evaluate_one(out->value[cheap[k]], cheap[k], spec, part, p, eng, err));
    return 0;
}

void baselines_text(char *text, size_t size, const struct baseline_figures *f, int i)
{
    *text = '\0';
    for (int k = 0; k < BASELINES && f->any; k++)
        if (!isnan(f->value[k][i]))
            text_append(text, size, "%s%s %.4f", *text ? ", " : " (", all[k]->told, f->value[k][i]);
    if (*text)
        text_append(text, size, ")");
}

bool baselines_note(char *text, size_t size, const struct config *c, const struct baseline_figures *f,
                    const char *part, const struct eval_spec *spec, const struct eval_result *r)
{
    for (int i = 0; i < r->n && f->any; i++) {
        const struct metric *m = &spec->metric[i];
        double two = f->value[BASELINE_BIAS][i], most = f->value[BASELINE_POPULAR][i];

        if (m->kind == METRIC_COVERAGE)
            continue;
        if (metric_is_ranking(m) && r->examples >= FEWEST && r->value[i] < most) {
            snprintf(text, size,
                     "the most popular items are the better list (%s %s %.4f against %.4f); partrain start "
                     "compares models, partrain tune settings",
                     part, m->name, most, r->value[i]);
            return true;
        }
        if (!metric_is_ranking(m) && r->cells >= FEWEST && r->value[i] > two) {
            snprintf(
                text, size,
                "two means (training mean + bias of the user + bias of the item) predict better (%s %s %.4f "
                "against %.4f); try more epochs, a smaller train.lr, a larger %s, or partrain tune",
                part, m->name, two, r->value[i], problem_is_sgd(c) ? "train.penalty" : "train.l2");
            return true;
        }
    }
    return false;
}

/* ---- the training mean, predicted for every rating ---- */

static double squares(const struct matrix_part *part, const struct matrix *m, double from)
{
    double sum = 0.0;

    for (uint32_t i = 0; part->ptr && i < part->ptr[m->rows]; i++) {
        double d = (double)matrix_value(m, part, i) - from;

        sum += d * d;
    }
    return sum;
}

int eval_mean_rmse(double *rmse, const struct problem *p, const struct matrix *out, struct error *err)
{
    struct ranks *ranks = team_ranks(p->team);
    int shards = p->shards;
    double *by_shard = mem_zalloc((int64_t)ranks->count * shards, sizeof *by_shard), *own, sum = 0.0;

    TRY(need_memory(by_shard, err));
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
