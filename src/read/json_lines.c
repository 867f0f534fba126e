#include "read/json_lines.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "read/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEYS  64
#define LINES 200
#define ARENA ((size_t)1 << 20) /* what is longer is cut: only ids, numbers and dates matter */
#define VALUE 200

/* A value as text; "" for null, NULL for an object or an array. */
static const char *as_text(const struct json *object, const char *key, char number[40])
{
    const struct json *j = json_get(object, key);
    const char *text = json_as_text(j, NULL);
    int64_t whole = json_as_int(j, INT64_MIN);
    double real = json_as_real(j, -1e308);

    if (text)
        return text;
    if (json_is_object_value(j) || json_is_array_value(j))
        return NULL;
    if (whole != INT64_MIN)
        snprintf(number, 40, "%" PRId64, whole);
    else if (real > -1e308)
        snprintf(number, 40, "%.17g", real);
    else
        strcpy(number, json_get_bool(object, key, false)   ? "true"
                       : !json_get_bool(object, key, true) ? "false"
                                                           : "");
    return number;
}

/* --- the first lines ----------------------------------------------------------------------------- */

struct table {
    char *arena;
    size_t used;
    struct field key[KEYS];
    int keys;
    struct field cell[LINES][KEYS];
    int rows;
};

static struct field keep(struct table *t, const char *text)
{
    size_t n = strlen(text) < VALUE ? strlen(text) : VALUE;
    struct field f = {"", 0, false};

    if (t->used + n + 1 > ARENA)
        return f;
    f = (struct field){t->arena + t->used, n, false};
    memcpy(t->arena + t->used, text, n);
    t->arena[t->used + n] = 0;
    t->used += n + 1;
    return f;
}

static void keep_value(struct table *t, const char *path, const char *value)
{
    size_t n = strlen(path);
    int k = 0;

    while (k < t->keys && (t->key[k].length != n || memcmp(t->key[k].text, path, n) != 0))
        k++;
    if (k == KEYS || n >= TEXT_WORD)
        return;
    if (k == t->keys)
        t->key[t->keys++] = keep(t, path);
    t->cell[t->rows][k] = keep(t, value);
}

static void keep_object(struct table *t, const struct json *object, const char *prefix, int depth)
{
    const char *key = NULL;
    const struct json *j;
    char path[2 * TEXT_WORD], number[40];

    while ((j = json_next(object, &key))) {
        const char *text = as_text(object, key, number);

        if (snprintf(path, sizeof path, "%s%s", prefix, key) >= TEXT_WORD - 1)
            continue;
        if (text) {
            keep_value(t, path, text);
        } else if (json_is_object_value(j) && depth < 3) {
            strcat(path, ".");
            keep_object(t, j, path, depth + 1);
        }
    }
}

int json_lines_sample(struct sample *s, struct field **name, char **arena, const char *begin, const char *end,
                      struct error *err)
{
    struct table *t = mem_zalloc(1, sizeof *t);
    int rc = 0;

    *arena = mem_alloc((int64_t)ARENA, 1);
    *name = mem_zalloc(KEYS, sizeof **name);
    if (!t || !*arena || !*name) {
        mem_free(t);
        return error_set(err, PT_ENOMEM, "%s: out of memory for its first lines", s->shown);
    }
    t->arena = *arena;
    s->lines = 0;
    for (const char *p = begin; p < end && t->rows < LINES; s->lines++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        struct json *j = NULL;

        stop = stop ? stop : end;
        s->line[t->rows].begin = p;
        s->line[t->rows].end = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
        s->line[t->rows].number = s->lines + 1;
        if (*p == '{' && json_parse(&j, p, (size_t)(stop - p), NULL) == 0 && json_is_object_value(j))
            keep_object(t, j, "", 0);
        if (j)
            t->rows++;
        json_free(j);
        p = stop < end ? stop + 1 : end;
    }
    if (t->rows == 0)
        rc = error_set(err, PT_EDATA,
                       "%s:1: begins like JSON, but the line is no JSON object; one object a line is read "
                       "(an array: jq -c "
                       "'.[]' FILE > FILE.jsonl; a Python dictionary a line: write it by json.dumps)",
                       s->shown);
    if (rc == 0)
        rc = sample_new_table(s, t->rows, t->keys, err);
    for (int row = 0; rc == 0 && row < t->rows; row++) {
        s->line_of[row] = row;
        for (int k = 0; k < t->keys; k++)
            s->cell[row * t->keys + k] =
                t->cell[row][k].text ? t->cell[row][k] : (struct field){"", 0, false};
    }
    memcpy(*name, t->key, sizeof t->key);
    mem_free(t);
    return rc;
}

