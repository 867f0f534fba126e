#include "read/recognise.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/field.h"
#include "read/json_lines.h"
#include "read/recognise_header.h"
#include "read/recognise_values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct recogniser {
    struct text_format *d;
    struct reading *told;
    const struct ratings_spec *spec;
    struct sample s;
    const char *begin, *end;       /* behind the head */
    int64_t head;                  /* lines of the head */
    const char *names, *names_end; /* the last comment of the head: it may hold the names */
    bool known_name;
    char *arena; /* owned: texts of the sample's fields that lie outside the text; NULL: none */
    struct error *err;
};

/* --- the head ------------------------------------------------------------------------------------ */

static const char *line_end(const char *p, const char *end)
{
    const char *stop = memchr(p, '\n', (size_t)(end - p));

    return stop ? stop : end;
}

static void pass_line(struct recogniser *g)
{
    const char *stop = line_end(g->begin, g->end);

    g->begin = stop < g->end ? stop + 1 : g->end;
    g->head++;
}

static bool is_blank_line(const char *p, const char *stop)
{
    while (p < stop && (field_is_blank(*p) || *p == '\r'))
        p++;
    return p == stop;
}

/* Excel's first line says what parts fields. */
static void pass_sep(struct recogniser *g)
{
    const char *stop = line_end(g->begin, g->end);
    size_t n = (size_t)(stop - g->begin);

    n -= n && g->begin[n - 1] == '\r';
    if (n == 5 && strncasecmp(g->begin, "sep=", 4) == 0 && strchr(",;\t|", g->begin[4])) {
        text_set_delimiter(g->d, (char[]){g->begin[4], 0});
        pass_line(g);
    }
}

static bool is_comment(const struct recogniser *g, const char *p, const char *stop)
{
    size_t n = strlen(g->d->comment);

    if (n && (size_t)(stop - p) >= n && memcmp(p, g->d->comment, n) == 0)
        return true;
    return p < stop && (*p == '#' || *p == '%');
}

static int pass_head(struct recogniser *g)
{
    const char *begin, *stop;
    int64_t head;

    while (g->head < g->spec->skip_lines && g->begin < g->end)
        pass_line(g);
    while (g->begin < g->end && is_blank_line(g->begin, line_end(g->begin, g->end)))
        pass_line(g);
    if (!g->d->delimiter_length)
        pass_sep(g);
    begin = g->begin;
    head = g->head;
    while (g->begin < g->end && is_comment(g, g->begin, stop = line_end(g->begin, g->end))) {
        g->names = g->begin;
        g->names_end = stop > g->begin && stop[-1] == '\r' ? stop - 1 : stop;
        pass_line(g);
        g->told->comments++;
        while (g->begin < g->end && is_blank_line(g->begin, line_end(g->begin, g->end)))
            pass_line(g);
    }
    if (g->begin == g->end && g->told->comments && !*g->d->comment) { /* ids that begin so */
        g->begin = begin;
        g->head = head;
        g->told->comments = 0;
        g->names = NULL;
    }
    if (g->begin == g->end)
        return error_set(g->err, PT_EDATA, "%s: is empty", g->s.shown);
    return 0;
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
    if (p > g->names + 1 || text_cut(g->d, g->names, g->names_end, f, TEXT_COLUMNS) != g->s.columns ||
        header_first_line(&g->s) == FIRST_NAMES)
        return 0;
    for (int c = 0; c < g->s.columns; c++)
        if (column_name_find(f[c].text + (c == 0), f[c].length - (c == 0)).meaning != NAME_UNKNOWN)
            return 0;
    return error_set(g->err, PT_EDATA,
                     "%s:%" PRId64
                     ": a comment, or an id that begins with %c? Comments: data.comment='%c'; ids: "
                     "put a header in front",
                     g->s.shown, g->head, *g->names, *g->names);
}

/* --- settings of the user ------------------------------------------------------------------------ */

