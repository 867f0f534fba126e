/* cache_file.h - the format of a file of the cache, for those who write (cache_file.c) and read it
 * (cache_file_read.c). What it is for, and what may be relied on: cache.h. */
#ifndef READ_CACHE_FILE_H
#define READ_CACHE_FILE_H

#include "read/cache.h"

#include <stdbool.h>
#include <stdint.h>

#define CACHE_MAGIC "partrain.ratings" /* 16 bytes, no zero */
#define CACHE_ORDER 0x01020304u
#define CACHE_UNIT  64         /* where parts begin */
#define NO_TITLE    UINT32_MAX /* as a title's length */

/* The first bytes of the file, as they lie in memory (CACHE_ORDER tells another byte order). The checksum, 32
 * hex digits, is that of the whole file with zeros in its place. */
struct cache_header {
    char magic[16];
    uint32_t order, version;
    char key[32], checksum[32];
    int64_t bytes; /* of the file */
    int64_t n, users, items;
    int64_t user_bytes, item_bytes, title_bytes; /* of all names of a kind */
    int64_t lines_read, lines_bad, duplicates, filtered;
    double noise_floor;
    float low, high;
    char sha256[64];
    uint8_t has_time, has_given, has_titles, finished;
    uint8_t zero[60];
};

_Static_assert(sizeof(struct cache_header) % CACHE_UNIT == 0, "the parts behind it are aligned");

/* Names of a kind: (count) lengths, then their bytes one after another. */
enum cache_part {
    PART_TIME,
    PART_USER,
    PART_ITEM,
    PART_VALUE,
    PART_GIVEN,
    PART_USER_LENGTHS,
    PART_USER_NAMES,
    PART_ITEM_LENGTHS,
    PART_ITEM_NAMES,
    PART_TITLE_LENGTHS,
    PART_TITLES,
    PARTS
};

struct cache_layout {
    int64_t at[PARTS], size[PARTS];
    int64_t end;
};

/* Where the parts are; false: they cannot be in a file of h->bytes. */
bool cache_lay_out(struct cache_layout *l, const struct cache_header *h);

/* The checksum of a file's bytes, a whole header at least; false: no memory. */
bool cache_sum(char out[33], const unsigned char *bytes, int64_t size);

#endif
