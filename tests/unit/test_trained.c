/* A model that is opened to be used: the weights of its file, and the memory of those alone. */
#include "support.h"
#include "support_world.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "serve/eval_run.h"
#include "serve/rank.h"
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
    static const enum model_kind kinds[] = {MODEL_AUTOREC, MODEL_MULTIVAE, MODEL_MULTIDAE, MODEL_MF,
                                            MODEL_RECVAE};

    (void)state;
    mallopt(M_MMAP_THRESHOLD, 64 << 10); /* what is freed goes back at once */
    for (int i = 0; i < 5; i++) {
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
    if (rc == 0 && strstr(kind, "=mf")) /* by sgd more than the weights is hashed */
        rc = config_set(c, "train.optimizer=adam", &err);
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
                struct span span = p->span(p->owner, s, which);

                if (!span.data != (which > 0))
                    fail_msg("%s.%d: %s", p->name, which, span.data ? "it is there" : "it is not there");
            }
    assert_int_equal(params_hash(&m->params, own, &err), 0);
    assert_string_equal(own, hash);
}

static void what_is_opened_has_the_weights_of_the_file_and_no_moments(void **state)
{
    static const char *const kinds[] = {"model.kind=autorec", "model.kind=multivae", "model.kind=multidae",
                                        "model.kind=mf",      "model.kind=ease",     "model.kind=recvae"};
    char *folder = support_folder();

    (void)state;
    for (int i = 0; i < 6; i++) {
        char *run = file_join(folder, kinds[i]), *path = file_join(run, "model.safetensors");
        struct error err = {0};
        struct tensors *t;
        struct eval_run *l;
        struct trained *u = NULL;

        train(run, kinds[i]);
        if (tensors_open(&t, path, &err) < 0 || trained_open(&u, run, 2, &err) < 0)
            fail_msg("%s: %s", kinds[i], err.text);
        expect_weights_alone(u->model, tensors_meta(t, "weights_hash"));
        trained_close(u);
        if (eval_run_open(&l, run, NULL, NULL, NULL, 0, &err) < 0)
            fail_msg("%s: %s", kinds[i], err.text);
        expect_weights_alone(l->model, tensors_meta(t, "weights_hash"));
        eval_run_close(l);
        tensors_close(t);
        mem_free(path);
        mem_free(run);
    }
    support_remove(folder);
}

/* ---- rows without a training rating ---- */

enum { LATE = 200000, EARLY = 100 };

/* EARLY users of EARLY items, and then LATE more, each with one rating that is behind the cut. */
static void write_late(const char *folder)
{
    char *path = file_join(folder, "late.csv");
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs("user,item,rating,timestamp\n", f);
    for (int u = 0; u < EARLY; u++)
        for (int i = u % 3; i < EARLY; i += 3)
            fprintf(f, "u%d,i%d,%d,10\n", u, i, 1 + (u + i) % 5);
    for (int n = 0; n < LATE; n++)
        fprintf(f, "late%d,new%d,3,20\n", n, n);
    fclose(f);
    mem_free(path);
}

/* A run without validation, on late.csv of `folder`, in folder/run. */
static char *train_late(const char *folder, const char *kind)
{
    static const char *const settings[] = {"split.kind=time", "split.time_cut=15", "split.valid=0",
                                           "train.epochs=1",  "train.batch=100",   "eval.batch=32",
                                           "run.cache=off"};
    char *run = file_join(folder, "run"), data[4096];
    struct train_options o = {.folder = run, .no_test = true};
    struct error err = {0};
    struct config *c;
    int rc = config_new(&c, &err);

    snprintf(data, sizeof data, "data.path=%s/late.csv", folder);
    for (int i = 0; i < (int)(sizeof settings / sizeof *settings) && rc == 0; i++)
        rc = config_set(c, settings[i], &err);
    if (rc < 0 || config_set(c, kind, &err) < 0 || config_set(c, "model.latent=2", &err) < 0 ||
        config_set(c, data, &err) < 0 || config_check(c, &err) < 0 || train_run(c, &o, NULL, &err) < 0)
        fail_msg("%s: %s", kind, err.text);
    config_free(c);
    return run;
}

/* All rows of the late ones, and none of the others. */
static void expect_late(const struct idtable *ids, const uint8_t *untrained)
{
    int64_t n = 0;

    assert_non_null(untrained);
    assert_int_equal(idtable_count(ids), EARLY + LATE);
    for (int64_t i = 0; i < EARLY + LATE; i++) {
        n += untrained[i];
        if (untrained[i] && strncmp(idtable_name(ids, i), "late", 4) != 0 &&
            strncmp(idtable_name(ids, i), "new", 3) != 0)
            fail_msg("%s was trained", idtable_name(ids, i));
    }
    assert_int_equal(n, LATE);
}