/* "\t" is written with a backslash in YAML's plain style and on a command line. */
static int set_delimiter(struct recogniser *g, const char *text)
{
    char plain[TEXT_DELIMITER];
    size_t n = 0;

    for (const char *c = text; *c; c++) {
        bool escaped = *c == '\\' && c[1] && strchr("t\\", c[1]);

        if (n + 1 >= sizeof plain || strchr("\r\n\"", *c))
            return error_set(g->err, PT_ECONFIG,
                             "data.delimiter: at most %zu characters, none of them a quote or a line end",
                             sizeof plain - 1);
        plain[n++] = escaped ? (c[1] == 't' ? '\t' : '\\') : *c;
        c += escaped;
    }
    plain[n] = 0;
    text_set_delimiter(g->d, plain);
    return 0;
}

/* data.columns, field by field. */
static int set_columns(struct recogniser *g)
{
    struct text_format *d = g->d;
    int seen[ROLES] = {0};

    if (g->spec->columns > TEXT_COLUMNS)
        return error_set(g->err, PT_ECONFIG, "data.columns: at most %d", TEXT_COLUMNS);
    for (int c = 0; c < g->spec->columns; c++) {
        int r = 0;

        while (r < ROLES && strcmp(g->spec->column[c], role_name((enum role)r)) != 0)
            r++;
        if (r == ROLES)
            return error_set(g->err, PT_ECONFIG,
                             "data.columns: '%s' is none of user, item, rating, time, skip",
                             g->spec->column[c]);
        if (r != ROLE_SKIP && seen[r]++)
            return error_set(g->err, PT_ECONFIG, "data.columns: %s stands twice", role_name((enum role)r));
        d->role[c] = (uint8_t)r;
    }
    d->columns = g->spec->columns;
    if (g->spec->format == FORMAT_MATRIX)
        return 0;
    if (!seen[ROLE_USER] || !seen[ROLE_ITEM])
        return error_set(g->err, PT_ECONFIG, "data.columns: user and item must be among them");
    return 0;
}

static const char *where_word(const struct recogniser *g, size_t *name)
{
    const char *where = g->spec->where, *equals = where && *where ? strchr(where, '=') : NULL;

    *name = equals ? (size_t)(equals - where) : 0;
    return equals ? equals + 1 : NULL;
}

/* data.where: the column by name, or by number from 1. */
static int set_where(struct recogniser *g, const struct field *name, int names)
{
    size_t length;
    const char *word = where_word(g, &length);
    int c = 0;

    g->d->where = -1;
    if (!word)
        return g->spec->where && *g->spec->where
                   ? error_set(g->err, PT_ECONFIG, "data.where: COLUMN=WORD, such as event=purchase or 4=buy")
                   : 0;
    snprintf(g->d->where_word, sizeof g->d->where_word, "%s", word);
    while (c < names && (name[c].length != length || memcmp(name[c].text, g->spec->where, length) != 0))
        c++;
    if (c == names && length < 4) {
        int number = 0;

        c = sscanf(g->spec->where, "%d=", &number) == 1 ? number - 1 : names;
        names = names > g->d->columns ? names : g->d->columns;
        c = c < 0 ? names : c;
    }
    if (c >= (names > g->d->columns ? names : g->d->columns))
        return error_set(g->err, PT_EDATA, "%s: data.where: no column is called '%.*s'", g->s.shown,
                         (int)length, g->spec->where);
    g->d->where = c;
    return 0;
}

/* --- a rating a line ----------------------------------------------------------------------------- */

static void keep_header(struct recogniser *g, const char *begin, const char *end)
{
    size_t n = (size_t)(end - begin);

    if (n <= sizeof g->d->header) {
        memcpy(g->d->header, begin, n);
        g->d->header_length = (int)n;
    }
}

/* The names above the table: the first line, less one field (R's row names), or a comment. Their number, 0:
 * none. */
