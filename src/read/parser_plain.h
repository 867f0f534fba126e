/* parser_plain.h - the fast way through lines of the plainest form: that of nearly all lines there are.
 *
 *   line   1 , 31 , 3.5 , 1112486027 \n        at most 63 bytes before its end
 *          ids: 1 to 8 bytes, no blank or quote; a rating: d or d.d; a time: 1 to 16 digits
 *
 * One look at 32 bytes (two for a longer line) finds where the fields and the line end, so that the next
 * line's start is known before this one's fields are read: the processor works on several lines at once. A
 * line of another form is for the careful way in parser.c, which would make the same of a plain one. */
#ifndef READ_PARSER_PLAIN_H
#define READ_PARSER_PLAIN_H

#include "read/parser.h"

#include <stdbool.h>

#define PLAIN_COLUMNS 8 /* of a dialect whose lines can be plain */

/* Where the fields of a dialect are; -1: it has none of the kind. */
struct plain_form {
    int columns, user, item, rating, time;
    unsigned width; /* of the delimiter: one character, or the same one twice */
    char delimiter;
    uint8_t skip[PLAIN_COLUMNS];
    bool skips;
};

/* False: no line of this dialect can be plain. */
bool parser_plain_form(struct plain_form *out, const struct dialect *d);

/* Takes lines from `begin` on while they are plain, and returns the start of the first one that is not (or
 * that needs memory which is not there), or `end`. Nothing of such a line is counted. */
const char *parser_take_plain(struct parser *p, const struct plain_form *form, const char *begin,
                              const char *end);

#endif
