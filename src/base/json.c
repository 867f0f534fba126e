/* Building, writing, looking. A struct json is a json_t under another name.
 *
 * json_t has no room for "something failed in here", and when memory is short none can be made. So the mark
 * is the reference count: values here have exactly one owner, and a count of two says that a put failed. */
#include "base/json.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *take(size_t bytes)
{
    return mem_alloc(bytes > INT64_MAX ? -1 : (int64_t)bytes, 1);
}

/* Before main, so that no thread can be inside jansson. */
__attribute__((constructor)) static void use_our_memory(void)
{
    json_set_alloc_funcs(take, mem_free);
}

static json_t *inner(const struct json *j)
{
    return (json_t *)j;
}

static struct json *outer(json_t *j)
{
    return (struct json *)j;
}

static bool is_marked(const json_t *j)
{
    return j->refcount > 1 && j->refcount != (size_t)-1; /* -1: true, false and null, which are shared */
}

static void mark(json_t *j)
{
    if (j && !is_marked(j))
        json_incref(j);
}

/* Whether j or anything in it is marked; with `clear`, no longer. */
static bool find_marks(json_t *j, bool clear)
{
    bool found = is_marked(j);
    const char *key;
    json_t *child;
    size_t i;

    if (found && clear)
        json_decref(j);
    if (json_is_object(j)) {
        json_object_foreach(j, key, child) found |= find_marks(child, clear);
    } else if (json_is_array(j)) {
        json_array_foreach(j, i, child) found |= find_marks(child, clear);
    }
    return found;
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
    if (!j)
        return;
    find_marks(inner(j), true);
    json_decref(inner(j));
}

void json_put(struct json *parent, const char *key, struct json *child)
{
    json_t *p = inner(parent), *c = inner(child), *old;
    int rc = -1;

    if (p && c && key) {
        old = json_object_get(p, key);
        if (old && find_marks(old, true)) /* it goes, its failure stays */
            mark(p);
        rc = json_object_set(p, key, c);
    } else if (p && c) {
        rc = json_array_append(p, c);
    }
    if (rc == 0) {
        json_decref(c); /* the parent's reference is the one that stays */
        return;
    }
    mark(p);
    json_free(child);
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
    char *copy = text ? repair(text) : NULL;

    json_put(parent, key, outer(!text ? json_null() : copy ? json_string(copy) : NULL));
    mem_free(copy);
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

bool json_failed(const struct json *j)
{
    return !j || find_marks(inner(j), false);
}

struct text {
    char *data;
    size_t used, room;
    bool failed;
};

/* Room for `bytes` more and a zero. */
static bool grow(struct text *t, size_t bytes)
{
    size_t room = t->room ? t->room : 256;
    char *data;

    if (t->failed)
        return false;
    while (room - t->used <= bytes)
        room *= 2;
    if (room == t->room)
        return true;
    data = mem_resize(t->data, (int64_t)room, 1);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->room = room;
    return true;
}

static void add(struct text *t, const char *s)
{
    size_t n = strlen(s);

    if (!grow(t, n))
        return;
    memcpy(t->data + t->used, s, n + 1);
    t->used += n;
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

static void add_leaf(struct text *t, const json_t *j)
{
    size_t flags = JSON_ENCODE_ANY, n = 32, had;

    if (json_is_real(j))
        flags |= JSON_REAL_PRECISION(precision_of(json_real_value(j)));
    do { /* twice where the guess was too small */
        if (!grow(t, n))
            return;
        had = t->room - t->used - 1;
        n = json_dumpb(j, t->data + t->used, had, flags);
        if (!n) {
            t->failed = true;
            return;
        }
    } while (n > had);
    t->used += n;
    t->data[t->used] = 0;
}

static void add_line(struct text *t, bool indent, int depth)
{
    if (!indent)
        return;
    add(t, "\n");
    for (int i = 0; i < depth; i++)
        add(t, "  ");
}

static void add_value(struct text *t, json_t *j, bool indent, int depth)
{
    bool object = json_is_object(j);
    const char *key = NULL;
    const struct json *child;
    int64_t n = json_count(outer(j));

    if (!object && !json_is_array(j)) {
        add_leaf(t, j);
        return;
    }
    add(t, object ? "{" : "[");
    for (int64_t i = 0; i < n && !t->failed; i++) {
        if (i)
            add(t, ",");
        add_line(t, indent, depth + 1);
        if (object) {
            json_t *name;

            child = json_next(outer(j), &key);
            name = json_string(key);
            if (!name) {
                t->failed = true;
                return;
            }
            add_leaf(t, name);
            json_decref(name);
            add(t, indent ? ": " : ":");
        } else {
            child = json_at(outer(j), i);
        }
        add_value(t, inner(child), indent, depth + 1);
    }
    if (n)
        add_line(t, indent, depth);
    add(t, object ? "}" : "]");
}

char *json_text(const struct json *j, bool indent)
{
    struct text t = {0};

    if (json_failed(j))
        return NULL;
    add_value(&t, inner(j), indent, 0);
    if (t.failed) {
        mem_free(t.data);
        return NULL;
    }
    return t.data;
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
