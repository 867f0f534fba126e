/* Bench: what is counted as work, what is compared, how speed-up is taken; a measurement of a small problem.
 */
#include "support.h"

#include "config/config.h"
#include "bench/bench.h"

#include <string.h>

static struct bench_result two_rows(bool weak)
{
    struct bench_result r = {.rows = 2, .weak = weak};

    for (int i = 0; i < 2; i++) {
        strcpy(r.row[i].warm_hash, weak && i ? "grown" : "warm");
        strcpy(r.row[i].hash, weak && i ? "other" : "last");
    }
    strcpy(r.row[1].first_hash, "grown");
    r.row[0].threads = 2;
    r.row[1].threads = 6;
    r.row[0].median = 3.0;
    r.row[1].median = weak ? 4.0 : 1.5;
    r.row[0].work.ratings = 100.0;
    r.row[1].work.ratings = weak ? 300.0 : 100.0;
    return r;
}

static void equal_bits_pass_and_any_difference_fails(void **state)
{
    struct bench_result r = two_rows(false);
    struct error err = {0};

    (void)state;
    assert_int_equal(bench_compare(&r, &err), 0);
    strcpy(r.row[1].hash, "lost");
    assert_int_equal(bench_compare(&r, &err), PT_ECHECK);
    assert_non_null(strstr(err.text, "2 and 6 threads give different weights (last, lost)"));
    r = two_rows(false);
    strcpy(r.row[1].warm_hash, "harm");
    assert_int_equal(bench_compare(&r, &err), PT_ECHECK);
    r = two_rows(false);
    r.row[0].evaluated.n = r.row[1].evaluated.n = 1;
    r.row[0].evaluated.value[0] = 0.25;
    r.row[1].evaluated.value[0] = 0.25000000000000006;
    assert_int_equal(bench_compare(&r, &err), PT_ECHECK);
    assert_non_null(strstr(err.text, "evaluate the same weights differently"));
}

static void grown_data_are_compared_with_the_first_threads(void **state)
{
    struct bench_result r = two_rows(true);
    struct error err = {0};

    (void)state;
    assert_int_equal(bench_compare(&r, &err), 0);
    strcpy(r.row[1].first_hash, "warm");
    assert_int_equal(bench_compare(&r, &err), PT_ECHECK);
}

static void efficiency_is_speedup_over_the_growth_of_threads(void **state)
{
    struct bench_result strong = two_rows(false), weak = two_rows(true);

    (void)state;
    assert_float_equal(bench_speedup(&strong, 1), 2.0, 1e-12);
    assert_float_equal(bench_efficiency(&strong, 1), 2.0 / 3.0, 1e-12);
    assert_float_equal(bench_speedup(&weak, 1), 2.25, 1e-12); /* 300 / 4 against 100 / 3 */
    assert_float_equal(bench_efficiency(&weak, 1), 0.75, 1e-12);
}

static struct config *configured(const char *const *assignment)
{
    struct config *c = NULL;
    struct error err = {0};

    assert_int_equal(config_new(&c, &err), 0);
    for (; *assignment; assignment++)
        assert_int_equal(config_set(c, *assignment, &err), 0);
    assert_int_equal(config_check(c, &err), 0);
    return c;
}

/* 30 users x 20 items, 16 units, one batch: the counts can be done by hand. */
static void work_is_what_the_sizes_say(void **state)
{
    static const char *const settings[] = {
        "model.kind=autorec", "model.side=user", "model.hidden=[16]", "data.path=synth:30x20x300",
        "train.batch=30",     "run.threads=1",   "split.kind=random", "split.test=0",
        "split.valid=0",      "run.shards=4",    "train.patience=0",  NULL};
    struct config *c = configured(settings);
    struct problem *p = NULL;
    struct trainer l;
    struct error err = {0};
    struct cost w, epoch;

    (void)state;
    assert_int_equal(problem_new_kept(&p, c, &err), 0);
    assert_int_equal(trainer_init(&l, c, p, 1, &err), 0);
    trainer_epoch(&l, 0);
    assert_int_equal(l.steps, 1);
    cost_of_steps(&w, &l, 1);
    cost_of_epoch(&epoch, &l);
    assert_float_equal(w.examples, 30.0, 0.0);
    assert_float_equal(w.ratings, 300.0, 0.0);
    assert_float_equal(w.flop[PHASE_ENCODE], 2.0 * 16 * 300, 0.0);
    assert_float_equal(w.flop[PHASE_DECODE], 6.0 * 16 * 300 + 16.0 * 20 * 16, 0.0);
    assert_float_equal(w.flop[PHASE_UPDATE], 2.0 * 16 * 300 + 16.0 * 20 * 16, 0.0);
    assert_float_equal(w.bytes[PHASE_UPDATE], 24.0 * 20 * 16, 1e-6); /* the batch touches every row */
    assert_float_equal(w.flop[PHASE_REDUCE], 2.0 * 1 * 30 * 16,
                       0.0); /* 4 shards: 3 adds, 2 of them by leaves */
    for (int i = 0; i < PHASES; i++) {
        assert_float_equal(w.flop[i], epoch.flop[i], 0.0);
        assert_float_equal(w.bytes[i], epoch.bytes[i], 0.0);
    }
    trainer_fini(&l);
    problem_free(p);
    config_free(c);
}

