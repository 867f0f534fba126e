#include "read/recognise.h"

#include "base/text.h"
#include "read/recogniser.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

int recogniser_doubt(const struct recogniser *g, int row, const char *fmt, ...)
{
    int k = row >= 0 && row < g->s->rows ? g->s->line_of[row] : 0;
    char shown[PRINTABLE_BYTES], text[700];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    printable(shown, g->s->line[k].begin, (size_t)(g->s->line[k].end - g->s->line[k].begin));
    return error_set(g->err, PT_EDATA, "%s:%" PRId64 ": '%s': %s", g->s->shown, g->s->line[k].number, shown,
                     text);
}

/* --- the head ------------------------------------------------------------------------------------ */

void recogniser_pass_line(struct recogniser *g)
{
    const char *stop = text_newline(g->begin, g->end);

    g->begin = stop < g->end ? stop + 1 : g->end;
    g->head++;
}

/* Excel's first line says what parts fields. */
static bool is_sep(const char *p, const char *stop)
{
    return stop - p == 5 && strncasecmp(p, "sep=", 4) == 0 && strchr(",;\t|", p[4]);
}

static bool is_mark(char c)
{
    return c == '#' || c == '%';
}

static int pass_head(struct recogniser *g)
{
    for (; g->begin < g->end; recogniser_pass_line(g)) {
        const char *stop = text_without_cr(g->begin, text_newline(g->begin, g->end));
        if (g->head < g->spec->skip_lines || text_behind_blanks(g->begin, stop) == stop)
            continue;
        if (!g->names && !g->d->delimiter_length && is_sep(g->begin, stop)) {
            text_set_delimiter(g->d, (char[]){g->begin[4], 0});
            continue;
        }
        if (!text_begins(g->begin, stop, g->d->comment) && !is_mark(*g->begin))
            break;
        g->names = g->begin;
        g->names_end = stop;
        g->told->comments++;
    }
    return g->begin < g->end
               ? 0
               : error_set(g->err, PT_EDATA, "%s: is empty%s", g->s->shown,
                           g->names ? ", but for comments; where ids begin with their mark, put a "
                                      "header in front"
                                    : "");
}

/* The last comment of the head, behind its mark, as names: 1. PT_EDATA where it is cut as the lines below,
 * and none of its words is a name's: an id that begins with the mark? 0: else. */
static int find_comment_names(struct recogniser *g)
{
    struct field *f = g->s->name;
    const char *p = g->names;

    while (p && p < g->names_end && (is_mark(*p) || *p == ' ' || *p == '\t'))
        p++;
    if (!p || header_first_line(g->s) == FIRST_NAMES ||
        text_cut(g->d, p, g->names_end, f, TEXT_COLUMNS) != g->s->columns)
        return 0;
    if (g->spec->header != HEADER_NO && header_ids(f, g->s->columns) == HEADER_BOTH)
        return 1;
    if (*g->d->comment || g->d->blanks || p > g->names + 1)
        return 0;
    for (int c = 0; c < g->s->columns; c++)
        if (column_name_find(f[c].text, f[c].length).meaning != NAME_UNKNOWN)
            return 0;
    return error_set(
        g->err, PT_EDATA,
        "%s:%" PRId64
        ": a comment, or an id that begins with %c? Comments: data.comment='%c'; ids: put a header in front",
        g->s->shown, g->head, *g->names, *g->names);
}

/* --- a rating a line ----------------------------------------------------------------------------- */

void recogniser_set_header(struct recogniser *g)
{
    const char *line = g->s->line[0].begin;
    size_t n = (size_t)(g->s->line[0].end - line);

    g->head = g->s->line[0].number;
    if (n <= sizeof g->d->header) {
        memcpy(g->d->header, line, n);
        g->d->header_length = (int)n;
    }
}

/* A line of types (int, varchar(9)) or of strokes below the header. */
static void pass_line_below(struct recogniser *g)
{
    static const char types[] =
        " int integer bigint smallint tinyint long int8 int16 int32 int64 uint32 uint64 float float32 "
        "float64 "
        "double real numeric decimal number string str object text varchar char date datetime timestamp "
        "datetime64[ns] bool boolean category ";
    struct sample *s = g->s;
    bool row = s->first < s->rows && s->line_of[s->first] == 1, typed = row;
    char word[24];

    if (s->lines < 2)
        return;
    for (int c = 0; typed && c < s->columns; c++) {
        const struct field *f = sample_cell(s, s->first, c);
        size_t n = f->length && memchr(f->text, '(', f->length)
                       ? (size_t)((const char *)memchr(f->text, '(', f->length) - f->text)
                       : f->length;

        snprintf(word, sizeof word, " %.*s ", (int)(n < 20 ? n : 20), f->text);
        typed = n && strcasestr(types, word);
    }
    if (!typed &&
        (!memmem(s->line[1].begin, (size_t)(s->line[1].end - s->line[1].begin), "--", 2) ||
         !field_is_of(&(struct field){s->line[1].begin, (size_t)(s->line[1].end - s->line[1].begin), false},
                      "-=+|: \t,;")))
        return;
    g->head = s->line[1].number;
    s->first += row;
}

