/* The evaluator against a naive twin: all scores of a block in a dense array, a full sort, metrics as
 * docs/metrics.md writes them down. Every model kind, both parts, cold rows and columns, blocks of several
 * sizes; and the same bits with any number of workers. */
#include "support.h"

#include "base/mem.h"
#include "eval/evaluator.h"
#include "setup/trainer.h"

#define RATING_METRICS "rmse,mae,mse,loss"
#define RANKING_METRICS                                                                                      \
    "ndcg@1,ndcg@10,recall@3,recall_all@3,precision@7,map@5,map_min@5,mrr@8,hit@2,coverage@4,ndcg@500"
#define ALL_METRICS "eval.metrics=" RATING_METRICS "," RANKING_METRICS
#define DATA        "data.path=synth:70x60x900"

/* Settings of each case, besides the number of workers. train.refit keeps the triplets, for the twin. */
static const char *const cases[][16] = {
    {"model.kind=autorec", "model.side=user", "model.hidden=[9]", DATA, "split.test=0.5", ALL_METRICS,
     "eval.relevant=4", "model.center=true"},
    {"model.kind=autorec", "model.side=user", "model.hidden=[9, 5, 9]", DATA, "split.test=0.3", ALL_METRICS,
     "eval.seen=zero", "eval.batch=7", "eval.clip=false"},
    {"model.kind=autorec", "model.side=item", "model.hidden=[9]", DATA, "split.test=0.6",
     "eval.metrics=" RATING_METRICS, "eval.cold=2.5", "model.loss=row_mean", "eval.batch=13"},
    {"model.kind=autorec", "model.side=item", "model.hidden=[9]", DATA, "split.test=0.6", "eval.cold=2.5",
     "eval.metrics=" RATING_METRICS, "eval.untrained=score"},
    {"model.kind=autorec", "model.side=item", "model.hidden=[9]", DATA, "split.test=0.6", "eval.cold=2.5",
     "eval.metrics=" RATING_METRICS, "eval.untrained=replace"},
    {"model.kind=autorec", "model.side=item", "model.hidden=[9]", DATA, "split.kind=rows",
     "eval.metrics=" RATING_METRICS, "model.loss=column_mean", "split.test_users=0.3"},
    {"model.kind=autorec", "model.side=user", "model.hidden=[9]", DATA, "split.kind=users", ALL_METRICS,
     "split.fold_in=1", "eval.seen=zero", "split.test_users=20", "model.loss=example_mean"},
    {"model.kind=mf", "model.latent=6", DATA, "split.test=0.6", ALL_METRICS, "model.center=true",
     "model.loss=cell_mean", "eval.batch=1"},
    {"model.kind=mf", "model.latent=6", DATA, "split.test=0.6", ALL_METRICS, "eval.untrained=score"},
    {"model.kind=mf", "model.latent=6", DATA, "split.kind=per_user", "split.test=2", "split.valid=2",
     ALL_METRICS, "model.range_high=5.5", "eval.relevant=3", "eval.batch=11", "model.loss=root"},
    {"model.kind=multivae", "model.hidden=[12]", "model.latent=5", DATA, "split.test_users=25",
     "split.valid_users=20", "split.fold_in=0.6", "eval.metrics=loss," RANKING_METRICS, "eval.batch=6"},
    {"model.kind=multidae", "model.latent=5", DATA, "split.test_users=25", "split.min_fold_in=3",
     "eval.metrics=loss," RANKING_METRICS, "eval.seen=zero"},
    {"model.kind=multidae", "model.latent=5", DATA, "split.kind=random", "split.test=0.3",
     "eval.metrics=loss," RANKING_METRICS, "run.shards=70", "eval.batch=9"},
};
#define CASES ((int)(sizeof cases / sizeof *cases))

/* ---- a small trained model --------------------------------------------------------------------------- */

struct world {
    struct config *config;
    struct problem *problem;
    struct trainer trainer;
    struct eval_spec spec;
};