/* --- any line ------------------------------------------------------------------------------------ */

/* The value at a path, as text; NULL: there is none. */
static const char *find(const struct json *j, const char *path, char number[40])
{
    char key[TEXT_WORD];

    for (;;) {
        const char *point = strchr(path, '.');

        if (json_get(j, path) || !point)
            return json_get(j, path) ? as_text(j, path, number) : NULL;
        snprintf(key, sizeof key, "%.*s", (int)(point - path), path);
        j = json_get(j, key);
        path = point + 1;
        if (!j)
            return NULL;
    }
}

static struct field field_of(const char *text)
{
    return (struct field){text, strlen(text), false};
}

static int parse_object(struct parser *p, const struct json *j)
{
    const struct text_format *d = p->format;
    char number[ROLES][40];
    const char *text[ROLES] = {NULL}, *why = NULL,
               *where = *d->where_key ? find(j, d->where_key, number[0]) : NULL;
    struct field user, item;
    int64_t time = TIME_NONE;
    float value = 1;
    enum role r;
    int rc;

    if (*d->where_key && (!where || strcmp(where, d->where_word) != 0)) {
        p->elsewhere++;
        return 0;
    }
    for (r = ROLE_USER; r < ROLES; r++)
        text[r] = *d->key[r] ? find(j, d->key[r], number[r]) : NULL;
    for (r = ROLE_USER; r < ROLES && !why; r++) {
        if (!*d->key[r])
            continue;
        if (!text[r] || !*text[r])
            why = r == ROLE_TIME ? NULL : "is missing";
        else if (r == ROLE_RATING)
            why = field_rating(text[r], strlen(text[r]), &value);
        else if (r == ROLE_TIME)
            why = field_time(text[r], strlen(text[r]), &time);
        else
            why = strlen(text[r]) > PARSER_ID ? "is longer than 4096 bytes" : NULL;
        if (why && r == ROLE_RATING && p->skip_missing &&
            (!text[r] || text_is_missing(text[r], strlen(text[r])))) {
            p->no_rating++;
            return 0;
        }
        if (why)
            return parser_bad(p, "the key %s (%s) %s", d->key[r], role_name(r), why);
    }
    user = field_of(text[ROLE_USER]);
    item = field_of(text[ROLE_ITEM]);
    rc = parser_put(p, &user, &item, value, time);
    if (rc == 0) {
        const char *kind = *d->event_key ? find(j, d->event_key, number[0]) : NULL;

        p->no_time += *d->key[ROLE_TIME] && time == TIME_NONE;
        if (kind)
            parser_count_kind(p, kind, strlen(kind), 1);
    }
    return rc;
}

int json_lines_take(struct parser *p, const char *line, const char *end)
{
    struct json *j = NULL;
    struct error why = {0};
    int rc = json_parse(&j, line, (size_t)(end - line), &why);

    if (rc == PT_ENOMEM)
        return rc;
    if (rc < 0 || !json_is_object_value(j)) {
        json_free(j);
        return parser_bad(p, "is no JSON object: %.200s", rc < 0 ? why.text : "");
    }
    rc = parse_object(p, j);
    json_free(j);
    return rc;
}
