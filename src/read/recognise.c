#include "read/recognise.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/field.h"
#include "read/recognise_header.h"
#include "read/recognise_layouts.h"
#include "read/recognise_options.h"
#include "read/recognise_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the head ------------------------------------------------------------------------------------ */

static const char *first_line_end(const struct recogniser *g)
{
    return text_without_cr(g->begin, text_newline(g->begin, g->end));
}

static bool is_blank_line(const char *p, const char *stop)
{
    while (p < stop && field_is_blank(*p))
        p++;
    return p == stop;
}

/* Excel's first line says what parts fields. */
static bool is_sep(const char *p, const char *stop)
{
    return stop - p == 5 && strncasecmp(p, "sep=", 4) == 0 && strchr(",;\t|", p[4]);
}

static bool is_comment(const struct recogniser *g, const char *p, const char *stop)
{
    size_t n = strlen(g->d->comment);

    return (n && (size_t)(stop - p) >= n && memcmp(p, g->d->comment, n) == 0) ||
           (p < stop && (*p == '#' || *p == '%'));
}

static int pass_head(struct recogniser *g)
{
    const char *begin = NULL, *stop;
    int64_t head = 0;

    for (; g->begin < g->end; recogniser_pass_line(g)) {
        stop = first_line_end(g);
        if (g->head < g->spec->skip_lines || is_blank_line(g->begin, stop))
            continue;
        if (!begin && !g->d->delimiter_length && is_sep(g->begin, stop)) {
            text_set_delimiter(g->d, (char[]){g->begin[4], 0});
            continue;
        }
        if (!is_comment(g, g->begin, stop))
            break;
        head = begin ? head : g->head;
        begin = begin ? begin : g->begin;
        g->names = g->begin;
        g->names_end = stop;
        g->told->comments++;
    }
    if (g->begin == g->end && begin && !*g->d->comment) { /* ids that begin so */
        g->begin = begin;
        g->head = head;
        g->told->comments = 0;
        g->names = NULL;
    }
    return g->begin < g->end ? 0 : error_set(g->err, PT_EDATA, "%s: is empty", g->s->shown);
}

/* A comment that is cut as the lines below: an id that begins with its mark? */
static int check_comment(struct recogniser *g)
{
    struct field f[TEXT_COLUMNS];
    const char *p = g->names;

    if (!p || *g->d->comment || g->d->blanks)
        return 0;
    while (p < g->names_end && (*p == '#' || *p == '%' || *p == ' '))
        p++;
    if (p > g->names + 1 || text_cut(g->d, g->names, g->names_end, f, TEXT_COLUMNS) != g->s->columns ||
        header_first_line(g->s) == FIRST_NAMES)
        return 0;
    for (int c = 0; c < g->s->columns; c++)
        if (column_name_find(f[c].text + (c == 0), f[c].length - (c == 0)).meaning != NAME_UNKNOWN)
            return 0;
    return error_set(
        g->err, PT_EDATA,
        "%s:%" PRId64
        ": a comment, or an id that begins with %c? Comments: data.comment='%c'; ids: put a header in front",
        g->s->shown, g->head, *g->names, *g->names);
}

/* --- a rating a line ----------------------------------------------------------------------------- */

/* R's row names: a header one field short, and a first column that counts. */
static bool find_row_names(struct recogniser *g)
{
    struct sample *s = g->s;
    struct column_look first;
    int n = s->columns - 1;

    if (s->lines < 2 || s->line[0].fields != n)
        return false;
    text_cut(g->d, s->line[0].begin, s->line[0].end, s->name + 1, n);
    first = sample_look(s, 0);
    if (header_ids(s->name + 1, n) != HEADER_BOTH || !(first.counting || (s->rows < 3 && first.whole)))
        return false;
    s->name[0] = (struct field){"", 0, false};
    g->d->row_names = true;
    recogniser_set_header(g, s->line[0].begin, s->line[0].end);
    g->head = s->line[0].number;
    return true;
}

/* The last comment of the head names user and item. */
static bool find_commented_names(struct recogniser *g)
{
    const char *p = g->names;

    while (p && p < g->names_end && (*p == '#' || *p == '%' || field_is_blank(*p)))
        p++;
    return p && header_first_line(g->s) != FIRST_NAMES &&
           text_cut(g->d, p, g->names_end, g->s->name, TEXT_COLUMNS) == g->s->columns &&
           header_ids(g->s->name, g->s->columns) == HEADER_BOTH;
}

static int refuse_unknown_header(struct recogniser *g)
{
    char list[300] = "user,item";

    for (int c = 2; c < g->s->columns; c++)
        text_append(list, sizeof list, c == 2 ? ",rating" : ",skip");
    return sample_doubt(
        g->s, 0, g->err,
        "this looks like a header, and none of its names is known; say which is which, such as "
        "data.columns=user=NAME,item=NAME,rating=NAME or data.columns=%s; data.header=no if it is none",
        list);
}

