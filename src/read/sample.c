#include "read/sample.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/field.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- records ------------------------------------------------------------------------------------- */

void sample_take(struct sample *s, const struct text_format *d, const char *begin, const char *end,
                 int64_t number)
{
    s->lines = 0;
    for (const char *p = begin; p < end && s->lines < SAMPLE_LINES;) {
        const char *stop = text_record_end(d, p, end, true), *to, *from = p;
        int64_t at = ++number;

        if (!stop)
            stop = memchr(p, '\n', (size_t)(end - p)) ? memchr(p, '\n', (size_t)(end - p)) : end;
        to = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
        for (const char *c = p; (c = memchr(c, '\n', (size_t)(stop - c))); c++)
            number++;
        while (from < to && field_is_blank(*from))
            from++;
        if (from < to && !(*d->comment && strncmp(p, d->comment, strlen(d->comment)) == 0)) {
            s->line[s->lines].begin = p;
            s->line[s->lines].end = to;
            s->line[s->lines].number = at;
            s->line[s->lines].fields = text_cut(d, p, to, NULL, 0);
            s->lines++;
        }
        p = stop < end ? stop + 1 : end;
    }
    s->alike = 0;
    s->columns = 0;
    for (int k = 0; k < s->lines; k++) {
        int same = 0;

        if (s->line[k].fields == s->columns || s->line[k].fields < 1)
            continue;
        for (int j = 0; j < s->lines; j++)
            same += s->line[j].fields == s->line[k].fields;
        if (same > s->alike) {
            s->alike = same;
            s->columns = (int)(s->line[k].fields < TEXT_COLUMNS + 1 ? s->line[k].fields : TEXT_COLUMNS + 1);
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

    sample_take(s, d, begin, end, 0);
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
        sample_take(s, d, begin, end, 0);
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
}

/* --- the table ----------------------------------------------------------------------------------- */

int sample_new_table(struct sample *s, int rows, int columns, struct error *err)
{
    s->rows = rows;
    s->columns = columns;
    s->first = 0;
    s->cell = mem_zalloc((int64_t)rows * columns + 1, sizeof *s->cell);
    s->line_of = mem_zalloc(rows + 1, sizeof *s->line_of);
    return s->cell && s->line_of
               ? 0
               : error_set(err, PT_ENOMEM, "%s: out of memory for its first lines", s->shown);
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

void sample_drop_repeated(struct sample *s)
{
    size_t n = (size_t)(s->line[0].end - s->line[0].begin), width = (size_t)s->columns * sizeof *s->cell;
    int to = 1;

    for (int row = 1; row < s->rows; row++) {
        int k = s->line_of[row];

        if ((size_t)(s->line[k].end - s->line[k].begin) == n &&
            memcmp(s->line[k].begin, s->line[0].begin, n) == 0)
            continue;
        memmove(&s->cell[(size_t)to * (size_t)s->columns], &s->cell[(size_t)row * (size_t)s->columns], width);
        s->line_of[to++] = k;
    }
    s->rows = s->rows ? to : 0;
}

void sample_fini(struct sample *s)
{
    mem_free(s->cell);
    mem_free(s->line_of);
    s->cell = NULL;
    s->line_of = NULL;
}

/* --- what a column looks like -------------------------------------------------------------------- */

static bool read_number(const struct field *f, double *out)
{
    char copy[64];
    float value;

    if (field_rating(f->text, f->length, &value) != NULL || f->length >= sizeof copy)
        return false;
    memcpy(copy, f->text, f->length);
    copy[f->length] = 0;
    if (strchr(copy, ','))
        *strchr(copy, ',') = '.';
    *out = strtod(copy, NULL);
    return true;
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
    bool number = read_number(f, &x), fraction = number && (x != floor(x) || memchr(f->text, '.', f->length));
    bool word = !number && field_time(f->text, f->length, &time) != NULL;

    l->truths = l->truths && is_truth(f);
    if (word) {
        l->words++;
        l->counting = false;
        l->filled++;
        return;
    }
    l->numbers = l->numbers && number;
    l->whole = l->whole && number && !fraction;
    l->dates = l->dates && !number;
    l->epochs = l->epochs && number && epoch_value(f, x);
    l->some_epoch = l->some_epoch || (number && epoch_value(f, x));
    l->some_fraction = l->some_fraction || (number && x != floor(x));
    l->some_number = l->some_number || number;
    l->counting = l->counting && number && (l->filled == 0 || x == *before + 1);
    l->low = number && !(x >= l->low) ? x : l->low;
    l->high = number && !(x <= l->high) ? x : l->high;
    *before = x;
    l->filled++;
}

struct column_look sample_look(const struct sample *s, int column)
{
    struct column_look l = {.numbers = true,
                            .whole = true,
                            .truths = true,
                            .dates = true,
                            .epochs = true,
                            .counting = true,
                            .low = NAN,
                            .high = NAN};
    double before = 0;

    for (int row = s->first; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, column);

        if (text_is_missing(f->text, f->length))
            l.counting = false;
        else
            add_cell(&l, f, &before);
    }
    l.counting = l.counting && l.filled >= 3;
    if (2 * l.words > l.filled || !l.filled)
        l.numbers = l.whole = l.dates = l.epochs = false;
    l.truths = l.truths && l.filled;
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
