/* json.h - the door to jansson: build, write, read.
 *
 * The maker of a value owns it. json_put passes the ownership to the parent, also on failure. A document is
 * used by one thread at a time. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

struct json *json_new_object(void); /* NULL: no memory, as in json_new_array */
struct json *json_new_array(void);
void json_free(struct json *j); /* takes NULL; for roots only */
SCOPED(json_free, struct json)

/* Put into an object (key, UTF-8; an older value of that key is replaced) or append to an array (key NULL).
 * A child of NULL is a failure. Failures need no check: the thread's next json_text reports them. */
void json_put(struct json *parent, const char *key, struct json *child);
void json_put_text(struct json *parent, const char *key,
                   const char *text); /* invalid UTF-8 is replaced; NULL: null */
void json_put_int(struct json *parent, const char *key, int64_t value);
void json_put_real(struct json *parent, const char *key, double value); /* NaN and infinities become null */
void json_put_bool(struct json *parent, const char *key, bool value);
/* Compact on one line, or indented. A string for mem_free; NULL: no memory, now or in a put before. Reals
 * have as few digits (15 to 17) as read the same double back. Keys keep their order. */
char *json_text(const struct json *j, bool indent);

/* Reads `length` bytes of JSON, an object or an array. Errors name line and column (code PT_EFILE). Repeated
 * keys in an object, invalid UTF-8, \u0000 and numbers out of range are errors. */
int json_parse(struct json **out, const char *text, size_t length, struct error *err);

/* A file of JSON; a file with a value a line, as an array (a last line without its end is left out). Errors
 * name the file, and the line. PT_EFILE, PT_ENOMEM. */
int json_read(struct json **out, const char *path, struct error *err);
int json_read_lines(struct json **out, const char *path, struct error *err);

/* Readers; the result is borrowed from j. A missing key or another type, and j NULL, give the fallback. */
const struct json *json_get(const struct json *object, const char *key);
const char *json_get_text(const struct json *object, const char *key, const char *fallback);
int64_t json_get_int(const struct json *object, const char *key, int64_t fallback);
double json_get_real(const struct json *object, const char *key, double fallback); /* an integer too */
bool json_get_bool(const struct json *object, const char *key, bool fallback);
int64_t json_count(const struct json *array_or_object); /* 0 for everything else */
const struct json *json_at(const struct json *array, int64_t i);
/* The entry after `*key`, which is set to its key; *key == NULL: the first entry. NULL at the end.
 * *key is borrowed and must come from this function. */
const struct json *json_next(const struct json *object, const char **key);
bool json_is_object_value(const struct json *j);
bool json_is_array_value(const struct json *j);
int64_t json_as_int(const struct json *j, int64_t fallback);
double json_as_real(const struct json *j, double fallback);
const char *json_as_text(const struct json *j, const char *fallback);
