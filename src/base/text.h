/* text.h - UTF-8, texts of files and users made safe for messages, and distances between words. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `text`; at most `room` bytes are read. 0: not valid (broken, overlong, a
 * surrogate, above U+10FFFF), or longer than `room`. A zero byte is a character of 1 byte. */
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

/* Reads one character; returns what utf8_length returns. In a zero-terminated text `room` may always be 4. */
int utf8_next(const char *text, size_t room, uint32_t *character);
/* Whether the whole text is valid UTF-8. */
bool utf8_valid(const char *text, size_t length);
/* Lower case in place, without a change of length: ASCII, Latin-1, Latin Extended-A, Greek, Cyrillic. Bytes
 * that are not UTF-8 stay. */
void utf8_small(char *text, size_t length);

#define PRINTABLE_BYTES 48 /* of the text in a message, with its zero */
/* The first bytes of the text: \t stands for a tab, '?' for a control character. Returns out. */
const char *printable(char out[PRINTABLE_BYTES], const char *text, size_t length);
/* In place and for any length: control characters become '?', and all bytes from 0x80 on if `high`. */
void replace_controls(char *text, bool high);
/* Adds to the text in `out`, as far as its `space` bytes reach. */
void text_append(char *out, size_t space, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The one of these suffixes, NULL behind the last, with which the first bytes of the text end, in any case of
 * letters; NULL: none. */
const char *text_suffix(const char *text, size_t length, const char *const *suffixes);
/* As printf("%.7g"). */
void text_of_real(char out[32], double value);

/* The number of letters to insert, drop, change or swap between two words; 1000 for long ones. */
int word_distance(const char *a, const char *b);
