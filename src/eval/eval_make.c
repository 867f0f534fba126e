/* eval_make.c - the settings of an evaluation, from the configuration, and its memory. */
#include "eval/evaluator.h"

#include <string.h>

static void init_sums(struct evaluator *e)
{
    int64_t n = (e->spec.batch + 7) / 8 * 8;

    e->statistics_bytes = n * (int64_t)(6 * sizeof(double) + 2 * sizeof(float)); /* whole cache lines */
    e->sums = mem_pool_zalloc(&e->pool, e->problem->shards, sizeof *e->sums);
    e->statistics = mem_pool_array(&e->pool, e->problem->shards * e->statistics_bytes, 1);
    if (e->pool.failed)
        return;
    memset(e->statistics, 0, (size_t)(e->problem->shards * e->statistics_bytes));
    for (int s = 0; s < e->problem->shards; s++) {
        struct shard_sums *sums = &e->sums[s];

        sums->square = (double *)(void *)(e->statistics + s * e->statistics_bytes);
        sums->absolute = sums->square + n;
        sums->plain = sums->absolute + n;
        sums->hit = sums->plain + n;
        sums->cells = sums->hit + n;
        sums->relevant = sums->cells + n;
        sums->max = (float *)(void *)(sums->relevant + n);
        sums->sum = sums->max + n;
    }
}

/* k: the largest cut-off. */
static void init_room(struct evaluator *e, int k)
{
    int workers = team_workers(e->problem->team), ranks = team_ranks(e->problem->team)->count;
    int64_t n = e->spec.batch, all = n * shards_widest(e->problem->cut, e->problem->shards), cells = 0;

    for (int s = 0; s < e->problem->shards; s++)
        cells = e->out[s].room_entries > cells ? e->out[s].room_entries : cells;
    if (e->ranking || e->loss)
        cells = all > cells ? all : cells;
    e->score = mem_pool_arrays(&e->pool, workers, cells);
    e->lists = (struct lists){.model = e->model, .problem = e->problem};
    if (!e->ranking)
        return;
    lists_init(&e->lists, e->model, e->problem, k, n, NULL, &e->pool);
    e->hit = mem_pool_zalloc(&e->pool, (int64_t)workers * e->lists.k, sizeof *e->hit);
    if (e->coverage)
        e->covered = mem_pool_zalloc(&e->pool, (int64_t)workers * e->spec.n * e->problem->columns, 1);
    if (ranks > 1)
        e->candidate = mem_pool_array(&e->pool, (int64_t)ranks * n * e->lists.k, sizeof *e->candidate);
}

static void init_figures(struct evaluator *e)
{
    const struct matrix *out = e->part->out;

    e->example = mem_pool_alloc(&e->pool, out->examples, sizeof *e->example);
    for (int64_t i = 0; i < out->examples && e->example; i++)
        if (out->row_count[i])
            e->example[e->n++] = i;
    if (e->spec.batch > e->n)
        e->spec.batch = e->n;
    e->weight = mem_pool_zalloc(&e->pool, e->n, sizeof *e->weight);
    if (e->ratings && e->problem->side != SIDE_USER)
        e->of_column = mem_pool_zalloc(&e->pool, 3 * e->problem->columns, sizeof *e->of_column);
    for (int i = 0; i < e->spec.n; i++)
        e->value[i] = mem_pool_zalloc(&e->pool, e->n, sizeof(double));
}

int evaluator_new(struct evaluator **out, const struct eval_spec *spec, const struct eval_part *part,
                  struct model *model, const struct problem *p, struct error *err)
{
    scoped(evaluator_free) struct evaluator *e = mem_zalloc(1, sizeof *e);
    int k = 0;

    TRY(need_memory(e, err));
    *e = (struct evaluator){.spec = *spec, .part = part, .model = model, .problem = p};
    for (int i = 0; i < spec->n; i++) {
        const struct metric *m = &spec->metric[i];

        e->ranking |= metric_is_ranking(m);
        e->coverage |= m->kind == METRIC_COVERAGE;
        e->loss |= m->kind == METRIC_LOSS && !model->ops->score_cells;
        e->ratings |= !metric_is_ranking(m) && model->ops->score_cells;
        k = m->k > k ? m->k : k;
    }
    init_figures(e);
    init_sums(e);
    TRY(views_new(&e->in, part->in, e->spec.batch, p->team, err));
    TRY(views_new(&e->out, part->out, e->spec.batch, p->team, err));
    if (part->seen)
        TRY(views_new(&e->seen, part->seen, e->spec.batch, p->team, err));
    init_room(e, k);
    if (e->pool.failed)
        return error_set(err, PT_ENOMEM, "evaluation: out of memory; a smaller eval.batch needs less");
    if (e->ranking && !e->loss && !e->spec.seen_zero) /* rankings do not need all scores */
        TRY(lists_need_sieve(&e->lists, e->n, err));
    e->block = (struct input){.matrix = part->in, .view = e->in};
    *out = handed_on(e);
    return 0;
}

void evaluator_free(struct evaluator *e)
{
    if (!e)
        return;
    views_free(e->in, e->problem->shards);
    views_free(e->out, e->problem->shards);
    views_free(e->seen, e->problem->shards);
    lists_fini(&e->lists);
    mem_pool_free(&e->pool);
    mem_free(e);
}

int eval_spec_make(struct eval_spec *out, const struct config *c, const struct problem *p, struct error *err)
{
    bool rating_model = !problem_is_binary(c);

    *out = (struct eval_spec){
        .n = c->metrics.n,
        .clip = c->clip,
        .low = (double)p->low,
        .high = (double)p->high,
        .shift = (double)p->shift,
        .untrained = (enum untrained)c->eval_untrained,
        .cold = problem_cold_value(c, p->mean),
        .seen_zero = c->eval_seen == 1,
        .relevant = rating_model ? c->relevant_rating : -1e30,
        .batch = c->eval_batch,
    };
    if (out->n > METRICS_MOST)
        return error_set(err, PT_ECONFIG, "eval.metrics: more than %d", METRICS_MOST);
    for (int i = 0; i < out->n; i++) {
        TRY_PREFIXED(err, metric_parse(&out->metric[i], c->metrics.value[i], err), "eval.metrics");
        if (!rating_model && !metric_is_ranking(&out->metric[i]) && out->metric[i].kind != METRIC_LOSS)
            return error_set(err, PT_ECONFIG,
                             "eval.metrics: %s: a %s predicts no ratings; use ndcg@100, recall@20, loss",
                             out->metric[i].name, config_enum_name("model.kind", c->model_kind));
        if (metric_is_ranking(&out->metric[i]) && p->side == SIDE_ITEM)
            return error_set(
                err, PT_ECONFIG,
                "eval.metrics: %s: ranking metrics need examples that are users: model.side=user",
                out->metric[i].name);
    }
    return 0;
}
