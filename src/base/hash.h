/* hash.h - the door to xxhash: 128-bit XXH3, streaming; as 32 hex digits.
 *
 * Not against forgery: it finds damage, and it names a set of bytes. A hash is used by one thread at a time.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct hash;

struct hash *hash_new(void); /* NULL: no memory */
void hash_add(struct hash *h, const void *data, size_t bytes);
void hash_hex(const struct hash *h, char out[33]); /* canonical (big-endian) form; more can be added */
void hash_reset(struct hash *h);                   /* as new */
void hash_free(struct hash *h);                    /* takes NULL */
SCOPED(hash_free, struct hash)
uint64_t hash_64(const void *data, size_t bytes); /* XXH3, for hash tables */
