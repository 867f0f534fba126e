/* field.h - parses one field of a line: a number, a rating, a time, an id. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A rating: "4.5", "1e3", true and false (1 and 0), and a decimal comma ("4,5") in texts whose delimiter is
 * not a comma. Returns NULL, or the reason why not ("is not a number"): nan, inf, hexadecimal, what a float
 * cannot hold, and a comma before three digits ("1,000"), which may separate thousands. What would be a
 * denormal float becomes 0. */
const char *field_rating(const char *text, size_t length, float *out);
/* The same before it is rounded to a float, or too large for one. */
const char *field_number(const char *text, size_t length, double *out);
/* Seconds (any whole number of 64 bits; a fraction is cut off), or a date as in base/date.h. */
const char *field_time(const char *text, size_t length, int64_t *out);
/* An id: not empty, at most FIELD_ID_BYTES, no zero byte. */
#define FIELD_ID_BYTES 4096
const char *field_id(const char *text, size_t length);

static inline bool field_is_blank(char c)
{
    return c == ' ' || c == '\t';
}
