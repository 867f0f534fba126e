#include "read/parser.h"

#include "base/text.h"
#include "read/field.h"
#include "read/json_lines.h"
#include "read/lines.h"
#include "read/parser_layouts.h"
#include "read/parser_plain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT 16777216.0f /* beyond it a float does not hold every whole number */

/* --- a rating a line ----------------------------------------------------------------------------- */

static int bad_field(struct parser *p, const struct field *f, int column, const char *why)
{
    enum role r = (enum role)p->format->role[column];
    char shown[PRINTABLE_BYTES];
    int64_t time;
    bool date = r == ROLE_RATING && field_time(f->text, f->length, &time) == NULL;

    if (r == ROLE_RATING && p->skip_missing && text_is_missing(f->text, f->length)) {
        p->no_rating++;
        return 0;
    }
    if (f->length == 0)
        return parser_bad(p, "field %d: the %s is empty", column + 1, role_name(r));
    return parser_bad(p, "field %d: %s '%s' %s%s", column + 1, role_name(r),
                      printable(shown, f->text, f->length), why,
                      date ? " but a date; is it the time? data.columns says what each column is" : "");
}

/* A line that is not cut at all: perhaps at the wrong character. */
static int bad_count(struct parser *p, int64_t n)
{
    const struct text_format *d = p->format;
    char expected[512], shown[PRINTABLE_BYTES], hint[144] = "";

    text_show_columns(d, expected, sizeof expected);
    if (n == 1)
        snprintf(hint, sizeof hint, "; fields are cut at %s%s%s: is another data.delimiter wanted?",
                 d->blanks ? "" : "'",
                 d->blanks ? "blanks" : printable(shown, d->delimiter, (size_t)d->delimiter_length),
                 d->blanks ? "" : "'");
    return parser_bad(p, "%" PRId64 " field%s where %d are expected (%.300s)%s", n, n == 1 ? "" : "s",
                      d->columns, expected, hint);
}

enum again { NOT_A_HEADER, SAME_HEADER, OTHER_HEADER };

/* Whether the line is the header again, written otherwise or of another file: user and item are words of
 * it. */
static enum again header_again(const struct text_format *d, const struct field *line, const struct field *id)
{
    struct field f[TEXT_COLUMNS];
    int64_t n;
    int found = 0, same = 0;

    if (!d->header_length || !id[0].length ||
        !memmem(d->header, (size_t)d->header_length, id[0].text, id[0].length))
        return NOT_A_HEADER;
    n = text_cut(d, d->header, d->header + d->header_length, f, TEXT_COLUMNS);
    for (int64_t c = 0; c < n && c < TEXT_COLUMNS; c++) {
        for (int k = 0; k < 2; k++)
            found += f[c].length == id[k].length && memcmp(f[c].text, id[k].text, id[k].length) == 0;
        same += f[c].length == line[c].length && memcmp(f[c].text, line[c].text, f[c].length) == 0;
    }
    return same == n && n == d->columns ? SAME_HEADER : found >= 2 ? OTHER_HEADER : NOT_A_HEADER;
}

static const char *parse_time(const struct field *f, int64_t *time)
{
    if (!text_is_missing(f->text, f->length))
        return field_time(f->text, f->length, time);
    *time = TIME_NONE;
    return NULL;
}

static bool is_rounded(const struct field *f, float value)
{
    char digits[64];

    if (fabsf(value) < EXACT || f->length >= sizeof digits)
        return false;
    memcpy(digits, f->text, f->length);
    digits[f->length] = 0;
    return strtod(digits, NULL) != (double)value;
}

/* Reads the fields of a delimited line; nothing is stored before all of them are right. */
static int parse_fields(struct parser *p, const struct field *f)
{
    const struct text_format *d = p->format;
    char scratch[2][PARSER_ID];
    struct field id[2] = {{NULL, 0, false}, {NULL, 0, false}};
    const char *wrong = NULL;
    int at = 0, rating = -1, rc;
    int64_t time = 0;
    float value = 1;
    enum again again;

    for (int c = 0; c < d->columns; c++) {
        enum role r = (enum role)d->role[c];
        const char *why = NULL;

        if (r == ROLE_USER || r == ROLE_ITEM)
            why = parser_id(&f[c], scratch[r == ROLE_ITEM], &id[r == ROLE_ITEM]);
        else if (r == ROLE_RATING)
            why = field_rating(f[rating = c].text, f[c].length, &value);
        else if (r == ROLE_TIME)
            why = parse_time(&f[c], &time);
        at = why && !wrong ? c : at;
        wrong = wrong ? wrong : why;
    }
    again = header_again(d, f, id);
    if (again == SAME_HEADER) {
        p->headers++;
        p->lines_read--;
        return 0;
    }
    if (again == OTHER_HEADER)
        return parser_refuse(p,
                             "a header again, unlike that of line %" PRId64
                             "; texts of different columns are read "
                             "as files of a glob, each by its own header",
                             d->head_lines);
    if (wrong)
        return bad_field(p, &f[at], at, wrong);
    if ((rc = parser_put(p, &id[0], &id[1], value, time)) < 0)
        return rc;
    p->no_time += time == TIME_NONE;
    p->rounded += rating >= 0 && is_rounded(&f[rating], value);
    if (d->event >= 0)
        parser_count_kind(p, f[d->event].text, f[d->event].length, 1);
    return 0;
}

