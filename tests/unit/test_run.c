/* What a run leaves behind, read by other means than the ones it was written with: hashes from the files'
 * bytes, all keys of summary.json, epochs of metrics.jsonl. */
#include "support.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "train/train.h"

static const char *const kinds[][8] = {
    {"model.kind=autorec", "model.side=item", "model.hidden=[20]"},
    {"model.kind=autorec", "model.side=user", "model.hidden=[20, 7, 20]", "train.refit=true"},
    {"model.kind=multivae", "model.hidden=[20]", "model.latent=5"},
    {"model.kind=multidae", "model.latent=5"},
    {"model.kind=mf", "model.latent=5", "model.range_high=5.5"},
    {"model.kind=mf", "model.latent=5", "model.biases=false", "split.valid=0"},
    {"model.kind=recvae", "model.latent=5", "model.hidden=[20, 20, 20]"},
};
#define KINDS ((int)(sizeof kinds / sizeof *kinds))

/* Trains 3 epochs in a new folder; `more`: one more setting, or NULL. The folder is for support_remove. */
static char *train(const char *const *settings, const char *more)
{
    char *folder = support_folder();
    struct train_options o = {.folder = folder};
    struct config *c = NULL;
    struct error err = {0};
    int rc = config_new(&c, &err);

    if (rc == 0)
        rc = config_set(c, "run.threads=1", &err);
    for (int i = 0; rc == 0 && i < 8 && settings[i]; i++)
        rc = config_set(c, settings[i], &err);
    if (rc == 0 && (rc = config_set(c, "data.path=synth:small", &err)) == 0 &&
        (rc = config_set(c, "train.epochs=3", &err)) == 0 && more)
        rc = config_set(c, more, &err);
    if (rc == 0 && (rc = config_check(c, &err)) == 0)
        rc = train_run(c, &o, NULL, &err);
    config_free(c);
    if (rc < 0)
        fail_msg("%s", err.text);
    return folder;
}

static struct json *read_json(const char *folder, const char *name)
{
    char *path = file_join(folder, name), *text = NULL;
    struct error err = {0};
    struct json *j = NULL;
    size_t length;

    if (file_read(&text, &length, path, 1 << 20, PT_EFILE, &err) < 0 ||
        json_parse(&j, text, length, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    mem_free(text);
    mem_free(path);
    return j;
}

static bool is_moment(const char *name)
{
    size_t n = strlen(name);

    return n > 2 && (strcmp(name + n - 2, ".m") == 0 || strcmp(name + n - 2, ".v") == 0);
}

/* The weights of a file, in the order in which they lie in it. `change`: flip a bit of the first one. */
static void hash_file(const char *folder, const char *name, bool change, char out[33])
{
    char *path = file_join(folder, name);
    struct hash *h = hash_new();
    struct tensors *t;
    struct error err = {0};

    if (tensors_open(&t, path, &err) < 0)
        fail_msg("%s", err.text);
    for (int i = 0; i < tensors_count(t); i++) {
        struct tensor_view v = tensors_at(t, i);
        unsigned char first = *(const unsigned char *)v.data;

        if (is_moment(v.name) || v.type == TENSOR_U8 || strncmp(v.name, "bias.", 5) == 0 ||
            strcmp(v.name, "prior") == 0) /* what is no weight */
            continue;
        assert_int_equal(v.type, TENSOR_F32);
        first ^= change;
        hash_add(h, &first, 1);
        hash_add(h, (const char *)v.data + 1, (size_t)v.bytes - 1);
        change = false;
    }
    hash_hex(h, out);
    hash_free(h);
    tensors_close(t);
    mem_free(path);
}

static void hashes_can_be_recomputed_from_the_files(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        char *folder = train(kinds[i], NULL), hex[33], other[33];
        struct json *j = read_json(folder, "summary.json");

        hash_file(folder, "model.safetensors", false, hex);
        assert_string_equal(hex, json_get_text(j, "model_hash", ""));
        hash_file(folder, "checkpoint.safetensors", false, hex);
        assert_string_equal(hex, json_get_text(j, "weights_hash", ""));
        hash_file(folder, "checkpoint.safetensors", true, other);
        assert_string_not_equal(hex, other);
        json_free(j);
        support_remove(folder);
    }
}

static void weights_hash_of(const char *const *settings, const char *more, char out[33])
{
    char *folder = train(settings, more);
    struct json *j = read_json(folder, "summary.json");

    snprintf(out, 33, "%s", json_get_text(j, "weights_hash", ""));
    assert_int_equal(strlen(out), 32);
    json_free(j);
    support_remove(folder);
}

static void seed_and_data_change_the_hash(void **state)
{
    static const char *const others[] = {"train.seed=2", "split.seed=2", "data.seed=2", "data.min_rating=2",
                                         "train.lr=0.0011"};

    (void)state;
    for (int i = 0; i < KINDS; i++) {
        char first[33], again[33];

        weights_hash_of(kinds[i], NULL, first);
        weights_hash_of(kinds[i], "run.threads=3", again);
        assert_string_equal(first, again);
        for (int k = 0; k < (int)(sizeof others / sizeof *others); k++) {
            weights_hash_of(kinds[i], others[k], again);
            assert_string_not_equal(first, again);
        }
    }
}

static void summary_has_every_key(void **state)
{
    static const char *const top[] = {
        "model",      "threads",        "ranks",        "shards",     "params", "data",   "epochs",
        "best_epoch", "steps_run",      "resumes",      "valid",      "test",   "last",   "time",
        "throughput", "peak_rss_bytes", "weights_hash", "model_hash", "build",  "machine"};
    static const char *const inner[][2] = {
        {"data", "users"},
        {"data", "items"},
        {"data", "ratings"},
        {"data", "train"},
        {"data", "valid"},
        {"data", "test"},
        {"data", "digest"},
        {"time", "read_s"},
        {"time", "load_s"},
        {"time", "train_s"},
        {"time", "eval_s"},
        {"time", "epoch_s_median"},
        {"throughput", "examples_per_s"},
        {"last", "test"},
        {"throughput", "ratings_per_s"},
        {"last", "valid"},
        {"throughput", "gflop_per_s"},
        {"build", "compiler"},
        {"throughput", "gbyte_per_s"},
        {"build", "isa"},
        {"machine", "cores"},
        {"machine", "nodes"},
    };

    (void)state;
    for (int i = 0; i < KINDS; i++) {
        char *folder = train(kinds[i], NULL);
        struct json *j = read_json(folder, "summary.json");
        const char *first = i == 2 || i == 3 || i == 6 ? "ndcg@100" : "rmse";

        for (size_t k = 0; k < sizeof top / sizeof *top; k++)
            if (!json_get(j, top[k]))
                fail_msg("kind %d: no %s", i, top[k]);
        for (size_t k = 0; k < sizeof inner / sizeof *inner; k++)
            if (!json_get(json_get(j, inner[k][0]), inner[k][1]))
                fail_msg("kind %d: no %s.%s", i, inner[k][0], inner[k][1]);
        assert_true(isfinite(json_get_real(json_get(j, "test"), first, NAN)));
        assert_int_equal(json_get_int(j, "epochs", 0) <= 3, 1);
        assert_int_equal(isfinite(json_get_real(json_get(j, "valid"), first, NAN)), i != 5);
        json_free(j);
        support_remove(folder);
    }
}

/* ---- a run that is stopped in its second training ---- */

struct stopper {
    bool refit; /* the second training has begun */
    volatile sig_atomic_t stop;
};

/* Past the middle of an epoch of the second training: where validation has as many ratings as training, the
 * first one has no such step. */
static void stop_late(void *arg, const struct train_progress *p)
{
    struct stopper *s = arg;

    s->refit = s->refit || p->event == TRAIN_REFIT;
    if (s->refit && p->event == TRAIN_STEPS && p->share > 0.6)
        s->stop = 1;
}

/* train_run in `folder`; the hash of the last weights. */
static int run_refit(const char *folder, const char *settings, bool resume, struct stopper *s, char hash[33],
                     struct error *err)
{
    struct train_options o = {.folder = folder, .resume = resume, .arg = s};
    struct train_result result = {0};
    struct config *c = NULL;
    char *copy = strdup(settings);
    int rc = config_new(&c, err);

