/* text.h: which bytes are letters, and small ones. */
#include "support.h"

#include "base/text.h"

#include <string.h>

static void letters_of_european_alphabets_become_small(void **state)
{
    static const char *const pair[][2] = {
        {"ABC xyz 09 [@`{", "abc xyz 09 [@`{"},
        {"ÀÉÖØÞ ×÷ß Ÿ", "àéöøþ ×÷ß ÿ"},
        {"ŻÓŁĆ ĄĘ ČŠŽ ŊŌ ŃŇ", "żółć ąę čšž ŋō ńň"},
        {"ΆΈΉΊΌΎΏ ΑΣΩ ς", "άέήίόύώ ασω σ"},
        {"ЁЉЏ АЯ ая", "ёљџ ая ая"},
        {"東京 \xF0\x9F\x8E\xAC", "東京 \xF0\x9F\x8E\xAC"},
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        strcpy(text, pair[i][0]);
        utf8_small(text, strlen(text));
        assert_string_equal(text, pair[i][1]);
    }
}

static void what_is_no_utf8_stays_as_it_is(void **state)
{
    char text[] = "\xC3"
                  "A\xFF\x80 \xC3",
         want[] = "\xC3"
                  "a\xFF\x80 \xC3";

    (void)state;
    utf8_small(text, sizeof text - 1);
    assert_memory_equal(text, want, sizeof text);
    assert_int_equal(utf8_length("\xC3", 1), 0);
    assert_int_equal(utf8_length("\xC0\x80", 2), 0);
    assert_int_equal(utf8_length("\xED\xA0\x80", 3), 0);
}

static void characters_are_read_one_by_one(void **state)
{
    const char *text = "a\u00e9\u6771\U0001F3AC";
    static const uint32_t want[] = {'a', 0xE9, 0x6771, 0x1F3AC, 0};
    static const int length[] = {1, 2, 3, 4, 1};
    uint32_t c;

    (void)state;
    assert_true(utf8_valid(text, strlen(text)));
    for (int i = 0; i < 5; i++) {
        int n = utf8_next(text, 4, &c);

        assert_int_equal(n, length[i]);
        assert_int_equal(c, want[i]);
        text += n;
    }
    assert_false(utf8_valid("a\xE9", 2));
    assert_false(utf8_valid("\xE6\x9D", 2));
    assert_true(utf8_valid("\xE6\x9D", 0));
    assert_true(utf8_valid("\0x", 2));
}

static void check_real(double value)
{
    char text[32], want[32];

    text_of_real(text, value);
    snprintf(want, sizeof want, "%.7g", value);
    assert_string_equal(text, want);
}

static void reals_are_printed_as_printf_does(void **state)
{
    static const double special[] = {0.0,          -0.0,      NAN,       INFINITY,     -INFINITY, 1e-4,
                                     9.9999995e-5, 1e-5,      0.1,       0.5,          1.0,       10.0,
                                     999999.9,     999999.94, 999999.5,  999999.96,    9999999.,  1e7,
                                     1e300,        1e-300,    0.1234567, 1.0e6,        123456.0,  1000.5,
                                     2.00000005,   2.5,       99.999995, 0.00099999995};
    uint32_t bits = 1;

    (void)state;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        check_real(special[i]);
        check_real(-special[i]);
    }
    for (int i = 0; i < 300000; i++) { /* floats of all sizes, and halves of the eighth digit */
        float x;

        bits = bits * 1664525u + 1013904223u;
        memcpy(&x, &bits, sizeof x);
        check_real((double)x);
        check_real((double)(int)(bits >> 8) / 256.0);
        check_real((double)(int)(bits >> 4) / 2e4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_european_alphabets_become_small),
        cmocka_unit_test(characters_are_read_one_by_one),
        cmocka_unit_test(what_is_no_utf8_stays_as_it_is),
        cmocka_unit_test(reals_are_printed_as_printf_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
