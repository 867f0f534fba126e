#include "support.h"

#include "batch/batch.h"

#define MOST 200

/* One epoch of a scheduler made afresh: the examples in order, and the checks that every epoch obeys. */
static int64_t run_epoch(struct scheduler *s, int64_t epoch, int64_t *out)
{
    int64_t n = 0;

    scheduler_epoch(s, epoch);
    assert_true(s->steps <= scheduler_max_steps(s));
    assert_int_equal(s->steps, scheduler_first_step(s, epoch + 1) - scheduler_first_step(s, epoch));
    for (int64_t i = 0; i < s->steps; i++) {
        struct batch b = scheduler_batch(s, i);

        assert_int_equal(b.in_epoch, i);
        assert_int_equal(b.step, scheduler_first_step(s, epoch) + i);
        assert_true(b.rows > 0 && b.rows <= s->size);
        for (int64_t p = 0; p < b.rows; p++)
            out[n++] = b.example[p];
    }
    return n;
}

static void init(struct scheduler *s, int64_t examples, int64_t size, enum last_batch last, bool shuffle)
{
    struct error err;

    assert_int_equal(scheduler_init(s, examples, NULL, size, last, shuffle, 11, &err), 0);
}

static void keep_shows_every_example_once_an_epoch(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 40; n++)
        for (int64_t size = 1; size <= 45; size++) {
            struct scheduler s;
            int64_t got[MOST];

            init(&s, n, size, LAST_KEEP, true);
            for (int64_t e = 0; e < 3; e++) {
                int seen[MOST] = {0};

                assert_int_equal(run_epoch(&s, e, got), n);
                for (int64_t i = 0; i < n; i++)
                    assert_int_equal(++seen[got[i]], 1);
            }
            assert_int_equal(s.steps, (n + size - 1) / size);
            scheduler_fini(&s);
        }
}

static void drop_leaves_the_last_partial_batch_out(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 40; n++)
        for (int64_t size = 1; size <= n; size++) {
            struct scheduler s;
            int64_t got[MOST];
            int seen[MOST] = {0};

            init(&s, n, size, LAST_DROP, true);
            assert_int_equal(run_epoch(&s, 0, got), n / size * size);
            for (int64_t i = 0; i < n / size * size; i++)
                assert_int_equal(++seen[got[i]], 1);
            scheduler_fini(&s);
        }
}

/* The batches of rollover cut one long sequence, epoch after epoch, into pieces of one size. */
static void rollover_cuts_one_sequence_of_epochs(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 24; n++)
        for (int64_t size = 1; size <= n; size++) {
            struct scheduler s;
            int64_t got[8 * MOST], count = 0;

            init(&s, n, size, LAST_ROLLOVER, true);
            for (int64_t e = 0; e < 6; e++) {
                count += run_epoch(&s, e, got + count);
                assert_int_equal(count % size, 0);
                assert_true(count >= (e + 1) * n && count < (e + 1) * n + size);
            }
            for (int64_t e = 0; e < 6; e++) { /* each stretch of n has every example once */
                int seen[MOST] = {0};

                for (int64_t i = e * n; i < (e + 1) * n; i++)
                    assert_int_equal(++seen[got[i]], 1);
            }
            scheduler_fini(&s);
        }
}

static void a_later_epoch_needs_no_earlier_one(void **state)
{
    static const enum last_batch kinds[] = {LAST_KEEP, LAST_DROP, LAST_ROLLOVER};

    (void)state;
    for (int k = 0; k < 3; k++) {
        struct scheduler s, fresh;
        int64_t a[MOST], b[MOST], n = 0;

        init(&s, 50, 7, kinds[k], true);
        init(&fresh, 50, 7, kinds[k], true);
        for (int64_t e = 0; e <= 5; e++)
            n = run_epoch(&s, e, a);
        assert_int_equal(run_epoch(&fresh, 5, b), n);
        assert_memory_equal(a, b, (size_t)n * sizeof *a);
        run_epoch(&s, 2, a);
        run_epoch(&fresh, 2, b);
        assert_memory_equal(a, b, (size_t)n * sizeof *a);
        scheduler_fini(&s);
        scheduler_fini(&fresh);
    }
}

