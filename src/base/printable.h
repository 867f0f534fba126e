/* printable.h - texts of files and of users for messages. Pure. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

#define PRINTABLE_BYTES 48 /* of a text that a message shows, with its zero */

/* The text for a message: its first bytes, \t for a tab, '?' for what a terminal would act on. Returns out.
 */
const char *printable(char out[PRINTABLE_BYTES], const char *text, size_t length);
/* The same in place and for any length: control characters become '?'. */
void printable_in_place(char *text);

#endif
