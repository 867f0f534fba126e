/* scan.h - finds characters and parses digits, eight or thirty-two bytes at a time. Pure; the comment of each
 * function says how many bytes from p on it reads. */
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define SCAN_BYTES 32 /* what scan_equal reads */
#define SCAN_ONES  0x0101010101010101u
#define SCAN_HIGHS 0x8080808080808080u

/* Eight bytes, the first one lowest. */
static inline uint64_t scan_word(const char *p)
{
    uint64_t w;

    memcpy(&w, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

/* The high bits of eight bytes. */
static inline uint32_t scan_gather(uint64_t w)
{
    return (uint32_t)(((w & SCAN_HIGHS) >> 7) * 0x0102040810204080u >> 56);
}

/* The high bit of each of eight that is not a digit, and perhaps of one behind such a byte. */
static inline uint64_t scan_odd(uint64_t digits)
{
    return ((digits + SCAN_ONES * 0x76) | digits) & SCAN_HIGHS;
}

/* Bit k: byte k of 32 is c. Eight bytes at once: those that equal c become zero, a zero byte the only one
 * that keeps its high bit clear, and one multiplication brings the eight bits together. */
static inline uint32_t scan_equal_words(const char *p, char c)
{
    uint32_t bits = 0;

    for (int k = 0; k < SCAN_BYTES; k += 8) {
        uint64_t w = scan_word(p + k) ^ SCAN_ONES * (unsigned char)c;

        bits |= scan_gather(~(((w & ~SCAN_HIGHS) + ~SCAN_HIGHS) | w)) << k;
    }
    return bits;
}

/* Bit k: byte k of 32 is not a digit, or, seldom, one behind such a byte. */
static inline uint32_t scan_other_words(const char *p)
{
    uint32_t bits = 0;

    for (int k = 0; k < SCAN_BYTES; k += 8)
        bits |= scan_gather(scan_odd(scan_word(p + k) ^ SCAN_ONES * '0')) << k;
    return bits;
}

#if defined(__SSE2__)
static inline uint32_t scan_equal(const char *p, char c)
{
    const __m128i same = _mm_set1_epi8(c);
    __m128i low = _mm_loadu_si128((const __m128i *)p), high = _mm_loadu_si128((const __m128i *)(p + 16));

    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, same)) |
           (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, same)) << 16;
}

/* Bytes less '0' + 128 are signed numbers: digits are the ten lowest. */
static inline uint32_t scan_other(const char *p)
{
    const __m128i zero = _mm_set1_epi8((char)('0' + 128)), nine = _mm_set1_epi8(-128 + 9);
    __m128i low = _mm_loadu_si128((const __m128i *)p), high = _mm_loadu_si128((const __m128i *)(p + 16));

    return (uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi8(_mm_sub_epi8(low, zero), nine)) |
           (uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi8(_mm_sub_epi8(high, zero), nine)) << 16;
}
#else
#define scan_equal scan_equal_words
#define scan_other scan_other_words
#endif

/* n bytes (1 to 8) from p on as eight digits, the first lowest; a shorter number has leading zeros. Reads
 * eight bytes. */
static inline uint64_t scan_digits(const char *p, unsigned n)
{
    return (scan_word(p) ^ SCAN_ONES * '0') << (64 - 8 * n);
}

/* The number of eight digits: pairs, then fours, then all eight. */
static inline uint32_t scan_number(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return (uint32_t)(((digits & 0x000000FF000000FF) * (100 + (UINT64_C(1000000) << 32)) +
                       (digits >> 16 & 0x000000FF000000FF) * (1 + (UINT64_C(10000) << 32))) >>
                      32);
}
