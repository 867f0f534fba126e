#include "read/sample.h"

#include "base/text.h"
#include "read/field.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- records ------------------------------------------------------------------------------------- */

static int columns_of(const struct sample *s, int line)
{
    int64_t n = s->line[line].fields;

    return n < 0 ? 0 : n < TEXT_COLUMNS ? (int)n : TEXT_COLUMNS + (n > TEXT_COLUMNS);
}

void sample_read_lines(struct sample *s, const struct text_format *d, const char *begin, const char *end,
                       int64_t number)
{
    int with[TEXT_COLUMNS + 2] = {0};

    s->lines = 0;
    for (const char *p = begin, *stop; p < end && s->lines < SAMPLE_LINES; p = stop < end ? stop + 1 : end) {
        const char *record = text_record_end(d, p, end, true), *to, *from = p;
        int64_t at = ++number;

        stop = record ? record : text_newline(p, end);
        to = text_without_cr(p, stop);
        for (const char *c = p; (c = memchr(c, '\n', (size_t)(stop - c))); c++)
            number++;
        while (from < to && field_is_blank(*from))
            from++;
        if (from == to || (*d->comment && strncmp(p, d->comment, strlen(d->comment)) == 0))
            continue;
        s->line[s->lines].begin = p;
        s->line[s->lines].end = to;
        s->line[s->lines].number = at;
        s->line[s->lines].fields = text_cut(d, p, to, NULL, 0);
        with[columns_of(s, s->lines++)]++;
    }
    s->alike = s->columns = 0;
    for (int k = 0; k < s->lines; k++) {
        int n = columns_of(s, k);

        if (n > 0 && with[n] > s->alike) {
            s->alike = with[n];
            s->columns = n;
        }
    }
}

/* --- the delimiter ------------------------------------------------------------------------------- */

/* Whether every comma stands in what may be a number, behind the user and the item: ids may have commas,
 * and the other character, too. */
static bool commas_are_decimal(const struct text_format *d, const struct sample *s)
{
    struct field f[TEXT_COLUMNS];

    for (int k = 0; k < s->lines; k++) {
        int64_t n = text_cut(d, s->line[k].begin, s->line[k].end, f, TEXT_COLUMNS);

        for (int64_t c = 0; c < n && c < TEXT_COLUMNS; c++)
            for (size_t i = 0; i < f[c].length; i++)
                if ((c < 2 && f[c].text[i] == ',') || (c >= 2 && memchr(f[c].text, ',', f[c].length) &&
                                                       !strchr("0123456789,.+-", f[c].text[i])))
                    return false;
    }
    return true;
}

/* Two tabs between all fields, three and more, as Jester's triples have. */
static bool tabs_are_doubled(struct text_format *d, struct sample *s, const char *begin, const char *end)
{
    struct field f[TEXT_COLUMNS];

    sample_read_lines(s, d, begin, end, 0);
    for (int k = 0; k < s->lines; k++) {
        int64_t n = text_cut(d, s->line[k].begin, s->line[k].end, f, TEXT_COLUMNS);

        if (n < 5 || n % 2 == 0 || n > TEXT_COLUMNS)
            return false;
        for (int64_t c = 0; c < n; c++)
            if ((f[c].length == 0) != (c % 2 == 1))
                return false;
    }
    return s->lines > 0;
}

/* Whether all fields but the last end with this character: a comma and a tab, say, part them. */
static bool fields_end_with(const struct text_format *d, struct sample *s, const char *begin, const char *end,
                            char mark)
{
    struct field f[TEXT_COLUMNS];

    sample_read_lines(s, d, begin, end, 0);
    for (int k = 0; k < s->lines; k++) {
        int64_t n = text_cut(d, s->line[k].begin, s->line[k].end, f, TEXT_COLUMNS);

        for (int64_t c = 0; c < n - 1 && c < TEXT_COLUMNS; c++)
            if (!f[c].length || f[c].text[f[c].length - 1] != mark)
                return false;
    }
    return s->lines > 0;
}

/* The first of :: tab , ; | that cuts all lines, the header too, into the same number of fields, two and
 * more (with `columns` given into so many), but for a tenth that may be broken. It gives way to a later one
 * that cuts every line alike where it does not, and a comma that is a decimal point gives way to one that
 * makes more fields. Where none does: the one that cuts most lines alike, if half of them have it. Else
 * blanks. */
void sample_find_delimiter(struct text_format *d, struct sample *s, const char *begin, const char *end,
                           int columns)
{
    static const char *const candidates[] = {"::", "\t", ",", ";", "|"};
    enum { CANDIDATES = sizeof candidates / sizeof *candidates, COMMA = 2 };
    int wanted = -1, best = -1, most = -1, alike[CANDIDATES], fields[CANDIDATES];

    for (int c = 0; c < CANDIDATES; c++) {
        int with = 0;

        text_set_delimiter(d, candidates[c]);
        sample_read_lines(s, d, begin, end, 0);
        for (int k = 0; k < s->lines; k++)
            with += s->line[k].fields > 1;
        alike[c] = s->columns > 1 ? s->alike : 0;
        fields[c] = s->columns;
        if (2 * with + (s->lines > 0 && s->line[0].fields > 1) <= s->lines)
            continue;
        if (most < 0 || alike[c] > alike[most])
            most = c;
        if (10 * (s->lines - alike[c]) > s->lines)
            continue;
        if (fields[c] == columns && wanted < 0)
            wanted = c;
        if (best < 0 || (alike[c] == s->lines && alike[best] < s->lines && fields[c] >= fields[best]) ||
            (best == COMMA && fields[c] > fields[best] && commas_are_decimal(d, s)))
            best = c;
    }
    best = wanted >= 0 ? wanted : best >= 0 ? best : most;
    text_set_delimiter(d, best < 0 ? " " : candidates[best]);
    if (best == 1 && tabs_are_doubled(d, s, begin, end))
        text_set_delimiter(d, "\t\t");
    for (int c = COMMA; best == 1 && c < CANDIDATES; c++)
        if (fields_end_with(d, s, begin, end, candidates[c][0]))
            text_set_delimiter(d, candidates[best = c]);
}

