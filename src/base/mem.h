/* mem.h - all memory that partrain takes comes through here.
 *
 * Every function takes a count and an element size and checks their product;
 * every pointer is given back with mem_free, which takes NULL. NULL means that
 * there is no memory (never that the count was 0: one byte is given then). */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(int64_t count, size_t size);  /* not initialised */
void *mem_zalloc(int64_t count, size_t size); /* zero */

/* Grows or shrinks a block of mem_alloc or mem_zalloc; the old one stays valid on NULL.
 * Not for blocks of mem_array. */
void *mem_resize(void *block, int64_t count, size_t size);

/* 64-byte aligned, not initialised and not touched: the thread that writes a page first
 * decides the NUMA node it lies on (in blocks of 64 KiB and more). Blocks of 2 MiB and more are aligned to
 * that and ask for huge pages. */
void *mem_array(int64_t count, size_t size);

/* Asks for huge pages where a block of mem_alloc or mem_resize fills them. After each resize anew; not for a
 * block that is to stay untouched in most places. */
void mem_want_huge(void *block, int64_t count, size_t size);

char *mem_strdup(const char *text);

/* Whether so many bytes can be had at this moment: before calls into libraries that do not check their own
 * allocations. */
bool mem_available(int64_t bytes);
void mem_free(void *block);

/* Blocks that are freed together; all zero: an empty pool. Where one cannot be had, NULL is returned and
 * `failed` is set for good, so a caller may check once after several; the blocks before it stay. */
struct mem_pool {
    void **block;
    int count;
    bool failed;
};
void *mem_pool_alloc(struct mem_pool *p, int64_t count, size_t size);  /* as mem_alloc */
void *mem_pool_zalloc(struct mem_pool *p, int64_t count, size_t size); /* as mem_zalloc */
void *mem_pool_array(struct mem_pool *p, int64_t count, size_t size);  /* as mem_array */
/* `n` pointers to arrays of `count` floats each; NULL as above. */
float **mem_pool_arrays(struct mem_pool *p, int n, int64_t count);
void mem_pool_free(struct mem_pool *p);

#endif
