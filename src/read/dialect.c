/* dialect.c - a line into fields, by a dialect that is known. */
#include "read/dialect.h"

#include "read/field.h"

#include <stdio.h>
#include <string.h>

const char *dialect_role_name(enum role r)
{
    static const char *const name[] = {"skip", "user", "item", "rating", "time"};

    return name[r];
}

/* A quoted field from its opening quote on; NULL: not closed, or something stands behind the closing quote.
 */
static const char *cut_quoted(const char *p, const char *end, char delimiter, struct field *out)
{
    const char *q = p + 1;

    *out = (struct field){q, 0, false};
    for (;;) {
        q = memchr(q, '"', (size_t)(end - q));
        if (!q)
            return NULL;
        if (q + 1 == end || q[1] != '"')
            break;
        out->doubled = true;
        q += 2;
    }
    out->length = (size_t)(q - out->text);
    for (q++; q < end && field_is_blank(*q) && *q != delimiter; q++)
        ;
    return q == end || *q == delimiter ? q : NULL;
}

static void trim(struct field *f)
{
    while (f->length > 0 && field_is_blank(f->text[0])) {
        f->text++;
        f->length--;
    }
    while (f->length > 0 && field_is_blank(f->text[f->length - 1]))
        f->length--;
}

static int64_t cut_blanks(const char *p, const char *end, struct field *fields, int most)
{
    int64_t n = 0;

    for (;;) {
        const char *from;

        while (p < end && field_is_blank(*p))
            p++;
        if (p == end)
            return n;
        for (from = p; p < end && !field_is_blank(*p); p++)
            ;
        if (n < most)
            fields[n] = (struct field){from, (size_t)(p - from), false};
        n++;
    }
}

int64_t dialect_cut(const struct dialect *d, const char *line, const char *end, struct field *fields,
                    int most)
{
    const char *p = line, *next;
    int64_t n = 0;

    if (d->blanks)
        return cut_blanks(line, end, fields, most);
    for (;;) {
        struct field f = {p, 0, false};
        const char *start = p;

        while (d->quotes && start < end && *start == ' ')
            start++;
        if (d->quotes && start < end && *start == '"') {
            next = cut_quoted(start, end, d->delimiter[0], &f);
            if (!next)
                return -1;
        } else {
            next = d->delimiter_length == 1
                       ? memchr(p, d->delimiter[0], (size_t)(end - p))
                       : memmem(p, (size_t)(end - p), d->delimiter, (size_t)d->delimiter_length);
            if (!next)
                next = end;
            f.length = (size_t)(next - p);
            trim(&f);
        }
        if (n < most)
            fields[n] = f;
        n++;
        if (next == end)
            return n;
        p = next + d->delimiter_length;
    }
}

void dialect_show(const struct dialect *d, char *out, size_t space)
{
    size_t used = 0;

    out[0] = 0;
    for (int c = 0; c < d->columns && used < space; c++)
        used += (size_t)snprintf(out + used, space - used, "%s%s", c ? ", " : "",
                                 dialect_role_name((enum role)d->role[c]));
}
