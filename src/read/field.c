#include "read/field.h"

#include "base/date.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NUMBER_LENGTH 64 /* a longer number is not one that anybody wrote on purpose */

/* Decimal notation alone: strtod also reads blanks, nan, inf and hexadecimal. */
static const char *parse_real(const char *text, size_t length, double *out)
{
    char copy[NUMBER_LENGTH], *end;

    if (length == 0 || length >= sizeof copy)
        return length ? "is not a number" : "is empty";
    memcpy(copy, text, length);
    copy[length] = 0;
    *out = strtod(copy, &end);
    if (end != copy + length || end == copy)
        return "is not a number";
    return strspn(copy, "0123456789+-.eE") == length ? NULL
           : isfinite(*out)                          ? "is not a number"
                                                     : "is not finite";
}

/* Whether it is as in 1,000: up to three digits before the comma, of which the first is no zero, and three
 * behind it. */
static bool may_part_thousands(const char *number, size_t comma)
{
    size_t sign = number[0] == '-' || number[0] == '+';

    return strspn(number + comma + 1, "0123456789") == 3 && comma - sign <= 3 && comma > sign &&
           number[sign] != '0';
}

const char *field_number(const char *text, size_t length, double *out)
{
    const char *why = parse_real(text, length, out), *comma = why ? memchr(text, ',', length) : NULL;
    char copy[NUMBER_LENGTH];

    if ((length == 4 && strncasecmp(text, "true", 4) == 0) ||
        (length == 5 && strncasecmp(text, "false", 5) == 0)) {
        *out = length == 4;
        return NULL;
    }
    if (!comma || length >= sizeof copy || memchr(text, '.', length))
        return why;
    memcpy(copy, text, length);
    copy[length] = 0;
    copy[comma - text] = '.';
    if (parse_real(copy, length, out))
        return why;
    return may_part_thousands(copy, (size_t)(comma - text))
               ? "may be a thousand or a fraction: write it with a point, or without the comma"
               : NULL;
}

const char *field_rating(const char *text, size_t length, float *out)
{
    double value = 0;
    const char *why = field_number(text, length, &value);

    if (!why && !(fabs(value) <= (double)FLT_MAX))
        return "is too large";
    /* nothing is left to a thread that flushes denormals, as workers do, and the caller may not */
    if (!why)
        *out = fabs(value) < (double)FLT_MIN ? 0.0f : (float)value;
    return why;
}

const char *field_time(const char *text, size_t length, int64_t *out)
{
    size_t k = length > 0 && (text[0] == '-' || text[0] == '+');
    int64_t time = 0;
    double real;
    const char *why;

    for (; k < length && isdigit((unsigned char)text[k]); k++)
        if (__builtin_mul_overflow(time, 10, &time) || __builtin_add_overflow(time, text[k] - '0', &time))
            return "does not fit 64 bits";
    if (k == length && isdigit((unsigned char)text[k - (k > 0)])) {
        *out = text[0] == '-' ? -time : time;
        return NULL;
    }
    if (date_parse(text, length, out))
        return NULL;
    why = parse_real(text, length, &real);
    if (why)
        return length ? "is neither a number of seconds nor a date such as 2024-01-31 or 2024-01-31T12:30:00Z"
                      : why;
    if (!(fabs(real) < 9e18))
        return "does not fit 64 bits";
    *out = (int64_t)real;
    return NULL;
}

const char *field_id(const char *text, size_t length)
{
    double number;

    if (length == 0)
        return "is empty";
    if (length > FIELD_ID_BYTES)
        return "is longer than 4096 bytes";
    for (size_t k = 0; k < length; k++)
        if ((unsigned char)text[k] < ' ' && text[k] != '\t' && text[k] != '\n')
            return text[k] ? "holds a control character" : "holds a zero byte";
    if (length > 1 && text[0] == '-' && text[1] == '-' && strspn(text, "-") >= length)
        return "is a line of dashes";
    return length > 1 && text[1] == '.' && memmem(text, length, "E+", 2) && !parse_real(text, length, &number)
               ? "was rounded by a spreadsheet: export ids as text"
               : NULL;
}
