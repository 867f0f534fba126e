#include "base/json.h"
#include "base/mem.h"
#include "support.h"

#include <inttypes.h>

static void assert_text(struct json *j, bool indent, const char *expected)
{
    char *text = json_text(j, indent);

    assert_non_null(text);
    assert_string_equal(text, expected);
    mem_free(text);
}

/* The message of what must not parse. */
static const char *refused(const char *text, size_t length)
{
    static struct error err;
    struct json *j = NULL;

    err = (struct error){0};
    assert_int_equal(json_parse(&j, text, length, &err), PT_EFILE);
    assert_null(j);
    assert_int_equal(err.code, PT_EFILE);
    return err.text;
}

static struct json *parsed(const char *text)
{
    struct error err = {0};
    struct json *j = NULL;

    if (json_parse(&j, text, strlen(text), &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return j;
}

static void written_compact_and_indented_in_order(void **state)
{
    struct json *root = json_new_object(), *list = json_new_array();

    (void)state;
    json_put_text(root, "z", "a \"b\"\n\t\\");
    json_put_int(list, NULL, INT64_MIN);
    json_put_int(list, NULL, INT64_MAX);
    json_put(root, "list", list);
    json_put_bool(root, "no", false);
    json_put_text(root, "none", NULL);
    json_put(root, "empty", json_new_object());
    json_put(root, "bare", json_new_array());
    assert_text(root, false,
                "{\"z\":\"a \\\"b\\\"\\n\\t\\\\\",\"list\":[-9223372036854775808,9223372036854775807],"
                "\"no\":false,\"none\":null,\"empty\":{},\"bare\":[]}");
    assert_text(root, true,
                "{\n  \"z\": \"a \\\"b\\\"\\n\\t\\\\\",\n  \"list\": [\n    -9223372036854775808,\n"
                "    9223372036854775807\n  ],\n  \"no\": false,\n  \"none\": null,\n  \"empty\": {},\n"
                "  \"bare\": []\n}");
    json_free(root);
}

static void long_texts_survive(void **state)
{
    struct json *root = json_new_object();
    char *text = malloc(100001), *out;

    (void)state;
    memset(text, 'x', 100000);
    text[100000] = 0;
    json_put_text(root, "k", text);
    out = json_text(root, false);
    json_free(root);
    root = parsed(out);
    assert_string_equal(json_get_text(root, "k", ""), text);
    json_free(root);
    mem_free(out);
    free(text);
}

static void reals_have_few_digits_and_read_back_equal(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{.1, "0.1"},
                 {.3, "0.3"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1, "1.0"},
                 {-0.0, "-0.0"},
                 {1e300, "1e300"},
                 {5e-324, "4.94065645841247e-324"},
                 {0x1.fffffffffffffp1023, "1.7976931348623157e308"},
                 {NAN, "null"},
                 {INFINITY, "null"}};
    uint64_t bits = 88172645463325252u;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *a = json_new_array();
        char expected[64];

        json_put_real(a, NULL, cases[i].value);
        snprintf(expected, sizeof expected, "[%s]", cases[i].text);
        assert_text(a, false, expected);
        json_free(a);
    }
    for (int i = 0; i < 2000; i++) {
        struct json *a = json_new_array(), *b;
        double value, back;
        char *text;

        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            json_free(a);
            continue;
        }
        json_put_real(a, NULL, value);
        text = json_text(a, false);
        b = parsed(text);
        back = json_as_real(json_at(b, 0), NAN);
        assert_memory_equal(&back, &value, sizeof value);
        mem_free(text);
        json_free(a);
        json_free(b);
    }
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    static const char *const cases[][2] = {
        {"caf\xC3\xA9", "caf\xC3\xA9"},                           /* fine as it is */
        {"caf\xE9!", "caf\xEF\xBF\xBD!"},                         /* Latin-1, as in ml-1m's titles */
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                 /* overlong */
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* a surrogate */
        {"\xF0\x9F\x8E\xAC", "\xF0\x9F\x8E\xAC"},
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* above U+10FFFF */
        {"\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"},                                 /* cut off */
        {"\xFF", "\xEF\xBF\xBD"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *j = json_new_object();

        json_put_text(j, "k", cases[i][0]);
        assert_string_equal(json_get_text(j, "k", ""), cases[i][1]);
        json_free(j);
    }
    for (int a = 1; a < 256; a++) /* whatever comes, jansson must accept what the repair made */
        for (int b = 0; b < 256; b++) {
            char text[4] = {(char)a, (char)b, (char)0x80, 0};
            struct json *j = json_new_object();

            json_put_text(j, "k", text);
            json_free(j);
        }
}

static void a_failed_put_fails_the_text(void **state)
{
    struct json *root = json_new_object(), *child = json_new_object();

    (void)state;
    json_put(child, "leaf", NULL); /* as when json_new_object had no memory */
    json_put(root, "child", child);
    json_put_int(root, "fine", 1);
    assert_null(json_text(root, false));
    json_free(root);

    root = json_new_object();
    json_put_int(root, "bad \xFF key", 1);
    assert_null(json_text(root, false));
    json_put_int(root, NULL, 1); /* an object needs a key */
    assert_null(json_text(root, false));
    json_put(NULL, "child", json_new_object()); /* freed, not leaked */
    assert_null(json_text(NULL, false));
    json_put_int(root, "fine", 1);
    assert_text(root, false, "{\"fine\":1}");
    json_free(root);
    json_free(NULL);
}

