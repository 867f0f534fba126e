#include "read/parser.h"

#include "base/text.h"
#include "read/field.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The next field of a list from c on; the place behind it, or NULL: there is none. */
static const char *next_field(const struct text_format *d, const char *c, const char *end, struct field *f)
{
    int64_t why;

    return c < end ? text_next(d, c, end, f, &why) : NULL;
}

/* The same for a list in a cell: brackets, blanks, commas and quotes part its items. */
static const char *next_of_cell(const char *c, const char *end, struct field *item)
{
    static const char marks[] = "[](){}, \t;|";
    const char *stop;
    char quote;

    while (c < end && *c && strchr(marks, *c))
        c++;
    if (c == end)
        return NULL;
    quote = *c == '\'' || *c == '"' ? *c : 0;
    while (quote && c < end && *c == quote) /* doubled within a quoted field */
        c++;
    for (stop = c; stop < end && (quote ? *stop != quote : !*stop || !strchr(marks, *stop));)
        stop++;
    *item = (struct field){c, (size_t)(stop - c), false};
    while (quote && stop < end && *stop == quote)
        stop++;
    return stop;
}

/* What is wrong with a list in a cell: keys, lists in it, a gap, or blanks that may be in words; or NULL. */
static const char *check_cell(const char *c, const char *end)
{
    int open = 0, commas = 0, blanks = 0;

    for (char quote = 0; c < end; c++) {
        c += *c == '"' && end - c > 1 && c[1] == '"'; /* doubled within a quoted field */
        if (*c == quote || (!quote && (*c == '\'' || *c == '"'))) {
            quote ^= *c;
        } else if (!quote) {
            commas |= *c == ',';
            blanks |=
                *c == ' ' && end - c > 1 && isalnum((unsigned char)c[-1]) && isalnum((unsigned char)c[1]);
            open += *c && strchr("[({", *c);
            open +=
                2 * ((*c == ':' && (end - c < 2 || c[1] == ' ')) || (end - c > 3 && !memcmp(c, "...", 3)));
        }
    }
    return open > 1 || (commas && blanks) ? "holds more than items, or items that want quotes" : NULL;
}

/* "item:value"; NULL or what is wrong with it. */
static const char *cut_pair(struct field *item, float *value)
{
    const char *colon = memrchr(item->text, ':', item->length), *end = item->text + item->length;

    if (!colon || colon == item->text)
        return "is no item:value";
    item->length = (size_t)(colon - item->text);
    return field_rating(colon + 1, (size_t)(end - colon - 1), value);
}

static const char *next_item(const struct text_format *d, const char *c, const char *end, struct field *item,
                             float *value, const char **why)
{
    c = d->layout == FORMAT_CELL_LISTS ? next_of_cell(c, end, item) : next_field(d, c, end, item);
    *why = c && d->layout == FORMAT_ITEM_VALUES ? cut_pair(item, value) : NULL;
    return c;
}

/* The items from c on. All of them are checked before the first is stored, and a user without an item is not
 * stored. A short line of lists between blanks without a zero byte needs no look at each. */
static int put_items(struct parser *p, const struct field *user, const char *c, const char *end)
{
    const struct text_format *d = p->format;
    bool sure = d->blanks && (d->layout == FORMAT_LISTS || d->layout == FORMAT_COUNTED_LISTS) &&
                end - user->text <= FIELD_ID_BYTES && !memchr(user->text, 0, (size_t)(end - user->text));
    const char *why = field_id(user->text, user->length);
    char shown[PRINTABLE_BYTES];
    struct field item;
    float value = 1;
    int rc = 0;

    if (why)
        return parser_bad(p, "user '%s' %s", printable(shown, user->text, user->length), why);
    for (const char *at = c; !sure && (at = next_item(d, at, end, &item, &value, &why));) {
        why = why ? why : field_id(item.text, item.length);
        if (why)
            return parser_bad(p, "item '%s' %s", printable(shown, item.text, item.length), why);
    }
    while (rc == 0 && (c = next_item(d, c, end, &item, &value, &why)))
        rc = parser_put(p, user, &item, value, 0);
    return rc;
}

