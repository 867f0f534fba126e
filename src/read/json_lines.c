#include "base/json.h"
#include "base/mem.h"
#include "read/parser.h"
#include "read/recogniser.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINES 200
#define VALUE 200 /* what is longer is cut: only ids, numbers and dates matter */

/* The value at a path of keys as text; "" for null, an object or an array, or where there is none. */
static const char *find_text(const struct json *object, const char *path, char number[40])
{
    const struct json *value;
    char key[TEXT_WORD];
    int64_t whole;
    double real;

    for (const char *point; !json_get(object, path) && (point = strchr(path, '.')); path = point + 1) {
        snprintf(key, sizeof key, "%.*s", (int)(point - path), path);
        object = json_get(object, key);
    }
    value = json_get(object, path);
    whole = json_as_int(value, INT64_MIN);
    real = json_as_real(value, -1e308);
    *number = 0;
    if (whole != INT64_MIN)
        snprintf(number, 40, "%" PRId64, whole);
    else if (real > -1e308)
        snprintf(number, 40, "%.17g", real);
    else if (json_get_bool(object, path, false))
        strcpy(number, "true");
    else if (!json_get_bool(object, path, true))
        strcpy(number, "false");
    return json_as_text(value, number);
}

/* --- the first lines ----------------------------------------------------------------------------- */

static struct field keep(struct sample *s, const char *text)
{
    const char *copy = mem_pool_add(&s->pool, mem_printf("%.*s", VALUE, text));

    return (struct field){copy ? copy : "", copy ? strlen(copy) : 0, false};
}

/* The paths of keys that are no name of the sample yet. */
static void add_names(struct sample *s, const struct json *object, const char *prefix, int depth)
{
    const char *key = NULL;
    const struct json *j;
    char path[2 * TEXT_WORD];

    while ((j = json_next(object, &key))) {
        int n = snprintf(path, sizeof path, "%s%s", prefix, key);

        if (n >= TEXT_WORD - 1 || json_is_array_value(j))
            continue;
        if (json_is_object_value(j)) {
            strcat(path, ".");
            if (depth < 3)
                add_names(s, j, path, depth + 1);
        } else if (sample_find_name(s, path, (size_t)n) < 0 && s->columns < TEXT_KEYS) {
            s->name[s->columns++] = keep(s, path);
        }
    }
}

int json_lines_sample(struct sample *s, const char *begin, const char *end, int64_t head, struct error *err)
{
    static const struct text_format whole = {.blanks = true};
    struct json *object[LINES] = {NULL};
    char number[40];
    int rows = 0, rc;

    sample_read_lines(s, &whole, begin, end, head);
    s->columns = 0;
    for (int k = 0; k < s->lines && rows < LINES; k++) {
        s->line[rows] = s->line[k];
        if (*s->line[k].begin == '{' && json_parse(&object[rows], s->line[k].begin,
                                                   (size_t)(s->line[k].end - s->line[k].begin), NULL) == 0)
            add_names(s, object[rows++], "", 0);
    }
    rc = sample_new_table(s, rows, s->columns, err);
    for (int row = 0; row < rows; row++) {
        for (int c = 0; rc == 0 && c < s->columns; c++)
            s->cell[row * s->columns + c] = keep(s, find_text(object[row], s->name[c].text, number));
        if (rc == 0)
            s->line_of[row] = row;
        json_free(object[row]);
    }
    TRY(need_memory(!s->pool.failed, err));
    return rows ? 0
                : error_set(
                      err, PT_EDATA,
                      "%s:1: begins like JSON, but the line is no JSON object; one object a line is read "
                      "(an array: jq -c '.[]' FILE > FILE.jsonl; a Python dictionary a line: write it by "
                      "json.dumps)",
                      s->shown);
}

/* --- any line ------------------------------------------------------------------------------------ */

int json_lines_parse(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    scoped(json_free) struct json *j = NULL;
    const struct json *value;
    const char *key = NULL;
    struct error why = {0};
    struct field f[TEXT_KEYS];
    char number[TEXT_KEYS][40];
    int rc = json_parse(&j, line, (size_t)(end - line), &why);

    if (rc == PT_ENOMEM)
        return rc;
    if (rc < 0 || !json_is_object_value(j))
        return parser_bad(p, "is no JSON object: %.200s", rc < 0 ? why.text : "");
    while (d->unrated && (value = json_next(j, &key)))
        if (json_as_real(value, -1e308) > -1e308 && column_name_find(key, strlen(key)).meaning == NAME_RATING)
            return parser_refuse(p,
                                 "the first lines have no rating, and this one has '%.40s': say "
                                 "data.columns=user=KEY,item=KEY,rating=%.40s, or leave the rating out",
                                 key, key);
    for (int c = 0; c < d->columns; c++) {
        const char *text = find_text(j, d->key[c], number[c]);

        f[c] = (struct field){text, strlen(text), false};
    }
    return parser_put_columns(p, f);
}
