#include "base/printable.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

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

const char *printable(char out[PRINTABLE_BYTES], const char *text, size_t length)
{
    bool cut = fitting(text, length, PRINTABLE_BYTES - 1) < length, utf8;
    size_t to = 0;

    if (cut) {
        length = fitting(text, length, PRINTABLE_BYTES - 4);
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--; /* not in the middle of a character */
    }
    utf8 = utf8_valid(text, length);
    for (size_t k = 0; k < length; k++) {
        unsigned char c = (unsigned char)text[k];

        if (c == '\t')
            out[to++] = '\\';
        out[to++] = (char)(c == '\t' ? 't' : c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8) ? '?' : c);
    }
    length = to;
    strcpy(out + length, cut ? "..." : "");
    /* The C1 controls in UTF-8 (C2 80 .. C2 9F) move a terminal's cursor too. */
    for (size_t k = 0; k + 1 < length; k++)
        if ((unsigned char)out[k] == 0xC2 && (unsigned char)out[k + 1] < 0xA0)
            out[k] = out[k + 1] = '?';
    return out;
}

void printable_in_place(char *text)
{
    bool utf8 = utf8_valid(text, strlen(text));

    for (char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8))
            *c = '?';
        else if (byte == 0xC2 && (unsigned char)c[1] < 0xA0)
            c[0] = c[1] = '?';
    }
}
