#include "bench/bench.h"

#include "base/mem.h"
#include "base/timing.h"
#include "synth/synth_world.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the rows are measured with. */
struct bench {
    struct config *config;
    const struct bench_spec *spec;
    struct bench_result *out;
    struct problem *problem; /* owned; at hand */
    struct trainer trainer;
    struct eval_spec eval;
    int64_t steps;              /* a repeat; 0: not known yet */
    struct synth_shape shape;   /* weak: of the first number of threads */
    struct bench_rates *rates;  /* owned; at hand */
    double time[BENCH_REPEATS]; /* of each repeat; and so on */
    double phase[PHASES][BENCH_REPEATS], busiest[BENCH_REPEATS];
    double eval_time[BENCH_REPEATS];
};

static int find_shape(struct bench *b, struct error *err)
{
    static const char synth[] = "synth:";
    const char *path = b->config->data_path;

    if (strncmp(path, synth, sizeof synth - 1) != 0)
        return error_set(err, PT_EUSAGE,
                         "--weak: the data must grow with the threads: data.path=synth:NAME, not %s", path);
    return synth_shape_find(&b->shape, path + sizeof synth - 1, err);
}

/* The set whose columns and ratings are `factor` times those of the first: a worker's share of a step stays
 * the same. */
static int grow(struct bench *b, double factor, struct error *err)
{
    const struct synth_shape *s = &b->shape;
    bool both = problem_traits(b->config)->by_rating, by_item = problem_side(b->config) == SIDE_ITEM;
    double users = (double)s->users * (by_item || both ? factor : 1.0);
    double items = (double)s->items * (!by_item || both ? factor : 1.0);

    return config_setf(b->config, err, "data.path=synth:%.0fx%.0fx%.0f", round(users), round(items),
                       round((double)s->ratings * factor));
}

/* The problem for `threads`: made, or, where the data are the same, only its workers and matrices. */
static int make_problem(struct bench *b, int threads, bool same_data, struct error *err)
{
    TRY(config_setf(b->config, err, "run.threads=%d", threads));
    if (b->problem && same_data)
        return problem_set_threads(b->problem, b->config, err);
    problem_free(handed_on(b->problem));
    return problem_new_kept(&b->problem, b->config, err);
}

/* For as many epochs as there are repeats at least, which schedules of the step size must know. */
static int make_model(struct bench *b, struct error *err)
{
    int64_t epochs = b->config->epochs > b->spec->repeats ? b->config->epochs : b->spec->repeats + 1;

    trainer_fini(&b->trainer);
    return trainer_init(&b->trainer, b->config, b->problem, epochs, err);
}

static struct ranks *ranks_of(const struct bench *b)
{
    return team_ranks(b->problem->team);
}

/* What hangs on a time is decided by rank 0. */
static double seconds_of_rank_0(struct bench *b, double seconds)
{
    ranks_copy(ranks_of(b), &seconds, sizeof seconds);
    return seconds;
}

/* Seconds of the first `steps` minibatches of `epoch`. */
static double repeat(struct bench *b, int64_t epoch, int64_t steps)
{
    struct trainer *t = &b->trainer;
    double start;

    trainer_epoch(t, epoch);
    if (steps < t->steps)
        t->steps = steps;
    start = clock_now();
    trainer_steps(t, 0, t->steps, true, true);
    return seconds_of_rank_0(b, clock_now() - start);
}

/* Chooses the minibatches of a repeat, once: with the first number of threads, on a model that is thrown away
 * afterwards, since all numbers of threads must do the same steps. */
static int choose_steps(struct bench *b, struct error *err)
{
    const struct bench_spec *spec = b->spec;
    int64_t most, tried = 1;
    double share = spec->seconds / (spec->repeats + 1), took, fit;

    trainer_epoch(&b->trainer, 0);
    most = b->trainer.steps;
    b->steps = spec->steps && spec->steps < most ? spec->steps : most;
    if (!spec->steps && spec->seconds > 0.0) {
        while ((took = repeat(b, 0, tried)) < share / 8.0 && tried < most)
            tried = 2 * tried < most ? 2 * tried : most;
        fit = took > 0.0 ? share / took * (double)tried : (double)most;
        b->steps = fit < 1.0 ? 1 : fit < (double)most ? (int64_t)fit : most;
        b->out->epoch = b->steps == most;
        if (fit > (double)most)
            warn_printf(b->spec->note, b->spec->arg,
                        "--seconds %g: an epoch takes less, %.2g s a repeat: that is what is timed",
                        spec->seconds, share * (double)most / fit);
        return make_model(b, err);
    }
    b->out->epoch = b->steps == most;
    return 0;
}

