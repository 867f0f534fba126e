#include "read/text_format.h"

#include "base/text.h"
#include "read/field.h"

#include <string.h>

void text_set_delimiter(struct text_format *d, const char *delimiter)
{
    d->delimiter_length = (int)strlen(delimiter);
    strcpy(d->delimiter, delimiter);
    d->blanks = strcmp(delimiter, " ") == 0;
    d->quotes = true;
    d->strict = strcmp(delimiter, ",") == 0 || strcmp(delimiter, ";") == 0;
}

/* A quoted field from its opening quote on; NULL and *why: not closed, or something stands behind the
 * quote. */
static const char *cut_quoted(const struct text_format *d, const char *p, const char *end, struct field *out,
                              int64_t *why)
{
    const char *q = p + 1;

    *out = (struct field){q, 0, false};
    *why = TEXT_OPEN_QUOTE;
    for (;;) {
        q = memchr(q, '"', (size_t)(end - q));
        if (!q)
            return NULL;
        if (q + 1 == end || q[1] != '"')
            break;
        out->doubled = true;
        q += 2;
    }
    *why = TEXT_BEHIND_QUOTE;
    out->length = (size_t)(q++ - out->text);
    if (d->blanks)
        return q == end || field_is_blank(*q) ? q : NULL;
    while (q < end && field_is_blank(*q) && *q != d->delimiter[0])
        q++;
    if (q == end ||
        (end - q >= d->delimiter_length && memcmp(q, d->delimiter, (size_t)d->delimiter_length) == 0))
        return q;
    return NULL;
}

static void trim(struct field *f)
{
    for (; f->length > 0 && field_is_blank(f->text[0]); f->text++)
        f->length--;
    while (f->length > 0 && field_is_blank(f->text[f->length - 1]))
        f->length--;
}

const char *text_next(const struct text_format *d, const char *p, const char *end, struct field *f,
                      int64_t *why)
{
    const char *start, *next;

    *why = 0;
    p = d->blanks ? text_behind_blanks(p, end) : p;
    if (p > end || (d->blanks && p == end))
        return NULL;
    *f = (struct field){p, 0, false};
    for (start = p; d->quotes && start < end && *start == ' ';)
        start++;
    if (d->quotes && start < end && *start == '"') {
        if (!(next = cut_quoted(d, start, end, f, why)))
            return NULL;
        *why = 0;
    } else {
        if (d->blanks)
            for (next = p; next < end && !field_is_blank(*next);)
                next++;
        else if (d->delimiter_length == 1)
            next = memchr(p, d->delimiter[0], (size_t)(end - p));
        else
            next = memmem(p, (size_t)(end - p), d->delimiter, (size_t)d->delimiter_length);
        next = next ? next : end;
        f->length = (size_t)(next - p);
        trim(f);
    }
    return next == end ? end + 1 : next + d->delimiter_length;
}

static int64_t cut(const struct text_format *d, const char *line, const char *end, struct field *fields,
                   int most)
{
    struct field f;
    int64_t n = 0, why = 0;

    for (const char *p = line; (p = text_next(d, p, end, &f, &why));) {
        if (fields && n < most)
            fields[n] = f;
        n++;
    }
    return why < 0 ? why : n;
}

int64_t text_cut(const struct text_format *d, const char *line, const char *end, struct field *fields,
                 int most)
{
    int64_t n = cut(d, line, end, fields, most);
    struct text_format plain;

    if (n >= 0 || d->strict)
        return n;
    plain = *d; /* an inch, a nickname: a character like others */
    plain.quotes = false;
    return cut(&plain, line, end, fields, most);
}

const char *text_record_end(const struct text_format *d, const char *line, const char *end, bool last)
{
    const char *stop = text_newline(line, end), *first = stop, *from = line;
    bool open = false;

    if (!d->quotes || !memchr(line, '"', (size_t)(stop - line)) ||
        cut(d, line, text_without_cr(line, stop), NULL, 0) != TEXT_OPEN_QUOTE)
        return stop;
    for (;;) { /* up to the first line end with an even number of quotes before it */
        for (const char *q = from; (q = memchr(q, '"', (size_t)(stop - q))); q++)
            open = !open;
        if (!open)
            return d->strict || cut(d, line, stop, NULL, 0) >= 0 ? stop : first;
        if (stop == end || stop - line > TEXT_RECORD)
            return !d->strict && (last || stop - line > TEXT_RECORD) ? first : NULL;
        from = stop + 1;
        stop = text_newline(from, end);
    }
}

struct field text_plain(struct field f, char *scratch, size_t space)
{
    size_t n = 0;

    if (!f.doubled || f.length > space)
        return f;
    for (size_t k = 0; k < f.length; k += 1 + (f.text[k] == '"'))
        scratch[n++] = f.text[k];
    return (struct field){scratch, n, false};
}

bool text_is_missing_word(const char *text, size_t length)
{
    static const char words[][5] = {"NA",   "nan", "NaN", "NAN", "NULL", "null", "None",
                                    "none", "\\N", "N/A", "n/a", "<NA>", "#N/A", "NaT"};
    char key[5] = "";

    if (length >= sizeof key)
        return false;
    memcpy(key, text, length);
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (memcmp(key, words[k], sizeof key) == 0)
            return true;
    return false;
}

enum role text_role(const struct text_format *d, int column)
{
    enum role r = ROLE_USER;

    while (r < ROLES && d->of[r] != column)
        r++;
    return r < ROLES ? r : ROLE_SKIP;
}

void text_show_columns(const struct text_format *d, char *out, size_t space)
{
    *out = 0;
    for (int c = 0; c < d->columns; c++)
        text_append(out, space, "%s%s", c ? ", " : "", role_name(text_role(d, c)));
}
