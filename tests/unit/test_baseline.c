/* Baselines against plain twins: two means by what the problem knows, nearest items by all pairs. */
#include "support.h"

#include "base/mem.h"
#include "eval/baseline.h"

#include <math.h>
#include <stdlib.h>

enum { CUT = 5 };

static struct config *config_of(const char *const *settings)
{
    struct config *c;
    struct error err;

    assert_int_equal(config_new(&c, &err), 0);
    for (; *settings; settings++)
        if (config_set(c, *settings, &err) < 0)
            fail_msg("%s", err.text);
    if (config_check(c, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

/* 1 where a matrix has an entry; (examples, columns). */
static uint8_t *dense(const struct matrix *m, float *value)
{
    uint8_t *x = mem_zalloc(m->examples * m->columns, 1);

    for (int s = 0; s < m->shards; s++)
        for (int64_t e = 0; e < m->examples; e++)
            for (int64_t row = matrix_row(m, e), i = m->part[s].ptr[row]; i < m->part[s].ptr[row + 1]; i++) {
                int64_t at = e * m->columns + m->cut[s].begin + m->part[s].col[i];

                x[at] = 1;
                if (value)
                    value[at] = matrix_value(m, &m->part[s], i);
            }
    return x;
}

/* ---- nearest items, by all pairs ---- */

struct pair {
    float cosine;
    int64_t item;
};

static int nearer(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return x->cosine != y->cosine ? (x->cosine < y->cosine) - (x->cosine > y->cosine)
                                  : (x->item > y->item) - (x->item < y->item);
}

/* near[i * items + j]: the cosine where j is among the k nearest of i, else 0. */
static float *neighbours(const uint8_t *x, int64_t users, int64_t items, int k)
{
    float *near = mem_zalloc(items * items, sizeof *near);
    struct pair *pair = mem_alloc(items, sizeof *pair);

    for (int64_t i = 0; i < items; i++) {
        int64_t n = 0;

        for (int64_t j = 0; j < items; j++) {
            double both = 0.0, own = 0.0, other = 0.0;

            for (int64_t u = 0; u < users; u++) {
                both += x[u * items + i] && x[u * items + j];
                own += x[u * items + i];
                other += x[u * items + j];
            }
            if (j != i && both > 0.0)
                pair[n++] = (struct pair){(float)(both / sqrt(own * other)), j};
        }
        qsort(pair, (size_t)n, sizeof *pair, nearer);
        for (int64_t t = 0; t < n && t < k; t++)
            near[i * items + pair[t].item] = pair[t].cosine;
    }
    mem_free(pair);
    return near;
}

/* Recall at CUT on a part: hits / min(CUT, held out), the mean over users. */
static double recall(const struct problem *p, const struct eval_part *part, int k)
{
    int64_t n = p->columns, users = 0;
    uint8_t *train = dense(p->train, NULL), *in = dense(part->in, NULL), *out = dense(part->out, NULL);
    float *near = neighbours(train, p->examples, n, k);
    double sum = 0.0;

    for (int64_t u = 0; u < p->examples; u++) {
        struct pair *list = mem_alloc(n, sizeof *list);
        int64_t listed = 0, held = 0, hits = 0;

        for (int64_t i = 0; i < n; i++) {
            float score = 0.0f;

            held += out[u * n + i];
            for (int64_t j = 0; j < n; j++)
                score += in[u * n + j] ? near[i * n + j] : 0.0f;
            if (!in[u * n + i] && p->train->column_count[i])
                list[listed++] = (struct pair){score, i};
        }
        qsort(list, (size_t)listed, sizeof *list, nearer);
        for (int64_t r = 0; r < listed && r < CUT; r++)
            hits += out[u * n + list[r].item];
        if (held) {
            sum += (double)hits / (double)(held < CUT ? held : CUT);
            users++;
        }
        mem_free(list);
    }
    mem_free(train);
    mem_free(in);
    mem_free(out);
    mem_free(near);
    return sum / (double)users;
}

static void nearest_items_are_those_of_all_pairs(void **state)
{
    static const int choice[] = {10, 20, 50, 100, 200};

    (void)state;
    for (int workers = 1; workers < 4; workers += 2) {
        const char *const settings[] = {"model.kind=multidae",
                                        "data.path=synth:120x90x1500",
                                        "split.test_users=30",
                                        "split.valid_users=25",
                                        "eval.metrics=recall@5",
                                        "run.shards=7",
                                        workers == 1 ? "run.threads=1" : "run.threads=3",
                                        NULL};
        struct config *c = config_of(settings);
        struct problem *p;
        struct baseline *b;
        struct evaluator *e;
        struct eval_spec spec;
        struct eval_result r;
        struct error err;
        double best = -1.0;
        int k = 0, own;

        if (problem_new(&p, c, &err) < 0 || eval_spec_make(&spec, c, p, &err) < 0)
            fail_msg("%s", err.text);
        struct engine eng = {.team = p->team, .kern = p->kern, .train = p->train};
        assert_int_equal(baseline_new(&b, BASELINE_ITEMKNN, &spec, p, &eng, NAN, &err), 0);
        for (int i = 0; i < 5; i++) {
            double f = recall(p, &p->valid, choice[i]);

            if (f > best + 1e-12) {
                best = f;
                k = choice[i];
            }
        }
        own = atoi(baseline_choice(b));
        assert_int_equal(own, k);
        assert_int_equal(evaluator_new(&e, &spec, &p->test, baseline_model(b), p, &err), 0);
        evaluate(e, &r);
        assert_close(r.value[0], recall(p, &p->test, k), 1e-12, 0.0);
        assert_true(r.value[0] > 0.02);
        assert_int_equal(baseline_new(&(struct baseline *){NULL}, BASELINE_BIAS, &spec, p, &eng, NAN, &err),
                         PT_EUSAGE);
        evaluator_free(e);
        baseline_free(b);
        problem_free(p);
        config_free(c);
    }
}

/* ---- mean and two means ---- */

static void ratings_are_those_of_the_means(void **state)
{
    static const char *const sides[] = {"model.side=item", "model.side=user"};

    (void)state;
    for (int side = 0; side < 2; side++) {
        const char *const settings[] = {"model.kind=autorec",        sides[side],
                                        "data.path=synth:60x50x700", "split.test=0.3",
                                        "split.valid=0.1",           "eval.metrics=rmse,mae",
                                        "model.center=true",         NULL};
        struct config *c = config_of(settings);
        struct baseline_figures f;
        struct problem *p;
        struct eval_spec spec;
        struct error err;
        double of_mean = 0.0, of_two = 0.0, n = 0.0;
        float *value;
        uint8_t *out;

        if (problem_new(&p, c, &err) < 0 || eval_spec_make(&spec, c, p, &err) < 0)
            fail_msg("%s", err.text);
        struct engine eng = {.team = p->team, .kern = p->kern, .train = p->train};
        assert_int_equal(baselines_evaluate(&f, &spec, &p->test, p, &eng, &err), 0);
        value = mem_alloc(p->examples * p->columns, sizeof *value);
        out = dense(p->test.out, value);
        for (int64_t e = 0; e < p->examples; e++)
            for (int64_t i = 0; i < p->columns; i++)
                if (out[e * p->columns + i]) {
                    double r = (double)value[e * p->columns + i] + (double)p->shift;
                    double two = p->mean + (double)p->bias.example[e] + (double)p->bias.column[i];

                    two = fmin(fmax(two, (double)p->low), (double)p->high);
                    of_mean += (p->mean - r) * (p->mean - r);
                    of_two += (two - r) * (two - r);
                    n += 1.0;
                }
        assert_close(f.value[BASELINE_MEAN][0], sqrt(of_mean / n), 1e-5, 1e-5);
        assert_close(f.value[BASELINE_BIAS][0], sqrt(of_two / n), 1e-5, 1e-5);
        assert_true(isnan(f.value[BASELINE_POPULAR][0]) && of_two < of_mean);
        mem_free(value);
        mem_free(out);
        problem_free(p);
        config_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_items_are_those_of_all_pairs),
        cmocka_unit_test(ratings_are_those_of_the_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