/* Where the workers' time of a repeat went. */
static void note_phases(struct bench *b, int repeat)
{
    struct team *team = b->problem->team;
    int workers = team_workers(team);

    for (int i = 0; i < PHASES; i++)
        b->phase[i][repeat] = 0.0;
    b->busiest[repeat] = 0.0;
    for (int id = 0; id < workers; id++) {
        const struct worker *w = team_worker(team, id);
        double busy = 0.0;

        for (int i = 0; i < PHASES; i++) {
            b->phase[i][repeat] += w->seconds[i] / workers;
            busy += i == PHASE_WAIT ? 0.0 : w->seconds[i];
        }
        b->busiest[repeat] = fmax(b->busiest[repeat], busy);
    }
}

static void add_work(struct cost *sum, const struct trainer *t, int repeats)
{
    struct cost w;

    cost_of_steps(&w, t, t->steps);
    sum->steps = w.steps;
    sum->examples += w.examples / repeats;
    sum->ratings += w.ratings / repeats;
    sum->exchange += w.exchange / repeats;
    for (int i = 0; i < PHASES; i++) {
        sum->flop[i] += w.flop[i] / repeats;
        sum->bytes[i] += w.bytes[i] / repeats;
    }
}

static int check_run(struct bench *b, struct error *err)
{
    const struct model *m = b->trainer.model;

    if (ranks_max(ranks_of(b), b->spec->stop && *b->spec->stop))
        return error_set(err, PT_EINTERRUPTED, "interrupted");
    if (!isfinite(m->sums.loss))
        return error_set(err, PT_EDIVERGED,
                         "training diverged, so there is nothing to compare: train.lr (%g) is too large",
                         b->config->lr);
    return 0;
}

/* All ranks begin at the same time, and what follows begins when the last of them is done. */
static void sample_rates(struct bench *b, bool stream)
{
    (void)ranks_max(ranks_of(b), 0);
    bench_rates_sample(b->rates, stream);
    (void)ranks_max(ranks_of(b), 0);
}

static int time_repeats(struct bench *b, struct bench_row *row, struct error *err)
{
    struct ranks *ranks = ranks_of(b);
    int64_t sent = 0;
    int n = b->spec->repeats;

    sample_rates(b, true);
    for (int i = 0; i < n; i++) {
        team_reset_times(b->problem->team);
        sent -= ranks->sent;
        b->time[i] = repeat(b, i + 1, b->steps);
        sent += ranks->sent;
        note_phases(b, i);
        row->barriers = (double)team_worker(b->problem->team, 0)->barriers;
        add_work(&row->work, &b->trainer, n);
        TRY(check_run(b, err));
        sample_rates(b, i + 1 == n);
    }
    row->sent = (double)ranks_max(ranks, sent) / n;
    for (int i = 0; i < PHASES; i++)
        row->phase[i] = median(b->phase[i], n);
    row->busiest = median(b->busiest, n);
    row->median = median(b->time, n);
    row->low = b->time[0];
    row->high = b->time[n - 1];
    row->steps = b->trainer.steps;
    return params_hash(&b->trainer.model->params, row->hash, err);
}

static double evaluation_flop(const struct bench *b, const struct eval_result *evaluated)
{
    const struct eval_part *part = &b->problem->valid;
    double examples = (double)evaluated->examples, entries = 0.0, scores = 0.0;
    bool cells = b->trainer.model->ops->score_cells != NULL, all = !cells, some = false;

    for (int64_t i = 0; i < b->problem->examples; i++)
        if (part->out->row_count[i])
            entries += (double)part->in->row_count[i];
    for (int i = 0; i < b->eval.n; i++) {
        bool ranking = metric_is_ranking(&b->eval.metric[i]);

        all |= ranking;
        some |= cells && !ranking;
    }
    scores += all ? examples * (double)b->problem->columns : 0.0;
    scores += some ? (double)evaluated->cells : 0.0;
    return cost_of_evaluation(&b->trainer, examples, entries, scores);
}

/* As often as the repeats, or as `seconds` allow, but at least once. */
static int time_evaluation(struct bench *b, struct bench_row *row, struct error *err)
{
    struct problem *p = b->problem;
    scoped(evaluator_free) struct evaluator *e = NULL;
    double start, took;
    int n = 0;

    if (!p->valid.out)
        return 0;
    TRY(eval_spec_make(&b->eval, b->config, p, err));
    TRY(evaluator_new(&e, &b->eval, &p->valid, b->trainer.model, p, err));
    start = clock_now();
    do {
        evaluate(e, &row->evaluated);
        b->eval_time[n++] = row->evaluated.seconds;
        took = seconds_of_rank_0(b, clock_now() - start);
    } while (n < b->spec->repeats && !(b->spec->seconds > 0.0 && took > b->spec->seconds / 4.0));
    row->eval_s = median(b->eval_time, n);
    row->eval_examples = row->evaluated.examples;
    row->eval_flop = evaluation_flop(b, &row->evaluated);
    return 0;
}

