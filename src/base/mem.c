#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE      ((size_t)64)
#define HUGE_PAGE ((size_t)2 << 20)
#define FRESH     ((size_t)64 << 10) /* bytes of a block from which on its pages are new ones */

/* count * size in bytes, or 0 where it does not fit; at least 1. */
static size_t bytes_of(int64_t count, size_t size)
{
    size_t bytes;

    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) || bytes > (size_t)PTRDIFF_MAX)
        return 0;
    return bytes ? bytes : 1;
}

void *mem_alloc(int64_t count, size_t size)
{
    size_t bytes = bytes_of(count, size);

    return bytes ? malloc(bytes) : NULL;
}

void *mem_zalloc(int64_t count, size_t size)
{
    size_t bytes = bytes_of(count, size);

    return bytes ? calloc(1, bytes) : NULL;
}

void *mem_resize(void *block, int64_t count, size_t size)
{
    size_t bytes = bytes_of(count, size);

    return bytes ? realloc(block, bytes) : NULL;
}

/* The pages that lie wholly in the block are new ones when they are next touched: malloc gives memory that
 * was in use before, and its pages lie where they lay then. */
static void forget_pages(char *block, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t before = (page - (uintptr_t)block % page) % page;

    if (bytes >= before + page)
        (void)madvise(block + before, (bytes - before) / page * page, MADV_DONTNEED);
}

void *mem_array(int64_t count, size_t size)
{
    size_t bytes = bytes_of(count, size), align = LINE;
    void *block;

    if (!bytes || bytes > (size_t)PTRDIFF_MAX - HUGE_PAGE)
        return NULL;
    if (bytes >= HUGE_PAGE)
        align = HUGE_PAGE;
    if (posix_memalign(&block, align, (bytes + LINE - 1) / LINE * LINE) != 0)
        return NULL;
    /* A hint for the pages that the block fills: a huge page at its end would take up to 2 MiB more than it
     * holds, for every shard's block. */
    if (align == HUGE_PAGE)
        (void)madvise(block, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    if (bytes >= FRESH)
        forget_pages(block, bytes);
    return block;
}

void mem_want_huge(void *block, int64_t count, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)block / page * page;
    uintptr_t end = ((uintptr_t)block + bytes_of(count, size) + page - 1) / page * page;

    /* all of its pages: a mapping of which only a part is advised becomes several ones, and realloc cannot
     * move those, but copies them */
    (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

char *mem_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = mem_alloc((int64_t)n, 1);

    return copy ? memcpy(copy, text, n) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args;
    char *text;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    text = mem_alloc((int64_t)n + 1, 1);
    va_start(args, fmt);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}

void mem_free(void *block)
{
    free(block);
}

bool mem_available(int64_t bytes)
{
    void *volatile block = mem_alloc(bytes, 1); /* volatile: the pair must not be optimised away */
    bool there = block != NULL;

    mem_free(block);
    return there;
}

void *mem_pool_add(struct mem_pool *p, void *block)
{
    void **grown = p->block;

    if ((p->count & (p->count - 1)) == 0) /* room is the next power of two */
        grown = mem_resize(p->block, p->count ? 2 * (int64_t)p->count : 1, sizeof *grown);
    if (grown)
        p->block = grown;
    if (!block || !grown) {
        mem_free(block);
        p->failed = true;
        return NULL;
    }
    return p->block[p->count++] = block;
}

void *mem_pool_alloc(struct mem_pool *p, int64_t count, size_t size)
{
    return mem_pool_add(p, mem_alloc(count, size));
}

void *mem_pool_zalloc(struct mem_pool *p, int64_t count, size_t size)
{
    return mem_pool_add(p, mem_zalloc(count, size));
}

void *mem_pool_array(struct mem_pool *p, int64_t count, size_t size)
{
    return mem_pool_add(p, mem_array(count, size));
}

float **mem_pool_arrays(struct mem_pool *p, int n, int64_t count)
{
    float **list = mem_pool_alloc(p, n, sizeof *list);

    for (int i = 0; list && i < n; i++)
        list[i] = mem_pool_array(p, count, sizeof **list);
    return p->failed ? NULL : list;
}

float **mem_pool_rows(struct mem_pool *p, int n, int64_t count)
{
    float **list = mem_pool_alloc(p, n, sizeof *list), *at = mem_pool_array(p, n * count, sizeof *at);

    for (int i = 0; i < n && !p->failed; i++)
        list[i] = at + i * count;
    return p->failed ? NULL : list;
}

void mem_pool_free(struct mem_pool *p)
{
    for (int i = 0; i < p->count; i++)
        mem_free(p->block[i]);
    mem_free(p->block);
    *p = (struct mem_pool){0};
}
