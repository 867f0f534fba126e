#include "read/recognise_layouts.h"

#include "base/text.h"
#include "read/json_lines.h"
#include "read/recognise_header.h"
#include "read/recognise_options.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void recogniser_pass_line(struct recogniser *g)
{
    const char *stop = text_newline(g->begin, g->end);

    g->begin = stop < g->end ? stop + 1 : g->end;
    g->head++;
}

void recogniser_set_header(struct recogniser *g, const char *begin, const char *end)
{
    size_t n = (size_t)(end - begin);

    if (n <= sizeof g->d->header) {
        memcpy(g->d->header, begin, n);
        g->d->header_length = (int)n;
    }
}

int recognise_json(struct recogniser *g)
{
    struct text_format *d = g->d;
    const struct field *name = g->s->name;
    int rc = json_lines_sample(g->s, g->begin, g->end, g->err);

    if (rc == 0 && g->spec->columns && !option_names(g->spec))
        rc =
            error_set(g->err, PT_ECONFIG, "data.columns: of JSON lines by key: user=KEY,item=KEY,rating=KEY");
    if (rc == 0)
        rc = header_roles(d, g->told, g->s, g->spec, g->err);
    if (rc == 0)
        rc = option_where(d, g->s, 1, g->spec, g->err);
    for (int c = 0; rc == 0 && c < g->s->columns; c++) {
        if (d->role[c] != ROLE_SKIP)
            snprintf(d->key[d->role[c]], TEXT_WORD, "%s", name[c].text);
        if (c == d->where)
            snprintf(d->where_key, TEXT_WORD, "%s", name[c].text);
        if (c == d->event)
            snprintf(d->event_key, TEXT_WORD, "%s", name[c].text);
    }
    return rc;
}

/* The first characters of a line as a string. */
static void copy_line(char out[128], const char *line, const char *end)
{
    size_t n = (size_t)(text_without_cr(line, text_newline(line, end)) - line);

    snprintf(out, 128, "%.*s", (int)(n < 127 ? n : 127), line);
}

/* "%%MatrixMarket matrix coordinate real general", comments, a line of sizes, then lines of row, column,
 * value. */
int recognise_matrix_market(struct recogniser *g, const char *banner)
{
    char line[128], shown[PRINTABLE_BYTES];
    bool pattern;

    copy_line(line, banner, g->end);
    printable(shown, line, strlen(line));
    for (char *c = line; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    pattern = strstr(line, "pattern") != NULL;
    if (!strstr(line, "coordinate") || !strstr(line, "general") || strstr(line, "complex"))
        return error_set(g->err, PT_EDATA,
                         "%s:1: Matrix Market, '%s': only 'matrix coordinate' of real, integer or pattern, "
                         "'general', is read (an array: scipy.io.mmread, then mmwrite of a coo_array)",
                         g->s->shown, shown);
    text_set_delimiter(g->d, " ");
    copy_line(line, g->begin, g->end);
    (void)sscanf(line, "%*s %*s %" SCNd64, &g->d->entries);
    recogniser_pass_line(g); /* the sizes */
    g->d->layout = FORMAT_DELIMITED;
    g->d->columns = pattern ? 2 : 3;
    memcpy(g->d->role, (uint8_t[]){ROLE_USER, ROLE_ITEM, ROLE_RATING}, 3);
    REPORT(g, "Matrix Market: user=row item=column%s", pattern ? "" : " rating=value");
    return 0;
}

bool recognise_block_name(const char *p, const char *stop)
{
    const char *c = p;

    while (c < stop && isdigit((unsigned char)*c))
        c++;
    return c > p && c + 1 == stop && *c == ':';
}

/* "0|2": a line that says how many follow for a user. */
int recognise_counted_blocks(struct recogniser *g)
{
    char line[128], behind;
    int length = 0;

    copy_line(line, g->begin, g->end);
    if (sscanf(line, "%*[0-9]|%*[0-9]%n%c", &length, &behind) > 0 || !length || line[length] ||
        !memchr(g->begin, '\t', (size_t)(g->end - g->begin)) || g->spec->format != FORMAT_AUTO ||
        g->spec->columns)
        return 0;
    return error_set(
        g->err, PT_EDATA,
        "%s:%" PRId64
        ": '%.40s': blocks of 'user|count' as in the KDD Cup 2011, which are not read; convert them: awk "
        "-F'\\t' 'NF==1{split($1,u,\"|\");next}{print u[1]\",\"$1\",\"$2}' FILE > FILE.csv",
        g->s->shown, g->head + 1, line);
}

int recognise_netflix(struct recogniser *g)
{
    bool rated = false;

    text_set_delimiter(g->d, ",");
    sample_read_lines(g->s, g->d, g->begin, g->end, g->head);
    g->d->columns = 3;
    memcpy(g->d->role, (uint8_t[]){ROLE_USER, ROLE_RATING, ROLE_TIME}, 3);
    for (int k = 0; k < g->s->lines; k++)
        rated = rated || g->s->line[k].fields == 3;
    if (!rated && g->s->lines > 1)
        return sample_doubt(
            g->s, -1, g->err,
            "blocks as in Netflix's qualifying set, without ratings; lines of user, rating, date are read");
    REPORT(g, "Netflix: 'item:', then user, rating, date");
    return 0;
}

/* Rows of a matrix: a header names the items; the first field is the user where data.columns or the header
 * says so. */
int recognise_matrix(struct recogniser *g)
{
    struct text_format *d = g->d;
    const struct field *first;
    bool header;
    int rc;

    if (g->s->columns > TEXT_COLUMNS)
        return error_set(g->err, PT_EDATA, "%s: a matrix of more than %d columns", g->s->shown, TEXT_COLUMNS);
    if ((rc = sample_make_table(g->s, d, g->err)) < 0)
        return rc;
    first = sample_cell(g->s, 0, 0);
    header = g->spec->header == HEADER_YES ||
             (g->spec->header == HEADER_AUTO && (!first->length || !field_is_number(first)));
    d->user_first = g->spec->columns ? d->role[0] == ROLE_USER : header;
    d->skip_first = g->spec->columns && d->role[0] == ROLE_SKIP;
    d->columns = g->s->columns;
    d->has_missing = g->spec->has_missing;
    d->missing = (float)g->spec->missing_value;
    d->has_rating = true;
    if (header) {
        recogniser_set_header(g, g->s->line[0].begin, g->s->line[0].end);
        g->head = g->s->line[0].number;
    }
    REPORT(g, "a matrix: a user a line%s, an item a column%s",
           d->user_first ? " (first field)" : " (by number)", header ? " (by name)" : " (by number)");
    return 0;
}

void recogniser_report_lists(struct recogniser *g)
{
    enum text_layout layout = g->d->layout;

    g->d->has_rating = layout == FORMAT_ITEM_VALUES;
    REPORT(g, "lists: %s",
           layout == FORMAT_LISTS         ? "user item item ..."
           : layout == FORMAT_ITEM_VALUES ? "user item:rating item:rating ..."
                                          : "count item item ..., users numbered by line");
}
