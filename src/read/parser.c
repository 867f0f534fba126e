#include "read/parser.h"

#include "base/text.h"
#include "read/recogniser.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* 1: the header again, with other quotes. PT_EDATA: one of other columns, or of another file: user and item
 * are words of a header. 0: data. */
static int pass_header(struct parser *p, const struct field *line)
{
    const struct text_format *d = p->format;
    const struct field *user = &line[d->of[ROLE_USER]], *item = &line[d->of[ROLE_ITEM]];
    struct field f[TEXT_COLUMNS];
    int64_t n;
    int found = 0, alike = 0;

    if (!d->has_rating && !d->has_time && user->length && user->length <= 12 &&
        isalpha((unsigned char)*user->text) && header_ids((struct field[]){*user, *item}, 2) == HEADER_BOTH)
        found = 2; /* of another file */
    else if (!user->length || !memmem(d->header, (size_t)d->header_length, user->text, user->length))
        return 0;
    n = text_cut(d, d->header, d->header + d->header_length, f, TEXT_COLUMNS);
    for (int64_t c = 0; c < n && c < d->columns; c++) {
        found += field_same(&f[c], user) + field_same(&f[c], item);
        alike += field_same(&f[c], &line[c]);
    }
    if (alike == n && n == d->columns) {
        p->headers++;
        p->lines_read--;
        return 1;
    }
    return found < 2 ? 0
                     : parser_refuse(p,
                                     "a header again, unlike that of line %" PRId64
                                     "; texts of different columns are read as files of a glob, each by its "
                                     "own header",
                                     d->head_lines);
}

static int parse_delimited(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;
    struct field f[TEXT_COLUMNS];
    int64_t n = text_cut(d, line, end, f, TEXT_COLUMNS);
    int header;

    if (n < 0)
        return n == TEXT_OPEN_QUOTE
                   ? parser_refuse(p, "a quoted field is not closed")
                   : parser_bad(
                         p, "text follows the closing quote of a field; is another data.delimiter wanted?");
    if (n != d->columns)
        return bad_count(p, n);
    TRY(header = pass_header(p, f));
    return header ? 0 : parser_put_columns(p, f);
}

/* --- any line ------------------------------------------------------------------------------------ */

/* [line, end): a record without its newline. */
static int parse_line(struct parser *p, const char *line, const char *end)
{
    const struct text_format *d = p->format;

    end = text_without_cr(line, end);
    if (p->past_head && text_begins(line, end, "\xEF\xBB\xBF"))
        line += 3; /* texts with byte order marks, one behind the other */
    if (!p->past_head && p->line <= d->head_lines)
        return 0;
    p->past_head = true;
    if (text_behind_blanks(line, end) == end)
        return 0;
    if (text_begins(line, end, d->comment)) {
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
        return json_lines_parse(p, line, end);
    return d->layout == FORMAT_DELIMITED ? parse_delimited(p, line, end) : parser_parse_layout(p, line, end);
}

bool parser_reserve(struct parser *p, int64_t bytes)
{
    /* A rating takes at least "1,2\n", a further one of a list " 2". */
    return parser_reserve_ratings(p, bytes / (p->format->layout != FORMAT_DELIMITED ? 2 : 4) + 1);
}

bool parser_lines_are_alone(const struct text_format *d)
{
    return d->layout == FORMAT_DELIMITED || d->layout == FORMAT_LISTS || d->layout == FORMAT_ITEM_VALUES ||
           d->layout == FORMAT_CELL_LISTS || d->layout == FORMAT_JSON;
}

static int parse_record(struct parser *p, const char **begin, const char *end)
{
    bool quoted = p->format->layout == FORMAT_DELIMITED || p->format->layout == FORMAT_CELL_LISTS;
    const char *stop = quoted && (p->past_head || p->line >= p->format->head_lines)
                           ? text_record_end(p->format, *begin, end, p->last)
                           : memchr(*begin, '\n', (size_t)(end - *begin));

    if (!stop && !p->last && end - *begin <= TEXT_RECORD + 1)
        return PARSER_OPEN_QUOTE;
    p->line++;
    p->at = p->at_end = *begin;
    if (!stop)
        return parser_refuse(p, "a quoted field is not closed");
    TRY(parse_line(p, *begin, stop));
    for (const char *c = *begin; (c = memchr(c, '\n', (size_t)(stop - c))); c++)
        p->line++;
    *begin = stop < end ? stop + 1 : end;
    return 0;
}

int parser_parse_lines(struct parser *p, const char *begin, const char *end, const char **stopped_at)
{
    struct plain_form form;
    bool plain = parser_plain_form(&form, p->format);

    p->past_head = p->past_head || p->format->head_lines == 0;
    while (begin < end) {
        int rc;

        if (plain && p->past_head)
            begin = parser_parse_plain(&form, p, begin, end);
        if (begin == end)
            break;
        rc = parse_record(p, &begin, end);
        if (rc && stopped_at)
            *stopped_at = begin;
        if (rc)
            return rc;
    }
    return 0;
}

int parser_parse_block(struct parser *p, struct lines *lines, const char *begin, const char *end)
{
    const char *stopped = begin;
    int rc;

    p->last = !lines_have_more(lines);
    rc = parser_reserve(p, end - begin) ? parser_parse_lines(p, begin, end, &stopped) : PT_ENOMEM;
    if (rc == PARSER_OPEN_QUOTE)
        lines_give_back(lines, stopped, (size_t)(end - stopped));
    return rc == PARSER_OPEN_QUOTE ? 0 : rc;
}
