#include "read/recogniser.h"

#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- options ------------------------------------------------------------------------------------- */

/* "\t" is written with a backslash in YAML's plain style and on a command line. */
int option_delimiter(struct recogniser *g)
{
    char plain[TEXT_DELIMITER];
    size_t n = 0;

    for (const char *c = g->spec->delimiter ? g->spec->delimiter : ""; *c; c++) {
        bool escaped = *c == '\\' && c[1] && strchr("t\\", c[1]);

        if (n + 1 >= sizeof plain || strchr("\r\n\"", *c))
            return error_set(g->err, PT_ECONFIG,
                             "data.delimiter: at most %zu characters, none of them a quote or a line end",
                             sizeof plain - 1);
        plain[n++] = escaped ? (c[1] == 't' ? '\t' : '\\') : *c;
        c += escaped;
    }
    plain[n] = 0;
    if (n)
        text_set_delimiter(g->d, plain);
    return 0;
}

/* The role whose name `text` begins with, and `mark` behind it; ROLES: none. */
static enum role find_role(const char *text, char mark)
{
    enum role r = ROLE_SKIP;

    for (; r < ROLES; r++) {
        size_t n = strlen(role_name(r));

        if (strncmp(text, role_name(r), n) == 0 && text[n] == mark)
            break;
    }
    return r;
}

static int refuse_name(const struct recogniser *g, const char *option, const char *name, size_t length)
{
    char list[400] = "", one[PRINTABLE_BYTES], shown[PRINTABLE_BYTES];

    for (int c = 0; c < g->s->columns; c++)
        text_append(list, sizeof list, "%s%s", c ? ", " : "",
                    printable(one, g->s->name[c].text, g->s->name[c].length));
    return error_set(g->err, PT_EDATA, "%s: %s: not one column is called '%s'; there are: %s", g->s->shown,
                     option, printable(shown, name, length), list);
}

/* An element of data.columns is a role, or "user=NAME", or several of these with blanks between. */
int option_columns(const struct recogniser *g, int of[ROLES])
{
    if (g->spec->columns > TEXT_COLUMNS)
        return error_set(g->err, PT_ECONFIG, "data.columns: at most %d", TEXT_COLUMNS);
    for (int i = 0; i < g->spec->columns; i++)
        for (const char *p = g->spec->column[i], *stop; *p; p = stop + (*stop == ' ')) {
            enum role r = find_role(p, g->by_name ? '=' : 0);
            const char *name = strchr(p, '=');
            int c = i;

            if (r == ROLES)
                return error_set(g->err, PT_ECONFIG, "data.columns: '%.60s' is none of %s", p,
                                 g->by_name ? "user=NAME, item=NAME, rating=NAME, time=NAME"
                                            : "user, item, rating, time, skip");
            stop = g->by_name ? name + 1 : p + strlen(p);
            while (*stop && !(*stop == ' ' && find_role(stop + 1, '=') != ROLES))
                stop++;
            if (g->by_name && (c = sample_find_name(g->s, name + 1, (size_t)(stop - name - 1))) == NONE)
                return refuse_name(g, "data.columns", name + 1, (size_t)(stop - name - 1));
            if (r != ROLE_SKIP && of[r] != NONE)
                return error_set(g->err, PT_ECONFIG, "data.columns: %s stands twice", role_name(r));
            of[r] = r != ROLE_SKIP ? c : NONE;
        }
    return g->d->layout == FORMAT_MATRIX || (of[ROLE_USER] != NONE && of[ROLE_ITEM] != NONE)
               ? 0
               : error_set(g->err, PT_ECONFIG, "data.columns: user and item must be among them");
}

int option_where(struct recogniser *g, bool named)
{
    const char *where = g->spec->where ? g->spec->where : "", *equals = strchr(where, '=');
    struct text_format *d = g->d;
    int number = 0, columns = named && g->s->columns > d->columns ? g->s->columns : d->columns;

    d->where = NONE;
    if (!*where)
        return 0;
    if (!equals)
        return error_set(g->err, PT_ECONFIG, "data.where: COLUMN=WORD, such as event=purchase or 4=buy");
    snprintf(d->where_word, sizeof d->where_word, "%s", equals + 1);
    if (named)
        d->where = sample_find_name(g->s, where, (size_t)(equals - where));
    if (d->where == NONE && equals - where < 4 && sscanf(where, "%d=", &number) == 1 && number > 0 &&
        number <= columns)
        d->where = number - 1;
    return d->where != NONE ? 0 : refuse_name(g, "data.where", where, (size_t)(equals - where));
}

/* --- layouts of their own ------------------------------------------------------------------------ */

/* The first characters of a line as a string. */
static void copy_line(char out[128], const char *line, const char *end)
{
    snprintf(out, 128, "%.*s", (int)(text_without_cr(line, text_newline(line, end)) - line), line);
}

enum text_layout layout_of_mark(const struct recogniser *g, const char *banner)
{
    const char *line = g->begin, *end = text_without_cr(line, text_newline(line, g->end)), *p = line;

