#include "read/reader.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/lines.h"
#include "read/parser.h"
#include "read/sample.h"

#include <string.h>

/* The text as a title: UTF-8, no control characters. */
static char *make_title(const char *text)
{
    size_t n = strlen(text);
    bool utf8 = utf8_valid(text, n);
    char *title = mem_alloc((int64_t)(2 * n + 1), 1), *to = title;

    for (; title && *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x80 || utf8) {
            *to++ = (char)(c < 0x20 || c == 0x7F ? ' ' : c);
        } else { /* Latin-1: two bytes in UTF-8; its C1 controls are none that anybody wrote */
            *to++ = (char)(c < 0xA0 ? '?' : 0xC0 | c >> 6);
            if (c >= 0xA0)
                *to++ = (char)(0x80 | (c & 0x3F));
        }
    }
    if (title)
        *to = 0;
    return title;
}

/* The columns of id and title: by names, else the first two. Both are needed in every line, and what is not
 * closed by a quote is a character: a broken line has no title. */
static void find_columns(struct text_format *d, const struct sample *s)
{
    int id = 0, title = 1, id_rank = -1, title_rank = -1;
    struct field f[TEXT_COLUMNS];

    for (int c = 0, n = s->lines ? sample_cut(s, d, 0, f) : 0; c < n; c++) {
        struct column_name name = column_name_find(f[c].text, f[c].length);
        bool item = name.meaning == NAME_ITEM;
        int as_id = item                                          ? 10 * (name.rank > 1) + name.rank
                    : name.meaning == NAME_ID && f[c].length == 2 ? 5
                                                                  : -1;
        int as_title = name.meaning == NAME_TITLE ? 10 + name.rank
                       : item && name.rank < 3    ? 3 - name.rank
                                                  : -1;

        id = as_id > id_rank ? c : id;
        id_rank = as_id > id_rank ? as_id : id_rank;
        title = as_title > title_rank ? c : title;
        title_rank = as_title > title_rank ? as_title : title_rank;
    }
    d->head_lines = id_rank >= 0 && title_rank >= 0 && id != title;
    d->columns = s->columns < 2 ? 2 : s->columns < TEXT_COLUMNS ? s->columns : TEXT_COLUMNS;
    d->of[ROLE_USER] = d->head_lines ? id : 0; /* as a parser has them */
    d->of[ROLE_ITEM] = d->head_lines ? title : 1;
    d->strict = false;
}

/* u.item and movies.dat are not cut by what most lines have: titles hold commas. False: no memory. */
static bool recognise_titles(struct text_format *d, const char *name, const char *begin, const char *end)
{
    bool bars = strstr(name, "u.item") != NULL;
    scoped(sample_free) struct sample *s = mem_zalloc(1, sizeof *s);

    *d = TEXT_FORMAT(.layout = FORMAT_DELIMITED);
    if (!s)
        return false;
    if (bars || strstr(name, "movies.dat"))
        text_set_delimiter(d, bars ? "|" : "::");
    else
        sample_find_delimiter(d, s, begin, end, 0);
    d->quotes = d->quotes && *d->delimiter != '|' && *d->delimiter != ':';
    sample_read_lines(s, d, begin, end, 0);
    find_columns(d, s);
    return true;
}

/* The item's row; an id that a program wrote as a fraction (1.0) is the one without it too. */
static int64_t find_item(const struct ratings *r, const char *id)
{
    size_t n = strlen(id);
    int64_t row = idtable_find(r->items, id, n);

    return row < 0 && n > 2 && strcmp(id + n - 2, ".0") == 0 ? idtable_find(r->items, id, n - 2) : row;
}

/* Of several titles of an item the last one counts. False: no memory. */
static bool take_titles(struct ratings *r, const struct parser *p)
{
    for (int64_t k = 0; k < p->out->n; k++) {
        int64_t row = find_item(r, idtable_name(p->out->users, p->out->user[k]));

        if (row < 0)
            continue;
        r->reading.titles += r->title[row] == NULL;
        mem_free(r->title[row]);
        r->title[row] = make_title(idtable_name(p->out->items, p->out->item[k]));
        if (!r->title[row])
            return false;
    }
    return true;
}

int titles_read(struct ratings *r, const struct source *source, struct error *err)
{
    const struct source_text *text = &source->titles;
    scoped(idtable_free) struct idtable *ids = idtable_new(), *titles = idtable_new();
    scoped_value(ratings_drop_triplets) struct ratings pairs = {.users = ids, .items = titles};
    struct text_format format;
    struct parser p = {.format = &format, .out = &pairs, .skip_bad = true};
    scoped(lines_close) struct lines *lines = NULL;
    const char *begin, *end;

    if (!text->path)
        return 0;
    r->reading.titles = 0;
    r->reading.titles_of = idtable_count(r->items);
    r->title = mem_zalloc(idtable_count(r->items), sizeof *r->title);
    TRY(need_memory(r->title && ids && titles, err));
    TRY(lines_open(&lines, text->path, text->member, text->shown, false, err));
    TRY(lines_next(lines, 0, &begin, &end, err));
    TRY(need_memory(recognise_titles(&format, text->shown, begin, end), err));
    while (begin < end) {
        TRY(need_memory(parser_parse_block(&p, lines, begin, end) != PT_ENOMEM, err));
        TRY(lines_next(lines, p.line, &begin, &end, err));
    }
    return need_memory(take_titles(r, &p), err);
}

int titles_merge(struct ratings *r, const char *path, struct error *err)
{
    int64_t n = idtable_count(r->items);
    scoped(idtable_free) struct idtable *items = idtable_new();
    mem_scoped int32_t *to = mem_alloc(n, sizeof *to);

    if (!r->title)
        return error_set(err, PT_EDATA,
                         "%s: data.item_key is title, and no file of titles lies beside the ratings "
                         "(movies.csv with movieId,title); data.item_key=id does without",
                         path);
    for (int64_t i = 0; i < n; i++) {
        char *title = r->title[i];
        const char *name = title ? title : idtable_name(r->items, i);
        int64_t row = items && to ? idtable_put(items, name, strlen(name)) : -1;

        TRY(need_memory(row >= 0, err));
        to[i] = (int32_t)row;
        r->title[i] = NULL; /* row <= i: titles move to the front */
        if (r->title[row])
            mem_free(title);
        else
            r->title[row] = title;
    }
    for (int64_t k = 0; k < r->n; k++)
        r->item[k] = to[r->item[k]];
    idtable_free(r->items);
    r->items = handed_on(items);
    return 0;
}
