#include "read/titles.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "read/dialect.h"
#include "read/field.h"
#include "read/lines.h"

#include <string.h>

static const struct dialect dialects[] = {
    [TITLES_BARS] = {.delimiter = "|", .delimiter_length = 1},
    [TITLES_COLONS] = {.delimiter = "::", .delimiter_length = 2},
    [TITLES_CSV] = {.delimiter = ",", .delimiter_length = 1, .quotes = true},
};

/* A field as a title of its own: UTF-8, no control characters, doubled quotes made single. */
static char *make_title(const struct field *f)
{
    bool utf8 = utf8_valid(f->text, f->length);
    char *title = mem_alloc((int64_t)(2 * f->length + 1), 1), *to = title;

    if (!title)
        return NULL;
    for (size_t k = 0; k < f->length; k++) {
        unsigned char c = (unsigned char)f->text[k];

        if (c >= 0x80 &&
            !utf8) { /* Latin-1: two bytes in UTF-8; its C1 controls are none that anybody wrote */
            *to++ = (char)(c < 0xA0 ? '?' : 0xC0 | c >> 6);
            if (c >= 0xA0)
                *to++ = (char)(0x80 | (c & 0x3F));
        } else {
            *to++ = (char)(c < 0x20 || c == 0x7F ? ' ' : c);
        }
        if (f->doubled && c == '"')
            k++;
    }
    *to = 0;
    return title;
}

static int take_line(struct ratings *r, const struct dialect *d, const char *line, const char *end,
                     struct error *err)
{
    struct field f[2];
    int64_t row;

    if (end > line && end[-1] == '\r')
        end--;
    if (dialect_cut(d, line, end, f, 2) < 2 || f[1].length == 0)
        return 0;
    row = idtable_find(r->items, f[0].text, f[0].length);
    if (row < 0)
        return 0;
    mem_free(r->title[row]);
    r->title[row] = make_title(&f[1]);
    return r->title[row] ? 0 : error_set(err, PT_ENOMEM, "out of memory for titles");
}

int titles_read(struct ratings *r, const struct source *source, struct error *err)
{
    const struct source_text *text = &source->titles;
    const struct dialect *d = &dialects[source->titles_kind];
    struct lines *lines = NULL;
    const char *begin, *end;
    int64_t count = 0;
    int rc;

    if (source->titles_kind == TITLES_NONE)
        return 0;
    r->title = mem_zalloc(idtable_count(r->items), sizeof *r->title);
    if (!r->title)
        return error_set(err, PT_ENOMEM, "%s: out of memory for titles", text->shown);
    rc = lines_open(&lines, text->path, text->member, text->shown, err);
    if (rc == 0)
        rc = lines_next(lines, count, &begin, &end, err);
    while (rc == 0 && begin < end) {
        while (rc == 0 && begin < end) {
            const char *stop = memchr(begin, '\n', (size_t)(end - begin));

            rc = take_line(r, d, begin, stop, err);
            begin = stop + 1;
            count++;
        }
        if (rc == 0)
            rc = lines_next(lines, count, &begin, &end, err);
    }
    lines_close(lines);
    return rc;
}

int titles_merge(struct ratings *r, const char *path, struct error *err)
{
    int64_t n = idtable_count(r->items), merged;
    struct idtable *items = idtable_new();
    int32_t *to = mem_alloc(n, sizeof *to);
    char **title = mem_zalloc(n, sizeof *title);
    int rc = 0;

    if (!r->title) {
        rc = error_set(
            err, PT_EDATA,
            "%s: data.item_key is title, and there is no file of titles (u.item, movies.dat, movies.csv); "
            "data.item_key=id does without",
            path);
        goto done;
    }
    if (!items || !to || !title) {
        rc = error_set(err, PT_ENOMEM, "%s: out of memory for titles", path);
        goto done;
    }
    for (int64_t i = 0; i < n; i++) {
        const char *name = r->title[i] ? r->title[i] : idtable_name(r->items, i);
        int64_t row = idtable_put(items, name, strlen(name));

        if (row < 0) {
            rc = error_set(err, PT_ENOMEM, "%s: out of memory for titles", path);
            goto done;
        }
        to[i] = (int32_t)row;
        if (!title[row]) {
            title[row] = r->title[i];
            r->title[i] = NULL;
        }
    }
    for (int64_t k = 0; k < r->n; k++)
        r->item[k] = to[r->item[k]];
    merged = idtable_count(items);
    for (int64_t i = 0; i < n; i++)
        mem_free(r->title[i]);
    mem_free(r->title);
    r->title = title;
    title = NULL;
    for (int64_t i = merged; i < n; i++)
        r->title[i] = NULL;
    idtable_free(r->items);
    r->items = items;
    items = NULL;
done:
    if (title) /* failed: the titles that moved are still to be freed */
        for (int64_t i = 0; i < n; i++)
            mem_free(title[i]);
    mem_free(title);
    mem_free(to);
    idtable_free(items);
    return rc;
}