    while (p < end && isdigit((unsigned char)*p))
        p++;
    if (g->end - banner > 14 && strncasecmp(banner, "%%MatrixMarket", 14) == 0)
        return FORMAT_MATRIX_MARKET;
    if (p > line && p + 1 == end && *p == ':') /* the item of the lines below */
        return FORMAT_NETFLIX;
    return !g->d->delimiter_length && (*line == '{' || *line == '[') ? FORMAT_JSON : FORMAT_DELIMITED;
}

int layout_json(struct recogniser *g)
{
    struct text_format *d = g->d;

    TRY(json_lines_sample(g->s, g->begin, g->end, g->head, g->err));
    if (g->by_position)
        return error_set(g->err, PT_ECONFIG,
                         "data.columns: of JSON lines by key: user=KEY,item=KEY,rating=KEY");
    TRY(header_roles(g));
    TRY(option_where(g, true));
    d->unrated = !g->by_name && d->of[ROLE_RATING] == NONE;
    for (int c = 0; c < d->columns; c++)
        if (text_role(d, c) != ROLE_SKIP || c == d->where || c == d->event)
            snprintf(d->key[c], TEXT_WORD, "%s", g->s->name[c].text);
    return 0;
}

/* "%%MatrixMarket matrix coordinate real general", comments, a line of sizes, then lines of row, column,
 * value. */
int layout_matrix_market(struct recogniser *g, const char *banner)
{
    char line[128], shown[PRINTABLE_BYTES];
    bool pattern;

    copy_line(line, banner, g->end);
    printable(shown, line, strlen(line));
    pattern = strcasestr(line, "pattern") != NULL;
    if (!strcasestr(line, "coordinate") || !strcasestr(line, "general") || strcasestr(line, "complex"))
        return error_set(g->err, PT_EDATA,
                         "%s:1: Matrix Market, '%s': only 'matrix coordinate' of real, integer or pattern, "
                         "'general', is read (an array: scipy.io.mmread, then mmwrite of a coo_array)",
                         g->s->shown, shown);
    copy_line(line, g->begin, g->end);
    (void)sscanf(line, "%*s %*s %" SCNd64, &g->d->entries);
    recogniser_pass_line(g); /* the sizes */
    text_set_delimiter(g->d, " ");
    g->d->layout = FORMAT_DELIMITED;
    g->d->columns = pattern ? 2 : 3;
    memcpy(g->d->of, (int[]){NONE, 0, 1, pattern ? NONE : 2, NONE}, sizeof g->d->of);
    REPORT(g, "Matrix Market: user=row item=column%s", pattern ? "" : " rating=value");
    return 0;
}

int layout_netflix(struct recogniser *g)
{
    text_set_delimiter(g->d, ",");
    g->d->columns = 3;
    memcpy(g->d->of, (int[]){NONE, 0, NONE, 1, 2}, sizeof g->d->of);
    REPORT(g, "Netflix: 'item:', then user, rating, date");
    return 0;
}

/* Rows of a matrix: a header names the items; the first field is the user where data.columns or the header
 * says so. */
int layout_matrix(struct recogniser *g)
{
    const struct ratings_spec *spec = g->spec;
    struct text_format *d = g->d;
    const struct field *first;
    bool header;

    if (g->s->columns > TEXT_COLUMNS)
        return error_set(g->err, PT_EDATA, "%s: a matrix of more than %d columns", g->s->shown, TEXT_COLUMNS);
    TRY(sample_make_table(g->s, d, g->err));
    first = sample_cell(g->s, 0, 0);
    header = spec->header == HEADER_YES || (spec->header == HEADER_AUTO && !field_is_number(first));
    d->user_first = spec->columns ? d->of[ROLE_USER] == 0 : header;
    d->skip_first = spec->columns && text_role(d, 0) == ROLE_SKIP;
    d->columns = g->s->columns;
    d->missing = spec->has_missing ? (float)spec->missing_value : NAN;
    d->has_rating = true;
    if (header)
        recogniser_set_header(g);
    REPORT(g, "a matrix: a user a line%s, an item a column%s",
           d->user_first ? " (first field)" : " (by number)", header ? " (by name)" : " (by number)");
    return 0;
}

int layout_cell_lists(struct recogniser *g)
{
    g->d->layout = FORMAT_CELL_LISTS;
    g->d->of[ROLE_USER] = g->d->of[ROLE_USER] > 0;
    REPORT(g, "a user and a list of items a line");
    return 0;
}

int layout_lists(struct recogniser *g)
{
    static const char *const form[] = {[FORMAT_LISTS] = "user item item ...",
                                       [FORMAT_ITEM_VALUES] = "user item:rating item:rating ...",
                                       [FORMAT_COUNTED_LISTS] =
                                           "count item item ..., users numbered by line"};

    g->head += g->spec->header == HEADER_YES;
    g->d->has_rating = g->d->layout == FORMAT_ITEM_VALUES;
    REPORT(g, "lists: %s", form[g->d->layout]);
    return 0;
}