static int find_names(struct recogniser *g, struct field *name)
{
    struct sample *s = &g->s;
    enum text_header asked = g->spec->header;
    const char *p = g->names;
    struct column_look first;
    int64_t n;
    int known = 0;

    if (s->lines > 1 && s->line[0].fields == s->columns - 1 && asked != HEADER_NO) {
        struct sample top = *s;

        n = text_cut(g->d, s->line[0].begin, s->line[0].end, name + 1, TEXT_COLUMNS - 1);
        for (int64_t c = 1; c <= n; c++) {
            enum meaning m = column_name_find(name[c].text, name[c].length).meaning;
            known += m == NAME_USER || m == NAME_ITEM;
        }
        first = sample_look(&top, 0);
        if (known == 2 && (first.counting || (s->rows < 3 && first.whole))) {
            name[0] = (struct field){"", 0, false};
            g->d->row_names = true;
            keep_header(g, s->line[0].begin, s->line[0].end);
            g->head = s->line[0].number;
            return s->columns;
        }
    }
    while (p && p < g->names_end && (*p == '#' || *p == '%' || field_is_blank(*p)))
        p++;
    if (!p || asked == HEADER_NO || header_first_line(s) == FIRST_NAMES ||
        (n = text_cut(g->d, p, g->names_end, name, TEXT_COLUMNS)) != s->columns)
        return 0;
    for (int64_t c = 0; c < n; c++) {
        enum meaning m = column_name_find(name[c].text, name[c].length).meaning;
        known += m == NAME_USER || m == NAME_ITEM;
    }
    return known == 2 ? (int)n : 0;
}

static int unknown_header(struct recogniser *g)
{
    char list[300];
    size_t used = 0;

    for (int c = 0; c < g->s.columns && used < sizeof list; c++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", c ? "," : "",
                                 c == 0   ? "user"
                                 : c == 1 ? "item"
                                 : c == 2 ? "rating"
                                          : "skip");
    return sample_doubt(
        &g->s, 0, g->err,
        "this looks like a header, and none of its names is known; say which is which, such as "
        "data.columns=user=NAME,item=NAME,rating=NAME or data.columns=%s; data.header=no if it is none",
        list);
}

/* Whether the first line is a header, with all that is said; PT_EDATA: in doubt. */
static int first_is_header(struct recogniser *g)
{
    bool names = header_names_are_given(g->spec), said = g->spec->columns > 0;
    enum first_line first;

    if (names)
        return 1;
    if (g->spec->header != HEADER_AUTO)
        return g->spec->header == HEADER_YES;
    if (!g->s.rows || (said && g->s.columns != g->d->columns))
        return 0; /* its lines are bad, and it is told where */
    first = header_first_line(&g->s);
    if (first == FIRST_UNKNOWN && !said)
        return unknown_header(g);
    if (first == FIRST_DOUBT)
        return sample_doubt(
            &g->s, 0, g->err,
            "a header of unknown names, or data? Nothing below is like it; data.header=yes or "
            "data.header=no");
    return first != FIRST_DATA;
}

static void report_positions(struct recogniser *g, bool said)
{
    char list[200];

    text_show_columns(g->d, list, sizeof list);
    snprintf(g->told->columns, sizeof g->told->columns,
             said ? "%s, as data.columns says" : "assumed: %s by position", list);
}

static int name_columns(struct recogniser *g, const struct field *name)
{
    const struct field *first = sample_cell(&g->s, 0, 0);
    int columns = 0;
    const char *begin = g->s.line[0].begin;
    const uint8_t *role = column_names_published(begin, (size_t)(g->s.line[0].end - begin), &columns);

    (void)first;
    if (header_names_are_given(g->spec))
        return header_given_roles(g->d, g->told, &g->s, name, g->spec, g->err);
    if (role && columns == g->s.columns) {
        g->d->columns = columns;
        memcpy(g->d->role, role, (size_t)columns);
        snprintf(g->told->columns, sizeof g->told->columns, "user=customer_id item=article_id time=t_dat");
        snprintf(g->told->unused, sizeof g->told->unused, "price, sales_channel_id");
        return 0;
    }
    return header_roles(g->d, g->told, &g->s, name, g->err);
}

