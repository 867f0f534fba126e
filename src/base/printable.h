/* printable.h - makes texts of files and users safe to show in messages. Pure. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

#define PRINTABLE_BYTES 48 /* of the text in a message, with its zero */

/* The first bytes of the text: \t stands for a tab, '?' for a control character. Returns out. */
const char *printable(char out[PRINTABLE_BYTES], const char *text, size_t length);
/* The same in place and for any length: control characters become '?'. */
void printable_in_place(char *text);

#endif
