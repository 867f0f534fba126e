/* json.h - the door to jansson: build, write, read. A value is owned by whoever made it until it is put into a parent. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

struct json *json_new_object(void); /* NULL: no memory; so with the others */
struct json *json_new_array(void);
void json_free(struct json *j); /* takes NULL */

/* Put into an object (key) or append to an array (key NULL). A child is taken over, also on
 * failure, and NULL is a failure: so a chain of puts needs one check, json_failed(root) at the end. */
void json_put(struct json *parent, const char *key, struct json *child);
void json_put_text(struct json *parent, const char *key, const char *text); /* invalid UTF-8 is replaced */
void json_put_int(struct json *parent, const char *key, int64_t value);
void json_put_real(struct json *parent, const char *key, double value); /* NaN and infinities become null */
void json_put_bool(struct json *parent, const char *key, bool value);
/* Whether anything failed so far in `j` or what was put into it. */
bool json_failed(const struct json *j);

/* Compact on one line, or indented. A string for mem_free; NULL: no memory. Reals have 17 digits at most,
 * enough to read the same double back. Keys keep their order. */
char *json_text(const struct json *j, bool indent);

/* Reads `length` bytes of JSON. Errors name line and column (code PT_EFILE). Nesting is bounded. */
int json_parse(struct json **out, const char *text, size_t length, struct error *err);

/* Readers; the result is borrowed from j. A missing key or another type gives the fallback. */
const struct json *json_get(const struct json *object, const char *key);
const char *json_get_text(const struct json *object, const char *key, const char *fallback);
int64_t json_get_int(const struct json *object, const char *key, int64_t fallback);
double json_get_real(const struct json *object, const char *key, double fallback); /* an integer too */
bool json_get_bool(const struct json *object, const char *key, bool fallback);
int64_t json_count(const struct json *array_or_object);
const struct json *json_at(const struct json *array, int64_t i);
/* Element i of an object in its order; *key is borrowed. */
const struct json *json_entry(const struct json *object, int64_t i, const char **key);
int64_t json_as_int(const struct json *j, int64_t fallback);
double json_as_real(const struct json *j, double fallback);
const char *json_as_text(const struct json *j, const char *fallback);

#endif
