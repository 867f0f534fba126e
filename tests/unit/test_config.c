/* test_config.c - options: every one goes through print and load unchanged; checks, defaults, comparison. */
#include "support.h"

#include "base/text.h"
#include "config/options.h"

#include <locale.h>

static struct config *fresh(void)
{
    struct config *c = NULL;

    assert_int_equal(config_new(&c, NULL), 0);
    return c;
}

static void set(struct config *c, const char *key, const char *value)
{
    struct error err = {0};
    char *assignment = NULL;

    assert_true(asprintf(&assignment, "%s=%s", key, value) > 0);
    if (config_set(c, assignment, &err) != 0)
        fail_msg("%s: %s", assignment, err.text);
    free(assignment);
}

static char *printed(const struct config *c, bool all)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    assert_non_null(out);
    assert_int_equal(config_print(c, out, all, NULL), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static struct config *loaded(const char *text)
{
    struct config *c = fresh();
    struct error err = {0};

    if (config_load_text(c, text, strlen(text), "printed.yaml", &err) != 0)
        fail_msg("%s in\n%s", err.text, text);
    return c;
}

static void assert_same(const struct config *a, const struct config *b, bool used_only)
{
    for (int i = 0; i < option_count; i++) {
        if ((!used_only || option_used(a, &option_table[i])) && !option_equal(a, b, &option_table[i]))
            fail_msg("%s differs", option_table[i].key);
    }
}

/* One option set to one value: all of it comes back from its print. */
static void round_trip(const struct option *o, const char *value)
{
    struct config *c = fresh(), *back;
    char *text;

    set(c, o->key, value);
    text = printed(c, true);
    back = loaded(text);
    assert_same(c, back, false);
    for (int i = 0; i < option_count; i++)
        assert_true(config_given(back, option_table[i].key));
    free(text);
    config_free(back);
    config_free(c);
}

static const char *const nasty_text[] = {
    "",
    " ",
    "a b",
    " lead",
    "trail ",
    "-",
    "- a",
    "*.csv",
    "&x",
    "!t",
    "%d",
    "@at",
    "`tick`",
    "|",
    ">",
    "::",
    ",",
    "\t",
    "a\tb",
    "\\t",
    "a\\",
    "\"quoted",
    "it's",
    "a: b",
    "a:",
    "a #b",
    "#b",
    "null",
    "~",
    "true",
    "no",
    "1",
    "1e3",
    "{a}",
    "[a]",
    "synth:ml-100k",
    "/data/ml 1m/*.{csv,gz}",
    "C:\\data\\x",
    "a\nb",
    "a\r\nb",
    "\x01\x7f",
    "\xc3\xa9t\xc3\xa9",
    "\xc2\x85",
    "\xe2\x80\xa8x",
    "\xef\xbb\xbfx",
    "\xf0\x9f\x8e\xac",
    "\xf0\x9f\xbf\xbf",
    "?",
    "? a",
    "=",
    "<<",
    "...",
    "---",
};

static void every_option_comes_back_from_its_print(void **state)
{
    char value[256];
    const char *name;

    (void)state;
    assert_true(option_count > 60);
    for (int i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        switch (o->type) {
        case OPTION_INT:
            snprintf(value, sizeof value, "%lld", (long long)o->low);
            round_trip(o, value);
            snprintf(value, sizeof value, "%lld", (long long)o->high);
            round_trip(o, value);
            break;
        case OPTION_REAL:
            for (int k = 0; k <= 3; k++) {
                snprintf(value, sizeof value, "%.17g",
                         k == 3 ? o->most : o->least + (o->most - o->least) * k / 3);
                round_trip(o, value);
            }
            break;
        case OPTION_BOOL:
            round_trip(o, "true");
            round_trip(o, "off");
            break;
        case OPTION_ENUM:
            for (int k = 0; (name = option_enum_name(o, k)); k++)
                round_trip(o, name);
            break;
        case OPTION_TEXT:
            for (size_t k = 0; k < sizeof nasty_text / sizeof *nasty_text; k++) {
                if (*nasty_text[k] != '"')
                    round_trip(o, nasty_text[k]);
            }
            round_trip(o, "\"\\\"in quotes\\\"\"");
            break;
        case OPTION_INTS:
            snprintf(value, sizeof value, "[%lld, %lld]", (long long)o->low, (long long)o->high);
            round_trip(o, value);
            round_trip(o, "[]");
            round_trip(o, "7");
            round_trip(o, "7,8, 9");
            break;
        case OPTION_TEXTS:
            round_trip(o, "[]");
            round_trip(o, "user,item");
            round_trip(o, "[\"a b\", 'null', \"-\", \"x,y\", \"\\t\", \"\\u00e9\", \"a: b\", \"{\"]");
            break;
        }
    }
}

static void text_values_arrive_as_they_stand(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof nasty_text / sizeof *nasty_text; k++) {
        struct config *c = fresh();

        if (*nasty_text[k] != '"') {
            set(c, "data.path", nasty_text[k]);
            assert_string_equal(c->data_path, nasty_text[k]);
        }
        config_free(c);
    }
}

