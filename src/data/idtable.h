/* idtable.h - external ids (any strings) <-> row numbers 0, 1, 2, ... in order of first appearance.
 * Names lie in one block; lookup is by hash. Not for concurrent writing; concurrent reading is fine. */
#ifndef DATA_IDTABLE_H
#define DATA_IDTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idtable;

int64_t idtable_count(const struct idtable *t);

struct idtable *idtable_new(void); /* NULL: no memory */
/* The id's row, a new one if it was not there; -1: no memory (or 2^31 - 1 rows are taken). */
int64_t idtable_put(struct idtable *t, const char *name, size_t length);
/* The same for a name of 1 to 8 bytes that lies in a word already, its first byte lowest, zero above
 * its end: what the reader's fast path has at hand. `number`: what the name says where it is a number as
 * one writes it (no zero in front), IDTABLE_NUMBERS where it is none. */
int64_t idtable_put_word(struct idtable *t, uint64_t word, unsigned length, uint32_t number);

/* Rows of names that are small numbers, found without hashing: row[number], or -1 where it has not come by
 * idtable_put_word. Borrowed until the next put or reserve. */
#define IDTABLE_NUMBERS ((uint32_t)1 << 20)
struct idtable_numbers {
    const int32_t *row;
    uint32_t n; /* at most IDTABLE_NUMBERS */
};
struct idtable_numbers idtable_numbers(const struct idtable *t);
/* No number from `most` on (a power of two from 1024 to IDTABLE_NUMBERS) is found so; 4 bytes for each below.
 * For a new table. */
void idtable_limit_numbers(struct idtable *t, uint32_t most);

int64_t idtable_find(const struct idtable *t, const char *name, size_t length); /* -1: not there */
/* Zero-terminated; borrowed until the next put. */
const char *idtable_name(const struct idtable *t, int64_t row);
size_t idtable_length(const struct idtable *t, int64_t row); /* of the name, without the zero */
/* Room for so many more names of so many bytes together, without a further allocation; false: no memory. */
bool idtable_reserve(struct idtable *t, int64_t names, int64_t bytes);
/* While frozen a put that would have to allocate answers -1 and changes nothing. */
void idtable_freeze(struct idtable *t, bool frozen);
/* Names are only read by their rows from here on: the memory of the search is given back, and find and put
 * answer -1. */
void idtable_seal(struct idtable *t);
/* Forgets all names; the memory is kept for the next ones. */
void idtable_clear(struct idtable *t);
void idtable_free(struct idtable *t);

#endif
