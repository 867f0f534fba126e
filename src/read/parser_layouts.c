#include "read/parser_layouts.h"

#include "base/text.h"
#include "read/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The next field of a list from c on; the place behind it and its delimiter, or NULL: there is none. */
static const char *next_field(const struct text_format *d, const char *c, const char *end, struct field *f)
{
    const char *stop;

    while (d->blanks && c < end && field_is_blank(*c))
        c++;
    if (c >= end)
        return NULL;
    for (stop = c; stop < end && (d->blanks ? !field_is_blank(*stop)
                                            : strncmp(stop, d->delimiter, (size_t)d->delimiter_length) != 0);)
        stop++;
    *f = (struct field){c, (size_t)(stop - c), false};
    return stop < end && !d->blanks ? stop + d->delimiter_length : stop;
}

/* Whether all ids of the list can be ones, else as parser_bad. Between blanks no field is empty, so that a
 * short line without a zero byte needs no look at each. */
static int check_list(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    struct field f;

    if (d->blanks && end - line <= PARSER_ID && !memchr(line, 0, (size_t)(end - line)))
        return 0;
    for (const char *c = line; (c = next_field(d, c, end, &f));) {
        const char *why = f.length > PARSER_ID ? "is longer than 4096 bytes" : field_id(f.text, f.length);
        char shown[PRINTABLE_BYTES];

        if (why)
            return parser_bad(p, "%s '%s' %s", f.text == line ? "user" : "item",
                              printable(shown, f.text, f.length), why);
    }
    return 0;
}

/* The user that a line without one has: its number. */
static struct field numbered_user(struct parser *p, char digits[24])
{
    int n = snprintf(digits, 24, "%" PRId64, ++p->people);

    return (struct field){digits, (size_t)n, false};
}

static const char *skip_blanks(const struct text_format *d, const char *line, const char *end)
{
    while (d->blanks && line < end && field_is_blank(*line))
        line++;
    return line;
}

/* Nothing is stored before all of the line is right, and no user without an item: who is in the table has a
 * rating. */
static int parse_list(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    int64_t before = p->lines_bad;
    struct field user, item;
    const char *c;
    int rc = check_list(p, line = skip_blanks(d, line, end), end);

    if (rc < 0 || p->lines_bad > before || !(c = next_field(d, line, end, &user)))
        return rc;
    while (rc == 0 && (c = next_field(d, c, end, &item)))
        rc = parser_put(p, &user, &item, 1, 0);
    return rc;
}

static int parse_counted_list(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    int64_t before = p->lines_bad, n = -1, wanted;
    struct field user, item;
    char digits[24];
    int rc = check_list(p, line = skip_blanks(d, line, end), end);

    if (rc < 0 || p->lines_bad > before)
        return rc;
    user = numbered_user(p, digits);
    for (const char *c = line; (c = next_field(d, c, end, &item));)
        n++;
    line = next_field(d, line, end, &item);
    if (field_time(item.text, item.length, &wanted) || wanted != n)
        return parser_bad(p, "%" PRId64 " items, and the first number is %.*s", n,
                          (int)(item.length < 40 ? item.length : 40), item.text);
    while (rc == 0 && (line = next_field(d, line, end, &item)))
        rc = parser_put(p, &user, &item, 1, 0);
    return rc;
}

/* "item:value"; NULL or what is wrong with it. */
static const char *cut_pair(const struct field *f, struct field *item, float *value)
{
    const char *colon = memrchr(f->text, ':', f->length);

    if (!colon || colon == f->text)
        return "is no item:value";
    *item = (struct field){f->text, (size_t)(colon - f->text), false};
    if (field_id(item->text, item->length))
        return field_id(item->text, item->length);
    return field_value(colon + 1, f->length - item->length - 1, value);
}

static int parse_item_values(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    int64_t before = p->lines_bad;
    char shown[PRINTABLE_BYTES];
    struct field user, f, item;
    float value;
    const char *first, *c;
    int rc = check_list(p, line = skip_blanks(d, line, end), end);

    if (rc < 0 || p->lines_bad > before || !(first = next_field(d, line, end, &user)))
        return rc;
    for (c = first; (c = next_field(d, c, end, &f));) {
        const char *why = cut_pair(&f, &item, &value);

        if (why)
            return parser_bad(p, "'%s' %s", printable(shown, f.text, f.length), why);
    }
    for (c = first; rc == 0 && (c = next_field(d, c, end, &f));)
        if (!cut_pair(&f, &item, &value))
            rc = parser_put(p, &user, &item, value, 0);
    return rc;
}