/* A number as an id. */
static struct field write_number(char digits[24], int64_t number)
{
    return (struct field){digits, (size_t)snprintf(digits, 24, "%" PRId64, number), false};
}

static int parse_list(struct parser *p, const char *line, const char *end)
{
    struct field user, item;
    const char *c = next_field(p->format, line, end, &user);
    char digits[24];
    int64_t n = 0, wanted;

    if (c && p->format->layout == FORMAT_COUNTED_LISTS) {
        for (const char *at = c; (at = next_field(p->format, at, end, &item));)
            n++;
        if (field_time(user.text, user.length, &wanted) || wanted != n)
            return parser_bad(p, "%" PRId64 " items, and the first number is %.*s", n,
                              (int)(user.length < 40 ? user.length : 40), user.text);
        user = write_number(digits, ++p->people);
    }
    return c ? put_items(p, &user, c, end) : 0;
}

static int parse_cell_list(struct parser *p, const char *line, const char *end)
{
    char scratch[FIELD_ID_BYTES];
    struct field f[2], user;
    int64_t n = text_cut(p->format, line, end, f, 2);
    bool u = p->format->of[ROLE_USER] != 0;
    const char *why;

    if (n != 2)
        return parser_bad(p, "%" PRId64 " fields where 2 are expected (user, list of items)", n < 0 ? 1 : n);
    if ((why = check_cell(f[!u].text, f[!u].text + f[!u].length)))
        return parser_bad(p, "the list %s", why);
    user = text_plain(f[u], scratch, sizeof scratch);
    return put_items(p, &user, f[!u].text, f[!u].text + f[!u].length);
}

static int parse_block_line(struct parser *p, const char *line, const char *end)
{
    struct field f[3], item = {p->block_item, strlen(p->block_item), false};
    int64_t n = text_cut(p->format, line, end, f, 3);

    if (n == 1 && f[0].length > 1 && f[0].length < TEXT_WORD && f[0].text[f[0].length - 1] == ':') {
        snprintf(p->block_item, TEXT_WORD, "%.*s", (int)f[0].length - 1, f[0].text);
        p->lines_read--;
        return 0;
    }
    if (n != 3 || !item.length)
        return parser_bad(p, "%" PRId64 " fields where 'item:' or user, rating, date are expected",
                          n < 0 ? 1 : n);
    return parser_put_fields(p, (const struct field *const[ROLES]){NULL, &f[0], &item, &f[1], &f[2]}, NULL);
}

static int parse_matrix_row(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    struct field f[TEXT_COLUMNS], name[TEXT_COLUMNS], user, item;
    int64_t n = text_cut(d, line, end, f, TEXT_COLUMNS), first = d->user_first || d->skip_first;
    char digits[2][24], shown[PRINTABLE_BYTES];
    float value[TEXT_COLUMNS];
    const char *why;
    bool named;
    int rc = 0;

    if (n != d->columns)
        return parser_bad(p, "%" PRId64 " fields where %d are expected (a row of the matrix)", n < 0 ? 1 : n,
                          d->columns);
    user = d->user_first ? f[0] : write_number(digits[0], ++p->people);
    if ((why = field_id(user.text, user.length)))
        return parser_bad(p, "the user %s", why);
    for (int64_t c = first; c < n; c++) {
        value[c] = NAN;
        why =
            text_is_missing(f[c].text, f[c].length) ? NULL : field_rating(f[c].text, f[c].length, &value[c]);
        if (why)
            return parser_bad(p, "field %" PRId64 ": '%s' %s", c + 1,
                              printable(shown, f[c].text, f[c].length), why);
    }
    named = d->header_length && text_cut(d, d->header, d->header + d->header_length, name, TEXT_COLUMNS) == n;
    for (int64_t c = first; rc == 0 && c < n; c++) {
        if (isnan(value[c]) || value[c] == d->missing)
            continue;
        item = named && name[c].length ? name[c] : write_number(digits[1], c - first + 1);
        rc = parser_put(p, &user, &item, value[c], 0);
    }
    return rc;
}

int parser_parse_layout(struct parser *p, const char *line, const char *end)
{
    switch (p->format->layout) {
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
