/* A model that is opened to be used: the weights of its file, and the memory of those alone. */
#include "support.h"
#include "support_world.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "serve/loaded.h"
#include "train/train.h"
#include "serve/trained.h"

#include <malloc.h>
#include <unistd.h>

static int64_t resident(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*s %lld", &pages), 1);
    fclose(f);
    return pages * (int64_t)sysconf(_SC_PAGESIZE);
}

/* What a world of this kind takes, with wide tables and little else. */
static int64_t bytes_of(enum model_kind kind, bool fixed)
{
    struct world_spec s = world_default(kind);
    struct world w;
    int64_t before, bytes;

    s.users = kind == MODEL_MF ? 4000 : 40;
    s.items = 4000;
    s.side = 1;
    s.density = 0.002;
    s.model.hidden[0] = 600;
    s.model.hiddens = 1;
    s.model.latent = kind == MODEL_MF ? 600 : 200;
    s.model.batch = s.model.eval_batch = 4;
    s.model.fixed = fixed;
    before = resident();
    world_init(&w, &s);
    bytes = resident() - before;
    assert_true(bytes > params_held(&w.model->params));
    world_fini(&w);
    return bytes;
}

static void a_model_to_be_used_takes_the_memory_of_its_weights_alone(void **state)
{
    static const enum model_kind kinds[] = {MODEL_AUTOREC, MODEL_MULTIVAE, MODEL_MULTIDAE, MODEL_MF};

    (void)state;
    mallopt(M_MMAP_THRESHOLD, 64 << 10); /* what is freed goes back at once */
    for (int i = 0; i < 4; i++) {
        int64_t used = bytes_of(kinds[i], true), trained = bytes_of(kinds[i], false);

        if (2 * used > trained)
            fail_msg("model %d: %lld bytes to be used, %lld to be trained", i, (long long)used,
                     (long long)trained);
    }
}

static void train(const char *folder, const char *kind)
{
    static const char *const settings[] = {"data.path=synth:small", "model.latent=5", "train.epochs=2",
                                           "train.checkpoint_every=0"};
    struct train_options o = {.folder = folder};
    struct error err = {0};
    struct config *c;
    int rc = config_new(&c, &err);

    for (int i = 0; i < 4 && rc == 0; i++)
        if (i != 1 || strstr(kind, "autorec") == NULL)
            rc = config_set(c, settings[i], &err);
    if (rc == 0)
        rc = config_set(c, kind, &err);
    if (rc < 0 || config_check(c, &err) < 0 || train_run(c, &o, NULL, &err) < 0)
        fail_msg("%s: %s", kind, err.text);
    config_free(c);
}

static void expect_weights_alone(const struct model *m, const char *hash)
{
    char own[33];
    struct error err = {0};

    for (int i = 0; i < m->params.n; i++)
        for (int64_t s = 0; s < m->params.param[i].spans; s++)
            for (int which = 0; which < 3; which++) {
                const struct param *p = &m->params.param[i];
                int64_t count, length, stride;
                float *data;

                p->span(p->owner, s, which, &data, &count, &length, &stride);
                if (!data != (which > 0))
                    fail_msg("%s.%d: %s", p->name, which, data ? "it is there" : "it is not there");
            }
    assert_int_equal(params_hash(&m->params, own, &err), 0);
    assert_string_equal(own, hash);
}

static void what_is_opened_has_the_weights_of_the_file_and_no_moments(void **state)
{
    static const char *const kinds[] = {"model.kind=autorec", "model.kind=multivae", "model.kind=multidae",
                                        "model.kind=mf"};
    char *folder = support_folder();

    (void)state;
    for (int i = 0; i < 4; i++) {
        char *run = file_join(folder, kinds[i]), *path = file_join(run, "model.safetensors");
        struct error err = {0};
        struct tensors *t;
        struct loaded *l;
        struct trained *u = NULL;

        train(run, kinds[i]);
        if (tensors_open(&t, path, &err) < 0 || trained_open(&u, run, 2, &err) < 0)
            fail_msg("%s: %s", kinds[i], err.text);
        expect_weights_alone(u->model, tensors_meta(t, "weights_hash"));
        trained_close(u);
        if (load_run(&l, run, NULL, 0, &err) < 0)
            fail_msg("%s: %s", kinds[i], err.text);
        expect_weights_alone(l->model, tensors_meta(t, "weights_hash"));
        loaded_free(l);
        tensors_close(t);
        mem_free(path);
        mem_free(run);
    }
    support_remove(folder);
}

/* One order of kinds: options.def, config.h, model.h and the table of traits. */
static void kinds_are_numbered_alike(void **state)
{
    (void)state;
    for (int kind = 0; kind < MODEL_KINDS; kind++) {
        const struct model_traits *t = model_traits((enum model_kind)kind);

        assert_string_equal(config_enum_name("model.kind", kind), t->name);
        assert_non_null(t->make);
        assert_false(t->clicks && (t->sides || t->by_rating));
    }
    assert_null(config_enum_name("model.kind", MODEL_KINDS));
    assert_int_equal(KIND_MF, MODEL_MF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_numbered_alike),
        cmocka_unit_test(a_model_to_be_used_takes_the_memory_of_its_weights_alone),
        cmocka_unit_test(what_is_opened_has_the_weights_of_the_file_and_no_moments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