/* R's row names: a header one field short, and a first column that counts. */
static bool find_row_names(struct recogniser *g)
{
    struct sample *s = g->s;
    struct column_look first, last;
    int n = s->columns - 1;

    if (s->lines < 2 || s->line[0].fields != n)
        return false;
    text_cut(g->d, s->line[0].begin, s->line[0].end, s->name + 1, n);
    first = sample_look(s, 0);
    last = sample_look(s, n);
    if (header_ids(s->name + 1, n) != HEADER_BOTH || !(first.counting || (s->rows < 3 && first.whole)) ||
        last.epochs || (n == 2 && s->line[1].begin[0] != '"')) /* user,item,rating,time below three names */
        return false;
    s->name[0] = (struct field){"", 0, false};
    recogniser_set_header(g);
    return true;
}

/* Whether the first line is a header, with all that is said; PT_EDATA: in doubt. */
static int first_is_header(struct recogniser *g)
{
    enum first_line first = header_first_line(g->s);

    if (g->by_name)
        return 1;
    if (g->spec->header != HEADER_AUTO)
        return g->spec->header == HEADER_YES;
    if (g->by_position && g->s->columns != g->d->columns)
        return 0; /* its lines are bad, and it is told where */
    if (first == FIRST_DOUBT || (first == FIRST_UNKNOWN && !g->by_position))
        return recogniser_doubt(
            g, 0,
            "this looks like a header of unknown names, or data? Say which is which, such as "
            "data.columns=user=NAME,item=NAME,rating=NAME or data.columns=user,item%s; "
            "data.header=yes or data.header=no; data.skip_lines=1 if it is neither",
            g->s->columns > 2 ? ",rating,..." : "");
    return first != FIRST_DATA;
}

/* 1: the sample has names, 0: none. */
static int find_names(struct recogniser *g)
{
    struct sample *s = g->s;
    int rc;

    if (!g->by_position && g->spec->header != HEADER_NO && find_row_names(g))
        return 1;
    if (!g->by_position && (rc = find_comment_names(g)) != 0)
        return rc;
    if ((rc = first_is_header(g)) <= 0)
        return rc;
    if (!s->rows || s->line_of[0] != 0)
        return recogniser_doubt(
            g, 0,
            "a header of %d fields above lines of %d; if it is a note, data.skip_lines=%" PRId64
            " passes over it",
            s->line[0].fields, s->columns, s->line[0].number);
    recogniser_set_header(g);
    sample_take_names(s);
    pass_line_below(g);
    return 1;
}

static int recognise_table(struct recogniser *g)
{
    struct text_format *d = g->d;
    char list[200];
    int names;

    if (g->s->columns > TEXT_COLUMNS)
        return error_set(g->err, PT_EDATA, "%s: lines of more than %d fields", g->s->shown, TEXT_COLUMNS);
    TRY(sample_make_table(g->s, d, g->err));
    TRY(names = find_names(g));
    if (names && !g->by_position)
        TRY(header_roles(g));
    if (!names && !g->by_position)
        TRY(values_roles(g));
    TRY(option_where(g, names));
    if (!names || g->by_position) {
        text_show_columns(d, list, sizeof list);
        REPORT(g, g->by_position ? "%s, as data.columns says" : "assumed: %s by position", list);
    }
    if (!g->by_position && g->spec->format != FORMAT_DELIMITED)
        TRY(values_cell_lists(g));
    for (enum role r = ROLE_USER; r <= ROLE_ITEM && !g->spec->columns && d->layout == FORMAT_DELIMITED; r++)
        if (values_have_mark(g->s, d->of[r], "([{<'`=", false))
            return recogniser_doubt(
                g, g->s->first,
                "all %ss begin with a bracket, a quote or a =: take it off, or set data.columns",
                role_name(r));
    return 0;
}

/* --- any text ------------------------------------------------------------------------------------ */

/* Lines between blanks without a header, of which nothing is said. */
static bool may_be_lists(struct recogniser *g)
{
    struct field f[TEXT_COLUMNS];

    return g->d->blanks && !g->spec->columns && g->spec->format == FORMAT_AUTO &&
           g->spec->header != HEADER_YES && !header_ids(f, sample_cut(g->s, g->d, 0, f));
}

/* A header that names user and item says how many fields a line has, unless all lines have one more (R). */
static void prefer_header(struct recogniser *g)
{
    struct sample *s = g->s;
    struct field f[TEXT_COLUMNS];
    int n = s->line[0].fields, alike = 0;

    if (n < 2 || n > TEXT_COLUMNS || n == s->columns || (n == s->columns - 1 && s->alike + 1 == s->lines))
        return;
    for (int k = 0; k < s->lines; k++)
        alike += s->line[k].fields == n;
    if (alike > 1 && header_ids(f, sample_cut(s, g->d, 0, f)) == HEADER_BOTH) {
        s->columns = n;
        s->alike = alike;
    }
}

