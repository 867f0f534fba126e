/* text.c - numbers and characters in the form that YAML and messages want, whatever the locale is. */
#include "config/options.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct shown show(const char *text)
{
    struct shown s;
    size_t n = 0;
    int bytes;

    s.text[n++] = '"';
    while (*text && n + 10 < sizeof s.text) {
        uint32_t character;

        bytes = utf8_next(text, &character);
        if (bytes == 0 || character < 0x20 || (character >= 0x7f && character < 0xa0)) {
            s.text[n++] = '?';
            text++;
            continue;
        }
        memcpy(s.text + n, text, (size_t)bytes);
        n += (size_t)bytes;
        text += bytes;
    }
    strcpy(s.text + n, *text ? "...\"" : "\"");
    return s;
}

int utf8_next(const char *text, uint32_t *character)
{
    const unsigned char *p = (const unsigned char *)text;
    int bytes = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
    static const uint32_t first_of[] = {0, 0, 0x80, 0x800, 0x10000};

    if (bytes <= 1) {
        *character = *p;
        return bytes;
    }
    *character = *p & (0x7fu >> bytes);
    for (int i = 1; i < bytes; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *character = *character << 6 | (p[i] & 0x3fu);
    }
    if (*character < first_of[bytes] || *character > 0x10ffff ||
        (*character >= 0xd800 && *character < 0xe000))
        return 0;
    return bytes;
}

bool text_is_utf8(const char *text)
{
    uint32_t character;

    while (*text) {
        int bytes = utf8_next(text, &character);

        if (bytes == 0)
            return false;
        text += bytes;
    }
    return true;
}

/* Decimal only: no hexadecimal, no inf or nan. A value too large for a double comes out as infinity. */
bool real_parse(const char *text, double *out)
{
    locale_t plain;
    char *end;

    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return false;
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *out = plain ? strtod_l(text, &end, plain) : strtod(text, &end);
    if (plain)
        freelocale(plain);
    return end != text && !*end;
}

void real_format(double value, char *out, size_t size)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), old = (locale_t)0;
    char *exponent;
    double back;

    out[0] = 0;
    if (plain)
        old = uselocale(plain);
    if (fabs(value) < 1e15 && value == floor(value))
        snprintf(out, size, "%.0f", value);
    for (int digits = 1; digits <= 17 && !*out; digits++) {
        snprintf(out, size, "%.*g", digits, value);
        if (digits < 17 && !(real_parse(out, &back) && back == value))
            out[0] = 0;
    }
    if (plain) {
        uselocale(old);
        freelocale(plain);
    }
    /* 1e-08 is a text to some readers of YAML; 1.0e-08 is a number to all. */
    exponent = strchr(out, 'e');
    if (exponent && !strchr(out, '.') && strlen(out) + 3 <= size) {
        memmove(exponent + 2, exponent, strlen(exponent) + 1);
        memcpy(exponent, ".0", 2);
    }
}