static void readers_fall_back(void **state)
{
    struct json *j = parsed("{\"i\": 7, \"r\": 1.5, \"t\": \"x\", \"b\": true, \"n\": null, \"a\": [1, 2]}");

    (void)state;
    assert_int_equal(json_get_int(j, "i", -1), 7);
    assert_int_equal(json_get_int(j, "r", -1), -1);
    assert_int_equal(json_get_int(j, "absent", -1), -1);
    assert_true(json_get_real(j, "i", 0) == 7.0);
    assert_true(json_get_real(j, "r", 0) == 1.5);
    assert_true(json_get_real(j, "n", -2) == -2.0);
    assert_string_equal(json_get_text(j, "t", "?"), "x");
    assert_string_equal(json_get_text(j, "i", "?"), "?");
    assert_true(json_get_bool(j, "b", false));
    assert_true(json_get_bool(j, "t", true));
    assert_int_equal(json_count(j), 6);
    assert_int_equal(json_count(json_get(j, "a")), 2);
    assert_int_equal(json_count(json_get(j, "t")), 0);
    assert_int_equal(json_as_int(json_at(json_get(j, "a"), 1), 0), 2);
    assert_null(json_at(json_get(j, "a"), 2));
    assert_null(json_at(json_get(j, "a"), -1));
    assert_null(json_get(json_get(j, "a"), "key"));
    assert_null(json_get(NULL, "key"));
    assert_int_equal(json_count(NULL), 0);
    assert_true(json_is_object_value(j) && !json_is_array_value(j));
    json_free(j);
}

static void next_walks_an_object_in_order(void **state)
{
    struct json *j = json_new_object();
    const struct json *child;
    const char *key = NULL;
    int64_t n = 0;

    (void)state;
    assert_null(json_next(j, &key));
    for (int i = 0; i < 1000; i++) {
        char name[16];

        snprintf(name, sizeof name, "%d", i * 7919 % 1000);
        json_put_int(j, name, i);
    }
    for (key = NULL; (child = json_next(j, &key)); n++)
        assert_int_equal(json_as_int(child, -1), n);
    assert_int_equal(n, 1000);
    json_free(j);
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    static const char *const cases[] = {"",
                                        " ",
                                        "{",
                                        "[1,]",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"a\" 1}",
                                        "nul",
                                        "[1] [2]",
                                        "[01]",
                                        "[1e999]",
                                        "[99999999999999999999]",
                                        "[\"\\u0000\"]",
                                        "[\"\xFF\"]",
                                        "{\"a\\u0000b\":1}",
                                        "[\"\\ud800\"]",
                                        "'x'"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_non_null(strstr(refused(cases[i], strlen(cases[i])), "line 1, column"));
    assert_non_null(strstr(refused("[1,\n2,\n  x]", 10), "line 3, column 3"));
    refused("[1]\0", 4); /* the length counts, not a zero */
}

static void every_kind_of_value_is_read(void **state)
{
    struct json *j =
        parsed(" [ \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83c\\udfac\xE2\x82\xAC\", "
               "-9223372036854775808,"
               "9223372036854775807,-0,0,1E2,-1.5e-3,true,false,null,{},[],{\"\":1}]\r\n\t ");

    (void)state;
    assert_string_equal(json_as_text(json_at(j, 0), ""),
                        "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xAC\xE2\x82\xAC");
    assert_true(json_as_int(json_at(j, 1), 0) == INT64_MIN);
    assert_true(json_as_int(json_at(j, 2), 0) == INT64_MAX);
    assert_true(json_as_int(json_at(j, 3), 1) == 0);
    assert_true(json_as_real(json_at(j, 5), 0) == 100.0 && json_as_int(json_at(j, 5), -1) == -1);
    assert_true(json_as_real(json_at(j, 6), 0) == -1.5e-3);
    assert_int_equal(json_get_int(json_at(j, 12), "", 0), 1);
    assert_int_equal(json_count(j), 13);
    json_free(j);
}

static void deep_nesting_is_refused(void **state)
{
    char *text = malloc(2000000);

    (void)state;
    memset(text, '[', 2000000);
    assert_non_null(strstr(refused(text, 2000000), "depth"));
    memset(text + 100, ']', 100);
    text[200] = 0;
    json_free(parsed(text));
    free(text);
}

/* Any single byte of a document changed, and any length: an answer, never a crash. */
static void every_mutation_is_answered(void **state)
{
    static const char good[] = "{\"a\": [1, -2.5e3, \"x\\u00e9\\n\"], \"b\": {\"c\": null, \"d\": true}}";
    char text[sizeof good];
    int accepted = 0;

    (void)state;
    for (size_t i = 0; i < sizeof good - 1; i++) {
        refused(good, i);
        for (int byte = 0; byte < 256; byte++) {
            struct error err = {0};
            struct json *j = NULL;

            memcpy(text, good, sizeof good);
            text[i] = (char)byte;
            if (json_parse(&j, text, sizeof good - 1, &err) == 0) {
                accepted++;
                json_free(j);
            } else {
                assert_true(err.text[0]);
            }
        }
    }
    assert_true(accepted > (int)sizeof good - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_compact_and_indented_in_order),
        cmocka_unit_test(long_texts_survive),
        cmocka_unit_test(reals_have_few_digits_and_read_back_equal),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(a_failed_put_fails_the_text),
        cmocka_unit_test(readers_fall_back),
        cmocka_unit_test(next_walks_an_object_in_order),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(every_mutation_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