/* Whether the first line is a header, with all that is said; PT_EDATA: in doubt. */
static int first_is_header(struct recogniser *g)
{
    enum first_line first = header_first_line(g->s);
    bool said = g->spec->columns > 0;

    if (option_names(g->spec))
        return 1;
    if (g->spec->header != HEADER_AUTO)
        return g->spec->header == HEADER_YES;
    if (said && g->s->columns != g->d->columns)
        return 0; /* its lines are bad, and it is told where */
    if (first == FIRST_UNKNOWN && !said)
        return refuse_unknown_header(g);
    if (first == FIRST_DOUBT)
        return sample_doubt(g->s, 0, g->err,
                            "a header of unknown names, or data? Nothing below is like it; data.header=yes "
                            "or data.header=no");
    return first != FIRST_DATA;
}

/* 1: the sample has names, 0: none. */
static int find_names(struct recogniser *g)
{
    struct sample *s = g->s;
    bool by_position = g->spec->columns > 0 && !option_names(g->spec);
    int rc;

    if (!by_position && g->spec->header != HEADER_NO && (find_row_names(g) || find_commented_names(g)))
        return 1;
    if ((rc = first_is_header(g)) <= 0)
        return rc;
    if (!s->rows || s->line_of[0] != 0)
        return sample_doubt(s, 0, g->err, "a header of %" PRId64 " fields above lines of %d",
                            s->line[0].fields, s->columns);
    recogniser_set_header(g, s->line[0].begin, s->line[0].end);
    g->head = s->line[0].number;
    sample_take_names(s);
    return 1;
}

static int recognise_table(struct recogniser *g)
{
    static const char in_cells[] = "a user and a list of items a line";
    struct text_format *d = g->d;
    bool by_position = g->spec->columns > 0 && !option_names(g->spec);
    char list[200];
    int names, rc;

    if (g->s->columns > TEXT_COLUMNS)
        return error_set(g->err, PT_EDATA, "%s: lines of more than %d fields", g->s->shown, TEXT_COLUMNS);
    if ((rc = sample_make_table(g->s, d, g->err)) < 0 || (names = find_names(g)) < 0)
        return rc < 0 ? rc : names;
    if (names && !by_position)
        rc = header_roles(d, g->told, g->s, g->spec, g->err);
    else if (!by_position && (rc = check_comment(g)) == 0)
        rc = values_roles(d, g->s, g->known_name, g->err);
    if (rc == 0)
        rc = option_where(d, g->s, names, g->spec, g->err);
    if (rc < 0)
        return rc;
    if (!names || by_position) {
        text_show_columns(d, list, sizeof list);
        REPORT(g, by_position ? "%s, as data.columns says" : "assumed: %s by position", list);
    }
    if (!by_position && g->spec->format != FORMAT_DELIMITED && (rc = values_cell_lists(d, g->s, g->err)) > 0)
        REPORT(g, in_cells);
    return rc < 0 ? rc : 0;
}

/* --- any text ------------------------------------------------------------------------------------ */

/* Lines between blanks that are no table: several lengths, or pairs of item and value. */
static bool may_be_lists(struct recogniser *g)
{
    struct field f[TEXT_COLUMNS];
    int64_t n = text_cut(g->d, g->s->line[0].begin, g->s->line[0].end, f, TEXT_COLUMNS);

    return g->d->blanks && !g->spec->columns && g->spec->format == FORMAT_AUTO &&
           g->spec->header != HEADER_YES && !header_ids(f, n) &&
           (values_are_pairs(g->s) || 10 * (g->s->lines - g->s->alike) > g->s->lines);
}

/* A header that names user and item says how many fields a line has, unless all lines have one more (R). */
static void prefer_header(struct recogniser *g)
{
    struct sample *s = g->s;
    struct field f[TEXT_COLUMNS];
    int64_t n = s->line[0].fields;
    int alike = 0;

    if (n < 2 || n > TEXT_COLUMNS || n == s->columns || (n == s->columns - 1 && s->alike + 1 == s->lines))
        return;
    text_cut(g->d, s->line[0].begin, s->line[0].end, f, TEXT_COLUMNS);
    for (int k = 0; k < s->lines; k++)
        alike += s->line[k].fields == n;
    if (header_ids(f, n) == HEADER_BOTH && alike > 1) {
        s->columns = (int)n;
        s->alike = alike;
    }
}

