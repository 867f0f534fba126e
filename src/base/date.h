/* date.h - dates as ISO 8601 writes them, and in other forms of which the day is sure, in seconds since
 * 1970. Pure: neither the locale nor the machine's time zone counts.
 *
 *     2024-01-31      2024-01-31 12:30      2024-01-31T12:30:00.25Z      2024-01-31T12:30:00+02:00
 *     2024-01-31 12:30:00 UTC      2024-01-31 12:30:00 +0000 UTC      2024/1/31      31.1.2024
 *     31-Jan-2024      31 January 2024 9:05      Jan 31, 2024, 12:30:00 PM
 *
 * A blank may stand for the T. Without a zone it is UTC. A fraction of a second is cut off. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the whole text is a valid date of the years 1 to 9999. 30 February, 24:00 and second 60 are not
 * valid. */
bool date_parse(const char *text, size_t length, int64_t *seconds);
