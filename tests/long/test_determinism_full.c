/* One answer at the sizes of real problems: BLAS chooses other kernels for large blocks than for small ones,
 * and cuts them by threads where it may, so small shards would hide what can go wrong. */
#include "support.h"

#include "support_world.h"

static void same_for_all_workers(struct world_spec *s, int64_t steps)
{
    static const int workers[] = {2, 3, 5, 8};
    char one[33], other[33];

    s->workers = 1;
    world_hash(s, steps, true, one);
    for (int k = 0; k < 4; k++) {
        s->workers = workers[k];
        s->bind = k == 0 ? BIND_COMPACT : k == 1 ? BIND_SCATTER : BIND_NONE;
        world_hash(s, steps, true, other);
        assert_string_equal(one, other);
    }
}

/* The columns of MovieLens 20M, 600-200-600, 500 users a step. */
static void multivae_20108_items(void **state)
{
    struct world_spec s = world_default(MODEL_MULTIVAE);

    (void)state;
    s.users = 500;
    s.items = 20108;
    s.density = 0.004;
    s.model.batch = 500;
    s.model.hidden[0] = 600;
    s.model.latent = 200;
    s.model.input_dropout = 0.5;
    s.model.init = (struct init_spec){.kind = INIT_GLOROT, .bias_std = 0.001, .seed = 3};
    s.shards = shard_count(s.items, row_pad(600), true);
    same_for_all_workers(&s, 1);
}

/* The columns of MovieLens 1M by item. */
static void autorec_6040_users(void **state)
{
    struct world_spec s = world_default(MODEL_AUTOREC);

    (void)state;
    s.users = 6040;
    s.items = 500;
    s.density = 0.05;
    s.side = 0;
    s.model.batch = 250;
    s.model.hidden[0] = 500;
    s.model.hidden[1] = 300;
    s.model.hiddens = 2;
    s.model.init = (struct init_spec){.kind = INIT_NORMAL, .std = 0.01, .seed = 3};
    s.adam.l2 = 0.1;
    s.shards = shard_count(s.users, row_pad(500), false);
    same_for_all_workers(&s, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multivae_20108_items),
        cmocka_unit_test(autorec_6040_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
