#include "base/error.h"
#include "support.h"

static void set_keeps_code_and_text(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_set(&err, PT_EDATA, "%s:%d: no", "file", 3), PT_EDATA);
    assert_int_equal(err.code, PT_EDATA);
    assert_string_equal(err.text, "file:3: no");
    error_set(&err, PT_EFILE, "later");
    assert_int_equal(err.code, PT_EFILE);
    assert_string_equal(err.text, "later");
    assert_int_equal(error_set(NULL, PT_ENOMEM, "nobody looks"), PT_ENOMEM);
}

static void a_prefix_goes_in_front(void **state)
{
    struct error err = {0};

    (void)state;
    error_set(&err, PT_EDATA, "inner");
    assert_int_equal(error_prefix(&err, "outer %d", 1), PT_EDATA);
    assert_string_equal(err.text, "outer 1: inner");
}

/* However long prefix and text are, the result is cut, terminated and begins with the prefix. */
static void long_texts_are_cut(void **state)
{
    static char text[3000], prefix[3000];

    (void)state;
    for (size_t n = 0; n < 2100; n++) {
        struct error err = {0};
        size_t keep = n < sizeof err.text - 1 ? n : sizeof err.text - 1;

        memset(text, 't', n);
        text[n] = 0;
        error_set(&err, PT_EDATA, "%s", text);
        assert_int_equal(strlen(err.text), keep);
        memset(prefix, 'p', n);
        prefix[n] = 0;
        error_prefix(&err, "%s", prefix);
        assert_true(strlen(err.text) < sizeof err.text);
        assert_int_equal(strspn(err.text, "p"), keep);
        if (2 * n + 2 < sizeof err.text)
            assert_int_equal(strlen(err.text), 2 * n + 2);
    }
}

static void control_characters_are_replaced(void **state)
{
    struct error err = {0};

    (void)state;
    error_set(&err, PT_EDATA, "%s",
              "a\x1B[31m\n\tb\x7F\xC2\x9B"
              "c\xC3\xA9\xC2\xA0");
    assert_string_equal(err.text, "a?[31m??b???c\xC3\xA9\xC2\xA0");
    error_prefix(&err, "%s", "p\r\xC2\x80");
    assert_string_equal(err.text, "p???: a?[31m??b???c\xC3\xA9\xC2\xA0");
}

static void codes_have_exit_status(void **state)
{
    static const struct {
        int code, status;
    } cases[] = {{0, 0},         {PT_EUSAGE, 2},    {PT_ECONFIG, 2}, {PT_EDATA, 3},
                 {PT_ENOMEM, 4}, {PT_EDIVERGED, 5}, {PT_EFILE, 6},   {PT_EINTERRUPTED, 130}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(cases[i].code <= 0);
        assert_int_equal(error_exit_status(cases[i].code), cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_keeps_code_and_text), cmocka_unit_test(a_prefix_goes_in_front),
        cmocka_unit_test(long_texts_are_cut),      cmocka_unit_test(control_characters_are_replaced),
        cmocka_unit_test(codes_have_exit_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
