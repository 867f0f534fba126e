/* The k best against a full sort, over scores with many ties, NaN, infinities and both zeros, however
 * the stream is cut, ordered and merged. */
#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "eval/topk.h"

static const struct kernels *kern;

enum { MOST = 6000 };

static float lowered(float score)
{
    return isnan(score) ? -INFINITY : score;
}

static int compare(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

/* The naive twin: everything sorted. Returns the number of entries that a top k has. */
static int best_by_sort(const float *score, int n, int k, struct scored *out)
{
    for (int i = 0; i < n; i++)
        out[i] = (struct scored){lowered(score[i]), i};
    qsort(out, (size_t)n, sizeof *out, compare);
    return n < k ? n : k;
}

static void assert_same(const struct topk *t, int n, const struct scored *want, int count)
{
    assert_int_equal(n, count);
    for (int i = 0; i < n; i++) {
        if (t->best[i].column != want[i].column || !(t->best[i].score == want[i].score))
            fail_msg("place %d of %d: column %d, score %g; should be column %d, score %g", i, n,
                     t->best[i].column, (double)t->best[i].score, want[i].column, (double)want[i].score);
    }
}

/* What kinds of scores a case is made of. */
enum flavour { DISTINCT, FEW_VALUES, ALL_EQUAL, SPECIAL, MOSTLY_REMOVED, RISING, FALLING, FLAVOURS };

static void fill(float *score, int n, enum flavour flavour, struct rng_stream *s)
{
    static const float special[] = {NAN, -NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f, -1.0f, 1e-42f, 3e38f};

    for (int i = 0; i < n; i++) {
        float unit = (float)rng_next_unit(s);

        switch (flavour) {
        case DISTINCT:
            score[i] = unit * 20 - 10;
            break;
        case FEW_VALUES:
            score[i] = (float)(int)(unit * 5) - 2;
            break;
        case ALL_EQUAL:
            score[i] = -3;
            break;
        case SPECIAL:
            score[i] = special[(int)(unit * 10)];
            break;
        case MOSTLY_REMOVED:
            score[i] = unit < 0.95f ? -INFINITY : unit;
            break;
        case RISING:
            score[i] = (float)(i / 3);
            break;
        case FALLING:
            score[i] = (float)(-i / 2);
            break;
        default:
            fail_msg("no such flavour");
        }
    }
}

struct fixture {
    float score[MOST];
    struct scored want[MOST], room[2][2 * MOST + 64];
    int64_t order[MOST];
};

static int setup(void **state)
{
    *state = mem_zalloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    mem_free(*state);
    return 0;
}

/* Offers the scores in blocks of random length, the blocks in random order. */
static void offer_in_blocks(struct topk *t, const float *score, int n, struct rng_stream *s, int64_t *order)
{
    int length = 1 + (int)rng_next_below(s, 300), blocks = (n + length - 1) / length;

    rng_permutation(s, blocks, order);
    for (int i = 0; i < blocks; i++) {
        int first = (int)order[i] * length;

        topk_offer(t, kern, score + first, first + length < n ? length : n - first, first);
    }
}

static void every_stream_gives_what_a_full_sort_gives(void **state)
{
    struct fixture *f = *state;
    struct rng_stream s = rng_stream(11, RNG_TEST, 0, 0);

    for (int round = 0; round < 1500; round++) {
        enum flavour flavour = (enum flavour)(round % FLAVOURS);
        int n = 1 + (int)rng_next_below(&s, round % 5 ? 400 : MOST);
        int k = 1 + (int)rng_next_below(&s, round % 3 ? 30 : 700);
        int extra = (int)rng_next_below(&s, 40);
        struct topk t;

        fill(f->score, n, flavour, &s);
        topk_init(&t, k, f->room[0], 2 * k + extra);
        offer_in_blocks(&t, f->score, n, &s, f->order);
        assert_same(&t, topk_finish(&t), f->want, best_by_sort(f->score, n, k, f->want));
    }
}

static void single_offers_in_any_order_give_the_same(void **state)
{
    struct fixture *f = *state;
    struct rng_stream s = rng_stream(12, RNG_TEST, 0, 0);

    for (int round = 0; round < 300; round++) {
        int n = 1 + (int)rng_next_below(&s, 500), k = 1 + (int)rng_next_below(&s, 50);
        struct topk t;

        fill(f->score, n, (enum flavour)(round % FLAVOURS), &s);
        rng_permutation(&s, n, f->order);
        topk_init(&t, k, f->room[0], topk_capacity(k));
        for (int i = 0; i < n; i++)
            topk_offer_one(&t, f->score[f->order[i]], (int32_t)f->order[i]);
        assert_same(&t, topk_finish(&t), f->want, best_by_sort(f->score, n, k, f->want));
    }
}

/* Columns dealt to two streams, joined: finished or not, into an empty one or not. */
static void merged_streams_give_the_same_as_one(void **state)
{
    struct fixture *f = *state;
    struct rng_stream s = rng_stream(13, RNG_TEST, 0, 0);

    for (int round = 0; round < 500; round++) {
        int n = 1 + (int)rng_next_below(&s, 800), k = 1 + (int)rng_next_below(&s, 60);
        int cut = (int)rng_next_below(&s, (uint64_t)n + 1);
        struct topk t[2];

        fill(f->score, n, (enum flavour)(round % FLAVOURS), &s);
        topk_init(&t[0], k, f->room[0], topk_capacity(k));
        topk_init(&t[1], k + round % 2, f->room[1], topk_capacity(k + 1));
        topk_offer(&t[0], kern, f->score, cut, 0);
        topk_offer(&t[1], kern, f->score + cut, n - cut, cut);
        if (round % 4 >= 2)
            topk_finish(&t[1]);
        topk_merge_workers(t, 1, 2);
        assert_same(&t[0], t[0].n, f->want, best_by_sort(f->score, n, k, f->want));
    }
}

static void offering_can_go_on_after_the_sort(void **state)
{
    struct fixture *f = *state;
    struct rng_stream s = rng_stream(14, RNG_TEST, 0, 0);

    for (int round = 0; round < 200; round++) {
        int n = 300, k = 1 + (int)rng_next_below(&s, 200);
        struct topk t;

        fill(f->score, n, (enum flavour)(round % FLAVOURS), &s);
        topk_init(&t, k, f->room[0], 2 * k);
        for (int at = 0; at < n; at += 100) {
            topk_offer(&t, kern, f->score + at, 100, at);
            assert_same(&t, topk_finish(&t), f->want, best_by_sort(f->score, at + 100, k, f->want));
        }
    }
}

static void ties_go_to_the_smaller_column_and_nan_is_last(void **state)
{
    const float score[] = {NAN, 2, -INFINITY, 3, 2, NAN, -0.0f, 0.0f};
    const int32_t columns[] = {13, 11, 14, 16, 17, 10, 12, 15};
    struct scored room[16];
    struct topk t;

    (void)state;
    topk_init(&t, 8, room, 16);
    topk_offer(&t, kern, score, 8, 10);
    assert_int_equal(topk_finish(&t), 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(t.best[i].column, columns[i]);
    for (int i = 5; i < 8; i++)
        assert_true(t.best[i].score == -INFINITY);
}

static void columns_near_the_largest_are_kept_apart(void **state)
{
    float score[200];
    struct scored room[64];
    struct topk t;
    int32_t first = INT32_MAX - 200;

    (void)state;
    for (int i = 0; i < 200; i++)
        score[i] = i < 100 ? -INFINITY : 1;
    topk_init(&t, 3, room, 64);
    topk_offer(&t, kern, score, 200, first);
    assert_int_equal(topk_finish(&t), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t.best[i].column, first + 100 + i);
        assert_true(t.best[i].score == 1);
    }
}

static void nothing_offered_gives_nothing(void **state)
{
    struct scored room[2];
    struct topk t;

    (void)state;
    topk_init(&t, 1, room, 2);
    topk_offer(&t, kern, NULL, 0, 0);
    assert_int_equal(topk_finish(&t), 0);
}

static int pick(void **state)
{
    struct error err;

    (void)state;
    return kernels_pick(&kern, "auto", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_stream_gives_what_a_full_sort_gives, setup, teardown),
        cmocka_unit_test_setup_teardown(single_offers_in_any_order_give_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(merged_streams_give_the_same_as_one, setup, teardown),
        cmocka_unit_test_setup_teardown(offering_can_go_on_after_the_sort, setup, teardown),
        cmocka_unit_test(ties_go_to_the_smaller_column_and_nan_is_last),
        cmocka_unit_test(columns_near_the_largest_are_kept_apart),
        cmocka_unit_test(nothing_offered_gives_nothing),
    };

    return cmocka_run_group_tests_name("topk", tests, pick, NULL);
}