static void what_is_used_is_printed_on_one_screen(void **state)
{
    static const char *const kind[] = {"autorec", "multivae", "multidae", "mf", "recvae"};
    static const char *const schedule[] = {"constant", "step", "one_cycle"};

    (void)state;
    for (int k = 0; k < 5; k++) {
        for (int s = 0; s < 3; s++) {
            struct config *c = fresh(), *back;
            int lines = 0;
            char *text;

            set(c, "model.kind", kind[k]);
            set(c, "train.schedule", schedule[s]);
            set(c, "train.lr_decay", "0.5");
            set(c, "model.init", "normal");
            set(c, "train.l2", "0.1");
            set(c, "data.path",
                "/a/folder/with/a/rather/long/name/as/they/are/on/shared/machines/ml-20m/ratings.csv");
            assert_int_equal(config_check(c, NULL), 0);
            text = printed(c, false);
            for (const char *p = text; *p; p++)
                lines += *p == '\n';
            assert_in_range(lines, 6, 40);
            back = loaded(text);
            assert_int_equal(config_check(back, NULL), 0);
            assert_same(c, back, true);
            free(text);
            config_free(back);
            config_free(c);
        }
    }
}

static void names_and_numbers_of_enums_agree(void **state)
{
    static const struct {
        const char *key, *name;
        int value;
    } row[] = {
        {"model.kind", "mf", MODEL_MF},
        {"model.kind", "ease", MODEL_EASE},
        {"model.decoder", "linear", DECODER_LINEAR},
        {"model.activation", "gelu", ACT_GELU},
        {"model.output", "selu", ACT_SELU},
        {"model.kind", "ials", MODEL_IALS},
        {"model.kind", "recvae", MODEL_RECVAE},
        {"train.optimizer", "sgd", OPTIMIZER_SGD},
        {"split.kind", "kfold", SPLIT_KFOLD},
        {"eval.seen", "remove", 0}, /* as check.c and eval_make.c have it */
        {"eval.untrained", "replace", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_string_equal(config_enum_name(row[i].key, row[i].value), row[i].name);
    assert_null(config_enum_name("model.kind", MODEL_KINDS));
    assert_null(config_enum_name("model.kind", -1));
    assert_null(config_enum_name("model.latent", 0));
    assert_null(config_enum_name("model.knd", 0));
}

static void a_copy_has_the_values_and_what_was_given(void **state)
{
    struct config *c = fresh(), *copy = NULL;

    (void)state;
    set(c, "model.hidden", "[7, 8]");
    set(c, "eval.metrics", "rmse");
    set(c, "data.path", "x.csv");
    assert_int_equal(config_copy(&copy, c, NULL), 0);
    assert_same(c, copy, true);
    assert_true(config_given(copy, "model.hidden") && !config_given(copy, "model.latent"));
    set(copy, "model.hidden", "9");
    assert_int_equal(c->hidden.n, 2);
    config_free(c);
    assert_string_equal(copy->data_path, "x.csv");
    config_free(copy);
}

static void a_retired_key_is_noted_and_changes_nothing(void **state)
{
    static const char text[] = "run: {cache: off, threads: 2}\nmodel.kind: mf\n";
    struct config *c = fresh();

    (void)state;
    assert_null(c->retired);
    assert_int_equal(config_set(c, "run.cache=/somewhere", NULL), 0);
    assert_string_equal(c->retired, "run.cache");
    c->retired = NULL;
    assert_int_equal(config_load_text(c, text, sizeof text - 1, "t.yaml", NULL), 0);
    assert_string_equal(c->retired, "run.cache");
    assert_int_equal(c->threads, 2);
    assert_int_equal(config_set(c, "run.cash=1", NULL), PT_ECONFIG);
    config_free(c);
}

static void defaults_follow_the_model(void **state)
{
    struct config *c = fresh();

    (void)state;
    assert_int_equal(config_check(c, NULL), 0);
    assert_int_equal(c->metrics.n, 2);
    assert_string_equal(c->metrics.value[1], "mae");
    assert_string_equal(c->monitor, "rmse");
    assert_string_equal(config_enum_name("split.kind", c->split_kind), "random");
    assert_string_equal(config_enum_name("model.activation", c->activation), "sigmoid");
    config_free(c);

    c = fresh();
    set(c, "model.kind", "multivae");
    assert_int_equal(config_check(c, NULL), 0);
    assert_int_equal(c->metrics.n, 3);
    assert_string_equal(c->monitor, "ndcg@100");
    assert_string_equal(config_enum_name("split.kind", c->split_kind), "users");
    assert_string_equal(config_enum_name("model.activation", c->activation), "swish");
    assert_int_equal(c->hidden.n, 1);
    assert_int_equal(c->hidden.value[0], 600);
    assert_int_equal(c->decoder, DECODER_LINEAR);
    assert_true(c->layer_norm && c->kl_per_click == 0.005 && c->noise_std == 1 && c->dropout == 0);
    config_free(c);

    c = fresh(); /* as it was before there were these keys */
    set(c, "model.kind", "multivae");
    set(c, "model.kl_weight", "0.2");
    assert_int_equal(config_check(c, NULL), 0);
    assert_string_equal(config_enum_name("model.activation", c->activation), "tanh");
    assert_int_equal(c->decoder, DECODER_MIRROR);
    assert_true(!c->layer_norm && c->kl_per_click == 0 && c->noise_std == 0.1 && c->dropout == 0.5);
    config_free(c);

    c = fresh();
    set(c, "model.kind", "recvae");
    assert_int_equal(config_check(c, NULL), 0);
    assert_string_equal(config_enum_name("model.activation", c->activation), "swish");
    assert_int_equal(c->hidden.n, 5);
    assert_int_equal(c->decoder, DECODER_LINEAR);
    assert_true(c->layer_norm && c->kl_per_click == 0.005 && c->input_dropout == 0.5 && c->batch == 100);
    config_free(c);

    c = fresh();
    set(c, "model.kind", "multidae");
    set(c, "model.activation", "relu");
    set(c, "split.kind", "random");
    set(c, "eval.metrics", "recall@5, ndcg@5");
    assert_int_equal(config_check(c, NULL), 0);
    assert_int_equal(c->hidden.n, 0);
    assert_string_equal(c->monitor, "recall@5");
    assert_string_equal(config_enum_name("split.kind", c->split_kind), "random");
    assert_string_equal(config_enum_name("model.activation", c->activation), "relu");
    config_free(c);
}

static void given_keys_are_known(void **state)
{
    struct config *c = fresh();
    struct error err = {0};
    int at = 0;

    (void)state;
    for (int i = 0; i < option_count; i++)
        assert_false(config_given(c, option_table[i].key));
    set(c, "model.kl_weight", "0.3");
    assert_true(config_given(c, "model.kl_weight"));
    assert_false(config_given(c, "model.latent"));
    assert_false(config_given(c, "no.such"));
    assert_int_equal(config_set(c, "train.lr=fast", &err), PT_ECONFIG);
    assert_false(config_given(c, "train.lr"));
    assert_string_equal(config_next_unused(c, &at), "model.kl_weight");
    assert_null(config_next_unused(c, &at));
    config_free(c);
}

static void a_wrong_value_changes_nothing(void **state)
{
    static const char *const wrong[] = {"train.batch=0",       "train.lr=1e9",        "model.kind=vae",
                                        "model.hidden=[1,0]",  "model.hidden=[1,x]",  "eval.metrics=[a, [b]]",
                                        "train.batch=",        "train.shuffle=maybe", "data.path=\xff",
                                        "train.seed=1.5",      "train.batch=[1]",     "data.path=\"a\\0b\"",
                                        "eval.metrics=[a, ]x", "model.hidden={a: 1}", "train.lr=nan"};
    struct config *a = fresh(), *b = fresh();

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = {0};
        int rc = config_set(a, wrong[i], &err);

        if (rc != PT_ECONFIG)
            fail_msg("%s: %d", wrong[i], rc);
        assert_true(strlen(err.text) > 10);
        assert_null(strchr(err.text, '\n'));
    }
    assert_same(a, b, false);
    config_free(a);
    config_free(b);
}

/* Another value than the default, in the form of KEY=VALUE. */
static const char *other_value(const struct option *o, char *out, size_t size)
{
    switch (o->type) {
    case OPTION_INT:
        snprintf(out, size, "%lld", (long long)(o->whole == o->low ? o->low + 1 : o->low));
        return out;
    case OPTION_REAL:
        snprintf(out, size, "%.17g", o->real == o->most ? o->least : o->most);
        return out;
    case OPTION_BOOL:
        return o->whole ? "false" : "true";
    case OPTION_ENUM:
        return option_enum_name(o, o->whole ? 0 : 1);
    case OPTION_INTS:
        return "[3]";
    default:
        return "x";
    }
}

static void a_resumed_run_may_change_epochs_and_machine_only(void **state)
{
    struct config *a = fresh();

    (void)state;
    for (int i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct config *b = fresh();
        char value[64];

        assert_null(config_resume_conflict(a, b));
        set(b, o->key, other_value(o, value, sizeof value));
        if (strcmp(o->key, "train.epochs") == 0 || strncmp(o->key, "run.", 4) == 0 ||
            strcmp(o->key, "eval.untrained") == 0) /* its default has changed */
            assert_null(config_resume_conflict(a, b));
        else
            assert_string_equal(config_resume_conflict(a, b), o->key);
        config_free(b);
    }
    config_free(a);
}

static void numbers_are_short_and_exact(void **state)
{
    uint64_t x = 88172645463325252u;
    char text[64];
    double back;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        memcpy(&value, &x, sizeof value);
        if (!isfinite(value))
            continue;
        real_format(value, text, sizeof text);
        assert_true(real_parse(text, &back));
        assert_true(back == value);
    }
    real_format(0.1, text, sizeof text);
    assert_string_equal(text, "0.1");
    real_format(100, text, sizeof text);
    assert_string_equal(text, "100");
    real_format(1e-8, text, sizeof text);
    assert_string_equal(text, "1.0e-08");
    real_format(-2.5e30, text, sizeof text);
    assert_string_equal(text, "-2.5e+30");
    assert_false(real_parse("0x10", &back) || real_parse("inf", &back) || real_parse("nan", &back) ||
                 real_parse("", &back) || real_parse("1,5", &back) || real_parse("1e", &back) ||
                 real_parse("--1", &back));
}