static int recognise_lines(struct recogniser *g)
{
    static const char another[] = "is another data.delimiter wanted?";
    struct text_format *d = g->d;
    struct sample *s = g->s;
    int lists =
        d->layout == FORMAT_LISTS || d->layout == FORMAT_COUNTED_LISTS || d->layout == FORMAT_ITEM_VALUES;

    if (g->by_position) {
        d->columns = g->spec->columns;
        TRY(option_columns(g, d->of));
    }
    if (!d->delimiter_length)
        sample_find_delimiter(d, s, g->begin, g->end, d->columns);
    d->quotes = d->quotes && !lists;
    sample_read_lines(s, d, g->begin, g->end, g->head);
    if (s->lines == 0)
        return error_set(g->err, PT_EDATA, "%s: is empty", s->shown);
    if (d->layout == FORMAT_MATRIX)
        return layout_matrix(g);
    if (d->layout == FORMAT_CELL_LISTS)
        return layout_cell_lists(g);
    if (!lists && may_be_lists(g))
        TRY(lists = values_lists(g));
    if (lists)
        return layout_lists(g);
    prefer_header(g);
    if (!g->spec->columns && 2 * s->alike < s->lines && s->lines > 2)
        return recogniser_doubt(
            g, -1, "lines of different numbers of fields; %s If they are lists of items, data.format=lists",
            another);
    s->columns = s->columns < 1 ? d->columns : s->columns;
    if (s->columns < 1)
        return recogniser_doubt(g, -1, "a quoted field is not closed, or text follows its closing quote; %s",
                                another);
    return recognise_table(g);
}

static int recognise_layout(struct recogniser *g)
{
    const char *banner = g->begin;

    if (g->spec->comment)
        snprintf(g->d->comment, sizeof g->d->comment, "%s", g->spec->comment);
    TRY(option_delimiter(g));
    TRY(pass_head(g));
    g->d->layout = g->spec->format == FORMAT_AUTO ? layout_of_mark(g, banner) : g->spec->format;
    if (g->d->layout == FORMAT_MATRIX_MARKET)
        return layout_matrix_market(g, banner);
    if (g->d->layout == FORMAT_NETFLIX)
        return layout_netflix(g);
    if (g->d->layout == FORMAT_JSON)
        return layout_json(g);
    return recognise_lines(g);
}

/* The first three rows as they were understood. */
static void preview(struct recogniser *g)
{
    const struct sample *s = g->s;
    char shown[PRINTABLE_BYTES];

    for (int k = 0; k < 3 && s->cell && s->first + k < s->rows; k++)
        for (enum role r = ROLE_USER; r < ROLES; r++) {
            int c = g->d->of[r];
            const struct field *f = c != NONE && c < s->columns ? sample_cell(s, s->first + k, c) : NULL;
            char *out = g->told->preview[k];

            if (f)
                text_append(out, sizeof g->told->preview[k], "%s%s %s", *out ? ", " : "", role_name(r),
                            printable(shown, f->text, f->length));
        }
}

int recognise_text(struct text_format *out, struct reading *told, const struct ratings_spec *spec,
                   const char *begin, const char *end, bool known_name, const char *shown, struct error *err)
{
    scoped(sample_free) struct sample *s = mem_zalloc(1, sizeof *s);
    struct recogniser g = {.d = out,
                           .told = told,
                           .spec = spec,
                           .s = s,
                           .begin = begin,
                           .end = end,
                           .known_name = known_name,
                           .err = err};

    TRY(need_memory(s, err));
    s->shown = shown;
    for (int i = 0; i < spec->columns; i++)
        g.by_name |= strchr(spec->column[i], '=') != NULL;
    g.by_position = spec->columns > 0 && !g.by_name;
    *out = TEXT_FORMAT(.layout = FORMAT_DELIMITED);
    TRY(recognise_layout(&g));
    out->head_lines = g.head;
    out->has_rating |= out->of[ROLE_RATING] >= 0;
    out->has_time = out->of[ROLE_TIME] >= 0;
    preview(&g);
    return 0;
}

int recognise_header_line(struct text_format *d, const char *line, const char *end, const char *shown,
                          struct error *err)
{
    static const struct ratings_spec any;
    struct reading told = {0};
    scoped(sample_free) struct sample *s = mem_zalloc(1, sizeof *s);
    struct recogniser g = {.d = d, .told = &told, .spec = &any, .s = s, .err = err};

    TRY(need_memory(s, err));
    s->shown = shown;
    sample_read_lines(s, d, line, end, 0);
    if (s->columns < 1 || s->columns > TEXT_COLUMNS)
        return 0;
    TRY(sample_make_table(s, d, err));
    if (header_first_line(s) != FIRST_NAMES)
        return 0;
    sample_take_names(s);
    TRY(header_roles(&g));
    return 1;
}
