/* test_yaml.c - the YAML door: shapes and places, and nasty documents, which end in an error and nothing
 * else. */
#include "support.h"

#include "config/config.h"
#include "config/tree.h"

static void a_document_becomes_a_tree_with_places(void **state)
{
    static const char text[] = "model: {kind: multivae, hidden: [600, '7']}\n"
                               "\n"
                               "data:\n"
                               "  path:   \"a b\"   # a comment\n"
                               "  \xc3\xa9: x\n";
    struct tree *t = NULL;
    const struct tree *model, *data;

    (void)state;
    assert_int_equal(tree_parse(&t, text, strlen(text), "t", NULL), 0);
    assert_int_equal(t->kind, TREE_MAP);
    assert_int_equal(t->n, 2);
    model = &t->item[0], data = &t->item[1];
    assert_string_equal(model->key, "model");
    assert_string_equal(model->item[0].text, "multivae");
    assert_false(model->item[0].quoted);
    assert_int_equal(model->item[1].kind, TREE_LIST);
    assert_int_equal(model->item[1].n, 2);
    assert_string_equal(model->item[1].item[1].text, "7");
    assert_true(model->item[1].item[1].quoted);
    assert_int_equal(model->item[1].item[1].column, 39);
    assert_int_equal(data->item[0].line, 4);
    assert_int_equal(data->item[0].column, 11);
    assert_int_equal(data->item[0].key_column, 3);
    assert_string_equal(data->item[0].text, "a b");
    tree_free(t);
}

/* Loads text; the message is compared in full. NULL: no error. */
static void check_bytes(const char *text, size_t length, const char *message)
{
    struct config *c = NULL;
    struct error err = {0};
    int rc;

    assert_int_equal(config_new(&c, NULL), 0);
    rc = config_load_text(c, text, length, "t.yaml", &err);
    config_free(c);
    if (!message && rc != 0)
        fail_msg("unexpected: %s", err.text);
    if (!message)
        return;
    assert_string_equal(err.text, message);
    assert_int_equal(rc, PT_ECONFIG);
}

static void check(const char *text, const char *message)
{
    check_bytes(text, strlen(text), message);
}

static void good_documents_load(void **state)
{
    (void)state;
    check("model: {kind: multivae}\n", NULL);
    check("model.kind: mf\nmodel: {latent: 3}\n", NULL);
    check("model:\r\n  kind: mf\r\n  latent: 3\r\n", NULL);
    check("\xef\xbb\xbfmodel: {kind: mf}\n", NULL);
    check("%YAML 1.1\n---\nmodel: {kind: mf}\n...\n", NULL);
    check("model:\ndata: {path: x}\n", NULL);
    check("tune: {train.lr: [0.1, 0.2], model: {anything: [[1]]}}\nmodel: {kind: mf}\n", NULL);
    check("{model: {kind: \"mf\"}, data: {path: 'x'}}", NULL);
    check("eval: {metrics: rmse mae}\ndata: {columns: 'user,item'}\n", NULL);
    check("data:\n  path: |-\n    a\n", NULL);
    check("eval: {cold: unset}\ndata: {min_rating: unset, delimiter: \"\\t\"}\n", NULL);
}

static void nasty_documents_are_refused_with_their_place(void **state)
{
    static const char laughs[] = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";

    (void)state;
    check("", "t.yaml:1:1: empty; give at least model.kind and data.path");
    check("# nothing\n\n", "t.yaml:3:1: empty; give at least model.kind and data.path");
    check("---\n...\n", "t.yaml:2:1: empty; give at least model.kind and data.path");
    check("{}", "t.yaml:1:1: empty; give at least model.kind and data.path");
    check("just words\n", "t.yaml:1:1: expected sections with keys in them, as in `model: {kind: multivae}`");
    check("- a\n", "t.yaml:1:1: expected sections with keys in them, as in `model: {kind: multivae}`");
    check(laughs, "t.yaml:1:4: anchors (&name) are not taken; write the value out");
    check("model: *x\n", "t.yaml:1:8: aliases (*name) are not taken; write the value out");
    check("*x : 1\n", "t.yaml:1:1: aliases (*name) are not taken; write the value out");
    check("model: {<<: *x}\n", "t.yaml:1:13: aliases (*name) are not taken; write the value out");
    check("train: {lr: !!float 1}\n", "t.yaml:1:13: tags (!name) are not taken; write the plain value");
    check("!x {a: 1}\n", "t.yaml:1:1: tags (!name) are not taken; write the plain value");
    check("? [a]\n: b\n", "t.yaml:1:3: a key has to be a word, not a list or a mapping");
    check("model: {kind: mf}\n---\nmodel: {kind: mf}\n",
          "t.yaml:2:1: a second document (---) starts here; a configuration is one");
    check("model:\n\tkind: mf\n", "t.yaml:2:1: a tab cannot indent YAML; use spaces");
    check("model: {kind: mf\n",
          "t.yaml:2:1: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping");
    check("data: {path: \"a\\0b\"}\n", "t.yaml:1:14: a NUL character cannot stand in a value");
    check("data: {path: caf\xe9}\n", "t.yaml:1:17: byte 0xe9 is not UTF-8 here; save the file as UTF-8");
    check("data: {path: x\x01}\n", "t.yaml:1:15: control character 0x01; a configuration is plain text");
    check_bytes("model: {kind: mf}\n\0\n", 20,
                "t.yaml:2:1: control character 0x00; a configuration is plain text");
    check_bytes("\xff\xfem\0o\0", 6, "t.yaml:1:1: byte 0xff is not UTF-8 here; save the file as UTF-8");
    check("data: {path: x\xe2\x80", "t.yaml:1:15: byte 0xe2 is not UTF-8 here; save the file as UTF-8");
    check("data: {path: \xed\xa0\x80}", "t.yaml:1:14: byte 0xed is not UTF-8 here; save the file as UTF-8");
    check("train: {lr: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}",
          "t.yaml:1:28: nested too deeply; a configuration has sections and their keys");
}

