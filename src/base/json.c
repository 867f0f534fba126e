/* A struct json is a json_t under another name. */
#include "base/json.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)1 << 30) /* of a file */

/* Whether a put of this thread failed since its last json_text. A json_t has no room for it, and where
 * memory is short no room can be made. */
static _Thread_local bool put_failed;

/* Whether an allocation of jansson failed in this thread: its parser then reports any kind of error. */
static _Thread_local bool no_memory;

static void *allocate(size_t size)
{
    void *block = mem_alloc((int64_t)size, 1);

    no_memory |= !block;
    return block;
}

static void set_allocator(void)
{
    json_set_alloc_funcs(allocate, mem_free);
}

static json_t *inner(const struct json *j)
{
    return (json_t *)j;
}

static struct json *outer(json_t *j)
{
    return (struct json *)j;
}

struct json *json_new_object(void)
{
    return outer(json_object());
}

struct json *json_new_array(void)
{
    return outer(json_array());
}

void json_free(struct json *j)
{
    json_decref(inner(j));
}

void json_put(struct json *parent, const char *key, struct json *child)
{
    json_t *p = inner(parent), *c = inner(child);
    int rc = json_is_object(p) ? json_object_set_new(p, key, c) : json_array_append_new(p, c);

    put_failed |= rc < 0;
}

/* A copy for mem_free in which each byte that is not UTF-8 is U+FFFD. */
static char *repair(const char *text)
{
    size_t left = strlen(text);
    char *copy = mem_alloc((int64_t)left + 1, 3), *end = copy;

    if (!copy)
        return NULL;
    while (left) {
        int n = utf8_length(text, left);

        memcpy(end, n ? text : "\xEF\xBF\xBD", n ? (size_t)n : 3);
        end += n ? n : 3;
        text += n ? n : 1;
        left -= n ? (size_t)n : 1;
    }
    *end = 0;
    return copy;
}

void json_put_text(struct json *parent, const char *key, const char *text)
{
    mem_scoped char *copy = text ? repair(text) : NULL;

    json_put(parent, key, outer(!text ? json_null() : copy ? json_string(copy) : NULL));
}

void json_put_int(struct json *parent, const char *key, int64_t value)
{
    json_put(parent, key, outer(json_integer(value)));
}

void json_put_real(struct json *parent, const char *key, double value)
{
    json_put(parent, key, outer(isfinite(value) ? json_real(value) : json_null()));
}

void json_put_bool(struct json *parent, const char *key, bool value)
{
    json_put(parent, key, outer(json_boolean(value)));
}

