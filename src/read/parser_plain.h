/* parser_plain.h - the fast path for plain lines, which nearly all lines are.
 *
 *   line   1 , 31 , 3.5 , 1112486027 \n        at most 63 bytes before its end
 *          ids: 1 to 8 bytes, no blank or quote; a rating: d or d.d; a time: 1 to 16 digits
 *
 * One comparison of 32 bytes (two for a longer line) finds the ends of the fields and of the line. So the
 * next line's start is known before this line's fields are read, and the processor works on several lines at
 * once. Lines as this one, of numbers alone, are known by one more, without a look at each field. Other lines
 * go to the general path in parser.c, which gives the same result for plain lines. */
#pragma once

#include "read/parser_state.h"

#define PLAIN_COLUMNS 8 /* of a text whose lines can be plain */

/* The columns of the fields; -1: the text has no such field. */
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

/* Parses lines from `begin` on while they are plain. Returns `end`, or the start of the first line that is
 * not plain or for which there is no memory; nothing of that line is stored. */
const char *parser_parse_plain(const struct plain_form *form, struct parser *p, const char *begin,
                               const char *end);
