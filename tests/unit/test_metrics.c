/* Metrics: vectors worked out by hand, a naive twin, bounds and monotony, and the reading of names. */
#include "support.h"

#include "base/rng.h"
#include "eval/metrics.h"

static struct metric metric(const char *name)
{
    struct error err = {0};
    struct metric m;

    if (metric_parse(&m, name, &err))
        fail_msg("%s: %s", name, err.text);
    return m;
}

static double figure(const char *name, const bool *hit, int ranked, int64_t held_out)
{
    struct metric m = metric(name);

    return metric_of_user(&m, hit, ranked, held_out);
}

/* Ranks 2, 3 and 6 are hits, of 4 items held out. */
static const bool worked[] = {false, true, true, false, false, true, false, false};

static void the_worked_example_gives_the_figures_of_the_definitions(void **state)
{
    static const struct {
        const char *name;
        double value;
    } want[] = {
        /* DCG 1/log2(3) + 1/log2(4) + 1/log2(7) = .630930 + .5 + .356207;
         * ideal, 4 hits: 1 + .630930 + .5 + .430677 = 2.561606 */
        {"ndcg@6", 1.4871366 / 2.5616063},
        {"ndcg@8", 1.4871366 / 2.5616063},
        {"ndcg@3", 1.1309298 / 2.1309298}, /* ideal: 3 hits */
        {"ndcg@2", 0.6309298 / 1.6309298},
        {"ndcg@1", 0},
        {"recall@1", 0},
        {"recall@2", 1.0 / 2},
        {"recall@3", 2.0 / 3},
        {"recall@5", 2.0 / 4}, /* 4 held out, so min(5, 4) */
        {"recall@6", 3.0 / 4},
        {"recall_all@2", 1.0 / 4},
        {"recall_all@6", 3.0 / 4},
        {"precision@2", 1.0 / 2},
        {"precision@6", 3.0 / 6},
        {"precision@8", 3.0 / 8},
        /* precision at the hits: 1/2, 2/3, 3/6 */
        {"map@6", (1.0 / 2 + 2.0 / 3 + 3.0 / 6) / 4},
        {"map@3", (1.0 / 2 + 2.0 / 3) / 4},
        {"map_min@6", (1.0 / 2 + 2.0 / 3 + 3.0 / 6) / 4},
        {"map_min@3", (1.0 / 2 + 2.0 / 3) / 3},
        {"mrr@1", 0},
        {"mrr@6", 1.0 / 2},
        {"hit@1", 0},
        {"hit@2", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_close(figure(want[i].name, worked, 8, 4), want[i].value, 1e-6, 0);
}

static void a_short_list_is_judged_by_the_same_denominators(void **state)
{
    const bool hit[] = {true, false};

    (void)state;
    assert_close(figure("precision@10", hit, 2, 3), 0.1, 1e-15, 0);
    assert_close(figure("recall@10", hit, 2, 3), 1.0 / 3, 1e-15, 0);
    assert_close(figure("ndcg@10", hit, 2, 3), 1 / (1 + 0.63092975 + 0.5), 1e-8, 0);
    assert_close(figure("mrr@10", hit, 0, 3), 0, 0, 0);
    assert_close(figure("ndcg@10", hit, 0, 3), 0, 0, 0);
}

static void metrics_without_a_users_figure_say_so(void **state)
{
    static const char *names[] = {"rmse", "mae", "mse", "loss", "coverage@5"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(isnan(figure(names[i], worked, 8, 4)));
}

/* The definitions once more, by ranks and natural logarithms, with no thought of speed. */
static double naive(const struct metric *m, const bool *hit, int ranked, int64_t held_out)
{
    double gain = 0, ideal = 0, precisions = 0, first = 0;
    int64_t hits = 0, least = held_out < m->k ? held_out : m->k;

    for (int64_t rank = 1; rank <= m->k; rank++) {
        if (rank <= held_out)
            ideal += log(2) / log(1 + (double)rank);
        if (rank <= ranked && hit[rank - 1]) {
            hits++;
            gain += log(2) / log(1 + (double)rank);
            precisions += (double)hits / (double)rank;
            if (first == 0)
                first = 1 / (double)rank;
        }
    }
    switch (m->kind) {
    case METRIC_NDCG:
        return gain / ideal;
    case METRIC_RECALL:
        return (double)hits / (double)least;
    case METRIC_RECALL_ALL:
        return (double)hits / (double)held_out;
    case METRIC_PRECISION:
        return (double)hits / m->k;
    case METRIC_MAP:
        return precisions / (double)held_out;
    case METRIC_MAP_MIN:
        return precisions / (double)least;
    case METRIC_MRR:
        return first;
    case METRIC_HIT:
        return hits > 0;
    default:
        return NAN;
    }
}

enum { KINDS = 8, LONGEST = 120 };

static const char *const bases[KINDS] = {"ndcg", "recall",  "recall_all", "precision",
                                         "map",  "map_min", "mrr",        "hit"};

/* A random list of up to `most` places with up to 40 hits, and a count of held-out items to go with it. */
static int draw_list(struct rng_stream *s, bool *hit, int64_t *held_out)
{
    int ranked = (int)rng_next_below(s, LONGEST + 1), hits = 0;
    double density = rng_next_unit(s);

    for (int i = 0; i < ranked; i++) {
        hit[i] = hits < 40 && rng_next_unit(s) < density;
        hits += hit[i];
    }
    *held_out = hits + (int64_t)rng_next_below(s, 20);
    *held_out += *held_out == 0;
    return ranked;
}

static void random_lists_give_what_the_naive_twin_gives_within_bounds(void **state)
{
    struct rng_stream s = rng_stream(3, RNG_TEST, 0, 0);

    (void)state;
    for (int round = 0; round < 4000; round++) {
        bool hit[LONGEST];
        int64_t held_out;
        int ranked = draw_list(&s, hit, &held_out);
        char name[32];

        snprintf(name, sizeof name, "%s@%d", bases[round % KINDS], 1 + (int)rng_next_below(&s, LONGEST + 20));
        {
            struct metric m = metric(name);
            double got = metric_of_user(&m, hit, ranked, held_out);

            assert_close(got, naive(&m, hit, ranked, held_out), 1e-12, 1e-15);
            assert_true(got >= 0 && got <= 1);
        }
    }
}

static void a_perfect_list_gets_the_most_there_is(void **state)
{
    (void)state;
    for (int held_out = 1; held_out <= 30; held_out++) {
        for (int k = 1; k <= 30; k++) {
            for (int kind = 0; kind < KINDS; kind++) {
                bool hit[30];
                char name[32];
                double most = 1;

                for (int i = 0; i < 30; i++)
                    hit[i] = i < held_out;
                if (!strcmp(bases[kind], "precision") && held_out < k)
                    most = (double)held_out / k;
                if ((!strcmp(bases[kind], "recall_all") || !strcmp(bases[kind], "map")) && k < held_out)
                    most = (double)k / held_out;
                snprintf(name, sizeof name, "%s@%d", bases[kind], k);
                assert_true(figure(name, hit, 30, held_out) == most);
            }
        }
    }
}

/* Moving a hit one place up never hurts, and helps ndcg and both forms of map where it counts. */
static void a_hit_further_up_is_never_worse(void **state)
{
    struct rng_stream s = rng_stream(4, RNG_TEST, 0, 0);

    (void)state;
    for (int round = 0; round < 4000; round++) {
        bool hit[LONGEST];
        int64_t held_out;
        int ranked = draw_list(&s, hit, &held_out), k = 1 + (int)rng_next_below(&s, LONGEST), at = -1;
        double before[KINDS];

        for (int i = 1; i < ranked; i++) {
            if (hit[i] && !hit[i - 1] && (at < 0 || rng_next_below(&s, 3) == 0))
                at = i;
        }
        if (at < 0)
            continue;
        for (int pass = 0; pass < 2; pass++) {
            for (int kind = 0; kind < KINDS; kind++) {
                char name[32];
                double got;

                snprintf(name, sizeof name, "%s@%d", bases[kind], k);
                got = figure(name, hit, ranked, held_out);
                if (pass == 0)
                    before[kind] = got;
                else if (at - 1 < k && (bases[kind][0] == 'n' || !strncmp(bases[kind], "map", 3)))
                    assert_true(got > before[kind]);
                else
                    assert_true(got >= before[kind]);
            }
            hit[at - 1] = true;
            hit[at] = false;
        }
    }
}

static void names_are_read_and_made_canonical(void **state)
{
    static const struct {
        const char *text, *name;
        enum metric_kind kind;
        int k;
        bool ranking, smaller;
    } want[] = {
        {"rmse", "rmse", METRIC_RMSE, 0, false, true},
        {"MAE", "mae", METRIC_MAE, 0, false, true},
        {"mse", "mse", METRIC_MSE, 0, false, true},
        {"loss", "loss", METRIC_LOSS, 0, false, true},
        {"NDCG@100", "ndcg@100", METRIC_NDCG, 100, true, false},
        {"recall@020", "recall@20", METRIC_RECALL, 20, true, false},
        {"recall_all@10", "recall_all@10", METRIC_RECALL_ALL, 10, true, false},
        {"precision@1", "precision@1", METRIC_PRECISION, 1, true, false},
        {"map@10", "map@10", METRIC_MAP, 10, true, false},
        {"map_min@10", "map_min@10", METRIC_MAP_MIN, 10, true, false},
        {"mrr@5", "mrr@5", METRIC_MRR, 5, true, false},
        {"hit@1000000", "hit@1000000", METRIC_HIT, 1000000, true, false},
        {"coverage@100", "coverage@100", METRIC_COVERAGE, 100, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct metric m = metric(want[i].text);

        assert_string_equal(m.name, want[i].name);
        assert_int_equal(m.kind, want[i].kind);
        assert_int_equal(m.k, want[i].k);
        assert_int_equal(metric_is_ranking(&m), want[i].ranking);
        assert_int_equal(metric_smaller_is_better(&m), want[i].smaller);
    }
}

static void wrong_names_are_refused_with_what_to_do(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"ndgc@10", "did you mean \"ndcg@K\"?"},
        {"rsme", "did you mean \"rmse\"?"},
        {"recal@20", "did you mean \"recall@K\"?"},
        {"Recall_al@20", "did you mean \"recall_all@K\"?"},
        {"precison@5", "did you mean \"precision@K\"?"},
        {"mpa@10", "did you mean \"map@K\"?"},
        {"mapmin@5", "did you mean \"map_min@K\"?"},
        {"hr@10", "no such metric; did you mean \"hit@K\"?"},
        {"auc", "no such metric; there are rmse, mae, mse, loss, ndcg@K"},
        {"", "there are rmse"},
        {"@10", "there are rmse"},
        {" rmse", "there are rmse"},
        {"ndcg", "needs a cut-off, as in ndcg@100"},
        {"mrr", "needs a cut-off"},
        {"ndcg@", "whole number from 1 to 1000000"},
        {"ndcg@0", "whole number"},
        {"ndcg@-5", "whole number"},
        {"ndcg@+5", "whole number"},
        {"ndcg@1.5", "whole number"},
        {"ndcg@10 ", "whole number"},
        {"ndcg@1e2", "whole number"},
        {"ndcg@1000001", "whole number"},
        {"ndcg@99999999999999999999", "whole number"},
        {"ndcg@10@20", "whole number"},
        {"rmse@10", "has no cut-off"},
        {"loss@", "has no cut-off"},
        {"a name so long that no list of metrics that anybody ever published has one like it, not by far@10",
         "no such metric; there are"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error err = {0};
        struct metric m;

        assert_int_equal(metric_parse(&m, wrong[i].text, &err), PT_ECONFIG);
        if (!strstr(err.text, wrong[i].says))
            fail_msg("\"%s\" is refused with: %s", wrong[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_gives_the_figures_of_the_definitions),
        cmocka_unit_test(a_short_list_is_judged_by_the_same_denominators),
        cmocka_unit_test(metrics_without_a_users_figure_say_so),
        cmocka_unit_test(random_lists_give_what_the_naive_twin_gives_within_bounds),
        cmocka_unit_test(a_perfect_list_gets_the_most_there_is),
        cmocka_unit_test(a_hit_further_up_is_never_worse),
        cmocka_unit_test(names_are_read_and_made_canonical),
        cmocka_unit_test(wrong_names_are_refused_with_what_to_do),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