static void ok(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->text);
}

static void make(struct world *w, const char *const *settings, int workers)
{
    struct error err = {0};
    char threads[32];

    *w = (struct world){0};
    ok(config_new(&w->config, &err), &err);
    for (int i = 0; i < 16 && settings[i]; i++)
        ok(config_set(w->config, settings[i], &err), &err);
    snprintf(threads, sizeof threads, "run.threads=%d", workers);
    ok(config_set(w->config, threads, &err), &err);
    ok(config_set(w->config, "train.refit=true", &err), &err);
    ok(config_set(w->config, "train.batch=16", &err), &err);
    ok(config_set(w->config, "train.lr=0.02", &err), &err);
    ok(config_check(w->config, &err), &err);
    ok(problem_new(&w->problem, w->config, &err), &err);
    ok(trainer_init(&w->trainer, w->config, w->problem, 3, &err), &err);
    for (int64_t e = 0; e < 3; e++) {
        trainer_epoch(&w->trainer, e);
        trainer_steps(&w->trainer, 0, w->trainer.steps, true, true);
    }
    ok(eval_spec_make(&w->spec, w->config, w->problem, &err), &err);
}

static void drop(struct world *w)
{
    trainer_fini(&w->trainer);
    problem_free(w->problem);
    config_free(w->config);
}

static void judge(const struct world *w, bool valid, struct eval_result *out)
{
    const struct eval_part *part = valid ? &w->problem->valid : &w->problem->test;
    struct evaluator *e;
    struct error err = {0};

    ok(evaluator_new(&e, &w->spec, part, w->trainer.model, w->problem, &err), &err);
    evaluate(e, out);
    evaluator_free(e);
}

/* ---- the twin ----------------------------------------------------------------------------------------- */

/* Dense tables of (examples, columns): what goes in, is judged, has been seen; values of what is judged. */
struct twin {
    const struct world *w;
    int64_t examples, columns;
    bool *in, *out, *seen;
    double *value;
    int64_t *trained; /* (columns) training ratings */
    float *score;     /* (examples, columns) */
};

static void fill(struct twin *t, bool valid)
{
    const struct problem *p = t->w->problem;
    const struct ratings *r = p->ratings;
    uint8_t in = valid ? PART_VALID_IN : PART_TEST_IN, out = valid ? PART_VALID_OUT : PART_TEST_OUT;
    bool binary = problem_is_binary(t->w->config);

    assert_true(p->kept);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t e = p->side == SIDE_USER ? r->user[i] : r->item[i];
        int64_t c = p->side == SIDE_USER ? r->item[i] : r->user[i], at = e * t->columns + c;
        uint8_t part = p->split->part[i];

        t->in[at] = part & in;
        t->out[at] = part & out;
        t->seen[at] = (part & in) || (!valid && (part & PART_TEST_SEEN));
        t->value[at] = binary ? 1.0 : (double)r->value[i];
        t->trained[c] += (part & PART_TRAIN) != 0;
    }
}

static int64_t count_row(const struct twin *t, const bool *table, int64_t e)
{
    int64_t n = 0;

    for (int64_t c = 0; c < t->columns; c++)
        n += table[e * t->columns + c];
    return n;
}

/* One block of examples through the model by one worker. */
struct block {
    struct twin *t;
    const struct matrix *in;
    int64_t *example, rows;
};

