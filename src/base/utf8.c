#include "base/utf8.h"

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
