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

#include "data/idtable.h"
#include "read/text_format.h"
#include "read/triplets.h"

#include <stdbool.h>

#define PLAIN_COLUMNS 8 /* of a text whose lines can be plain */

/* Where the fields of a text are; -1: it has none of the kind. */
struct plain_form {
    int columns, user, item, rating, time;
    unsigned width; /* of the delimiter: one character, or the same one twice */
    char delimiter;
    uint8_t skip[PLAIN_COLUMNS];
    bool skips;
    uint64_t header[PLAIN_COLUMNS]; /* words of the header: a line with one as its user is not plain */
    int headers;
};

/* False: no line of this text can be plain. */
bool parser_plain_form(struct plain_form *out, const struct text_format *d);

/* Takes lines from `begin` on while they are plain, and returns the start of the first one that is not (or
 * that needs memory which is not there), or `end`. Nothing of such a line is stored. */
const char *parser_take_plain(const struct plain_form *form, struct idtable *users, struct idtable *items,
                              struct triplets *out, bool keep_time, const char *begin, const char *end);

#endif
