/* mem.h - memory: every allocation of partrain goes through these functions.
 *
 * Every function takes a count and an element size and checks their product;
 * every pointer is freed by mem_free, which takes NULL. A result of NULL means that
 * there is no memory; a count of 0 gives one byte. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *mem_alloc(int64_t count, size_t size);  /* not initialised */
void *mem_zalloc(int64_t count, size_t size); /* zero */

/* Grows or shrinks a block of mem_alloc or mem_zalloc; the old one stays valid on NULL.
 * Not for blocks of mem_array. */
void *mem_resize(void *block, int64_t count, size_t size);

/* 64-byte aligned, not initialised and not touched: the thread that writes a page first
 * decides the NUMA node it lies on (in blocks of 64 KiB and more). Blocks of 2 MiB and more are aligned to
 * that and ask for huge pages. */
void *mem_array(int64_t count, size_t size);

/* Asks for huge pages for a large block of mem_alloc or mem_resize. Call it again after each resize. Not for
 * a block of which most pages stay untouched. */
void mem_want_huge(void *block, int64_t count, size_t size);

char *mem_strdup(const char *text);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* a string of its own */

/* Whether `bytes` can be allocated now. For use before calls into libraries that do not check their own
 * allocations. */
bool mem_available(int64_t bytes);
void mem_free(void *block);

/* `mem_scoped int64_t *order = mem_alloc(...);` is freed at the end of the block that declares it, unless
 * handed_on(order) (base/error.h) gave it to somebody else. */
#define mem_scoped __attribute__((cleanup(mem_free_scoped)))
static inline void mem_free_scoped(void *variable)
{
    void *block;

    memcpy(&block, variable, sizeof block);
    mem_free(block);
}

/* Blocks that are freed together; all zero: an empty pool. On failure NULL is returned and `failed`
 * stays set, so a caller may check once after several calls; earlier blocks stay valid. */
struct mem_pool {
    void **block;
    int count;
    bool failed;
};
void *mem_pool_add(struct mem_pool *p, void *block);                   /* takes it over; NULL fails */
void *mem_pool_alloc(struct mem_pool *p, int64_t count, size_t size);  /* as mem_alloc */
void *mem_pool_zalloc(struct mem_pool *p, int64_t count, size_t size); /* as mem_zalloc */
void *mem_pool_array(struct mem_pool *p, int64_t count, size_t size);  /* as mem_array */
/* `n` pointers to arrays of `count` floats each; NULL as above. */
float **mem_pool_arrays(struct mem_pool *p, int n, int64_t count);
/* `n` pointers into one array, whose huge pages several rows fill together: for one worker. */
float **mem_pool_rows(struct mem_pool *p, int n, int64_t count);
void mem_pool_free(struct mem_pool *p);