static void score_block(struct worker *w, void *arg)
{
    struct block *b = arg;
    const struct problem *p = b->t->w->problem;
    struct model *m = b->t->w->trainer.model;
    struct view *view = mem_zalloc(p->shards, sizeof *view);
    struct input input = {.matrix = b->in, .view = view, .example = b->example, .rows = b->rows};

    for (int s = 0; s < p->shards; s++)
        assert_int_equal(view_init(&view[s], b->in, s, b->rows, NULL), 0);
    m->ops->infer(w, m, &input);
    for (int s = 0; s < p->shards; s++) {
        int64_t width = shard_width(&p->cut[s]), ld = row_pad(width);
        float *out = mem_array(b->rows * ld, sizeof *out);

        m->ops->score(w, m, s, b->rows, out, ld);
        for (int64_t i = 0; i < b->rows; i++)
            memcpy(b->t->score + b->example[i] * b->t->columns + p->cut[s].begin, out + i * ld,
                   (size_t)width * sizeof *out);
        mem_free(out);
        view_fini(&view[s]);
    }
    mem_free(view);
}

static void score(struct twin *t, bool valid)
{
    struct problem *p = t->w->problem;
    struct block b = {.t = t, .in = valid ? p->valid.in : p->test.in};

    b.example = mem_alloc(t->examples, sizeof *b.example);
    for (int64_t e = 0; e < t->examples; e++) {
        if (count_row(t, t->out, e))
            b.example[b.rows++] = e;
        if (b.rows == t->w->spec.batch || (e == t->examples - 1 && b.rows)) {
            team_run(p->team, score_block, &b);
            b.rows = 0;
        }
    }
    mem_free(b.example);
}

static struct twin *twin_new(const struct world *w, bool valid)
{
    struct twin *t = mem_zalloc(1, sizeof *t);
    int64_t n = w->problem->examples * w->problem->columns;

    *t = (struct twin){.w = w, .examples = w->problem->examples, .columns = w->problem->columns};
    t->in = mem_zalloc(n, sizeof *t->in);
    t->out = mem_zalloc(n, sizeof *t->out);
    t->seen = mem_zalloc(n, sizeof *t->seen);
    t->value = mem_zalloc(n, sizeof *t->value);
    t->trained = mem_zalloc(t->columns, sizeof *t->trained);
    t->score = mem_zalloc(n, sizeof *t->score);
    fill(t, valid);
    score(t, valid);
    return t;
}

static void twin_free(struct twin *t)
{
    mem_free(t->in);
    mem_free(t->out);
    mem_free(t->seen);
    mem_free(t->value);
    mem_free(t->trained);
    mem_free(t->score);
    mem_free(t);
}

/* ---- ratings, by the book ------------------------------------------------------------------------------ */

static double error_of(const struct twin *t, int64_t e, int64_t c)
{
    const struct eval_spec *s = &t->w->spec;
    double r = (double)t->score[e * t->columns + c] + s->shift;
    bool row = count_row(t, t->in, e) > 0, column = t->trained[c] > 0;
    enum untrained mode = t->w->config->eval_untrained;
    const struct biases *b = &t->w->problem->bias;

    if (mode != UNTRAINED_SCORE && !row && !column)
        return s->cold - t->value[e * t->columns + c];
    if (mode == UNTRAINED_REPLACE && !(row && column))
        return s->cold - t->value[e * t->columns + c];
    if (mode == UNTRAINED_BIAS && !(row && column))
        r = b->mean + (row ? (double)b->example[e] : (double)b->column[c]);
    if (s->clip)
        r = fmin(fmax(r, s->low), s->high);
    return r - t->value[e * t->columns + c];
}

static double naive_ratings(const struct twin *t, enum metric_kind kind)
{
    double square = 0.0, absolute = 0.0, n = 0.0;

    for (int64_t e = 0; e < t->examples; e++)
        for (int64_t c = 0; c < t->columns; c++)
            if (t->out[e * t->columns + c]) {
                double d = error_of(t, e, c);

                square += d * d;
                absolute += fabs(d);
                n++;
            }
    return kind == METRIC_MAE ? absolute / n : kind == METRIC_MSE ? square / n : sqrt(square / n);
}

