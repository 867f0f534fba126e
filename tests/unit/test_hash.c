#include "base/hash.h"
#include "support.h"

/* XXH3-128 with seed 0; the empty input's value is the one that the specification of XXH3 lists. */
static void known_answers(void **state)
{
    struct hash *h = hash_new();
    char hex[33];

    (void)state;
    assert_non_null(h);
    hash_hex(h, hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    assert_true(hash_64("", 0) == 0x2d06800538d394c2u);
    hash_free(h);
    hash_free(NULL);
}

/* The length classes of XXH3 (0, 3, 8, 16, 128, 240, longer), in pieces of all kinds of sizes. */
static void pieces_do_not_matter(void **state)
{
    static const size_t lengths[] = {0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1025, 70000};
    struct hash *whole = hash_new(), *parts = hash_new();
    unsigned char *data = malloc(70000);

    (void)state;
    for (int i = 0; i < 70000; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t piece = 1; piece < 70000; piece = piece * 3 + 1) {
            char a[33], b[33];

            hash_reset(whole);
            hash_reset(parts);
            hash_add(whole, data, lengths[i]);
            for (size_t at = 0; at < lengths[i]; at += piece)
                hash_add(parts, data + at, lengths[i] - at < piece ? lengths[i] - at : piece);
            hash_hex(whole, a);
            hash_hex(parts, b);
            assert_string_equal(a, b);
            assert_int_equal(strspn(a, "0123456789abcdef"), 32);
        }
    hash_free(whole);
    hash_free(parts);
    free(data);
}

static void adding_goes_on_after_a_look_and_a_reset_forgets(void **state)
{
    struct hash *h = hash_new(), *twin = hash_new();
    char a[33], b[33], first[33];

    (void)state;
    hash_add(h, "abc", 3);
    hash_hex(h, first);
    hash_hex(h, a);
    assert_string_equal(a, first);
    hash_add(h, "def", 3);
    hash_add(twin, "abcdef", 6);
    hash_hex(h, a);
    hash_hex(twin, b);
    assert_string_equal(a, b);
    assert_string_not_equal(a, first);
    hash_reset(h);
    hash_add(h, NULL, 0);
    hash_add(h, "abc", 3);
    hash_hex(h, a);
    assert_string_equal(a, first);
    hash_free(h);
    hash_free(twin);
}

static void every_bit_counts(void **state)
{
    unsigned char data[300] = {0};
    struct hash *h = hash_new();
    char good[33], bad[33];

    (void)state;
    hash_add(h, data, sizeof data);
    hash_hex(h, good);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        uint64_t before = hash_64(data, sizeof data);

        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        hash_reset(h);
        hash_add(h, data, sizeof data);
        hash_hex(h, bad);
        assert_string_not_equal(good, bad);
        assert_true(hash_64(data, sizeof data) != before);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    hash_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(adding_goes_on_after_a_look_and_a_reset_forgets),
        cmocka_unit_test(every_bit_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
