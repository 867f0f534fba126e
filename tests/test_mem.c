#include "base/mem.h"
#include "support.h"

static void what_does_not_fit_is_no_memory(void **state)
{
    static const struct {
        int64_t count;
        size_t size;
    } cases[] = {{-1, 1},        {INT64_MIN, 8}, {INT64_MAX, 2}, {INT64_MAX, SIZE_MAX},
                 {1ll << 62, 4}, {1ll << 61, 8}, {1, SIZE_MAX},  {2, SIZE_MAX / 2}};
    void *block = mem_alloc(4, 1);

    (void)state;
    memcpy(block, "abc", 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(mem_alloc(cases[i].count, cases[i].size));
        assert_null(mem_zalloc(cases[i].count, cases[i].size));
        assert_null(mem_array(cases[i].count, cases[i].size));
        assert_null(mem_resize(block, cases[i].count, cases[i].size));
    }
    assert_string_equal(block, "abc"); /* still ours after failed resizes */
    mem_free(block);
}

static void nothing_is_a_block_too(void **state)
{
    void *blocks[] = {mem_alloc(0, 8), mem_zalloc(0, 8), mem_array(0, 8), mem_resize(NULL, 0, 8)};

    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        assert_non_null(blocks[i]);
        mem_free(blocks[i]);
    }
    mem_free(NULL);
}

static void zalloc_is_zero_and_resize_keeps(void **state)
{
    uint32_t *block = mem_zalloc(1000, sizeof *block);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(block[i], 0);
    for (uint32_t i = 0; i < 1000; i++)
        block[i] = i;
    block = mem_resize(block, 100000, sizeof *block);
    assert_non_null(block);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(block[i], i);
    mem_free(block);
}

static void arrays_are_aligned(void **state)
{
    static const int64_t sizes[] = {1, 63, 64, 65, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 5 << 20};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = mem_array(sizes[i], 1);

        assert_non_null(block);
        assert_int_equal((uintptr_t)block % (sizes[i] >= 2 << 20 ? 2 << 20 : 64), 0);
        memset(block, 1, (size_t)sizes[i]); /* all of it is ours: a sanitizer watches */
        mem_free(block);
    }
}

static void a_look_says_what_there_is(void **state)
{
    (void)state;
    assert_true(mem_available(0) && mem_available(1 << 20));
    assert_false(mem_available(-1) || mem_available(INT64_MAX));
}

static void strdup_copies(void **state)
{
    char text[] = "text", *copy = mem_strdup(text), *empty = mem_strdup("");

    (void)state;
    text[0] = 'n';
    assert_string_equal(copy, "text");
    assert_string_equal(empty, "");
    mem_free(copy);
    mem_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_no_memory),  cmocka_unit_test(nothing_is_a_block_too),
        cmocka_unit_test(zalloc_is_zero_and_resize_keeps), cmocka_unit_test(arrays_are_aligned),
        cmocka_unit_test(a_look_says_what_there_is),       cmocka_unit_test(strdup_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
