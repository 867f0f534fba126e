#include "support.h"

#include "data/idtable.h"

static void rows_follow_first_appearance(void **state)
{
    struct idtable *t = idtable_new();

    (void)state;
    assert_int_equal(idtable_count(t), 0);
    assert_int_equal(idtable_put(t, "196", 3), 0);
    assert_int_equal(idtable_put(t, "a name longer than eight bytes", 30), 1);
    assert_int_equal(idtable_put(t, "196", 3), 0);
    assert_int_equal(idtable_put(t, "a name longer than eight bytez", 30), 2);
    assert_int_equal(idtable_put(t, "a name longer than eight bytes", 30), 1);
    assert_int_equal(idtable_count(t), 3);
    assert_string_equal(idtable_name(t, 0), "196");
    assert_string_equal(idtable_name(t, 2), "a name longer than eight bytez");
    assert_int_equal(idtable_length(t, 2), 30);
    assert_int_equal(idtable_find(t, "196", 3), 0);
    assert_int_equal(idtable_find(t, "19", 2), -1);
    assert_int_equal(idtable_find(t, "1960", 4), -1);
    idtable_free(t);
}

static void a_name_written_otherwise_is_near(void **state)
{
    struct idtable *t = idtable_new();

    (void)state;
    idtable_put(t, "maria-12", 8);
    idtable_put(t, "marta-21", 8);
    assert_int_equal(idtable_nearest(t, "marai-12"), 0);
    assert_int_equal(idtable_nearest(t, "maria-21"), 1);
    assert_int_equal(idtable_nearest(t, "maria-13"), -1);
    assert_int_equal(idtable_nearest(t, "maria-122"), -1);
    assert_int_equal(idtable_nearest(t, "peter-12"), -1);
    assert_int_equal(idtable_nearest(t, ""), -1);
    idtable_free(t);
}

static void a_word_and_its_text_are_one_id(void **state)
{
    struct idtable *t = idtable_new();

    (void)state;
    assert_int_equal(idtable_put(t, "12345678", 8), 0);
    assert_int_equal(idtable_put_word(t, 0x3837363534333231u, 8, IDTABLE_NUMBERS), 0);
    assert_int_equal(idtable_put_word(t, 0x4241, 2, IDTABLE_NUMBERS), 1);
    assert_int_equal(idtable_put(t, "AB", 2), 1);
    assert_string_equal(idtable_name(t, 1), "AB");
    idtable_free(t);
}

static int64_t row_of(const struct idtable *t, uint32_t number)
{
    struct idtable_numbers known = idtable_numbers(t);

    return number < known.n ? known.row[number] : -1;
}

/* Small numbers are found by their number once they were put, also those that came while nothing could be
 * allocated. */
static void numbers_are_known_by_themselves(void **state)
{
    struct idtable *t = idtable_new();

    (void)state;
    assert_int_equal(idtable_put(t, "17", 2), 0);
    assert_int_equal(row_of(t, 17), -1);
    assert_int_equal(idtable_put_word(t, 0x3731, 2, 17), 0);
    assert_int_equal(row_of(t, 17), 0);
    assert_int_equal(idtable_put_word(t, 0x35373538343031u, 7, IDTABLE_NUMBERS - 1), 1);
    assert_int_equal(row_of(t, IDTABLE_NUMBERS - 1), 1);
    assert_int_equal(idtable_put_word(t, 0x3031, 2, IDTABLE_NUMBERS), 2);
    assert_int_equal(idtable_numbers(t).n, IDTABLE_NUMBERS);
    idtable_free(t);
}

/* Names whose bytes differ by trailing zeros only, or by length only, are different ids. */
static void zero_bytes_count(void **state)
{
    struct idtable *t = idtable_new();

    (void)state;
    assert_int_equal(idtable_put(t, "a", 1), 0);
    assert_int_equal(idtable_put(t, "a\0", 2), 1);
    assert_int_equal(idtable_put(t, "", 0), 2);
    assert_int_equal(idtable_put(t, "\0", 1), 3);
    assert_int_equal(idtable_find(t, "a\0\0", 3), -1);
    idtable_free(t);
}

/* 300,000 names of many lengths, each put twice in another order: against what their number says. */
static const char *name_of(int64_t k)
{
    static char name[64];

    sprintf(name, "%.*s%lld", (int)(k % 23), "abcdefghijklmnopqrstuvw", (long long)k);
    return name;
}

static void many_names_keep_their_rows(void **state)
{
    enum { N = 300000 };
    struct idtable *t = idtable_new();

    (void)state;
    for (int64_t k = 0; k < N; k++)
        assert_int_equal(idtable_put(t, name_of(k), strlen(name_of(k))), k);
    for (int64_t j = 0; j < N; j++) {
        int64_t k = j * 7919 % N;

        assert_int_equal(idtable_put(t, name_of(k), strlen(name_of(k))), k);
        assert_string_equal(idtable_name(t, k), name_of(k));
    }
    assert_int_equal(idtable_count(t), N);
    idtable_seal(t);
    assert_int_equal(idtable_count(t), N);
    assert_string_equal(idtable_name(t, 4711), name_of(4711));
    assert_int_equal(idtable_find(t, name_of(4711), strlen(name_of(4711))), -1);
    assert_int_equal(idtable_put(t, name_of(4711), strlen(name_of(4711))), -1);
    assert_int_equal(idtable_put_word(t, '7', 1, 7), -1);
    idtable_free(t);
}

/* Numbers beyond the limit have rows like all, and take no place among those found by themselves. */
static void numbers_take_no_more_than_the_limit(void **state)
{
    struct idtable *t = idtable_new();

    (void)state;
    idtable_limit_numbers(t, 2048);
    for (int round = 0; round < 2; round++)
        for (uint32_t k = 0; k < 5000; k++) {
            char name[8] = {0};
            unsigned length = (unsigned)sprintf(name, "%u", 5000 - k);
            uint64_t word = 0;

            for (unsigned j = length; j-- > 0;)
                word = word << 8 | (unsigned char)name[j];
            assert_int_equal(idtable_put_word(t, word, length, 5000 - k), k);
        }
    assert_int_equal(idtable_numbers(t).n, 2048);
    assert_int_equal(idtable_numbers(t).row[2047], 5000 - 2047);
    idtable_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_follow_first_appearance),
        cmocka_unit_test(a_name_written_otherwise_is_near),
        cmocka_unit_test(a_word_and_its_text_are_one_id),
        cmocka_unit_test(numbers_are_known_by_themselves),
        cmocka_unit_test(numbers_take_no_more_than_the_limit),
        cmocka_unit_test(zero_bytes_count),
        cmocka_unit_test(many_names_keep_their_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