    if (s) {
        o.listen = stop_late;
        o.stop = &s->stop;
    }
    for (char *word = strtok(copy, " "); rc == 0 && word; word = strtok(NULL, " "))
        rc = config_set(c, word, err);
    if (rc == 0 && (rc = config_check(c, err)) == 0)
        rc = train_run(c, &o, &result, err);
    snprintf(hash, 33, "%s", result.weights_hash);
    config_free(c);
    free(copy);
    return rc;
}

static void a_run_goes_on_from_the_last_part_of_a_refit_epoch(void **state)
{
#define REFIT                                                                                                \
    "data.path=synth:small train.epochs=3 train.refit=true run.threads=1 train.keep_checkpoints=1 "          \
    "train.batch=4 "
    static const char *const settings[] = {
        REFIT "model.kind=mf model.latent=3 split.test=.2 split.valid=.4",
        REFIT
        "model.kind=autorec model.side=user model.hidden=5 split.kind=rows split.test=.2 split.valid=.4",
        REFIT "model.kind=autorec model.side=item model.hidden=5 split.kind=rows split.test=.2 "
              "split.valid=.4 train.batch=3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char *whole = support_folder(), *stopped = support_folder(), want[33], got[33];
        char *aside = file_join(stopped, "checkpoint.safetensors.damaged");
        struct stopper s = {0};
        struct error err = {0};

        if (run_refit(whole, settings[i], false, NULL, want, &err) < 0)
            fail_msg("%s: %s", settings[i], err.text);
        if (run_refit(stopped, settings[i], false, &s, got, &err) != PT_EINTERRUPTED)
            fail_msg("%s: not interrupted", settings[i]);
        if (run_refit(stopped, settings[i], true, NULL, got, &err) < 0)
            fail_msg("%s: resumed: %s", settings[i], err.text);
        assert_string_equal(want, got);
        assert_false(file_exists(aside));
        mem_free(aside);
        support_remove(whole);
        support_remove(stopped);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_can_be_recomputed_from_the_files),
        cmocka_unit_test(seed_and_data_change_the_hash),
        cmocka_unit_test(summary_has_every_key),
        cmocka_unit_test(a_run_goes_on_from_the_last_part_of_a_refit_epoch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
