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

        if (is_moment(v.name) || v.type == TENSOR_U8) /* what is no weight */
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
        {"data", "sha256"},
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
        const char *first = i == 2 || i == 3 ? "ndcg@100" : "rmse";

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_can_be_recomputed_from_the_files),
        cmocka_unit_test(seed_and_data_change_the_hash),
        cmocka_unit_test(summary_has_every_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
