#include "base/mem.h"
#include "support.h"

#include <sys/mman.h>
#include <unistd.h>

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

/* Whoever writes a page of a new array first decides on which node it is, so malloc's memory that was in use
 * before must not keep its pages. */
static void pages_of_arrays_are_new(void **state)
{
    enum { BYTES = 1 << 20 };
    intptr_t page = sysconf(_SC_PAGESIZE);
    unsigned char there[BYTES / 1024];
    char *used, *guard, *block, *whole;

    (void)state;
    mem_free(mem_alloc(8 * BYTES, 1)); /* from here on malloc takes blocks of less from its heap */
    used = mem_alloc(4 * BYTES, 1);
    guard = mem_alloc(64, 1); /* behind it, so that it is not given back to the system */
    assert_true(used && guard);
    memset(used, 1, 4 * BYTES);
    mem_free(used);
    block = mem_array(BYTES, 1);
    assert_non_null(block);
    whole = block + (page - (intptr_t)block % page) % page;
    assert_int_equal(mincore(whole, (size_t)(BYTES - page), there), 0);
    for (intptr_t i = 0; i < (BYTES - page) / page; i++)
        assert_false(there[i] & 1);
    memset(block, 1, BYTES);
    mem_free(block);
    mem_free(guard);
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

static void a_pool_remembers_that_a_block_could_not_be_had_and_frees_the_others(void **state)
{
    struct mem_pool p = {0};
    float **rows;
    int *zeros;

    (void)state;
    zeros = mem_pool_zalloc(&p, 100, sizeof *zeros);
    rows = mem_pool_arrays(&p, 5, 17);
    assert_false(p.failed);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeros[i], 0);
    for (int i = 0; i < 5; i++)
        rows[i][16] = (float)i;
    assert_true(rows[4][16] == 4.0f);
    assert_null(mem_pool_array(&p, INT64_MAX, sizeof(double)));
    assert_true(p.failed);
    assert_non_null(mem_pool_alloc(&p, 1, 1));
    assert_true(p.failed);
    mem_pool_free(&p);
    assert_false(p.failed);
    mem_pool_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_remembers_that_a_block_could_not_be_had_and_frees_the_others),
        cmocka_unit_test(what_does_not_fit_is_no_memory),
        cmocka_unit_test(nothing_is_a_block_too),
        cmocka_unit_test(zalloc_is_zero_and_resize_keeps),
        cmocka_unit_test(arrays_are_aligned),
        cmocka_unit_test(a_look_says_what_there_is),
        cmocka_unit_test(strdup_copies),
        cmocka_unit_test(pages_of_arrays_are_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