/* --- the table ----------------------------------------------------------------------------------- */

int sample_new_table(struct sample *s, int rows, int columns, struct error *err)
{
    s->rows = rows;
    s->columns = columns;
    s->first = 0;
    s->cell = mem_pool_zalloc(&s->pool, (int64_t)rows * columns + 1, sizeof *s->cell);
    s->line_of = mem_pool_zalloc(&s->pool, rows + 1, sizeof *s->line_of);
    return s->pool.failed ? error_set(err, PT_ENOMEM, "%s: out of memory for its first lines", s->shown) : 0;
}

int sample_make_table(struct sample *s, const struct text_format *d, struct error *err)
{
    int row = 0, rc = sample_new_table(s, s->alike, s->columns, err);

    for (int k = 0; rc == 0 && k < s->lines && row < s->rows; k++)
        if (s->line[k].fields == s->columns) {
            text_cut(d, s->line[k].begin, s->line[k].end, &s->cell[(size_t)row * (size_t)s->columns],
                     s->columns);
            s->line_of[row++] = k;
        }
    return rc;
}

void sample_take_names(struct sample *s)
{
    size_t n = (size_t)(s->line[0].end - s->line[0].begin), width = (size_t)s->columns;
    int to = 1;

    memcpy(s->name, s->cell, width * sizeof *s->cell);
    for (int row = 1; row < s->rows; row++) {
        int k = s->line_of[row];

        if (text_same(s->line[k].begin, (size_t)(s->line[k].end - s->line[k].begin), s->line[0].begin, n))
            continue;
        memmove(&s->cell[(size_t)to * width], sample_cell(s, row, 0), width * sizeof *s->cell);
        s->line_of[to++] = k;
    }
    s->rows = to;
    s->first = 1;
}

void sample_free(struct sample *s)
{
    if (s)
        mem_pool_free(&s->pool);
    mem_free(s);
}

/* --- what a column looks like -------------------------------------------------------------------- */

static bool read_number(const struct field *f, double *out)
{
    return field_number(f->text, f->length, out) == NULL && fabs(*out) <= (double)FLT_MAX;
}

static bool is_truth(const struct field *f)
{
    static const char *const word[] = {"true", "false", "yes", "no", "y", "n"};

    for (int k = 0; k < 6; k++)
        if (strlen(word[k]) == f->length && strncasecmp(word[k], f->text, f->length) == 0)
            return true;
    return false;
}

static bool epoch_value(const struct field *f, double x)
{
    return f->text[0] != '0' && x == floor(x) &&
           ((x >= TIME_LEAST && x <= TIME_MOST) || (x >= 1e3 * TIME_LEAST && x <= 1e3 * TIME_MOST));
}

bool field_is_number(const struct field *f)
{
    double x;

    return read_number(f, &x);
}

static void add_cell(struct column_look *l, const struct field *f, double *before)
{
    double x = NAN;
    int64_t time;
    bool number = read_number(f, &x), date = !number && field_time(f->text, f->length, &time) == NULL;

    l->some_number += number;
    l->some_date += date;
    l->words += !number && !date;
    l->some_truth += is_truth(f);
    l->some_epoch += number && epoch_value(f, x);
    l->some_fraction += number && x != floor(x);
    l->some_point += number && (x != floor(x) || memchr(f->text, '.', f->length));
    l->counting = l->counting && number && (l->filled == 0 || x == *before + 1);
    l->low = number && x < l->low ? x : l->low;
    l->high = number && x > l->high ? x : l->high;
    *before = x;
    l->filled++;
}

struct column_look sample_look(const struct sample *s, int column)
{
    struct column_look l = {.counting = true, .low = INFINITY, .high = -INFINITY};
    double before = 0;
    bool enough;

    for (int row = s->first; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, column);

        if (text_is_missing(f->text, f->length))
            l.counting = false;
        else
            add_cell(&l, f, &before);
    }
    enough = l.filled && 2 * l.words <= l.filled;
    l.numbers = enough && !l.some_date;
    l.whole = l.numbers && !l.some_point;
    l.dates = enough && !l.some_number;
    l.epochs = l.numbers && l.some_epoch == l.some_number;
    l.truths = l.filled && l.some_truth == l.filled;
    l.counting = l.counting && l.filled >= 3;
    return l;
}

int sample_doubt(const struct sample *s, int row, struct error *err, const char *fmt, ...)
{
    int k = row >= 0 && row < s->rows ? s->line_of[row] : 0;
    char shown[PRINTABLE_BYTES], text[700];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return error_set(err, PT_EDATA, "%s:%lld: '%s': %s", s->shown, (long long)s->line[k].number,
                     printable(shown, s->line[k].begin, (size_t)(s->line[k].end - s->line[k].begin)), text);
}
