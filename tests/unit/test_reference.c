/* The reference's gradients against finite differences of its loss: so that what the engine is measured
 * against stands on the formula of the loss alone. */
#include "support.h"

#include "support_world.h"

static void check_gradients(const char *label, const struct world_spec *spec)
{
    struct world w;
    struct reference *ref;
    struct batch b;
    const double h = 1e-6;

    world_init(&w, spec);
    ref = ref_new(w.model, &spec->adam, w.ratings, spec->binary, spec->side);
    scheduler_epoch(&w.batches, 0);
    b = scheduler_batch(&w.batches, 1);
    b.step = 7; /* the annealing has begun */
    ref_loss(ref, &b, true);
    for (int i = 0; i < ref->tensors; i++) {
        struct ref_tensor *t = &ref->tensor[i];
        double size = 0.0;

        for (int64_t k = 0; k < t->n; k++)
            size = fmax(size, fabs(t->g[k]));
        assert_true(size > 0.0); /* every tensor has a gradient */
        for (int64_t k = 0; k < t->n; k++) {
            double w0 = t->w[k], up, down;

            t->w[k] = w0 + h;
            up = ref_loss(ref, &b, false);
            t->w[k] = w0 - h;
            down = ref_loss(ref, &b, false);
            t->w[k] = w0;
            if (!(fabs((up - down) / (2.0 * h) - t->g[k]) <= 1e-6 * size + 3e-8 * (1.0 + fabs(up))))
                fail_msg("%s: %s[%lld]: gradient %.10g, by differences %.10g", label, t->name, (long long)k,
                         t->g[k], (up - down) / (2.0 * h));
        }
    }
    ref_free(ref);
    world_fini(&w);
}

static struct world_spec tiny(enum model_kind kind)
{
    struct world_spec s = world_default(kind);

    s.users = 9;
    s.items = 13;
    s.model.batch = 4;
    s.model.hidden[0] = 5;
    s.model.latent = 3;
    s.shards = 2;
    return s;
}

static void autorec_gradients(void **state)
{
    static const enum activation acts[] = {ACT_IDENTITY, ACT_SIGMOID, ACT_TANH,  ACT_RELU,
                                           ACT_ELU,      ACT_SELU,    ACT_SWISH, ACT_GELU};
    static const enum rating_loss losses[] = {LOSS_SUM,       LOSS_EXAMPLE_MEAN, LOSS_ROW_MEAN,
                                              LOSS_CELL_MEAN, LOSS_COLUMN_MEAN,  LOSS_ROOT};

    (void)state;
    for (int a = 0; a < 8; a++) {
        struct world_spec s = tiny(MODEL_AUTOREC);

        s.side = a % 2;
        s.model.activation = acts[a];
        s.model.output = acts[(a + 2) % 6];
        s.model.loss = losses[a % 6];
        s.model.hiddens = 1 + a % 3;
        s.model.hidden[1] = 4;
        s.model.hidden[2] = 6;
        s.model.dropout = a % 2 ? 0.3 : 0.0;
        s.model.input_dropout = a == 4 ? 0.2 : 0.0;
        check_gradients("autorec", &s);
    }
}

static void multivae_and_multidae_gradients(void **state)
{
    (void)state;
    for (int a = 0; a < 12; a++) {
        struct world_spec s = tiny(a % 6 < 4 ? MODEL_MULTIVAE : MODEL_MULTIDAE);

        s.model.activation = a < 8 ? ACT_TANH : a % 2 ? ACT_SWISH : ACT_GELU;
        s.model.layer_norm = a % 4 == 3 || a == 10;
        s.model.hiddens = a % 3;
        s.model.hidden[1] = 4;
        s.model.input_dropout = a % 2 ? 0.5 : 0.0;
        s.model.dropout = a == 2 ? 0.3 : 0.0;
        s.model.kl_anneal_steps = a == 1 ? 50 : 0;
        s.model.decoder = a < 6 ? DECODER_MIRROR : DECODER_LINEAR;
        s.model.kl_per_click = a % 6 == 2 ? 0.05 : 0.0;
        s.binary = a != 3;
        check_gradients("multivae", &s);
    }
}

static void recvae_gradients(void **state)
{
    (void)state;
    for (int a = 0; a < 4; a++) {
        struct world_spec s = tiny(MODEL_RECVAE);

        s.model.hidden[0] = 12;
        s.model.hiddens = 1 + a;
        s.model.layer_norm = a != 2;
        s.model.activation = a == 1 ? ACT_TANH : ACT_SWISH;
        s.model.clip_norm = a == 3 ? 0.3 : 0.0;
        check_gradients("recvae", &s);
    }
}

static void mf_gradients(void **state)
{
    static const enum rating_loss losses[] = {LOSS_SUM,       LOSS_EXAMPLE_MEAN, LOSS_ROW_MEAN,
                                              LOSS_CELL_MEAN, LOSS_COLUMN_MEAN,  LOSS_ROOT};

    (void)state;
    for (int a = 0; a < 6; a++) {
        struct world_spec s = tiny(MODEL_MF);

        s.model.loss = losses[a];
        s.model.biases = a % 3 != 0;
        s.model.range_low = a % 2 ? 0.5 : 0.0;
        s.model.range_high = a % 2 ? 5.5 : 0.0;
        check_gradients("mf", &s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autorec_gradients),
        cmocka_unit_test(multivae_and_multidae_gradients),
        cmocka_unit_test(recvae_gradients),
        cmocka_unit_test(mf_gradients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
