/* idtable.h - external ids (any strings) <-> row numbers 0, 1, 2, ... in order of first appearance.
 * Names lie in one block; lookup is by hash. Not for concurrent writing; concurrent reading is fine. */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct idtable;

int64_t idtable_count(const struct idtable *t);

struct idtable *idtable_new(void); /* NULL: no memory */
/* The id's row; a new id gets the next row. -1: no memory, or 2^31 - 1 rows are in use. */
int64_t idtable_put(struct idtable *t, const char *name, size_t length);
/* The same for a name of 1 to 8 bytes in a word (first byte lowest, zeros above its end), for the reader's
 * fast path. `number`: the name's value if it is a decimal number without leading zeros, else
 * IDTABLE_NUMBERS. */
int64_t idtable_put_word(struct idtable *t, uint64_t word, unsigned length, uint32_t number);

/* Rows of names that are small numbers, found without hashing: row[number]; -1: not added by
 * idtable_put_word. Borrowed until the next put. */
#define IDTABLE_NUMBERS ((uint32_t)1 << 20)
struct idtable_numbers {
    const int32_t *row;
    uint32_t n; /* at most IDTABLE_NUMBERS */
};
struct idtable_numbers idtable_numbers(const struct idtable *t);
/* Limits idtable_numbers to numbers below `most`, a power of two from 1024 to IDTABLE_NUMBERS; 4 bytes each.
 * For a new table. */
void idtable_limit_numbers(struct idtable *t, uint32_t most);

int64_t idtable_find(const struct idtable *t, const char *name, size_t length); /* -1: not there */
/* The row whose name is most like this one: some letters differ, and no digit (u11 is not meant by u12); -1:
 * none is. Goes through all names. */
int64_t idtable_nearest(const struct idtable *t, const char *name);
/* Where a row of `from` stands in `to`, and so for all rows, for mem_free (NULL: no memory). -1: not
 * there. */
int64_t idtable_find_row(const struct idtable *to, const struct idtable *from, int64_t row);
int32_t *idtable_map(const struct idtable *to, const struct idtable *from);
/* Zero-terminated; borrowed until the next put. */
const char *idtable_name(const struct idtable *t, int64_t row);
size_t idtable_length(const struct idtable *t, int64_t row); /* of the name, without the zero */
/* From here on names are only read by row: the memory for lookup is freed, and find and put return -1. */
void idtable_seal(struct idtable *t);
void idtable_free(struct idtable *t);
SCOPED(idtable_free, struct idtable)
