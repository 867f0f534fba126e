#include "support.h"

#include "base/sha256.h"

static void expect_one(bool plain, const char *text, size_t bytes, size_t step, const char *digest)
{
    struct sha256 s;
    char hex[65];

    sha256_init(&s);
    if (plain)
        s.by_instruction = false;
    for (size_t k = 0; k < bytes; k += step)
        sha256_add(&s, text + k, bytes - k < step ? bytes - k : step);
    sha256_hex(&s, hex);
    assert_string_equal(hex, digest);
}

/* With the processor's instructions, where it has them, and without. */
static void expect(const char *text, size_t bytes, size_t step, const char *digest)
{
    expect_one(false, text, bytes, step, digest);
    expect_one(true, text, bytes, step, digest);
}

/* The examples of FIPS 180 and NIST's short-message vectors. */
static void published_vectors_come_out(void **state)
{
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    const char *four = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                       "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

    (void)state;
    expect("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect("\xd3", 1, 1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
    expect("abc", 3, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(two, 56, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect(four, 112, 7, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
}

static void a_million_letters_in_any_pieces(void **state)
{
    const char *digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    char *text = malloc(1000000);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', 1000000);
    expect(text, 1000000, 1000000, digest);
    expect(text, 1000000, 63, digest);
    expect(text, 1000000, 64, digest);
    expect(text, 1000000, 65, digest);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_come_out),
        cmocka_unit_test(a_million_letters_in_any_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
