#include "support.h"

#include "support_world.h"

#define STEPS 40

static void every_loss_and_range(void **state)
{
    static const char *const name[] = {"sum", "example mean", "row mean", "cell mean", "column mean", "root"};

    (void)state;
    for (int l = 0; l < 6; l++)
        for (int i = 0; i < 4; i++) {
            struct world_spec s = world_default(MODEL_MF);

            s.model.loss = (enum rating_loss)l;
            s.model.biases = i & 1;
            s.model.range_low = i & 2 ? 0.5 : 0.0;
            s.model.range_high = i & 2 ? 5.5 : 0.0;
            s.model.batch = 16;
            s.adam.eps = 1e-6;
            world_compare(name[l], &s, STEPS);
        }
}

/* Batches of one rating up to all ratings: rows stand in them several times. */
static void batches_of_every_size(void **state)
{
    static const int64_t batch[] = {1, 2, 50, 100, 200};

    (void)state;
    for (int i = 0; i < 15; i++) {
        struct world_spec s = world_default(MODEL_MF);

        s.last = (enum last_batch)(i % 3);
        s.model.batch = batch[i / 3];
        s.model.latent = 1 + 7 * i;
        s.model.init.std = 0.1;
        s.model.loss = LOSS_CELL_MEAN;
        world_compare("batch", &s, STEPS);
    }
}

static void decay_and_schedules(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct world_spec s = world_default(MODEL_MF);

        s.adam.schedule = (enum schedule)(i % 5);
        s.adam.l2 = i & 1 ? 0.02 : 0.0;
        s.adam.weight_decay = i & 2 ? 0.3 : 0.0;
        s.adam.decay_biases = i >= 10;
        s.model.range_low = 0.0;
        s.model.range_high = 5.5;
        world_compare("optimiser", &s, STEPS);
    }
}

static void clipping_shards_and_workers(void **state)
{
    static const int shards[] = {1, 2, 3, 8, 13, 64};

    (void)state;
    for (int i = 0; i < 6; i++)
        for (int workers = 1; workers < 6; workers += 2) {
            struct world_spec s = world_default(MODEL_MF);

            s.shards = shards[i];
            s.workers = workers;
            s.model.clip_norm = workers == 3 ? 0.5 : workers == 5 ? 1e6 : 0.0;
            s.model.biases = i % 2;
            s.model.batch = 64;
            world_compare("shards", &s, STEPS);
        }
}

/* Tables beyond the size that is swept: rows wait for many steps, and decay meanwhile. */
static void large_tables_are_deferred(void **state)
{
    struct world_spec s = world_default(MODEL_MF);

    (void)state;
    s.users = 200;
    s.items = 150;
    s.density = 0.01;
    s.model.latent = 4096;
    s.model.init.std = 0.01;
    s.model.batch = 20;
    s.adam.l2 = 0.01;
    s.adam.weight_decay = 0.1;
    world_compare("deferred", &s, STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_and_range),      cmocka_unit_test(batches_of_every_size),
        cmocka_unit_test(decay_and_schedules),       cmocka_unit_test(clipping_shards_and_workers),
        cmocka_unit_test(large_tables_are_deferred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
