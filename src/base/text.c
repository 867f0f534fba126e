#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- UTF-8 ---- */

int utf8_next(const char *text, size_t room, uint32_t *character)
{
    int n = utf8_length(text, room);

    *character = (unsigned char)*text & (n > 1 ? 0x7Fu >> n : 0xFFu);
    for (int i = 1; i < n; i++)
        *character = *character << 6 | ((unsigned char)text[i] & 0x3Fu);
    return n;
}

bool utf8_valid(const char *text, size_t length)
{
    for (size_t i = 0, n; i < length; i += n)
        if (!(n = (size_t)utf8_length(text + i, length - i)))
            return false;
    return true;
}

static uint32_t small(uint32_t c)
{
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
        return c + 0x20; /* Latin-1, Greek, Cyrillic */
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177))
        return c | 1; /* Latin Extended-A: in pairs, */
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return c + (c & 1); /* some of which begin with an odd number */
    if (c >= 0x400 && c <= 0x40F)
        return c + 0x50;
    switch (c) {
    case 0x178: /* Ÿ */
        return 0xFF;
    case 0x386: /* Greek vowels with an accent */
        return 0x3AC;
    case 0x388:
    case 0x389:
    case 0x38A:
        return c + 0x25;
    case 0x38C:
        return 0x3CC;
    case 0x38E:
    case 0x38F:
        return c + 0x3F;
    case 0x3C2: /* sigma at a word's end */
        return 0x3C3;
    default:
        return c;
    }
}

void utf8_small(char *text, size_t length)
{
    uint32_t c;

    for (size_t i = 0, n; i < length; i += n ? n : 1) {
        n = (size_t)utf8_next(text + i, length - i, &c);
        if (n == 1 && c >= 'A' && c <= 'Z') {
            text[i] = (char)(c - 'A' + 'a');
        } else if (n == 2) {
            c = small(c);
            text[i] = (char)(0xC0 | c >> 6);
            text[i + 1] = (char)(0x80 | (c & 0x3F));
        }
    }
}

/* ---- messages ---- */

/* How many bytes of the text take at most `space` bytes when they are shown. */
static size_t fitting(const char *text, size_t length, size_t space)
{
    size_t k = 0;

    for (size_t width = 0; k < length; k++) {
        width += 1 + (text[k] == '\t');
        if (width > space)
            break;
    }
    return k;
}

/* The C1 controls in UTF-8 (C2 80 .. C2 9F) move a terminal's cursor too. */
void replace_controls(char *text, bool high)
{
    for (char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && high))
            *c = '?';
        else if (byte == 0xC2 && (unsigned char)c[1] >= 0x80 && (unsigned char)c[1] < 0xA0)
            c[0] = c[1] = '?';
    }
}

const char *text_suffix(const char *text, size_t length, const char *const *suffixes)
{
    for (size_t n; *suffixes; suffixes++)
        if (length >= (n = strlen(*suffixes)) && strncasecmp(text + length - n, *suffixes, n) == 0)
            break;
    return *suffixes;
}

void text_append(char *out, size_t space, const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list args;

    va_start(args, fmt);
    vsnprintf(out + used, space - used, fmt, args);
    va_end(args);
}

const char *printable(char out[PRINTABLE_BYTES], const char *text, size_t length)
{
    bool cut = fitting(text, length, PRINTABLE_BYTES - 1) < length;
    size_t to = 0;

    if (cut) {
        length = fitting(text, length, PRINTABLE_BYTES - 4);
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--; /* not in the middle of a character */
    }
    for (size_t k = 0; k < length; k++) {
        if (text[k] == '\t')
            out[to++] = '\\';
        out[to++] = text[k] == '\t' ? 't' : text[k] ? text[k] : '?';
    }
    strcpy(out + to, cut ? "..." : "");
    replace_controls(out, !utf8_valid(text, length));
    return out;
}

/* ---- numbers ---- */

/* Seven digits by a product with a power of ten, which is exact; where its rounding could decide the last
 * digit, and for sizes that are rarely printed, the C library. */
void text_of_real(char out[32], double value)
{
    static const double ten[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10};
    double size = fabs(value), scaled, rest;
    int places = 10, digits, at = 0, from = 10;
    char digit[11];

    while (places > 1 && size * ten[places] >= 1e7)
        places--;
    scaled = size * ten[places];
    digits = scaled >= 1e6 && scaled < 1e7 - 1.0 ? (int)scaled : 0;
    rest = scaled - (double)digits;
    if (!digits || fabs(rest - 0.5) < 1e-6) {
        snprintf(out, 32, "%.7g", value);
        return;
    }
    digits += rest > 0.5;
    for (int i = 10; i >= 0; i--, digits /= 10) /* ten places behind the first digit, if need be zeros */
        digit[i] = (char)('0' + digits % 10);
    while (from > 10 - places && digit[from] == '0')
        from--;
    if (value < 0.0)
        out[at++] = '-';
    for (int i = places < 7 ? 4 : 10 - places; i <= from || i <= 10 - places; i++) {
        out[at++] = digit[i];
        if (i == 10 - places && i < from)
            out[at++] = '.';
    }
    out[at] = '\0';
}

/* ---- words ---- */

enum { LONGEST_WORD = 48 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: three rows of the table of distances between prefixes. */
int word_distance(const char *a, const char *b)
{
    int row[3][LONGEST_WORD + 1];
    int n = (int)strnlen(a, LONGEST_WORD + 1), m = (int)strnlen(b, LONGEST_WORD + 1);

    if (n > LONGEST_WORD || m > LONGEST_WORD)
        return 1000;
    for (int j = 0; j <= m; j++)
        row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3];
        const int *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

        now[0] = i;
        for (int j = 1; j <= m; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}