static int recognise_table(struct recogniser *g)
{
    struct field name[TEXT_COLUMNS];
    struct text_format *d = g->d;
    bool by_name, said = g->spec->columns > 0 && !header_names_are_given(g->spec);
    int names = 0, rc = 0;

    if (g->s.columns > TEXT_COLUMNS)
        return error_set(g->err, PT_EDATA, "%s: lines of more than %d fields", g->s.shown, TEXT_COLUMNS);
    if ((rc = sample_make_table(&g->s, d, g->err)) < 0)
        return rc;
    if (!said)
        names = find_names(g, name);
    if (!names) {
        if ((rc = first_is_header(g)) < 0)
            return rc;
        if (rc && g->s.rows && g->s.line_of[0] == 0) {
            names = g->s.columns;
            memcpy(name, g->s.cell, (size_t)names * sizeof *name);
            keep_header(g, g->s.line[0].begin, g->s.line[0].end);
            g->head = g->s.line[0].number;
            g->s.first = 1;
            sample_drop_repeated(&g->s);
        } else if (rc && g->s.lines) { /* a header of another number of fields than the lines */
            return sample_doubt(&g->s, 0, g->err, "a header of %" PRId64 " fields above lines of %d",
                                g->s.line[0].fields, g->s.columns);
        }
    }
    by_name = names > 0 && !said;
    rc = 0;
    if (by_name)
        rc = name_columns(g, name);
    else if (!said && (rc = check_comment(g)) == 0)
        rc = values_roles(d, &g->s, g->known_name, g->err);
    if (rc == 0)
        rc = set_where(g, name, names);
    if (rc == 0 && !said && g->spec->format != FORMAT_DELIMITED &&
        (rc = values_cell_lists(d, &g->s, g->err)) > 0)
        snprintf(g->told->columns, sizeof g->told->columns, "a user and a list of items a line");
    if (rc < 0)
        return rc;
    if (rc == 0 && !by_name)
        report_positions(g, said);
    return 0;
}

/* --- other layouts ------------------------------------------------------------------------------- */

static int recognise_json(struct recogniser *g)
{
    struct field *name = NULL;
    int rc = json_lines_sample(&g->s, &name, &g->arena, g->begin, g->end, g->err);

    g->d->layout = FORMAT_JSON;
    if (rc == 0 && g->spec->columns && !header_names_are_given(g->spec))
        rc =
            error_set(g->err, PT_ECONFIG, "data.columns: of JSON lines by key: user=KEY,item=KEY,rating=KEY");
    if (rc == 0)
        rc = g->spec->columns ? header_given_roles(g->d, g->told, &g->s, name, g->spec, g->err)
                              : header_roles(g->d, g->told, &g->s, name, g->err);
    if (rc == 0)
        rc = set_where(g, name, g->s.columns);
    for (int c = 0; rc == 0 && c < g->s.columns; c++) {
        char *key = g->d->role[c] != ROLE_SKIP ? g->d->key[g->d->role[c]] : NULL;

        if (key)
            snprintf(key, TEXT_WORD, "%s", name[c].text);
        if (c == g->d->where)
            snprintf(g->d->where_key, TEXT_WORD, "%s", name[c].text);
        if (c == g->d->event)
            snprintf(g->d->event_key, TEXT_WORD, "%s", name[c].text);
    }
    mem_free(name);
    return rc;
}

/* "%%MatrixMarket matrix coordinate real general", comments, a line of sizes, then lines of row, column,
 * value. */
