#include "read/titles.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/lines.h"
#include "read/sample.h"

#include <string.h>

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

struct titles {
    struct text_format format;
    int id, title;
    bool header;
};

/* Which column is the id, and which the title: by names, else the first two. */
static void find_columns(struct titles *t, const char *line, const char *end)
{
    struct field f[TEXT_COLUMNS];
    int64_t n = text_cut(&t->format, line, end, f, TEXT_COLUMNS);
    int id = -1, id_rank = -1, title = -1, title_rank = -1;

    for (int64_t c = 0; c < n && c < TEXT_COLUMNS; c++) {
        struct column_name name = column_name_find(f[c].text, f[c].length);
        bool item = name.meaning == NAME_ITEM;
        int as_id = item                                          ? 10 * (name.rank > 1) + name.rank
                    : name.meaning == NAME_ID && f[c].length == 2 ? 5
                                                                  : -1;
        int as_title = name.meaning == NAME_TITLE ? 10 + name.rank
                       : item && name.rank < 3    ? 3 - name.rank
                                                  : -1;

        if (as_id > id_rank) {
            id = (int)c;
            id_rank = as_id;
        }
        if (as_title > title_rank) {
            title = (int)c;
            title_rank = as_title;
        }
    }
    t->header = id >= 0 && title >= 0 && id != title;
    t->id = t->header ? id : 0;
    t->title = t->header ? title : 1;
}

/* An id that a program wrote as a fraction (1.0) is the one without it too. */
static int64_t find_item(const struct ratings *r, const struct field *f)
{
    int64_t row = idtable_find(r->items, f->text, f->length);

    if (row < 0 && f->length > 2 && memcmp(f->text + f->length - 2, ".0", 2) == 0)
        row = idtable_find(r->items, f->text, f->length - 2);
    return row;
}

static int add_title(struct ratings *r, const struct titles *t, const char *line, const char *end,
                     struct error *err)
{
    struct field f[TEXT_COLUMNS];
    int last = t->id > t->title ? t->id : t->title;
    int64_t row;

    if (text_cut(&t->format, line, text_without_cr(line, end), f, last + 1) <= last ||
        f[t->title].length == 0)
        return 0;
    row = find_item(r, &f[t->id]);
    if (row < 0)
        return 0;
    r->reading.titles += r->title[row] == NULL;
    mem_free(r->title[row]);
    r->title[row] = make_title(&f[t->title]);
    return r->title[row] ? 0 : error_set(err, PT_ENOMEM, "out of memory for titles");
}

/* u.item and movies.dat are not cut by what most lines have: titles hold commas. */
static int recognise_titles(struct titles *t, const char *name, const char *begin, const char *end,
                            struct error *err)
{
    size_t n = strlen(name);
    bool bars = strstr(name, "u.item") != NULL, colons = n > 10 && strstr(name, "movies.dat");
    struct sample *s;

    *t = (struct titles){.id = 0, .title = 1};
    if (bars || colons) {
        text_set_delimiter(&t->format, bars ? "|" : "::");
        t->format.quotes = false;
        return 0;
    }
    s = mem_zalloc(1, sizeof *s);
    if (!s)
        return error_set(err, PT_ENOMEM, "%s: out of memory", name);
    sample_find_delimiter(&t->format, s, begin, end, 0);
    mem_free(s);
    find_columns(t, begin, text_without_cr(begin, text_newline(begin, end)));
    return 0;
}

static int read_titles(struct ratings *r, const struct source_text *text, struct lines *lines,
                       struct error *err)
{
    const char *begin, *end;
    struct titles t;
    int64_t count = 0;
    int rc = lines_next(lines, count, &begin, &end, err);

    if (rc == 0 && begin < end)
        rc = recognise_titles(&t, text->shown, begin, end, err);
    while (rc == 0 && begin < end) {
        const char *stop = text_record_end(&t.format, begin, end, false);

        if (!stop && !lines_keep(lines, begin))
            stop = text_newline(begin, end);
        if (stop) {
            rc = add_title(r, &t, begin, stop, err);
            begin = stop + 1;
            count++;
        }
        if (rc == 0 && (!stop || begin == end))
            rc = lines_next(lines, count, &begin, &end, err);
    }
    return rc;
}

int titles_read(struct ratings *r, const struct source *source, struct error *err)
{
    const struct source_text *text = &source->titles;
    struct lines *lines = NULL;
    int rc;

    if (!text->path)
        return 0;
    r->title = mem_zalloc(idtable_count(r->items), sizeof *r->title);
    if (!r->title)
        return error_set(err, PT_ENOMEM, "%s: out of memory for titles", text->shown);
    r->reading.titles = 0;
    r->reading.titles_of = idtable_count(r->items);
    rc = lines_open(&lines, text->path, text->member, text->shown, err);
    if (rc == 0)
        rc = read_titles(r, text, lines, err);
    lines_close(lines);
    return rc;
}

int titles_merge(struct ratings *r, const char *path, struct error *err)
{
    int64_t n = idtable_count(r->items);
    struct idtable *items = idtable_new();
    int32_t *to = mem_alloc(n, sizeof *to);
    int rc = 0;

    if (!r->title)
        rc = error_set(err, PT_EDATA,
                       "%s: data.item_key is title, and no file of titles lies beside the ratings "
                       "(movies.csv with movieId,title); data.item_key=id does without",
                       path);
    else if (!items || !to)
        rc = error_set(err, PT_ENOMEM, "%s: out of memory for titles", path);
    for (int64_t i = 0; i < n && rc == 0; i++) {
        char *title = r->title[i];
        const char *name = title ? title : idtable_name(r->items, i);
        int64_t row = idtable_put(items, name, strlen(name));

        if (row < 0) {
            rc = error_set(err, PT_ENOMEM, "%s: out of memory for titles", path);
            break;
        }
        to[i] = (int32_t)row;
        r->title[i] = NULL; /* row <= i: titles move to the front */
        if (r->title[row])
            mem_free(title);
        else
            r->title[row] = title;
    }
    for (int64_t k = 0; k < r->n && rc == 0; k++)
        r->item[k] = to[r->item[k]];
    if (rc == 0) {
        struct idtable *old = r->items;

        r->items = items;
        items = old;
    }
    mem_free(to);
    idtable_free(items);
    return rc;
}