/* The loss that training minimises, of the judged cells. */
static double naive_rating_loss(const struct twin *t)
{
    const struct config *c = t->w->config;
    double sum = 0.0, means = 0.0, cells = 0.0, rows = 0.0;

    for (int64_t e = 0; e < t->examples; e++) {
        double row = 0.0, n = (double)count_row(t, t->out, e);

        for (int64_t i = 0; i < t->columns; i++)
            if (t->out[e * t->columns + i]) {
                double d =
                    (double)t->score[e * t->columns + i] + t->w->spec.shift - t->value[e * t->columns + i];

                row += d * d;
            }
        sum += row;
        cells += n;
        means += n > 0.0 ? row / n : 0.0;
        rows += n > 0.0;
    }
    if (c->model_kind == MODEL_MF) /* its examples are ratings */
        means = sum, rows = cells;
    switch ((enum rating_loss)c->loss) {
    case LOSS_SUM:
        return sum / 2.0;
    case LOSS_EXAMPLE_MEAN:
        return sum / 2.0 / rows;
    case LOSS_ROW_MEAN:
        return means / rows;
    case LOSS_CELL_MEAN:
        return sum / cells;
    case LOSS_COLUMN_MEAN:
        return sum / 2.0 / (double)t->columns / rows;
    case LOSS_ROOT:
        return sqrt(sum);
    }
    return NAN;
}

static double naive_multinomial_loss(const struct twin *t)
{
    double total = 0.0, users = 0.0;

    for (int64_t e = 0; e < t->examples; e++) {
        const float *l = t->score + e * t->columns;
        double sum = 0.0, own = 0.0, n = (double)count_row(t, t->out, e);

        for (int64_t c = 0; c < t->columns; c++) {
            sum += exp((double)l[c]);
            own += t->out[e * t->columns + c] ? (double)l[c] : 0.0;
        }
        if (n > 0.0) {
            total += n * log(sum) - own;
            users++;
        }
    }
    return total / users;
}

/* ---- rankings, by the book ----------------------------------------------------------------------------- */

/* The best k columns for example e that may be recommended: repeated search. Returns how many. */
static int naive_list(const struct twin *t, int64_t e, int k, int64_t *list)
{
    bool *used = mem_zalloc(t->columns, sizeof *used);
    bool zero = t->w->spec.seen_zero;
    int n = 0;

    for (; n < k; n++) {
        int64_t best = -1;
        double top = 0.0;

        for (int64_t c = 0; c < t->columns; c++) {
            bool seen = t->seen[e * t->columns + c];
            double x = seen ? 0.0 : (double)t->score[e * t->columns + c];

            if (used[c] || (seen && !zero) || (!seen && t->trained[c] == 0))
                continue;
            if (best < 0 || x > top) {
                best = c;
                top = x;
            }
        }
        if (best < 0)
            break;
        used[best] = true;
        list[n] = best;
    }
    mem_free(used);
    return n;
}

static bool relevant(const struct twin *t, int64_t e, int64_t c)
{
    return t->out[e * t->columns + c] && t->value[e * t->columns + c] >= t->w->spec.relevant;
}

static double of_list(const struct metric *m, const bool *hit, int n, int64_t held)
{
    double hits = 0.0, gain = 0.0, ideal = 0.0, precision = 0.0, first = 0.0, k = (double)m->k;
    double best = held < m->k ? (double)held : k;

    for (int i = 0; i < n && i < m->k; i++)
        if (hit[i]) {
            hits++;
            gain += 1.0 / log2(i + 2.0);
            precision += hits / (i + 1.0);
            first = first > 0.0 ? first : 1.0 / (i + 1.0);
        }
    for (int i = 0; i < (int)best; i++)
        ideal += 1.0 / log2(i + 2.0);
    switch (m->kind) {
    case METRIC_NDCG:
        return gain / ideal;
    case METRIC_RECALL:
        return hits / best;
    case METRIC_RECALL_ALL:
        return hits / (double)held;
    case METRIC_PRECISION:
        return hits / k;
    case METRIC_MAP:
        return precision / (double)held;
    case METRIC_MAP_MIN:
        return precision / best;
    case METRIC_MRR:
        return first;
    case METRIC_HIT:
        return hits > 0.0;
    default:
        return NAN;
    }
}