static int recognise_matrix_market(struct recogniser *g, const char *banner)
{
    const char *stop = line_end(banner, g->end);
    char line[128], shown[PRINTABLE_BYTES];
    bool pattern;

    snprintf(line, sizeof line, "%.*s", (int)(stop - banner < 120 ? stop - banner : 120), banner);
    for (char *c = line; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    pattern = strstr(line, "pattern") != NULL;
    if (!strstr(line, "coordinate") || !strstr(line, "general") || strstr(line, "complex"))
        return error_set(
            g->err, PT_EDATA,
            "%s:1: Matrix Market, '%s': only 'matrix coordinate' of real, integer or pattern, 'general', "
            "is read (an array: scipy.io.mmread, then mmwrite of a coo_array)",
            g->s.shown,
            printable(shown, banner, (size_t)(stop - banner - (stop > banner && stop[-1] == '\r'))));
    text_set_delimiter(g->d, " ");
    stop = line_end(g->begin, g->end);
    snprintf(line, sizeof line, "%.*s", (int)(stop - g->begin < 120 ? stop - g->begin : 120), g->begin);
    (void)sscanf(line, "%*s %*s %" SCNd64, &g->d->entries);
    pass_line(g); /* the sizes */
    g->d->columns = pattern ? 2 : 3;
    memcpy(g->d->role, (uint8_t[]){ROLE_USER, ROLE_ITEM, ROLE_RATING}, 3);
    snprintf(g->told->columns, sizeof g->told->columns, "Matrix Market: user=row item=column%s",
             pattern ? "" : " rating=value");
    return 0;
}

static bool is_block_name(const char *p, const char *stop)
{
    const char *c = p;

    stop -= stop > p && stop[-1] == '\r';
    while (c < stop && *c >= '0' && *c <= '9')
        c++;
    return c > p && c + 1 == stop && *c == ':';
}

/* "0|2": a line that says how many follow for a user. */
static int refuse_counted_blocks(struct recogniser *g)
{
    const char *p = g->begin, *stop = line_end(p, g->end), *bar = memchr(p, '|', (size_t)(stop - p));
    char shown[PRINTABLE_BYTES];

    stop -= stop > p && stop[-1] == '\r';
    if (!bar || bar == p || bar + 1 == stop || g->spec->format != FORMAT_AUTO || g->spec->columns)
        return 0;
    for (const char *c = p; c < stop; c++)
        if (c != bar && (*c < '0' || *c > '9'))
            return 0;
    if (!memchr(stop, '\t', (size_t)(g->end - stop)))
        return 0;
    return error_set(
        g->err, PT_EDATA,
        "%s:%" PRId64
        ": '%s': blocks of 'user|count' as in the KDD Cup 2011, which are not read; convert them: "
        "awk -F'\\t' 'NF==1{split($1,u,\"|\");next}{print u[1]\",\"$1\",\"$2}' FILE > FILE.csv",
        g->s.shown, g->head + 1, printable(shown, p, (size_t)(stop - p)));
}

static int recognise_netflix(struct recogniser *g)
{
    bool rated = false;

    text_set_delimiter(g->d, ",");
    sample_take(&g->s, g->d, g->begin, g->end, g->head);
    g->d->has_rating = g->d->has_time = true;
    for (int k = 0; k < g->s.lines; k++)
        rated = rated || g->s.line[k].fields == 3;
    if (!rated && g->s.lines > 1)
        return sample_doubt(
            &g->s, -1, g->err,
            "blocks as in Netflix's qualifying set, without ratings; lines of user, rating, date are read");
    snprintf(g->told->columns, sizeof g->told->columns, "Netflix: 'item:', then user, rating, date");
    return 0;
}

/* Rows of a matrix: a header names the items; the first field is the user where data.columns or the header
 * says so. */
static int recognise_matrix(struct recogniser *g)
{
    struct text_format *d = g->d;
    const struct field *first;
    bool header;
    int rc;

    if (g->s.columns > TEXT_COLUMNS)
        return error_set(g->err, PT_EDATA, "%s: a matrix of more than %d columns", g->s.shown, TEXT_COLUMNS);
    if ((rc = sample_make_table(&g->s, d, g->err)) < 0)
        return rc;
    first = sample_cell(&g->s, 0, 0);
    header = g->spec->header == HEADER_YES ||
             (g->spec->header == HEADER_AUTO && (!first->length || !field_is_number(first)));
    d->user_first = g->spec->columns ? d->role[0] == ROLE_USER : header;
    d->skip_first = g->spec->columns && d->role[0] == ROLE_SKIP;
    d->columns = g->s.columns;
    d->has_missing = g->spec->has_missing;
    d->missing = (float)g->spec->missing_value;
    d->has_rating = true;
    if (header) {
        keep_header(g, g->s.line[0].begin, g->s.line[0].end);
        g->head = g->s.line[0].number;
    }
    snprintf(g->told->columns, sizeof g->told->columns, "a matrix: a user a line%s, an item a column%s",
             d->user_first ? " (first field)" : " (by number)", header ? " (by name)" : " (by number)");
    return 0;
}

static void report_lists(struct recogniser *g)
{
    static const char *const what[] = {
        [FORMAT_LISTS] = "lists: user item item ...",
        [FORMAT_COUNTED_LISTS] = "lists: count item item ..., users numbered by line",
        [FORMAT_ITEM_VALUES] = "lists: user item:rating item:rating ...",
    };

    snprintf(g->told->columns, sizeof g->told->columns, "%s", what[g->d->layout]);
    g->d->has_rating = g->d->layout == FORMAT_ITEM_VALUES;
}

/* Lines between blanks that are no table: several lengths, or pairs of item and value. */
static bool may_be_lists(struct recogniser *g)
{
    const struct text_format *d = g->d;
    struct field f[TEXT_COLUMNS];
    int64_t n = text_cut(d, g->s.line[0].begin, g->s.line[0].end, f, TEXT_COLUMNS);

    if (!d->blanks || g->spec->columns || g->spec->format != FORMAT_AUTO || g->spec->header == HEADER_YES)
        return false;
    for (int64_t c = 0; c < n && c < TEXT_COLUMNS; c++) {
        enum meaning m = column_name_find(f[c].text, f[c].length).meaning;

        if (f[c].length && (m == NAME_USER || m == NAME_ITEM))
            return false;
    }
    return values_are_pairs(&g->s) || 10 * (g->s.lines - g->s.alike) > g->s.lines;
}

/* A header that names user and item says how many fields a line has, unless all lines have one more (R). */
static void prefer_header(struct recogniser *g)
{
    struct sample *s = &g->s;
    struct field f[TEXT_COLUMNS];
    int64_t n = s->line[0].fields;
    int alike = 0, user = 0, item = 0;

    if (n < 2 || n > TEXT_COLUMNS || n == s->columns || (n == s->columns - 1 && s->alike + 1 == s->lines))
        return;
    text_cut(g->d, s->line[0].begin, s->line[0].end, f, TEXT_COLUMNS);
    for (int64_t c = 0; c < n; c++) {
        enum meaning m = column_name_find(f[c].text, f[c].length).meaning;

        user += m == NAME_USER && f[c].length;
        item += m == NAME_ITEM;
    }
    for (int k = 0; k < s->lines; k++)
        alike += s->line[k].fields == n;
    if (user && item && alike > 1) {
        s->columns = (int)n;
        s->alike = alike;
    }
}

static int recognise_lines(struct recogniser *g)
{
    const struct ratings_spec *spec = g->spec;
    struct text_format *d = g->d;
    int rc = 0;

    if (spec->columns && !header_names_are_given(spec))
        rc = set_columns(g);
    if (rc < 0)
        return rc;
    if (!d->delimiter_length && (spec->format == FORMAT_LISTS || spec->format == FORMAT_COUNTED_LISTS ||
                                 spec->format == FORMAT_ITEM_VALUES))
        text_set_delimiter(d, " ");
    else if (!d->delimiter_length)
        sample_find_delimiter(d, &g->s, g->begin, g->end, d->columns);
    if (spec->format == FORMAT_LISTS || spec->format == FORMAT_COUNTED_LISTS ||
        spec->format == FORMAT_ITEM_VALUES)
        d->quotes = false;
    sample_take(&g->s, d, g->begin, g->end, g->head);
    if (g->s.lines == 0)
        return error_set(g->err, PT_EDATA, "%s: is empty", g->s.shown);
    if (d->layout == FORMAT_MATRIX)
        return recognise_matrix(g);
    if (d->layout == FORMAT_CELL_LISTS) {
        d->columns = d->columns ? d->columns : 2;
        d->role[0] = d->role[0] ? d->role[0] : ROLE_USER;
        snprintf(g->told->columns, sizeof g->told->columns, "a user and a list of items a line");
        return 0;
    }
    if (d->layout != FORMAT_DELIMITED) {
        g->head += spec->header == HEADER_YES;
        report_lists(g);
        return 0;
    }
    if (may_be_lists(g)) {
        d->quotes = false;
        if ((rc = values_lists(d, &g->s, g->err)) == 0)
            report_lists(g);
        return rc;
    }
    prefer_header(g);
    if (spec->columns && !header_names_are_given(spec))
        g->s.columns = g->s.columns > 0 ? g->s.columns : d->columns;
    if (!spec->columns && 2 * g->s.alike < g->s.lines && g->s.lines > 2)
        return sample_doubt(
            &g->s, -1, g->err,
            "lines of different numbers of fields; is another data.delimiter wanted? If they are lists of "
            "items, data.format=lists");
    if (g->s.columns < 1)
        return sample_doubt(
            &g->s, -1, g->err,
            "a quoted field is not closed, or text follows its closing quote; is another data.delimiter "
            "wanted?");
    return recognise_table(g);
}

static int recognise_layout(struct recogniser *g)
{
    const char *stop, *banner = g->begin;
    int rc = 0;

    if (g->spec->comment)
        snprintf(g->d->comment, sizeof g->d->comment, "%s", g->spec->comment);
    if (g->spec->delimiter && *g->spec->delimiter)
        rc = set_delimiter(g, g->spec->delimiter);
    if (rc == 0)
        rc = pass_head(g);
    if (rc < 0)
        return rc;
    stop = line_end(g->begin, g->end);
    g->d->layout = g->spec->format == FORMAT_AUTO ? FORMAT_DELIMITED : g->spec->format;
    if (g->d->layout == FORMAT_MATRIX_MARKET ||
        (g->spec->format == FORMAT_AUTO && strncmp(banner, "%%MatrixMarket", 14) == 0)) {
        g->d->layout = FORMAT_DELIMITED;
        return recognise_matrix_market(g, banner);
    }
    if (g->d->layout == FORMAT_NETFLIX || (g->spec->format == FORMAT_AUTO && is_block_name(g->begin, stop))) {
        g->d->layout = FORMAT_NETFLIX;
        return recognise_netflix(g);
    }
    if (g->d->layout == FORMAT_JSON ||
        (g->spec->format == FORMAT_AUTO && !g->d->delimiter_length && (*g->begin == '{' || *g->begin == '[')))
        return recognise_json(g);
    if ((rc = refuse_counted_blocks(g)) < 0)
        return rc;
    return recognise_lines(g);
}

/* The first three rows as they were understood. */
static void preview(struct recogniser *g)
{
    for (int k = 0; k < 3 && g->s.cell && g->s.first + k < g->s.rows; k++) {
        char *out = g->told->preview[k], shown[PRINTABLE_BYTES];
        size_t used = 0, space = sizeof g->told->preview[k];

        for (int r = ROLE_USER; r < ROLES; r++)
            for (int c = 0; c < g->d->columns && c < g->s.columns && used < space; c++)
                if (g->d->role[c] == r) {
                    const struct field *f = sample_cell(&g->s, g->s.first + k, c);

                    used += (size_t)snprintf(out + used, space - used, "%s%s %s", used ? ", " : "",
                                             role_name((enum role)r), printable(shown, f->text, f->length));
                }
    }
}

int recognise_text(struct text_format *out, struct reading *told, const struct ratings_spec *spec,
                   const char *begin, const char *end, bool known_name, const char *shown, struct error *err)
{
    struct recogniser *g = mem_zalloc(1, sizeof *g);
    int rc;

    if (!g)
        return error_set(err, PT_ENOMEM, "%s: out of memory", shown);
    *out = (struct text_format){.where = -1, .event = -1};
    *g = (struct recogniser){.d = out,
                             .told = told,
                             .spec = spec,
                             .begin = begin,
                             .end = end,
                             .known_name = known_name,
                             .err = err};
    g->s.shown = shown;
    rc = recognise_layout(g);
    out->head_lines = g->head;
    for (int c = 0; c < out->columns; c++) {
        out->has_rating = out->has_rating || out->role[c] == ROLE_RATING;
        out->has_time = out->has_time || out->role[c] == ROLE_TIME;
    }
    if (rc == 0)
        preview(g);
    sample_fini(&g->s);
    mem_free(g->arena);
    mem_free(g);
    return rc;
}

int recognise_header_line(struct text_format *d, const char *line, const char *end, const char *shown,
                          struct error *err)
{
    struct reading told;
    struct sample *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return error_set(err, PT_ENOMEM, "%s: out of memory", shown);
    s->shown = shown;
    d->where = d->event = -1;
    sample_take(s, d, line, end, 0);
    rc = s->columns > 0 && s->columns <= TEXT_COLUMNS ? sample_make_table(s, d, err) : 0;
    if (rc == 0 && s->rows && header_first_line(s) == FIRST_NAMES) {
        struct field name[TEXT_COLUMNS];

        memcpy(name, s->cell, (size_t)s->columns * sizeof *name);
        s->first = 1;
        rc = header_roles(d, &told, s, name, err);
        rc = rc < 0 ? rc : 1;
    }
    sample_fini(s);
    mem_free(s);
    return rc;
}
