/* Pages are counted by asking the kernel about many at once. Its answers are made up here, so that they are
 * the same on every machine and in every container. */
#include "support.h"

#include "par/topo.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGES = 1500 };

static int questions;

/* Stands before the C library's, for hwloc too. Every third page is untouched, the others lie on node 0. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall"), a[6];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number != SYS_move_pages)
        return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    questions++;
    for (long i = 0; i < a[1]; i++)
        ((int *)a[4])[i] = ((uintptr_t *)a[2])[i] / page % 3 == 0 ? -ENOENT : 0;
    return 0;
}

static void pages_are_counted_by_few_questions(void **state)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const char *block = (const char *)(3 * 1024 * page); /* nobody looks into it */
    int64_t pages[2] = {0};
    struct topo *t = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(topo_new(&t, NULL, &err), 0);
    questions = 0;
    topo_count_pages(t, block, PAGES * page, pages, 2);
    assert_int_equal(pages[0], PAGES / 3 * 2);
    assert_int_equal(pages[1], 0);
    assert_in_range(questions, 1, 10);
    topo_free(t);
}

static void only_whole_pages_count(void **state)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const char *block = (const char *)(3 * 1024 * page); /* nobody looks into it */
    int64_t pages = 0;
    struct topo *t = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(topo_new(&t, NULL, &err), 0);
    topo_count_pages(t, block + 1, page, &pages, 1);
    assert_int_equal(pages, 0);
    topo_count_pages(t, block + 1, 3 * page - 2, &pages, 1); /* wholly: the second */
    assert_int_equal(pages, 1);
    topo_count_pages(t, block, 3 * page, &pages, 1);
    assert_int_equal(pages, 3);
    topo_count_pages(t, block, 3 * page, &pages, 0);
    assert_int_equal(pages, 3);
    topo_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_counted_by_few_questions),
        cmocka_unit_test(only_whole_pages_count),
    };

    return cmocka_run_group_tests_name("topo_pages", tests, NULL, NULL);
}
