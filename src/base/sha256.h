/* sha256.h - SHA-256 (FIPS 180-4): what identifies a data set in summary.json. None of the libraries
 * that the program uses anyway offers it. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sha256 {
    bool by_instruction; /* the processor's own SHA instructions; may be set to false after sha256_init */
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64]; /* the last bytes % 64 are waiting here */
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t bytes);
/* 64 hex digits and a zero. Nothing can be added after it. */
void sha256_hex(struct sha256 *s, char out[65]);

#endif