static void a_decimal_comma_locale_changes_nothing(void **state)
{
    struct config *c;
    char *text;

    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
        print_message("no locale with a decimal comma here\n");
        skip();
    }
    c = fresh();
    set(c, "train.lr", "0.25");
    assert_true(c->lr == 0.25);
    text = printed(c, true);
    assert_non_null(strstr(text, "lr: 0.25\n"));
    free(text);
    config_free(c);
    setlocale(LC_ALL, "C");
}

static void near_words_are_found(void **state)
{
    (void)state;
    assert_int_equal(word_distance("", ""), 0);
    assert_int_equal(word_distance("abc", ""), 3);
    assert_int_equal(word_distance("abc", "acb"), 1);
    assert_int_equal(word_distance("kitten", "sitting"), 3);
    assert_int_equal(word_distance("train.lr", "trian.lr"), 1);
    assert_int_equal(word_distance("a", "123456789012345678901234567890123456789012345678901234567890"),
                     1000);
    assert_string_equal(option_nearest("train.bacth"), "train.batch");
    assert_string_equal(option_nearest("model.batch"), "train.batch");
    assert_string_equal(option_nearest("patience"), "train.patience");
    assert_string_equal(option_nearest("mdoel"), "model");
    assert_null(option_nearest("zzzzzzzz"));
}

