#include "support.h"

#include "math/adam.h"

static const struct adam_spec plain = {.lr = 0.01,
                                       .beta1 = 0.9,
                                       .beta2 = 0.99,
                                       .eps = 1e-5,
                                       .l2 = 0.3,
                                       .weight_decay = 0.2,
                                       .lr_decay = 0.5,
                                       .lr_step = 3,
                                       .momentum_high = 0.95,
                                       .momentum_low = 0.85,
                                       .total_steps = 80};

static double lr_at(enum schedule kind, int64_t epoch, int64_t step, int64_t total, double *beta1)
{
    struct adam_spec spec = plain;
    double lr, unused;

    spec.schedule = kind;
    spec.total_steps = total;
    adam_schedule(&spec, epoch, step, &lr, beta1 ? beta1 : &unused);
    return lr;
}

static void constant_step_and_exponential(void **state)
{
    double beta1;

    (void)state;
    for (int e = 0; e < 12; e++) {
        assert_close(lr_at(SCHEDULE_CONSTANT, e, e * 10, 120, &beta1), 0.01, 0.0, 0.0);
        assert_close(beta1, 0.9, 0.0, 0.0);
        assert_close(lr_at(SCHEDULE_STEP, e, e * 10, 120, NULL), 0.01 * pow(0.5, floor(e / 3.0)), 1e-14, 0.0);
        assert_close(lr_at(SCHEDULE_EXPONENTIAL, e, e * 10, 120, NULL), 0.01 * pow(0.5, e), 1e-14, 0.0);
    }
}

static void cosine_goes_from_lr_to_nothing(void **state)
{
    (void)state;
    for (int i = 0; i <= 1000; i++)
        assert_close(lr_at(SCHEDULE_COSINE, 0, i, 1000, NULL), 0.005 * (1.0 + cos(M_PI * i / 1000.0)), 1e-12,
                     1e-17);
}

/* fastai's cos(s, e, p) = s + (1 + cos(pi (1 - p))) (e - s) / 2 */
static double curve(double s, double e, double p)
{
    return s + (1.0 + cos(M_PI * (1.0 - p))) * (e - s) / 2.0;
}

static void one_cycle_is_fastai_s(void **state)
{
    double beta1;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        double pct = i / 1000.0, lr = lr_at(SCHEDULE_ONE_CYCLE, 0, i, 1000, &beta1);

        if (pct < 0.25) {
            assert_close(lr, curve(0.01 / 25.0, 0.01, pct / 0.25), 1e-12, 0.0);
            assert_close(beta1, curve(0.95, 0.85, pct / 0.25), 1e-12, 0.0);
        } else {
            assert_close(lr, curve(0.01, 0.01 / 1e5, (pct - 0.25) / 0.75), 1e-12, 0.0);
            assert_close(beta1, curve(0.85, 0.95, (pct - 0.25) / 0.75), 1e-12, 0.0);
        }
    }
    assert_close(lr_at(SCHEDULE_ONE_CYCLE, 0, 0, 1000, &beta1), 0.0004, 1e-12, 0.0);
    assert_close(beta1, 0.95, 1e-12, 0.0);
    assert_close(lr_at(SCHEDULE_ONE_CYCLE, 0, 250, 1000, &beta1), 0.01, 1e-12, 0.0);
    assert_close(beta1, 0.85, 1e-12, 0.0);
}

/* What a plan holds is what the formulas give, at the step's number in the whole run. */
static void check_plan(enum schedule kind, bool decay_biases)
{
    struct adam_spec spec = plain;
    struct adam_plan plan;
    struct error err;

    spec.schedule = kind;
    spec.decay_biases = decay_biases;
    assert_int_equal(adam_plan_init(&plan, &spec, 10, &err), 0);
    for (int64_t epoch = 0; epoch < 8; epoch++) {
        adam_plan_epoch(&plan, epoch, epoch * 10);
        for (int i = 0; i < 10; i++) {
            const struct adam_step *s = &plan.weight[i], *b = &plan.bias[i];
            double t = (double)(epoch * 10 + i + 1), beta1,
                   lr = lr_at(kind, epoch, epoch * 10 + i, 80, &beta1);

            assert_close((double)s->step_size, lr / (1.0 - pow(beta1, t)), 1e-7, 0.0);
            assert_close((double)s->root_scale, 1.0 / sqrt(1.0 - pow(0.99, t)), 1e-7, 0.0);
            assert_close((double)s->beta1, beta1, 1e-7, 0.0);
            assert_close((double)s->one_beta1, 1.0 - beta1, 1e-7, 0.0);
            assert_close((double)s->beta2, 0.99, 1e-7, 0.0);
            assert_close((double)s->one_beta2, 0.01, 1e-7, 0.0);
            assert_close((double)s->eps, 1e-5, 1e-7, 0.0);
            assert_close((double)s->keep, 1.0 - lr * 0.2, 1e-7, 0.0);
            assert_close((double)s->l2, 0.3, 1e-7, 0.0);
            assert_true(b->step_size == s->step_size && b->root_scale == s->root_scale);
            assert_true(b->keep == (decay_biases ? s->keep : 1.0f));
            assert_true(b->l2 == (decay_biases ? s->l2 : 0.0f));
        }
    }
    adam_plan_fini(&plan);
    adam_plan_fini(&plan); /* takes an empty one */
}

static void plan_holds_the_formulas(void **state)
{
    static const enum schedule kinds[] = {SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_EXPONENTIAL,
                                          SCHEDULE_COSINE, SCHEDULE_ONE_CYCLE};

    (void)state;
    for (int k = 0; k < 5; k++)
        for (int d = 0; d < 2; d++)
            check_plan(kinds[k], d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_step_and_exponential),
        cmocka_unit_test(cosine_goes_from_lr_to_nothing),
        cmocka_unit_test(one_cycle_is_fastai_s),
        cmocka_unit_test(plan_holds_the_formulas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