/* What is recommended to one of the early users, and what is predicted for it. */
static void expect_early_alone(struct trained *u)
{
    static struct scored best[2 * EARLY];
    struct rank_spec spec = {.k = 2 * EARLY};
    struct histories one = {0}, want = {0};
    struct error err = {0};
    struct ranker *r;
    int count = 0;
    int64_t late = idtable_find(u->items, "new7", 4);
    float rating;

    assert_true(histories_add(&one, (int32_t)idtable_find(u->items, "i0", 2), 4.0f, HISTORY_INPUT) &&
                histories_end(&one, u->by_row ? (int32_t)idtable_find(u->users, "u0", 2) : -1));
    assert_true(histories_add(&want, (int32_t)late, 0.0f, HISTORY_INPUT) && histories_end(&want, -1));
    if (ranker_new(&r, u, &spec, &err) < 0 || ranker_run(r, &one, best, &count, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(count, EARLY - 1);
    for (int i = 0; i < count; i++)
        assert_int_equal(idtable_name(u->items, best[i].column)[0], 'i');
    assert_int_equal(ranker_predict(r, &one, &want, &rating, &err), 0);
    assert_true(isnan(rating));
    ranker_free(r);
    histories_fini(&one);
    histories_fini(&want);
}

static void rows_that_were_never_trained_are_known_however_many(void **state)
{
    static const char *const kinds[] = {"model.kind=mf", "model.kind=multidae"};
    char *folder = support_folder();

    (void)state;
    write_late(folder);
    for (int i = 0; i < 2; i++) {
        char *run = train_late(folder, kinds[i]);
        struct error err = {0};
        struct eval_run *l;
        struct trained *u;

        if (trained_open(&u, run, 2, &err) < 0)
            fail_msg("%s: %s", kinds[i], err.text);
        expect_late(u->items, u->problem->cold_column);
        if (u->by_row)
            expect_late(u->users, u->problem->cold_example);
        expect_early_alone(u);
        trained_close(u);
        if (eval_run_open(&l, run, NULL, NULL, NULL, 0, &err) < 0)
            fail_msg("%s: %s", kinds[i], err.text);
        expect_late(l->problem->ratings->items, l->problem->cold_column);
        eval_run_close(l);
        support_remove(run);
    }
    support_remove(folder);
}

/* model.safetensors of `run` as it was written before: its U8 tensors as lists of numbers in the metadata. */
static void write_as_before(const char *run)
{
    static const char *const keys[] = {"config", "model", "side",  "numerics", "data_digest",  "low",
                                       "high",   "mean",  "shift", "refit",    "weights_hash", "epoch"};
    char *path = file_join(run, "model.safetensors");
    struct tensors_writer *w;
    struct error err = {0};
    struct tensors *t;

    assert_int_equal(tensors_open(&t, path, &err), 0);
    assert_int_equal(tensors_create(&w, path, &err), 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        tensors_metadata(w, keys[i], tensors_meta(t, keys[i]));
    for (int i = 0; i < tensors_count(t); i++) {
        struct tensor_view v = tensors_at(t, i);
        const uint8_t *one = v.data;
        char list[4096] = "";
        int used = 0;

        if (v.type == TENSOR_F32)
            tensors_declare(w, v.name, v.type, v.rows, v.cols);
        for (int64_t k = 0; v.type == TENSOR_U8 && k < v.rows; k++)
            if (one[k])
                used += snprintf(list + used, 16, used ? " %d" : "%d", (int)k);
        if (v.type == TENSOR_U8)
            tensors_metadata(w, v.name, list);
    }
    for (int i = 0; i < tensors_count(t); i++)
        if (tensors_at(t, i).type == TENSOR_F32)
            tensors_data(w, tensors_at(t, i).data, tensors_at(t, i).bytes);
    assert_int_equal(tensors_commit(w, &err), 0);
    tensors_close(t);
    mem_free(path);
}

static void a_list_of_rows_in_the_metadata_is_read_too(void **state)
{
    char *folder = support_folder(), *run = file_join(folder, "run");
    struct trained *now, *before;
    struct error err = {0};
    int64_t untrained = 0;

    (void)state;
    train(run, "model.kind=mf");
    assert_int_equal(trained_open(&now, run, 1, &err), 0);
    write_as_before(run);
    if (trained_open(&before, run, 1, &err) < 0)
        fail_msg("%s", err.text);
    for (int64_t i = 0; i < now->problem->columns; i++)
        untrained += now->problem->cold_column[i];
    assert_true(untrained > 0);
    assert_memory_equal(now->problem->cold_column, before->problem->cold_column,
                        (size_t)now->problem->columns);
    assert_memory_equal(now->problem->cold_example, before->problem->cold_example,
                        (size_t)now->problem->examples);
    trained_close(now);
    trained_close(before);
    mem_free(run);
    support_remove(folder);
}

static void traits_have_the_name_of_their_kind(void **state)
{
    (void)state;
    for (int kind = 0; kind < MODEL_KINDS; kind++) {
        const struct model_traits *t = model_traits((enum model_kind)kind);

        assert_string_equal(config_enum_name("model.kind", kind), t->name);
        assert_non_null(t->ops);
        assert_false(t->clicks && (t->sides || t->by_rating));
    }
    assert_null(config_enum_name("model.kind", MODEL_KINDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traits_have_the_name_of_their_kind),
        cmocka_unit_test(a_model_to_be_used_takes_the_memory_of_its_weights_alone),
        cmocka_unit_test(what_is_opened_has_the_weights_of_the_file_and_no_moments),
        cmocka_unit_test(rows_that_were_never_trained_are_known_however_many),
        cmocka_unit_test(a_list_of_rows_in_the_metadata_is_read_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
