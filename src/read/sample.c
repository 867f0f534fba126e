#include "read/sample.h"

#include "read/field.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TIME_LEAST 100000000.0  /* seconds since 1970 begin in 1973 ... */
#define TIME_MOST  5000000000.0 /* ... and end in 2128; also a thousand times that */

/* --- records ------------------------------------------------------------------------------------- */

void sample_read_lines(struct sample *s, const struct text_format *d, const char *begin, const char *end,
                       int64_t number)
{
    int with[TEXT_COLUMNS + 2] = {0};

    s->lines = 0;
    for (const char *p = begin, *stop; p < end && s->lines < SAMPLE_LINES; p = stop < end ? stop + 1 : end) {
        const char *record = text_record_end(d, p, end, true), *to;
        int64_t at = ++number, n;

        stop = record ? record : text_newline(p, end);
        to = text_without_cr(p, stop);
        for (const char *c = p; (c = memchr(c, '\n', (size_t)(stop - c))); c++)
            number++;
        if (text_behind_blanks(p, to) == to || text_begins(p, to, d->comment))
            continue;
        n = text_cut(d, p, to, NULL, 0);
        n = n < 0 ? 0 : n > TEXT_COLUMNS ? TEXT_COLUMNS + 1 : n;
        s->line[s->lines].begin = p;
        s->line[s->lines].end = to;
        s->line[s->lines].number = at;
        s->line[s->lines++].fields = (int)n;
        with[n]++;
    }
    s->alike = s->columns = 0;
    for (int k = 0; k < s->lines; k++) {
        int n = s->line[k].fields;

        if (n > 0 && with[n] > s->alike) {
            s->alike = with[n];
            s->columns = n;
        }
    }
}

int sample_cut(const struct sample *s, const struct text_format *d, int line, struct field f[TEXT_COLUMNS])
{
    int64_t n = text_cut(d, s->line[line].begin, s->line[line].end, f, TEXT_COLUMNS);

    return n < TEXT_COLUMNS ? (int)n : TEXT_COLUMNS;
}

/* --- the delimiter ------------------------------------------------------------------------------- */

bool field_is_of(const struct field *f, const char *characters)
{
    for (size_t k = 0; k < f->length; k++)
        if (!f->text[k] || !strchr(characters, f->text[k]))
            return false;
    return true;
}

/* Whether a field holds the mark, but for commas in what may be a number, behind the user and the item: ids
 * may have commas, and the other character, too. */
static bool fields_hold(const struct text_format *d, const struct sample *s, char mark)
{
    struct field f[TEXT_COLUMNS];

    for (int k = 0; k < s->lines; k++)
        for (int c = 0, n = sample_cut(s, d, k, f); c < n; c++)
            if ((c < 2 || !field_is_of(&f[c], "0123456789,.+-")) && memchr(f[c].text, mark, f[c].length))
                return true;
    return false;
}

/* The first of :: tab , ; | that cuts all lines, the header too, into the same number of fields, two and
 * more (with `columns` given into so many), but for a tenth that may be broken. It gives way to a later one
 * that cuts every line alike where it does not, and a comma that is a decimal point gives way to one that
 * makes more fields. Where none does: the one that cuts most lines alike, if half of them have it. Else
 * blanks. Before a tab come two of them (Jester's triples), or one behind a comma, if that leaves none. */
void sample_find_delimiter(struct text_format *d, struct sample *s, const char *begin, const char *end,
                           int columns)
{
    static const char *const candidates[] = {"::", "\t\t", ",\t", ";\t", "|\t", "\t", ",", ";", "|"};
    enum { CANDIDATES = sizeof candidates / sizeof *candidates, TABS = 1, TAB = 5, COMMA = 6 };
    int wanted = -1, best = -1, most = -1, alike[CANDIDATES], fields[CANDIDATES];

    for (int c = 0; c < CANDIDATES; c++) {
        int with = 0;

        text_set_delimiter(d, candidates[c]);
        sample_read_lines(s, d, begin, end, 0);
        for (int k = 0; k < s->lines; k++)
            with += s->line[k].fields > 1;
        alike[c] = s->columns > 1 ? s->alike : 0;
        fields[c] = s->columns;
        if (c >= TABS && c < TAB &&
            (alike[c] < s->lines || s->columns < 2 + (c == TABS) || fields_hold(d, s, '\t')))
            continue;
        if (2 * with + (s->lines > 0 && s->line[0].fields > 1) <= s->lines)
            continue;
        if (most < 0 || alike[c] > alike[most])
            most = c;
        if (10 * (s->lines - alike[c]) > s->lines)
            continue;
        if (fields[c] == columns && wanted < 0)
            wanted = c;
        if (best < 0 || (alike[c] == s->lines && alike[best] < s->lines && fields[c] >= fields[best]) ||
            (best == COMMA && fields[c] > fields[best] && !fields_hold(d, s, ',')))
            best = c;
    }
    best = wanted >= 0 ? wanted : best >= 0 ? best : most;
    text_set_delimiter(d, best < 0 ? " " : candidates[best]);
}

/* --- the table ----------------------------------------------------------------------------------- */

int sample_new_table(struct sample *s, int rows, int columns, struct error *err)
{
    s->rows = rows;
    s->columns = columns;
    s->first = 0;
    s->cell = mem_pool_zalloc(&s->pool, (int64_t)rows * columns + 1, sizeof *s->cell);
    s->line_of = mem_pool_zalloc(&s->pool, rows + 1, sizeof *s->line_of);
    return need_memory(!s->pool.failed, err);
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
    memcpy(s->name, s->cell, (size_t)s->columns * sizeof *s->cell);
    s->first = 1;
}

int sample_find_name(const struct sample *s, const char *text, size_t length)
{
    int found = -1;

    for (int c = 0; c < s->columns; c++)
        if (text_same(s->name[c].text, s->name[c].length, text, length))
            found = found == -1 ? c : -2;
    return found < 0 ? -1 : found;
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

bool field_is_number(const struct field *f)
{
    double x;

    return read_number(f, &x);
}

/* A word that a rating may be, though only true and false are read. */
static bool is_truth(const struct field *f)
{
    static const char words[] =
        " true false yes no y n t f up down like dislike liked disliked good bad pos neg ";
    char key[16];

    snprintf(key, sizeof key, " %.*s ", (int)(f->length < 12 ? f->length : 12), f->text);
    return strcasestr(words, key);
}

static void add_cell(struct column_look *l, const struct field *f, double *before)
{
    double x = 0;
    int64_t time;
    bool number = read_number(f, &x);
    bool date = !number && field_time(f->text, f->length, &time) == NULL;
    bool fraction = number && x != floor(x);

    l->number += number;
    l->truth += is_truth(f);
    l->date += date;
    l->words += !number && !date;
    l->epoch += number && !fraction && f->text[0] != '0' &&
                ((x >= TIME_LEAST && x <= TIME_MOST) || (x >= 1e3 * TIME_LEAST && x <= 1e3 * TIME_MOST));
    l->fraction += fraction;
    l->point += fraction || (number && memchr(f->text, '.', f->length));
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
    if (l.filled && l.truth == l.filled) {
        l.number = l.filled;
        l.words = 0;
        l.low = 0;
    }
    enough = l.filled && 2 * l.words <= l.filled;
    l.numbers = enough && !l.date;
    l.whole = l.numbers && !l.point;
    l.dates = enough && !l.number;
    l.epochs = l.numbers && l.epoch == l.number;
    l.counting = l.counting && l.filled >= 3;
    return l;
}