static double naive_ranking(const struct twin *t, const struct metric *m)
{
    int64_t *list = mem_alloc(t->columns, sizeof *list);
    bool *hit = mem_alloc(t->columns, sizeof *hit), *covered = mem_zalloc(t->columns, sizeof *covered);
    double sum = 0.0, users = 0.0, cover = 0.0, listable = 0.0;
    int k = m->k < t->columns ? m->k : (int)t->columns;

    for (int64_t e = 0; e < t->examples; e++) {
        int64_t held = 0;
        int n;

        if (!count_row(t, t->out, e))
            continue;
        n = naive_list(t, e, k, list);
        for (int i = 0; i < n; i++) {
            hit[i] = relevant(t, e, list[i]);
            covered[list[i]] = true;
        }
        for (int64_t c = 0; c < t->columns; c++)
            held += relevant(t, e, c);
        if (held) {
            sum += of_list(m, hit, n, held);
            users++;
        }
    }
    for (int64_t c = 0; c < t->columns; c++) {
        cover += covered[c];
        listable += t->trained[c] > 0;
    }
    mem_free(list);
    mem_free(hit);
    mem_free(covered);
    return m->kind == METRIC_COVERAGE ? cover / listable : sum / users;
}

static double naive(const struct twin *t, const struct metric *m)
{
    if (metric_is_ranking(m))
        return naive_ranking(t, m);
    if (m->kind == METRIC_LOSS)
        return problem_is_binary(t->w->config) ? naive_multinomial_loss(t) : naive_rating_loss(t);
    return naive_ratings(t, m->kind);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void figures_are_those_of_the_twin(void **state)
{
    bool cold_row = false, cold_column = false, seen_besides = false;

    (void)state;
    for (int i = 0; i < CASES; i++)
        for (int valid = 0; valid < 2; valid++) {
            struct eval_result r;
            struct world w;
            struct twin *t;
            int64_t cells = 0, examples = 0;

            make(&w, cases[i], 1);
            t = twin_new(&w, valid);
            judge(&w, valid, &r);
            for (int64_t e = 0; e < t->examples; e++) {
                int64_t n = count_row(t, t->out, e);

                cells += n;
                examples += n > 0;
                cold_row |= n && !count_row(t, t->in, e);
                for (int64_t c = 0; c < t->columns; c++) {
                    cold_column |= t->out[e * t->columns + c] && !t->trained[c];
                    seen_besides |= n && t->seen[e * t->columns + c] && !t->in[e * t->columns + c];
                }
            }
            assert_int_equal(r.cells, cells);
            assert_int_equal(r.examples, examples);
            for (int k = 0; k < w.spec.n; k++) {
                double wanted = naive(t, &w.spec.metric[k]);

                if (!(fabs(r.value[k] - wanted) <= 2e-5 * (1e-3 + fabs(wanted))))
                    fail_msg("case %d, %s, %s: %.10g, the twin has %.10g", i, valid ? "validation" : "test",
                             w.spec.metric[k].name, r.value[k], wanted);
            }
            twin_free(t);
            drop(&w);
        }
    assert_true(cold_row && cold_column && seen_besides); /* the cases have what they are for */
}

static void workers_change_no_bit(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        static const int workers[] = {2, 3, 5};
        struct eval_result one, other;
        struct world w;

        make(&w, cases[i], 1);
        judge(&w, false, &one);
        drop(&w);
        for (int k = 0; k < 3; k++) {
            make(&w, cases[i], workers[k]);
            judge(&w, false, &other);
            assert_memory_equal(one.value, other.value, (size_t)one.n * sizeof *one.value);
            drop(&w);
        }
    }
}

