#include "base/json.h"
#include "base/mem.h"
#include "read/parser.h"
#include "read/recogniser.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINES 200
#define VALUE 200 /* what is longer is cut: only ids, numbers and dates matter */

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

static struct field keep(struct sample *s, const char *text)
{
    size_t n = strlen(text) < VALUE ? strlen(text) : VALUE;
    char *copy = mem_pool_zalloc(&s->pool, (int64_t)n + 1, 1);

    if (copy)
        memcpy(copy, text, n);
    return (struct field){copy ? copy : "", copy ? n : 0, false};
}

/* The values of an object, each in the column of its path of keys; the table is TEXT_KEYS wide. */
static void keep_object(struct sample *s, int row, const struct json *object, const char *prefix, int depth)
{
    const char *key = NULL;
    const struct json *j;
    char path[2 * TEXT_WORD], number[40];

    while ((j = json_next(object, &key))) {
        const char *text = as_text(object, key, number);
        int n = snprintf(path, sizeof path, "%s%s", prefix, key), k = 0;

        if (n >= TEXT_WORD - 1)
            continue;
        if (!text && json_is_object_value(j) && depth < 3) {
            strcat(path, ".");
            keep_object(s, row, j, path, depth + 1);
        }
        while (k < s->columns && !text_same(s->name[k].text, s->name[k].length, path, (size_t)n))
            k++;
        if (!text || k == TEXT_KEYS)
            continue;
        if (k == s->columns)
            s->name[s->columns++] = keep(s, path);
        s->cell[row * TEXT_KEYS + k] = keep(s, text);
    }
}

int json_lines_sample(struct sample *s, const char *begin, const char *end, struct error *err)
{
    int rows = 0, rc = sample_new_table(s, LINES, TEXT_KEYS, err);

    s->lines = s->columns = 0;
    for (const char *p = begin; rc == 0 && p < end && rows < LINES; s->lines++) {
        const char *stop = text_newline(p, end);
        scoped(json_free) struct json *j = NULL;

        s->line[rows].begin = p;
        s->line[rows].end = text_without_cr(p, stop);
        s->line[rows].number = s->lines + 1;
        if (*p == '{' && json_parse(&j, p, (size_t)(stop - p), NULL) == 0 && json_is_object_value(j))
            keep_object(s, rows, j, "", 0);
        s->line_of[rows] = rows;
        rows += j != NULL;
        p = stop < end ? stop + 1 : end;
    }
    if (rc < 0 || s->pool.failed)
        return error_set(err, PT_ENOMEM, "%s: out of memory for its first lines", s->shown);
    if (rows == 0)
        return error_set(
            err, PT_EDATA,
            "%s:1: begins like JSON, but the line is no JSON object; one object a line is read (an array: jq "
            "-c '.[]' FILE > FILE.jsonl; a Python dictionary a line: write it by json.dumps)",
            s->shown);
    for (int k = 0; k < rows * s->columns; k++) { /* as wide as there are keys */
        struct field f = s->cell[k / s->columns * TEXT_KEYS + k % s->columns];

        s->cell[k] = f.text ? f : (struct field){"", 0, false};
    }
    s->rows = rows;
    return 0;
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

int json_lines_parse(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    scoped(json_free) struct json *j = NULL;
    struct error why = {0};
    struct field f[TEXT_KEYS];
    char number[TEXT_KEYS][40];
    int rc = json_parse(&j, line, (size_t)(end - line), &why);

    if (rc == PT_ENOMEM)
        return rc;
    if (rc < 0 || !json_is_object_value(j))
        return parser_bad(p, "is no JSON object: %.200s", rc < 0 ? why.text : "");
    for (int c = 0; c < d->columns; c++) {
        const char *text = *d->key[c] ? find(j, d->key[c], number[c]) : NULL;

        f[c] = (struct field){text ? text : "", text ? strlen(text) : 0, false};
    }
    return parser_put_columns(p, f);
}