/* weak: the bits of the grown data with the first number of threads. */
static int warm_first(struct bench *b, struct bench_row *row, struct error *err)
{
    TRY(make_problem(b, b->spec->threads[0], false, err));
    TRY(make_model(b, err));
    warn_printf(b->spec->note, b->spec->arg, "the data of %d thread%s with %d, for the comparison of bits",
                row->threads, row->threads == 1 ? "" : "s", b->spec->threads[0]);
    repeat(b, 0, b->steps);
    TRY(params_hash(&b->trainer.model->params, row->first_hash, err));
    trainer_fini(&b->trainer);
    return 0;
}

static int measure_row(struct bench *b, int i, struct error *err)
{
    struct bench_row *row = &b->out->row[i];

    *row = (struct bench_row){.threads = b->spec->threads[i]};
    if (b->spec->weak && i > 0) {
        TRY(grow(b, (double)row->threads / b->spec->threads[0], err));
        TRY(warm_first(b, row, err));
    }
    TRY(make_problem(b, row->threads, true, err));
    TRY(make_model(b, err));
    row->bound = team_bound(b->problem->team);
    row->users = b->problem->users;
    row->items = b->problem->items;
    row->ratings = b->problem->count;
    if (!b->steps)
        TRY(choose_steps(b, err));
    warn_printf(b->spec->note, b->spec->arg, "%d thread%s: %" PRId64 " steps, %d times", row->threads,
                row->threads == 1 ? "" : "s", b->steps, b->spec->repeats + 1);
    repeat(b, 0, b->steps);
    TRY(check_run(b, err));
    TRY(params_hash(&b->trainer.model->params, row->warm_hash, err));
    TRY(bench_rates_new(&b->rates, b->problem, err));
    TRY(time_repeats(b, row, err));
    TRY(time_evaluation(b, row, err));
    bench_rates_medians(b->rates, b->out, row);
    bench_rates_free(handed_on(b->rates));
    trainer_fini(&b->trainer);
    return 0;
}

static void describe(struct bench *b)
{
    struct bench_result *out = b->out;
    const struct problem *p = b->problem;

    out->ranks = team_ranks(p->team)->count;
    out->shards = p->shards;
    out->batch = b->config->batch;
    snprintf(out->isa, sizeof out->isa, "%s", p->kern->name);
    topo_facts(p->topo, &out->machine);
}

static void bench_fini(struct bench *b)
{
    bench_rates_free(b->rates);
    trainer_fini(&b->trainer);
    problem_free(b->problem);
}

int bench_run(struct bench_result *out, struct config *c, const struct bench_spec *spec, struct error *err)
{
    scoped_value(bench_fini) struct bench b = {.config = c, .spec = spec, .out = out};

    *out = (struct bench_result){.weak = spec->weak, .repeats = spec->repeats};
    /* One process has the machine for itself, which a run cannot know: a core each, where cores are left too.
     */
    if (!config_given(c, "run.bind") && ranks_self().count == 1)
        TRY(config_setf(c, err, "run.bind=compact"));
    snprintf(out->data, sizeof out->data, "%s", c->data_path);
    if (spec->weak) {
        TRY(find_shape(&b, err));
        TRY(grow(&b, 1.0, err)); /* one kind of set for all sizes */
    }
    for (int i = 0; i < spec->rows; i++) {
        TRY(measure_row(&b, i, err));
        if (i == 0)
            describe(&b);
        out->rows++;
    }
    return bench_compare(out, err);
}

/* ---- equal results, speed-up, efficiency ---- */

int bench_compare(const struct bench_result *r, struct error *err)
{
    const struct bench_row *a = &r->row[0];

    for (int i = 1; i < r->rows; i++) {
        const struct bench_row *x = &r->row[i];
        const char *expected = r->weak ? x->first_hash : a->warm_hash;

        if (strcmp(expected, x->warm_hash) != 0 || (!r->weak && strcmp(a->hash, x->hash) != 0))
            return error_set(
                err, PT_ECHECK,
                "bench: %d and %d threads give different weights (%s, %s): the answer depends on the number "
                "of threads, which is a fault of partrain or of the BLAS library (`partrain doctor`)",
                a->threads, x->threads, r->weak ? expected : a->hash, r->weak ? x->warm_hash : x->hash);
        for (int k = 0; k < x->evaluated.n && !r->weak; k++)
            if (memcmp(&a->evaluated.value[k], &x->evaluated.value[k], sizeof(double)) != 0)
                return error_set(err, PT_ECHECK,
                                 "bench: %d and %d threads evaluate the same weights differently (%.17g, "
                                 "%.17g): a fault of partrain",
                                 a->threads, x->threads, a->evaluated.value[k], x->evaluated.value[k]);
    }
    return 0;
}

static double rate(const struct bench_row *row)
{
    return row->work.ratings / row->median;
}

double bench_speedup(const struct bench_result *r, int row)
{
    return r->weak ? rate(&r->row[row]) / rate(&r->row[0]) : r->row[0].median / r->row[row].median;
}

double bench_efficiency(const struct bench_result *r, int row)
{
    return bench_speedup(r, row) * r->row[0].threads / r->row[row].threads;
}
