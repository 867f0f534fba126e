/* date.h - dates as ISO 8601 writes them, in seconds since 1970. Pure: no locale, no zone of the machine.
 *
 *     2024-01-31      2024-01-31 12:30      2024-01-31T12:30:00.25Z      2024-01-31T12:30:00+02:00
 *     2024-01-31 12:30:00 UTC      2024-01-31 12:30:00 +0000 UTC
 *
 * A blank may stand for the T. Without a zone it is UTC. A fraction of a second is cut off. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether all of the text is a date that there is (no 30 February, 24:00 or second 60), of the years 1 to
 * 9999. */
bool date_parse(const char *text, size_t length, int64_t *seconds);

#endif