static int recognise_lines(struct recogniser *g)
{
    static const char another[] = "is another data.delimiter wanted?";
    const struct ratings_spec *spec = g->spec;
    struct text_format *d = g->d;
    bool lists =
        d->layout == FORMAT_LISTS || d->layout == FORMAT_COUNTED_LISTS || d->layout == FORMAT_ITEM_VALUES;
    int rc = option_positions(d, spec, g->err);

    if (rc < 0)
        return rc;
    if (!d->delimiter_length && lists)
        text_set_delimiter(d, " ");
    else if (!d->delimiter_length)
        sample_find_delimiter(d, g->s, g->begin, g->end, d->columns);
    d->quotes = d->quotes && !lists;
    sample_read_lines(g->s, d, g->begin, g->end, g->head);
    if (g->s->lines == 0)
        return error_set(g->err, PT_EDATA, "%s: is empty", g->s->shown);
    if (d->layout == FORMAT_MATRIX)
        return recognise_matrix(g);
    if (d->layout == FORMAT_CELL_LISTS) {
        d->columns = d->columns ? d->columns : 2;
        d->role[0] = d->role[0] ? d->role[0] : ROLE_USER;
        REPORT(g, "a user and a list of items a line");
        return 0;
    }
    if (lists) {
        g->head += spec->header == HEADER_YES;
        recogniser_report_lists(g);
        return 0;
    }
    if (may_be_lists(g)) {
        d->quotes = false;
        if ((rc = values_lists(d, g->s, g->err)) == 0)
            recogniser_report_lists(g);
        return rc;
    }
    prefer_header(g);
    if (!spec->columns && 2 * g->s->alike < g->s->lines && g->s->lines > 2)
        return sample_doubt(
            g->s, -1, g->err,
            "lines of different numbers of fields; %s If they are lists of items, data.format=lists",
            another);
    if (d->columns && g->s->columns < 1)
        g->s->columns = d->columns;
    if (g->s->columns < 1)
        return sample_doubt(g->s, -1, g->err,
                            "a quoted field is not closed, or text follows its closing quote; %s", another);
    return recognise_table(g);
}

static int recognise_layout(struct recogniser *g)
{
    const struct ratings_spec *spec = g->spec;
    bool any = spec->format == FORMAT_AUTO;
    const char *banner = g->begin;
    int rc = 0;

    if (spec->comment)
        snprintf(g->d->comment, sizeof g->d->comment, "%s", spec->comment);
    if (spec->delimiter && *spec->delimiter)
        rc = option_delimiter(g->d, spec->delimiter, g->err);
    if (rc < 0 || (rc = pass_head(g)) < 0)
        return rc;
    g->d->layout = spec->format;
    if (any && strncmp(banner, "%%MatrixMarket", 14) == 0)
        g->d->layout = FORMAT_MATRIX_MARKET;
    else if (any && recognise_block_name(g->begin, first_line_end(g)))
        g->d->layout = FORMAT_NETFLIX;
    else if (any && !g->d->delimiter_length && (*g->begin == '{' || *g->begin == '['))
        g->d->layout = FORMAT_JSON;
    else if (any)
        g->d->layout = FORMAT_DELIMITED;
    if (g->d->layout == FORMAT_MATRIX_MARKET)
        return recognise_matrix_market(g, banner);
    if (g->d->layout == FORMAT_NETFLIX)
        return recognise_netflix(g);
    if (g->d->layout == FORMAT_JSON)
        return recognise_json(g);
    return (rc = recognise_counted_blocks(g)) < 0 ? rc : recognise_lines(g);
}

/* The first three rows as they were understood. */
static void preview(struct recogniser *g)
{
    for (int k = 0; k < 3 && g->s->cell && g->s->first + k < g->s->rows; k++)
        for (int r = ROLE_USER; r < ROLES; r++)
            for (int c = 0; c < g->d->columns && c < g->s->columns; c++)
                if (g->d->role[c] == r) {
                    const struct field *f = sample_cell(g->s, g->s->first + k, c);
                    char *out = g->told->preview[k], shown[PRINTABLE_BYTES];

                    text_append(out, sizeof g->told->preview[k], "%s%s %s", *out ? ", " : "",
                                role_name((enum role)r), printable(shown, f->text, f->length));
                }
}

int recognise_text(struct text_format *out, struct reading *told, const struct ratings_spec *spec,
                   const char *begin, const char *end, bool known_name, const char *shown, struct error *err)
{
    struct recogniser g = {.d = out,
                           .told = told,
                           .spec = spec,
                           .s = mem_zalloc(1, sizeof *g.s),
                           .begin = begin,
                           .end = end,
                           .known_name = known_name,
                           .err = err};
    int rc;

    if (!g.s)
        return error_set(err, PT_ENOMEM, "%s: out of memory", shown);
    *out = (struct text_format){.where = -1, .event = -1};
    g.s->shown = shown;
    rc = recognise_layout(&g);
    out->head_lines = g.head;
    for (int c = 0; c < out->columns; c++) {
        out->has_rating = out->has_rating || out->role[c] == ROLE_RATING;
        out->has_time = out->has_time || out->role[c] == ROLE_TIME;
    }
    if (rc == 0)
        preview(&g);
    sample_free(g.s);
    return rc;
}

int recognise_header_line(struct text_format *d, const char *line, const char *end, const char *shown,
                          struct error *err)
{
    static const struct ratings_spec any;
    struct reading told = {0};
    struct sample *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return error_set(err, PT_ENOMEM, "%s: out of memory", shown);
    s->shown = shown;
    d->where = d->event = -1;
    sample_read_lines(s, d, line, end, 0);
    rc = s->columns > 0 && s->columns <= TEXT_COLUMNS ? sample_make_table(s, d, err) : 0;
    if (rc == 0 && s->rows && header_first_line(s) == FIRST_NAMES) {
        sample_take_names(s);
        rc = header_roles(d, &told, s, &any, err);
        rc = rc < 0 ? rc : 1;
    }
    sample_free(s);
    return rc;
}