const char *parser_next_of_cell(const char *c, const char *end, struct field *item)
{
    const char *stop;

    while (c < end && strchr("[](){}, \t;|", *c) && *c)
        c++;
    if (c == end)
        return NULL;
    if (*c == '\'' || *c == '"') {
        char quote = *c++;

        while (c < end && *c == quote) /* doubled within a quoted field */
            c++;
        stop = memchr(c, quote, (size_t)(end - c));
        stop = stop ? stop : end;
        *item = (struct field){c, (size_t)(stop - c), false};
        while (stop < end && *stop == quote)
            stop++;
        return stop;
    }
    for (stop = c; stop < end && !(strchr("[](){}, \t;|", *stop) && *stop);)
        stop++;
    *item = (struct field){c, (size_t)(stop - c), false};
    return stop;
}

static int parse_cell_list(struct parser *p, const char *line, const char *end)
{
    char scratch[PARSER_ID];
    struct field f[2], user, item;
    int64_t n = text_cut(p->format, line, end, f, 2);
    const char *why, *stop;
    int u = p->format->role[0] == ROLE_USER ? 0 : 1, rc = 0;

    if (n != 2)
        return parser_bad(p, "%" PRId64 " fields where 2 are expected (user, list of items)", n < 0 ? 1 : n);
    why = parser_id(&f[u], scratch, &user);
    stop = f[!u].text + f[!u].length;
    for (const char *c = f[!u].text; !why && (c = parser_next_of_cell(c, stop, &item));)
        why = item.length > PARSER_ID ? "is longer than 4096 bytes" : field_id(item.text, item.length);
    if (why)
        return parser_bad(p, "an id %s", why);
    for (const char *c = f[!u].text; rc == 0 && (c = parser_next_of_cell(c, stop, &item));)
        rc = parser_put(p, &user, &item, 1, 0);
    return rc;
}

static int parse_block_line(struct parser *p, const char *line, const char *end)
{
    struct field f[3], item;
    int64_t n = text_cut(p->format, line, end, f, 3), time = 0;
    float value = 1;
    const char *why;
    char shown[PRINTABLE_BYTES];

    if (n == 1 && f[0].length > 1 && f[0].length < TEXT_WORD && f[0].text[f[0].length - 1] == ':') {
        memcpy(p->block_item, f[0].text, f[0].length - 1);
        p->block_item[f[0].length - 1] = 0;
        p->lines_read--;
        return 0;
    }
    if (n != 3 || !*p->block_item)
        return parser_bad(p, "%" PRId64 " fields where 'item:' or user, rating, date are expected",
                          n < 0 ? 1 : n);
    why = field_id(f[0].text, f[0].length);
    why = why ? why : field_value(f[1].text, f[1].length, &value);
    why = why ? why : field_time(f[2].text, f[2].length, &time);
    if (why)
        return parser_bad(p, "'%s' %s", printable(shown, line, (size_t)(end - line)), why);
    item = (struct field){p->block_item, strlen(p->block_item), false};
    return parser_put(p, &f[0], &item, value, time);
}

static int parse_matrix_row(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    struct field f[TEXT_COLUMNS], name[TEXT_COLUMNS] = {{NULL, 0, false}}, user;
    int64_t n = text_cut(d, line, end, f, TEXT_COLUMNS), first = d->user_first || d->skip_first, names = 0;
    char digits[2][24], shown[PRINTABLE_BYTES];
    float value[TEXT_COLUMNS];
    int rc = 0;

    if (n != d->columns)
        return parser_bad(p, "%" PRId64 " fields where %d are expected (a row of the matrix)", n < 0 ? 1 : n,
                          d->columns);
    user = numbered_user(p, digits[0]);
    if (d->user_first)
        user = f[0];
    if (field_id(user.text, user.length))
        return parser_bad(p, "the user %s", field_id(user.text, user.length));
    for (int64_t c = first; c < n; c++) {
        const char *why =
            text_is_missing(f[c].text, f[c].length) ? NULL : field_rating(f[c].text, f[c].length, &value[c]);

        if (why)
            return parser_bad(p, "field %" PRId64 ": '%s' %s", c + 1,
                              printable(shown, f[c].text, f[c].length), why);
    }
    if (d->header_length)
        names = text_cut(d, d->header, d->header + d->header_length, name, TEXT_COLUMNS);
    for (int64_t c = first; rc == 0 && c < n; c++) {
        struct field item = {digits[1], (size_t)snprintf(digits[1], 24, "%" PRId64, c - first + 1), false};

        if (text_is_missing(f[c].text, f[c].length) || (d->has_missing && value[c] == d->missing))
            continue;
        rc = parser_put(p, &user, names == n && name[c].length ? &name[c] : &item, value[c], 0);
    }
    return rc;
}

int parser_take_layout(struct parser *p, const char *line, const char *end)
{
    switch (p->format->layout) {
    case FORMAT_COUNTED_LISTS:
        return parse_counted_list(p, line, end);
    case FORMAT_ITEM_VALUES:
        return parse_item_values(p, line, end);
    case FORMAT_CELL_LISTS:
        return parse_cell_list(p, line, end);
    case FORMAT_NETFLIX:
        return parse_block_line(p, line, end);
    case FORMAT_MATRIX:
        return parse_matrix_row(p, line, end);
    default:
        return parse_list(p, line, end);
    }
}
