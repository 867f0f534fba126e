#include "base/hash.h"

#include "base/mem.h"

/* Compiled in: the state can then be our own memory, and header and library cannot be of two versions. */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash {
    XXH3_state_t state; /* needs 64-byte alignment */
};

struct hash *hash_new(void)
{
    struct hash *h = mem_array(1, sizeof *h);

    if (h) {
        XXH3_INITSTATE(&h->state);
        hash_reset(h);
    }
    return h;
}

void hash_reset(struct hash *h)
{
    XXH3_128bits_reset(&h->state);
}

void hash_add(struct hash *h, const void *data, size_t bytes)
{
    if (bytes)
        XXH3_128bits_update(&h->state, data, bytes);
}

void hash_hex(const struct hash *h, char out[33])
{
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t c;

    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(&h->state));
    for (int i = 0; i < 16; i++) {
        out[2 * i] = digits[c.digest[i] >> 4];
        out[2 * i + 1] = digits[c.digest[i] & 15];
    }
    out[32] = 0;
}

void hash_free(struct hash *h)
{
    mem_free(h);
}

uint64_t hash_64(const void *data, size_t bytes)
{
    return XXH3_64bits(data, bytes);
}
