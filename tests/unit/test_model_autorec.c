#include "support.h"

#include "support_world.h"

#define STEPS 20

static void run(const char *label, const struct world_spec *s)
{
    world_compare(label, s, STEPS);
}

static void every_loss(void **state)
{
    static const char *const name[] = {"sum", "example mean", "row mean", "cell mean", "column mean", "root"};

    (void)state;
    for (int side = 0; side < 2; side++)
        for (int l = 0; l < 6; l++) {
            struct world_spec s = world_default(MODEL_AUTOREC);

            s.side = side;
            s.model.loss = (enum rating_loss)l;
            s.adam.eps = 1e-6; /* the gradients of some means are small */
            run(name[l], &s);
        }
}

static void every_activation(void **state)
{
    static const char *const name[] = {"identity", "sigmoid", "tanh", "relu", "elu", "selu", "swish", "gelu"};

    (void)state;
    for (int f = 0; f < 8; f++)
        for (int output = 0; output < 6; output++) {
            struct world_spec s = world_default(MODEL_AUTOREC);

            s.model.activation = (enum activation)f;
            s.model.output = (enum activation)output;
            s.model.init.std = 0.1;
            run(name[f], &s);
        }
}

/* One to four hidden layers, of widths that are multiples of nothing, or equal so that buffers are shared. */
static void several_hidden_layers(void **state)
{
    static const int hidden[][5] = {{1, 1},     {1, 16},        {1, 37},          {2, 17, 17},
                                    {2, 9, 33}, {3, 21, 5, 21}, {4, 8, 16, 7, 20}};

    (void)state;
    for (int i = 0; i < 7; i++) {
        struct world_spec s = world_default(MODEL_AUTOREC);

        s.model.hiddens = hidden[i][0];
        memcpy(s.model.hidden, &hidden[i][1], 4 * sizeof(int));
        run("hidden", &s);
    }
}

static void dropout_of_code_and_input(void **state)
{
    (void)state;
    for (int i = 1; i < 8; i++) {
        struct world_spec s = world_default(MODEL_AUTOREC);

        s.model.dropout = i & 1 ? 0.4 : 0.0;
        s.model.input_dropout = i & 2 ? 0.25 : 0.0;
        s.model.hiddens = i & 4 ? 2 : 1;
        s.model.hidden[1] = 10;
        run("dropout", &s);
    }
}

static void decay_and_schedules(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct world_spec s = world_default(MODEL_AUTOREC);

        s.adam.schedule = (enum schedule)(i % 5);
        s.adam.l2 = i & 1 ? 0.05 : 0.0;
        s.adam.weight_decay = i & 2 ? 0.3 : 0.0;
        s.adam.decay_biases = i >= 10;
        s.density = 0.1; /* many rows wait */
        run("optimiser", &s);
    }
}

static void clipping_by_the_global_norm(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct world_spec s = world_default(MODEL_AUTOREC);

        s.model.clip_norm = i % 2 ? 1.0 : 1e6; /* always, never */
        s.model.hiddens = 1 + i / 2;
        s.model.hidden[1] = 7;
        s.adam.l2 = 0.02;
        run("clip", &s);
    }
}

static void any_number_of_shards_and_workers(void **state)
{
    static const int shards[] = {1, 2, 3, 8, 13, 64};

    (void)state;
    for (int i = 0; i < 6; i++)
        for (int workers = 1; workers < 6; workers += 2) {
            struct world_spec s = world_default(MODEL_AUTOREC);

            s.shards = shards[i]; /* 64: more than there are columns, some empty */
            s.workers = workers;
            s.model.hiddens = 2;
            s.model.hidden[1] = 5;
            run("shards", &s);
        }
}

static void every_kind_of_last_batch(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++) {
        struct world_spec s = world_default(MODEL_AUTOREC);

        s.last = (enum last_batch)(i % 3);
        s.model.batch = i / 3 == 0 ? 1 : i / 3 == 1 ? 10 : 22; /* of 23: rollover has examples twice */
        s.model.loss = LOSS_ROW_MEAN;
        s.adam.eps = 1e-5;
        run("last batch", &s);
    }
}

static void every_vector_path(void **state)
{
    static const char *const isa[] = {"baseline", "avx2", "avx512"};
    const struct kernels *k;
    struct error err;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct world_spec s = world_default(MODEL_AUTOREC);

        s.isa = isa[i];
        if (kernels_pick(&k, isa[i], &err) == 0)
            run(isa[i], &s);
    }
}

/* As test_model_multivae.c has it for its models. */
static void hidden_layers_in_bf16(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct world_spec s = world_default(MODEL_AUTOREC);

        s.model.bf16 = true;
        s.model.hidden[0] = 30;
        s.model.hidden[1] = 17;
        s.model.hidden[2] = 23;
        s.model.hiddens = 2 + i % 2;
        s.model.dropout = i & 1 ? 0.3 : 0.0;
        s.model.clip_norm = i & 4 ? 0.3 : 0.0;
        s.model.batch = 21;
        s.side = i & 2 ? 1 : 0;
        s.workers = 1 + i % 4;
        s.tolerance = 5e-3;
        world_compare("bf16", &s, STEPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss),
        cmocka_unit_test(every_activation),
        cmocka_unit_test(several_hidden_layers),
        cmocka_unit_test(dropout_of_code_and_input),
        cmocka_unit_test(decay_and_schedules),
        cmocka_unit_test(clipping_by_the_global_norm),
        cmocka_unit_test(any_number_of_shards_and_workers),
        cmocka_unit_test(every_kind_of_last_batch),
        cmocka_unit_test(every_vector_path),
        cmocka_unit_test(hidden_layers_in_bf16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
