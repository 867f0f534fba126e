#include "base/printable.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

const char *printable(char out[PRINTABLE_BYTES], const char *text, size_t length)
{
    bool cut = length > PRINTABLE_BYTES - 1, utf8;

    if (cut) {
        length = PRINTABLE_BYTES - 4;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--; /* not in the middle of a character */
    }
    utf8 = utf8_valid(text, length);
    for (size_t k = 0; k < length; k++) {
        unsigned char c = (unsigned char)text[k];

        out[k] = c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8) ? '?' : text[k];
    }
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