static void keys_are_checked_with_their_place(void **state)
{
    (void)state;
    check("train:\n  lr: 2\n  lr: 3\n", "t.yaml:3:3: train.lr: given twice, the first time in line 2");
    check("train.lr: 2\ntrain: {lr: 3}\n", "t.yaml:2:9: train.lr: given twice, the first time in line 1");
    check("train: {lr: 2}\ndata: {path: x}\ntrain: {batch: 3}\n",
          "t.yaml:3:1: train: given twice; join the two");
    check("tune: {a: [1]}\ntune: {b: [1]}\n", "t.yaml:2:1: tune: given twice; join the two");
    check("tune: 3\n", "t.yaml:1:1: tune: expected a mapping from keys to the values to try");
    check("train: {tune: {a: 1}}\n",
          "t.yaml:1:9: \"train.tune\": unknown key; `partrain config --reference` lists them all");
    check("model: 3\n", "t.yaml:1:8: model: is a section; expected keys in it, as in `model: {KEY: VALUE}`");
    check("train: {model: {kind: mf}}\n",
          "t.yaml:1:9: \"train.model\": unknown key; `partrain config --reference` lists them all");
}

static void size_and_depth_are_limited(void **state)
{
    size_t length = TREE_BYTES + 1;
    char *text = malloc(length + 1), *folder = support_folder(), *path;
    static const char unit[][8] = {"[",   "{",  "- ", "? ",    "{a: ",  "a: [", "&a ",
                                   "!a ", "\"", "'",  "|\n",   "a: ",   ": ",   "*a ",
                                   "#",   "\n", "%",  "---\n", "a:\n ", ",",    "x\n"};
    struct config *c = NULL;
    struct error err = {0};

    (void)state;
    assert_non_null(text);
    assert_int_equal(config_new(&c, NULL), 0);
    for (size_t k = 0; k < sizeof unit / sizeof *unit; k++) {
        size_t width = strlen(unit[k]);

        for (size_t i = 0; i < length; i++)
            text[i] = unit[k][i % width];
        assert_int_equal(config_load_text(c, text, TREE_BYTES, "t", &err), PT_ECONFIG);
    }
    memset(text, '#', length);
    text[length] = 0;
    path = support_file(folder, "large.yaml", text);
    assert_int_equal(config_load(c, path, &err), PT_ECONFIG);
    assert_non_null(strstr(err.text, "is larger than"));
    free(path);
    assert_int_equal(config_load(c, "/dev/zero", &err), PT_ECONFIG);
    assert_int_equal(config_load(c, folder, &err), PT_ECONFIG);
    assert_non_null(strstr(err.text, "Is a directory"));
    config_free(c);
    free(text);
    support_remove(folder);
}

/* Random damage to a good file: no crash, and every failure is one line that names the place. */
static void damaged_files_fail_cleanly(void **state)
{
    static const char good[] = "model: {kind: multivae, hidden: [600, 200], latent: 200}\n"
                               "data:\n  path: \"synth:ml-100k\"\n  min_rating: 3.5\n"
                               "split: {kind: users, test_users: .1}\n"
                               "train:\n  lr: 1.0e-3\n  batch: 500\n"
                               "tune: {train.lr: [1, 2]}\n"
                               "eval: {metrics: [ndcg@100, recall@20]}\n";
    static const char spice[] = "{}[]:,&*!|>'\"%@`#-? \n\t\\0\x80\xff~";
    uint64_t x = 0x9e3779b97f4a7c15u;
    int failed = 0, loaded = 0;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof good + 16];
        size_t length = sizeof good - 1;
        struct config *c = NULL;
        struct error err = {0};
        int rc;

        memcpy(text, good, length);
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        for (int k = 0; k <= (int)(x % 4); k++) {
            size_t at = (x >> (8 + 12 * k)) % length;
            char put = spice[(x >> (5 + 9 * k)) % (sizeof spice - 1)];

            if ((x >> (50 + k)) & 1) {
                memmove(text + at + 1, text + at, length - at);
                length++;
            }
            text[at] = put;
        }
        assert_int_equal(config_new(&c, NULL), 0);
        rc = config_load_text(c, text, length, "t.yaml", &err);
        if (rc < 0) {
            assert_int_equal(rc, PT_ECONFIG);
            assert_int_equal(strncmp(err.text, "t.yaml:", 7), 0);
            assert_null(strpbrk(err.text, "\n\r\t"));
            failed++;
        } else {
            config_check(c, &err);
            loaded++;
        }
        config_free(c);
    }
    assert_true(failed > 1000 && loaded > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_becomes_a_tree_with_places),
        cmocka_unit_test(good_documents_load),
        cmocka_unit_test(nasty_documents_are_refused_with_their_place),
        cmocka_unit_test(keys_are_checked_with_their_place),
        cmocka_unit_test(size_and_depth_are_limited),
        cmocka_unit_test(damaged_files_fail_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