/* The fewest digits that read back as the same double: .1 is 0.1, not 0.10000000000000001. */
static size_t precision_of(double value)
{
    char digits[40];
    int n = 15;

    for (; n < 17; n++) {
        snprintf(digits, sizeof digits, "%.*g", n, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    return (size_t)n;
}

static void write_leaf(FILE *f, const json_t *j)
{
    size_t flags = JSON_ENCODE_ANY;

    if (json_is_real(j))
        flags |= JSON_REAL_PRECISION(precision_of(json_real_value(j)));
    put_failed |= json_dumpf(j, f, flags) < 0;
}

static void write_key(FILE *f, const char *key, bool indent)
{
    json_t *name = json_string(key);

    put_failed |= !name;
    if (name)
        write_leaf(f, name);
    json_decref(name);
    fputs(indent ? ": " : ":", f);
}

static void write_line(FILE *f, bool indent, int depth)
{
    if (indent)
        fprintf(f, "\n%*s", 2 * depth, "");
}

static void write_value(FILE *f, const struct json *j, bool indent, int depth)
{
    bool object = json_is_object(inner(j));
    const char *key = NULL;
    int64_t n = json_count(j);

    if (!object && !json_is_array(inner(j))) {
        write_leaf(f, inner(j));
        return;
    }
    fputc(object ? '{' : '[', f);
    for (int64_t i = 0; i < n; i++) {
        const struct json *child = object ? json_next(j, &key) : json_at(j, i);

        if (i)
            fputc(',', f);
        write_line(f, indent, depth + 1);
        if (object)
            write_key(f, key, indent);
        write_value(f, child, indent, depth + 1);
    }
    if (n)
        write_line(f, indent, depth);
    fputc(object ? '}' : ']', f);
}

/* By hand, since jansson writes all reals with one number of digits. */
char *json_text(const struct json *j, bool indent)
{
    char *text = NULL;
    size_t length;
    FILE *f = j ? open_memstream(&text, &length) : NULL;

    if (f)
        write_value(f, j, indent, 0);
    if (!f || fclose(f) != 0 || put_failed) {
        mem_free(text);
        text = NULL;
    }
    put_failed = false;
    return text;
}

int json_parse(struct json **out, const char *text, size_t length, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    json_error_t e;
    json_t *j;

    /* Where memory ends within a string jansson's scanner asserts: there must be some before it begins. */
    if (!mem_available((int64_t)length + (1 << 16)))
        return error_set(err, PT_ENOMEM, "out of memory while reading JSON");
    pthread_once(&once, set_allocator);
    no_memory = false;
    j = json_loadb(text, length, JSON_REJECT_DUPLICATES, &e);
    if (!j && no_memory)
        return error_set(err, PT_ENOMEM, "out of memory while reading JSON");
    if (!j)
        return error_set(err, PT_EFILE, "line %d, column %d: %s", e.line, e.column, e.text);
    *out = outer(j);
    return 0;
}

int json_read(struct json **out, const char *path, struct error *err)
{
    mem_scoped char *text = NULL;
    size_t length;

    TRY(file_read(&text, &length, path, MOST_BYTES, PT_EFILE, err));
    TRY_PREFIXED(err, json_parse(out, text, length, err), "%s", path);
    return 0;
}

int json_read_lines(struct json **out, const char *path, struct error *err)
{
    scoped(json_free) struct json *all = json_new_array();
    mem_scoped char *text = NULL;
    struct json *line = NULL;
    size_t length;

    TRY(need_memory(all, err));
    TRY(file_read(&text, &length, path, MOST_BYTES, PT_EFILE, err));
    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1) {
        TRY_PREFIXED(err, json_parse(&line, at, (size_t)(end - at), err), "%s: line %lld", path,
                     (long long)json_count(all) + 1);
        TRY(need_memory(json_array_append_new(inner(all), inner(line)) == 0, err));
    }
    *out = handed_on(all);
    return 0;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return outer(json_object_get(inner(object), key));
}

const char *json_get_text(const struct json *object, const char *key, const char *fallback)
{
    return json_as_text(json_get(object, key), fallback);
}

int64_t json_get_int(const struct json *object, const char *key, int64_t fallback)
{
    return json_as_int(json_get(object, key), fallback);
}

double json_get_real(const struct json *object, const char *key, double fallback)
{
    return json_as_real(json_get(object, key), fallback);
}

bool json_get_bool(const struct json *object, const char *key, bool fallback)
{
    const json_t *j = inner(json_get(object, key));

    return json_is_boolean(j) ? json_is_true(j) : fallback;
}

int64_t json_count(const struct json *j)
{
    return (int64_t)(json_is_object(inner(j)) ? json_object_size(inner(j)) : json_array_size(inner(j)));
}

const struct json *json_at(const struct json *array, int64_t i)
{
    return i < 0 ? NULL : outer(json_array_get(inner(array), (size_t)i));
}

const struct json *json_next(const struct json *object, const char **key)
{
    json_t *o = inner(object);
    void *at = *key ? json_object_iter_next(o, json_object_key_to_iter(*key)) : json_object_iter(o);

    *key = at ? json_object_iter_key(at) : NULL;
    return at ? outer(json_object_iter_value(at)) : NULL;
}

bool json_is_object_value(const struct json *j)
{
    return json_is_object(inner(j));
}

bool json_is_array_value(const struct json *j)
{
    return json_is_array(inner(j));
}

int64_t json_as_int(const struct json *j, int64_t fallback)
{
    return json_is_integer(inner(j)) ? json_integer_value(inner(j)) : fallback;
}

double json_as_real(const struct json *j, double fallback)
{
    return json_is_number(inner(j)) ? json_number_value(inner(j)) : fallback;
}

const char *json_as_text(const struct json *j, const char *fallback)
{
    return json_is_string(inner(j)) ? json_string_value(inner(j)) : fallback;
}