static void data_is_asked_for(void **state)
{
    struct config *c = fresh();
    struct error err = {0};

    (void)state;
    assert_int_equal(config_need_data(c, &err), PT_ECONFIG);
    assert_non_null(strstr(err.text, "data.path"));
    set(c, "data.path", "synth:ml-100k");
    assert_int_equal(config_need_data(c, &err), 0);
    config_free(c);
}

static void a_full_disk_is_told(void **state)
{
    struct config *c = fresh();
    struct error err = {0};
    FILE *out = fopen("/dev/full", "w");

    (void)state;
    if (!out)
        skip();
    assert_int_equal(config_print(c, out, true, &err), PT_EFILE);
    assert_non_null(strstr(err.text, "No space left"));
    fclose(out);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_comes_back_from_its_print),
        cmocka_unit_test(text_values_arrive_as_they_stand),
        cmocka_unit_test(what_is_used_is_printed_on_one_screen),
        cmocka_unit_test(names_and_numbers_of_enums_agree),
        cmocka_unit_test(a_copy_has_the_values_and_what_was_given),
        cmocka_unit_test(a_retired_key_is_noted_and_changes_nothing),
        cmocka_unit_test(defaults_follow_the_model),
        cmocka_unit_test(given_keys_are_known),
        cmocka_unit_test(a_wrong_value_changes_nothing),
        cmocka_unit_test(a_resumed_run_may_change_epochs_and_machine_only),
        cmocka_unit_test(numbers_are_short_and_exact),
        cmocka_unit_test(a_decimal_comma_locale_changes_nothing),
        cmocka_unit_test(near_words_are_found),
        cmocka_unit_test(data_is_asked_for),
        cmocka_unit_test(a_full_disk_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