/* The same evaluator twice: nothing is left over from the first time. */
static void judging_again_gives_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct eval_result first, second;
        struct evaluator *e;
        struct error err = {0};
        struct world w;

        make(&w, cases[i], 2);
        ok(evaluator_new(&e, &w.spec, &w.problem->test, w.trainer.model, w.problem, &err), &err);
        evaluate(e, &first);
        evaluate(e, &second);
        assert_memory_equal(first.value, second.value, (size_t)first.n * sizeof *first.value);
        evaluator_free(e);
        drop(&w);
    }
}

/* Sum of values over sum of weights, over users, is the figure: what bootstrap.h is given. */
static void users_add_up_to_the_figure(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct evaluator *e;
        struct error err = {0};
        struct eval_result r;
        struct world w;
        int64_t most, *user;
        double *value, *weight;

        make(&w, cases[i], 2);
        ok(evaluator_new(&e, &w.spec, &w.problem->test, w.trainer.model, w.problem, &err), &err);
        evaluate(e, &r);
        most = evaluator_users_most(e);
        user = mem_alloc(most, sizeof *user);
        value = mem_alloc(most, sizeof *value);
        weight = mem_alloc(most, sizeof *weight);
        for (int k = 0; k < w.spec.n; k++) {
            const struct metric *m = &w.spec.metric[k];
            int64_t n = evaluator_per_user(e, k, user, value, weight);
            double sum = 0.0, by = 0.0;

            assert_true(n <= most);
            if (m->kind == METRIC_COVERAGE || (m->kind == METRIC_LOSS && !problem_is_binary(w.config))) {
                assert_int_equal(n, 0);
                continue;
            }
            for (int64_t u = 0; u < n; u++) {
                assert_true(user[u] < w.problem->users && (u == 0 || user[u] > user[u - 1]));
                sum += value[u];
                by += weight[u];
            }
            sum /= by;
            assert_close(m->kind == METRIC_RMSE ? sqrt(sum) : sum, r.value[k], 1e-12, 0.0);
        }
        mem_free(user);
        mem_free(value);
        mem_free(weight);
        evaluator_free(e);
        drop(&w);
    }
}

/* Figures of the last model by a sieve of bf16 scores, where this processor has one, and by all scores: on
 * another vector path, whose weights are the same. */
static void a_sieve_changes_no_figure(void **state)
{
#define SIFTED                                                                                               \
    "data.path=synth:300x700x9000", "model.hidden=[64]", "model.latent=64", "split.kind=users",              \
        "split.test_users=150", "eval.batch=67", "eval.metrics=ndcg@10,recall@7,coverage@5"
    static const char *const sifted[][16] = {
        {"model.kind=multidae", SIFTED, "run.isa=auto"},
        {"model.kind=multidae", SIFTED, "run.isa=baseline"},
        {"model.kind=autorec", SIFTED, "model.side=user", "run.isa=auto"},
        {"model.kind=autorec", SIFTED, "model.side=user", "run.isa=baseline"},
    };

    (void)state;
    for (int i = 0; i < 4; i += 2) {
        struct eval_result figures[2];

        for (int j = 0; j < 2; j++) {
            struct evaluator *e;
            struct error err = {0};
            struct world w;

            make(&w, sifted[i + j], 2);
            ok(evaluator_new(&e, &w.spec, &w.problem->test, w.trainer.model, w.problem, &err), &err);
            evaluate(e, &figures[j]);
            assert_true(e->lists.sifted == w.problem->kern->bf16_fast);
            evaluator_free(e);
            drop(&w);
        }
        assert_memory_equal(figures[0].value, figures[1].value, (size_t)figures[0].n * sizeof(double));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_twin), cmocka_unit_test(workers_change_no_bit),
        cmocka_unit_test(judging_again_gives_the_same),  cmocka_unit_test(users_add_up_to_the_figure),
        cmocka_unit_test(a_sieve_changes_no_figure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
