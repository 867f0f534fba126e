#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "par/reduce.h"

#define ROWS 5
#define LD   16
#define MOST 70

/* Leaf `shard` of round `round`: numbers whose sum depends on the order. */
static void leaf_value(int shard, int round, float *out)
{
    for (int i = 0; i < ROWS * LD; i++) {
        struct rng4 r = rng_philox(5, RNG_TEST, (uint64_t)round, (uint32_t)shard, (uint32_t)i);

        out[i] = ((float)r.word[0] - 2147483648.0f) * (r.word[1] % 2 ? 1.0f : 1e-4f);
    }
}

/* The tree of reduce.h, written as it is defined. */
static void tree_sum(int level, int64_t index, int shards, float leaf[][ROWS * LD], float *out)
{
    float other[ROWS * LD];

    if (level == 0) {
        memcpy(out, leaf[index], sizeof other);
        return;
    }
    tree_sum(level - 1, 2 * index, shards, leaf, out);
    if ((2 * index + 1) << (level - 1) >= shards)
        return;
    tree_sum(level - 1, 2 * index + 1, shards, leaf, other);
    for (int i = 0; i < ROWS * LD; i++)
        out[i] += other[i];
}

struct job {
    struct reduce *r;
    int shards, round, rows;
    const int *bound; /* as for reduce_new */
};

static void one_round(struct worker *w, void *arg)
{
    const struct job *j = arg;
    float value[ROWS * LD];
    int64_t first, end;

    team_range(j->shards, w->id, w->count, &first, &end);
    if (j->bound) {
        first = j->bound[w->id];
        end = j->bound[w->id + 1];
    }
    for (int64_t s = first; s < end; s++) {
        bool add;
        float *at = reduce_leaf(j->r, w, (int)s, &add);

        leaf_value((int)s, j->round, value);
        for (int i = 0; i < j->rows * LD; i++)
            at[i] = add ? at[i] + value[i] : value[i];
        reduce_done(j->r, w, (int)s, add, j->rows * LD);
    }
    team_barrier(w);
    team_range(j->rows, w->id, w->count, &first, &end);
    reduce_rows(j->r, first, end, LD);
    team_barrier(w);
}

/* Three rounds: again with the same buffers, and with fewer rows. */
static void check_root(struct team *team, int shards, const int *bound)
{
    static float leaf[MOST][ROWS * LD];
    struct job j = {.shards = shards, .bound = bound};
    float want[ROWS * LD];
    struct error err;
    int levels = 0;

    while (1 << levels < shards)
        levels++;
    assert_int_equal(reduce_new(&j.r, shards, team, bound, ROWS, LD, &err), 0);
    for (j.round = 0; j.round < 3; j.round++) {
        j.rows = j.round == 2 ? 3 : ROWS;
        for (int s = 0; s < shards; s++)
            leaf_value(s, j.round, leaf[s]);
        tree_sum(levels, 0, shards, leaf, want);
        team_run(team, one_round, &j);
        if (memcmp(reduce_root(j.r), want, (size_t)(j.rows * LD) * sizeof *want) != 0)
            fail_msg("%d shards, %d workers, round %d", shards, team_workers(team), j.round);
    }
    reduce_free(j.r);
}

static void root_is_the_tree_sum(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 9; workers++) {
        struct team *team;
        struct error err;

        assert_int_equal(team_new(&team, workers, NULL, BIND_NONE, &err), 0);
        for (int shards = 1; shards <= MOST; shards++)
            check_root(team, shards, NULL);
        team_free(team);
    }
}

/* Runs of any length, empty ones too: the root does not hang on who has which shards. */
static void root_is_the_same_for_any_deal(void **state)
{
    struct rng_stream s = rng_stream(3, RNG_TEST, 0, 0);

    (void)state;
    for (int workers = 2; workers <= 6; workers++) {
        struct team *team;
        struct error err;
        int bound[8] = {0};

        assert_int_equal(team_new(&team, workers, NULL, BIND_NONE, &err), 0);
        for (int round = 0; round < 30; round++) {
            int shards = 1 + (int)rng_next_below(&s, MOST);

            for (int w = 1; w < workers; w++)
                bound[w] = bound[w - 1] + (int)rng_next_below(&s, (uint64_t)(shards - bound[w - 1]) + 1);
            bound[workers] = shards;
            check_root(team, shards, bound);
        }
        team_free(team);
    }
}

static void buffers_grow_with_workers_not_shards(void **state)
{
    int64_t one = ROWS * LD * (int64_t)sizeof(float);

    (void)state;
    assert_int_equal(reduce_bytes(1, 1, ROWS, LD), one);
    assert_true(reduce_bytes(64, 1, ROWS, LD) <= 7 * one);
    assert_true(reduce_bytes(64, 2, ROWS, LD) <= 2 * 6 * one);
    assert_true(reduce_bytes(4096, 8, ROWS, LD) <= 8 * 12 * one);
    reduce_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_the_tree_sum),
        cmocka_unit_test(root_is_the_same_for_any_deal),
        cmocka_unit_test(buffers_grow_with_workers_not_shards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
