/* utf8.h - checks UTF-8; lower case. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the sequence at s, of which `room` bytes may be read; 0 where there is none: broken, overlong, a
 * surrogate, above U+10FFFF, or no room. A zero byte is a sequence of 1. */
static inline int utf8_length(const char *text, size_t room)
{
    const unsigned char *s = (const unsigned char *)text;
    int n;

    if (!room)
        return 0;
    n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if ((size_t)n > room)
        return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

/* Reads one character; its length as above. Of a text that ends with a zero byte `room` may be 4 anywhere. */
int utf8_next(const char *text, size_t room, uint32_t *character);

/* Whether all of it is UTF-8. */
bool utf8_valid(const char *text, size_t length);

/* Capitals become small letters in place, of the same length: ASCII, Latin-1, Latin Extended-A, Greek,
 * Cyrillic. What is no UTF-8 stays as it is. */
void utf8_small(char *text, size_t length);

#endif
