/* One answer: the same bits whatever the number of workers, where they run, and whether the run stopped in
 * between; another answer where anything that counts is different. Small shards; test_determinism_full.c has
 * large ones. */
#include "support.h"

#include "support_world.h"

#define STEPS 16

/* Problems of each kind with the settings whose sums go through most hands. */
static struct world_spec problem(int i)
{
    static const enum model_kind kind[] = {MODEL_AUTOREC,  MODEL_AUTOREC, MODEL_MULTIVAE, MODEL_MULTIVAE,
                                           MODEL_MULTIDAE, MODEL_MF,      MODEL_MF,       MODEL_RECVAE};
    struct world_spec s = world_default(kind[i]);

    s.users = 90;
    s.items = 140;
    s.density = 0.15;
    s.shards = i % 2 ? 16 : 13;
    s.model.batch = kind[i] == MODEL_MF ? 100 : 25;
    s.model.hidden[0] = 21;
    s.model.hidden[1] = kind[i] == MODEL_RECVAE ? 21 : 12;
    s.model.hiddens = 1 + i % 2;
    if (i == 1 || i == 3)
        s.model.activation = i == 1 ? ACT_GELU : ACT_SWISH;
    s.model.layer_norm = i == 3 || i == 4 || i == 7;
    s.model.dropout = 0.2;
    s.model.input_dropout = 0.3;
    s.model.loss = i == 1 || i == 6 ? LOSS_ROOT : LOSS_ROW_MEAN;
    s.model.clip_norm = i % 2 ? 0.7 : 0.0;
    s.model.microbatch = i == 3 ? 7 : 0;
    s.adam.l2 = 0.01;
    s.adam.weight_decay = i % 3 ? 0.1 : 0.0;
    s.adam.schedule = SCHEDULE_ONE_CYCLE;
    s.last = kind[i] == MODEL_RECVAE ? LAST_KEEP : (enum last_batch)(i % 3);
    return s;
}
#define PROBLEMS 8

static void workers_and_their_places_change_nothing(void **state)
{
    static const int workers[] = {2, 3, 5, 8};
    static const enum topo_bind binds[] = {BIND_NONE, BIND_COMPACT, BIND_SCATTER, BIND_AUTO};

    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        struct world_spec s = problem(i);
        char one[33], other[33];

        s.workers = 1;
        world_hash(&s, STEPS, true, one);
        for (int k = 0; k < 4; k++) {
            s.workers = workers[k];
            s.bind = binds[(i + k) % 4];
            world_hash(&s, STEPS, true, other);
            assert_string_equal(one, other);
        }
    }
}

/* Sums over a minibatch's rows go on where the block before ended. */
static void microbatches_change_nothing(void **state)
{
    static const int64_t micro[] = {1, 7, 8, 24, 25};

    (void)state;
    for (int i = 2; i < PROBLEMS; i = i == 4 ? 7 : i + 1) {
        struct world_spec s = problem(i);
        char one[33], other[33];

        s.model.microbatch = 0;
        world_hash(&s, STEPS, true, one);
        for (int k = 0; k < 5; k++) {
            s.model.microbatch = micro[k];
            s.workers = 1 + k % 3;
            world_hash(&s, STEPS, true, other);
            assert_string_equal(one, other);
        }
    }
}

static void stopping_after_any_step_changes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        struct world_spec s = problem(i);
        char whole[33], parts[33];

        world_hash(&s, STEPS, true, whole);
        s.workers = 3;
        world_hash(&s, STEPS, false, parts);
        assert_string_equal(whole, parts);
    }
}

/* Rows of a table that is beyond the swept size wait until they are needed; stopped after every step, they
 * wait for one step only, as if swept. */
static void deferred_is_swept(void **state)
{
    (void)state;
    for (int decay = 0; decay < 2; decay++) {
        struct world_spec s = problem(5);
        char waiting[33], swept[33];

        s.model.latent = 16000;
        s.model.init.std = 0.01;
        s.adam.weight_decay = s.adam.l2 = decay ? 0.05 : 0.0;
        s.model.batch = 20;
        world_hash(&s, STEPS, true, waiting);
        s.workers = 3;
        world_hash(&s, STEPS, false, swept);
        assert_string_equal(waiting, swept);
    }
}

/* Sums of every minibatch are in one order too: early stopping hangs on them. */
static void losses_are_the_same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        struct world_spec s = problem(i);
        struct world a, b;

        s.workers = 1;
        world_init(&a, &s);
        world_train(&a, STEPS, true);
        s.workers = 4;
        world_init(&b, &s);
        world_train(&b, STEPS, true);
        assert_memory_equal(a.loss, b.loss, STEPS * sizeof *a.loss);
        assert_true(a.model->sums.squares == b.model->sums.squares && a.model->sums.kl == b.model->sums.kl);
        assert_int_equal(a.model->sums.cells, b.model->sums.cells);
        assert_int_equal(a.model->sums.steps, STEPS);
        world_fini(&a);
        world_fini(&b);
    }
}

static void another_problem_has_another_answer(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        char first[33], other[33];
        struct world_spec s = problem(i);
        struct world w;
        struct error err;

        s.binary = false;
        world_hash(&s, STEPS, true, first);
        s.model.seed++;
        world_hash(&s, STEPS, true, other);
        assert_string_not_equal(first, other);
        s = problem(i);
        s.binary = false;
        s.model.init.seed++;
        world_hash(&s, STEPS, true, other);
        assert_string_not_equal(first, other);
        s = problem(i);
        s.binary = false;
        s.change = 100;
        world_hash(&s, STEPS, true, other);
        assert_string_not_equal(first, other);
        s = problem(i);
        s.binary = false;
        world_init(&w, &s);
        for (int p = 0; p < w.model->params.n; p++) { /* any tensor's last number */
            const struct param *t = &w.model->params.param[p];
            struct span last = t->span(t->owner, t->spans - 1, 0);
            float *data = last.data + (last.count - 1) * last.stride + last.length - 1, before;

            assert_int_equal(params_hash(&w.model->params, first, &err), 0);
            before = *data;
            *data = nextafterf(before, 9.0f);
            assert_int_equal(params_hash(&w.model->params, other, &err), 0);
            assert_string_not_equal(first, other);
            *data = NAN;
            assert_string_equal(params_not_finite(&w.model->params), t->name);
            *data = before;
        }
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_and_their_places_change_nothing),
        cmocka_unit_test(microbatches_change_nothing),
        cmocka_unit_test(stopping_after_any_step_changes_nothing),
        cmocka_unit_test(deferred_is_swept),
        cmocka_unit_test(losses_are_the_same_bits),
        cmocka_unit_test(another_problem_has_another_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