static void epochs_and_seeds_differ_and_no_shuffle_is_in_order(void **state)
{
    struct scheduler s, other;
    struct error err;
    int64_t a[MOST], b[MOST];

    (void)state;
    init(&s, 100, 10, LAST_KEEP, true);
    assert_int_equal(scheduler_init(&other, 100, NULL, 10, LAST_KEEP, true, 12, &err), 0);
    run_epoch(&s, 0, a);
    run_epoch(&s, 1, b);
    assert_memory_not_equal(a, b, 100 * sizeof *a);
    run_epoch(&other, 0, b);
    assert_memory_not_equal(a, b, 100 * sizeof *a);
    scheduler_fini(&s);
    scheduler_fini(&other);
    init(&s, 100, 10, LAST_KEEP, false);
    run_epoch(&s, 3, a);
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(a[i], i);
    scheduler_fini(&s);
}

static void only_usable_examples_train(void **state)
{
    struct scheduler s;
    struct error err;
    uint8_t usable[30];
    int64_t got[MOST];
    int seen[30] = {0};

    (void)state;
    for (int i = 0; i < 30; i++)
        usable[i] = i % 3 != 1;
    assert_int_equal(scheduler_init(&s, 30, usable, 8, LAST_KEEP, true, 1, &err), 0);
    assert_int_equal(s.examples, 20);
    assert_int_equal(run_epoch(&s, 0, got), 20);
    for (int i = 0; i < 20; i++) {
        assert_true(usable[got[i]]);
        assert_int_equal(++seen[got[i]], 1);
    }
    scheduler_fini(&s);
}

/* Passes of an epoch are what epochs are without them. */
static void several_passes_are_that_many_epochs(void **state)
{
    (void)state;
    for (int last = LAST_KEEP; last <= LAST_DROP; last++) {
        struct scheduler once, four;
        struct error err;

        init(&once, 25, 7, (enum last_batch)last, true);
        init(&four, 25, 7, (enum last_batch)last, true);
        assert_int_equal(scheduler_repeat(&four, 4, &err), 0);
        for (int64_t pass = 0; pass < 8; pass++) {
            scheduler_epoch(&once, pass);
            scheduler_epoch(&four, pass / 4);
            assert_int_equal(four.steps, 4 * once.steps);
            for (int64_t i = 0; i < once.steps; i++) {
                struct batch a = scheduler_batch(&once, i),
                             b = scheduler_batch(&four, pass % 4 * once.steps + i);

                assert_int_equal(a.rows, b.rows);
                assert_int_equal(a.step, b.step);
                assert_memory_equal(a.example, b.example, (size_t)a.rows * sizeof *a.example);
            }
        }
        scheduler_fini(&once);
        scheduler_fini(&four);
    }
}

static void batch_above_the_examples_is_refused_but_for_keep(void **state)
{
    struct scheduler s;
    struct error err;

    (void)state;
    assert_int_equal(scheduler_init(&s, 5, NULL, 6, LAST_DROP, true, 1, &err), PT_ECONFIG);
    assert_int_equal(scheduler_init(&s, 5, NULL, 6, LAST_ROLLOVER, true, 1, &err), PT_ECONFIG);
    assert_int_equal(scheduler_init(&s, 5, NULL, 6, LAST_KEEP, true, 1, &err), 0);
    scheduler_fini(&s);
    scheduler_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_shows_every_example_once_an_epoch),
        cmocka_unit_test(drop_leaves_the_last_partial_batch_out),
        cmocka_unit_test(rollover_cuts_one_sequence_of_epochs),
        cmocka_unit_test(a_later_epoch_needs_no_earlier_one),
        cmocka_unit_test(epochs_and_seeds_differ_and_no_shuffle_is_in_order),
        cmocka_unit_test(only_usable_examples_train),
        cmocka_unit_test(several_passes_are_that_many_epochs),
        cmocka_unit_test(batch_above_the_examples_is_refused_but_for_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