/* --- any line ------------------------------------------------------------------------------------ */

static bool begins_with(const char *line, const char *end, const char *prefix)
{
    size_t n = strlen(prefix);

    return n && (size_t)(end - line) >= n && memcmp(line, prefix, n) == 0;
}

static int parse_delimited(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    struct field fields[TEXT_COLUMNS];
    int64_t n = text_cut(d, line, end, fields, TEXT_COLUMNS);

    if (n < 0)
        return n == TEXT_OPEN_QUOTE
                   ? parser_refuse(p, "a quoted field is not closed")
                   : parser_bad(
                         p, "text follows the closing quote of a field; is another data.delimiter wanted?");
    if (n != d->columns)
        return bad_count(p, n);
    if (d->where >= 0 && (fields[d->where].length != strlen(d->where_word) ||
                          memcmp(fields[d->where].text, d->where_word, fields[d->where].length) != 0)) {
        p->elsewhere++;
        return 0;
    }
    return parse_fields(p, fields);
}

/* [line, end): a record without its newline. */
static int parse_line(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    const char *c;

    if (end > line && end[-1] == '\r')
        end--;
    if (p->past_head && begins_with(line, end, "\xEF\xBB\xBF"))
        line += 3; /* texts with byte order marks, one behind the other */
    for (c = line; c < end && field_is_blank(*c);)
        c++;
    if (!p->past_head && p->line <= d->head_lines)
        return 0;
    p->past_head = true;
    if (c == end)
        return 0;
    if (begins_with(line, end, d->comment)) {
        p->comments++;
        return 0;
    }
    if (d->header_length && end - line == d->header_length &&
        memcmp(line, d->header, (size_t)(end - line)) == 0) {
        p->headers++;
        return 0;
    }
    p->lines_read++;
    p->at = line;
    p->at_end = end;
    if ((size_t)(end - line) > LINES_LONGEST)
        return parser_bad(p, "the line is longer than %zu MiB", LINES_LONGEST >> 20);
    if (d->layout == FORMAT_JSON)
        return json_lines_take(p, line, end);
    return d->layout == FORMAT_DELIMITED ? parse_delimited(p, line, end) : parser_take_layout(p, line, end);
}

bool parser_reserve(struct parser *p, int64_t bytes)
{
    /* A rating takes at least "1,2\n", a further one of a list " 2". */
    return triplets_reserve(p->out, p->format->layout != FORMAT_DELIMITED ? bytes / 2 + 1 : bytes / 4 + 1,
                            p->keep_time);
}

bool parser_lines_are_alone(const struct text_format *d)
{
    return d->layout == FORMAT_DELIMITED || d->layout == FORMAT_LISTS || d->layout == FORMAT_ITEM_VALUES ||
           d->layout == FORMAT_CELL_LISTS || d->layout == FORMAT_JSON;
}

/* What parser_take has changed when a line cannot be finished. */
struct mark {
    int64_t line, lines_read, n;
};

static int parse_record(struct parser *p, const char **begin, const char *end)
{
    struct mark before = {p->line, p->lines_read, p->out->n};
    bool quoted = p->format->layout == FORMAT_DELIMITED || p->format->layout == FORMAT_CELL_LISTS;
    const char *stop = quoted && (p->past_head || p->line >= p->format->head_lines)
                           ? text_record_end(p->format, *begin, end, p->last)
                           : memchr(*begin, '\n', (size_t)(end - *begin));
    int rc;

    if (!stop && !p->last && end - *begin <= TEXT_RECORD + 1)
        return PARSER_OPEN_QUOTE;
    p->line++;
    p->at = p->at_end = *begin;
    if (!stop)
        return parser_refuse(p, "a quoted field is not closed");
    rc = parse_line(p, *begin, stop);
    if (rc == PT_ENOMEM) {
        p->line = before.line;
        p->lines_read = before.lines_read;
        p->out->n = before.n;
    }
    if (rc < 0)
        return rc;
    for (const char *c = *begin; (c = memchr(c, '\n', (size_t)(stop - c))); c++)
        p->line++;
    *begin = stop < end ? stop + 1 : end;
    return 0;
}

int parser_take(struct parser *p, const char *begin, const char *end, const char **stopped_at)
{
    struct plain_form form;
    bool plain = parser_plain_form(&form, p->format);

    p->past_head = p->past_head || p->format->head_lines == 0;
    while (begin < end) {
        int rc;

        if (plain && p->past_head) {
            int64_t n = p->out->n;

            begin = parser_take_plain(&form, p->users, p->items, p->out, p->keep_time, begin, end);
            p->line += p->out->n - n;
            p->lines_read += p->out->n - n;
            if (begin == end)
                break;
        }
        rc = parse_record(p, &begin, end);
        if (rc && stopped_at)
            *stopped_at = begin;
        if (rc)
            return rc;
    }
    return 0;
}