static void bench_of(const char *const *settings, bool weak, struct bench_result *r)
{
    struct config *c = configured(settings);
    struct bench_spec spec = {.threads = {1, 3}, .rows = 2, .weak = weak, .repeats = 2, .steps = 3};
    struct error err = {0};
    int rc = bench_run(r, c, &spec, &err);

    if (rc < 0)
        print_error("%s\n", err.text);
    assert_int_equal(rc, 0);
    assert_int_equal(r->rows, 2);
    for (int i = 0; i < 2; i++) {
        const struct bench_row *x = &r->row[i];
        double sum = 0.0;

        assert_int_equal(x->threads, i ? 3 : 1);
        assert_int_equal(x->steps, 3);
        assert_true(x->low > 0.0 && x->low <= x->median && x->median <= x->high);
        assert_true(x->sgemm > 0.0 && x->stream > 0.0 && x->barrier > 0.0);
        assert_in_range(x->sgemm_workers, 1, x->threads);
        for (int p = 0; p < PHASES; p++)
            sum += x->phase[p];
        assert_true(sum > 0.0 &&
                    sum < 1.01 * x->high); /* no time is counted twice; of two, a median is a mean */
        assert_int_equal(strlen(x->hash), 32);
        assert_true(x->eval_examples > 0 && x->eval_s > 0.0 && x->eval_flop > 0.0);
    }
    config_free(c);
}

static void every_model_gives_the_same_bits_on_one_and_three_threads(void **state)
{
    static const char *const autorec[] = {"model.kind=autorec", "model.hidden=[24]", "data.path=synth:small",
                                          "train.batch=16", NULL};
    static const char *const vae[] = {"model.kind=multivae",   "model.hidden=[24]", "model.latent=8",
                                      "data.path=synth:small", "train.batch=16",    NULL};
    static const char *const mf[] = {"model.kind=mf", "model.latent=8", "data.path=synth:small",
                                     "train.batch=64", NULL};
    struct bench_result r;

    (void)state;
    bench_of(autorec, false, &r);
    assert_int_equal(r.row[0].ratings, r.row[1].ratings);
    bench_of(vae, false, &r);
    bench_of(mf, false, &r);
}

static void weak_scaling_grows_columns_and_ratings_with_the_threads(void **state)
{
    static const char *const settings[] = {"model.kind=autorec", "model.side=user",       "model.hidden=[24]",
                                           "train.batch=16",     "data.path=synth:small", NULL};
    struct bench_result r;

    (void)state;
    bench_of(settings, true, &r);
    assert_int_equal(r.row[1].users, r.row[0].users);
    assert_int_equal(r.row[1].items, 3 * r.row[0].items);
    assert_int_equal(r.row[1].ratings, 3 * r.row[0].ratings);
}

static void weak_scaling_of_a_file_is_refused(void **state)
{
    static const char *const settings[] = {"model.kind=mf", "data.path=ratings.csv", NULL};
    struct config *c = configured(settings);
    struct bench_spec spec = {.threads = {1}, .rows = 1, .weak = true, .repeats = 1};
    struct bench_result r;
    struct error err = {0};

    (void)state;
    assert_int_equal(bench_run(&r, c, &spec, &err), PT_EUSAGE);
    assert_non_null(strstr(err.text, "synth:"));
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bits_pass_and_any_difference_fails),
        cmocka_unit_test(grown_data_are_compared_with_the_first_threads),
        cmocka_unit_test(efficiency_is_speedup_over_the_growth_of_threads),
        cmocka_unit_test(work_is_what_the_sizes_say),
        cmocka_unit_test(every_model_gives_the_same_bits_on_one_and_three_threads),
        cmocka_unit_test(weak_scaling_grows_columns_and_ratings_with_the_threads),
        cmocka_unit_test(weak_scaling_of_a_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
