/* field.h - what one field of a line says: a rating, a time, a text. Pure. */
#ifndef READ_FIELD_H
#define READ_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL, or why it cannot be one ("is not a number"). Decimal notation with an optional exponent;
 * nan, inf and hexadecimal are refused, and so is what a float cannot hold. What it can hold only as a
 * denormal is 0. */
const char *field_value(const char *text, size_t length, float *out);
/* The same, true and false as 1 and 0, and a comma in place of the point ("4,5"), for fields that no comma
 * ends. One before three digits
 * ("1,000") is refused: it may part thousands. */
const char *field_rating(const char *text, size_t length, float *out);
/* Seconds (any whole number of 64 bits; a fraction is cut off), or a date as in base/date.h. */
const char *field_time(const char *text, size_t length, int64_t *out);
/* An id: not empty, no zero byte. */
const char *field_id(const char *text, size_t length);

static inline bool field_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

#endif
