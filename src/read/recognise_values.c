#include "read/recogniser.h"

#include "read/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW    10 /* lines; ratings of fewer may count by chance */
#define DIGITS "0123456789"

static const char say[] = "say what the fields are, such as data.columns=user,item,rating,skip";

/* --- one rating a line --------------------------------------------------------------------------- */

bool values_have_mark(const struct sample *s, int c, const char *marks, bool within)
{
    for (int row = s->first; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, c);

        if (!f->length || !(within ? memchr(f->text, *marks, f->length) : strchr(marks, f->text[0])) ||
            (within && *marks == ' ' && !field_is_of(f, DIGITS " ")))
            return false;
    }
    return s->rows > s->first;
}

/* 14:05, 25/12/2014, 20140407, 20140407T105109Z, 2014-04, 2014-W12, Tue Apr 03 18:00:09 2012 */
static bool is_like_time(const struct field *f)
{
    static const char days[] = "mon tue wed thu fri sat sun ";
    char text[40];
    int a = 0, b = 0, c = 1, n = 0;

    snprintf(text, sizeof text, "%.*s", (int)(f->length < 39 ? f->length : 39), f->text);
    if (!strchr(DIGITS, *text))
        return f->length > 9 && strchr(text, ':') && strcasestr(days, (char[]){text[0], text[1], text[2], 0});
    if ((sscanf(text, "%2d:%2d%n", &a, &b, &n) == 2 && n > 3 && strchr(n < 6 ? ":" : "", text[n])) ||
        (sscanf(text, "%2d/%2d/%4d%n", &a, &b, &c, &n) == 3 && strchr(" ,", text[n])))
        return a < 32 && b < 60;
    return ((sscanf(text, "%4d%2d%2d%n", &a, &b, &c, &n) == 3 && n == 8 && strchr("T", text[8])) ||
            (sscanf(text, "%4d-%2d%n", &a, &b, &n) == 2 && n == 7 && !text[7]) ||
            (sscanf(text, "%4d-W%2d", &a, &b) == 2 && (b = 1))) &&
           a >= 1900 && a < 2100 && b >= 1 && b <= 12 && c >= 1 && c <= 31;
}

static bool is_time_column(const struct sample *s, int c)
{
    for (int row = s->first; row < s->rows; row++)
        if (!is_like_time(sample_cell(s, row, c)))
            return false;
    return true;
}

/* Whether the column may be that: no row numbers, no times, no prices. 1: a rating that is a time. */
static int check_column(struct recogniser *g, int c, enum role r)
{
    struct column_look l = sample_look(g->s, c);
    bool id = r != ROLE_RATING;
    const char *is = l.counting && (id || l.high < l.filled + 1 || l.filled >= FEW) ? "row numbers"
                     : l.dates || (id && is_time_column(g->s, c))                   ? "dates"
                     : l.epochs                                                     ? "times"
                     : id && l.fraction                                             ? "fractions"
                     : !id && l.epoch   ? "times in some lines alone"
                     : !id && !l.number ? "no numbers"
                                        : NULL;

    if (!id && (l.epochs || l.dates))
        return 1;
    if (is)
        return recogniser_doubt(g, g->s->first, "field %d holds %s where the %s would be; %s", c + 1, is,
                                role_name(r), say);
    if (!id && ((l.fraction && l.high > 10) || l.low > 1000))
        return recogniser_doubt(
            g, g->s->first,
            "field %d holds %s %g: ratings, prices, years or ids? "
            "data.columns=user,item,rating reads them, data.columns=user,item,skip does not",
            c + 1, l.low > 1000 ? "numbers from" : "fractions up to", l.low > 1000 ? l.low : l.high);
    return 0;
}

/* "943 1682 100000": the numbers of users, items and ratings above these. */
static bool is_sizes_line(const struct sample *s)
{
    struct sample below = *s;
    struct column_look l;
    double size = 0;

    below.first = s->first + 1;
    for (int c = 0; c < 3; c++) {
        const struct field *f = sample_cell(s, s->first, c);

        l = sample_look(&below, c);
        if (!l.whole || field_number(f->text, f->length, &size) || size < l.high)
            return false;
    }
    return size == below.rows - below.first || size > 10 * l.high;
}

int values_roles(struct recogniser *g)
{
    struct text_format *d = g->d;
    const struct sample *s = g->s;
    struct column_look last;
    int n = s->columns, time = 0;

    if (n < 2 || n > 4)
        return recogniser_doubt(g, -1,
                                "lines of %d field%s, and no header says which is what; say it: %s; a matrix "
                                "of users and items is data.format=matrix, a list of items a line "
                                "data.format=lists",
                                n, n == 1 ? "" : "s",
                                n == 1 ? "data.delimiter and data.columns"
                                       : "data.columns=user,item,rating,skip,...");
    for (const char *mark = " ,;|"; *mark; mark++)
        if (values_have_mark(s, 0, mark, true))
            return recogniser_doubt(g, 0,
                                    "all lines have a '%c' in the first field: data.delimiter='%c'? Else %s",
                                    *mark, *mark, say);
    TRY(check_column(g, 0, ROLE_USER));
    TRY(check_column(g, 1, ROLE_ITEM));
    if (n == 3 && s->rows > 4 && is_sizes_line(s))
        return recogniser_doubt(g, s->first,
                                "a line of sizes above the ratings? data.skip_lines=1 passes over it, "
                                "data.columns=user,item,rating takes it for a rating");
    if (n > 2 && (time = check_column(g, 2, ROLE_RATING)) < 0)
        return time;
    d->of[ROLE_USER] = 0;
    d->of[ROLE_ITEM] = 1;
    if (n > 2)
        d->of[time ? ROLE_TIME : ROLE_RATING] = 2;
    if (n > 3)
        d->of[ROLE_TIME] = 3;
    d->columns = n;
    d->assumed = true;
    if (n < 4)
        return 0;
    last = sample_look(s, 3);
    if (time || !(last.epochs || last.dates || (g->known_name && last.whole && !last.counting)))
        return recogniser_doubt(g, s->first, "field 4 %s; %s",
                                time ? "stands behind a time: which is the rating?" : "is no time", say);
    return 0;
}

/* --- lists --------------------------------------------------------------------------------------- */

/* The number that the field is in digits alone, or -1. */
static int64_t whole_of(const struct field *f)
{
    return f->length && f->length <= 18 && field_is_of(f, DIGITS) ? strtoll(f->text, NULL, 10) : -1;
}

/* item:value, with one colon */
static bool is_pair(const struct field *f, double *value)
{
    const char *colon = memchr(f->text, ':', f->length);

    return colon && colon > f->text &&
           field_number(colon + 1, f->length - (size_t)(colon + 1 - f->text), value) == NULL;
}

/* What all lines of a sample have, or some of them. */
struct lists {
    bool digits, pairs, counted, second, rising, consecutive, one_hot;
    bool several, first_twice, labels; /* labels: the first fields are those of what is to be learned */
};

static struct lists measure_lists(const struct sample *s)
{
    static const struct text_format blanks = {.blanks = true};
    struct lists l = {true, true, true, true, true, true, true, false, false, false};
    struct field f[TEXT_COLUMNS], first[SAMPLE_LINES];

    for (int k = 0; k < s->lines; k++) {
        int64_t n = text_cut(&blanks, s->line[k].begin, s->line[k].end, f, TEXT_COLUMNS);
        int64_t head = whole_of(&f[0]), before = -1;

        first[k] = f[0];
        for (int j = 0; j < k && !l.first_twice; j++)
            l.first_twice = field_same(&first[j], &f[0]);
        l.consecutive &= head >= 0 && (k == 0 || head == whole_of(&first[k - 1]) + 1);
        l.one_hot &= s->line[k].fields == s->line[0].fields;
        l.digits &= f[0].text[f[0].length - 1] != ':';
        l.second &= n > 1 && whole_of(&f[1]) == n - 2;
        l.labels |= (field_is_number(&f[0]) && memchr(f[0].text, '.', f[0].length)) ||
                    (n > 1 && text_begins(f[1].text, f[1].text + f[1].length, "qid:"));
        l.pairs &= !memchr(f[0].text, ':', f[0].length);
        l.counted &= head == n - 1;
        l.several |= n > 1;
        for (int c = 0; c < n && c < TEXT_COLUMNS; c++) {
            int64_t number = whole_of(&f[c]);
            double value = 0;

            l.digits &= text_has_digit(f[c].text, f[c].length) && f[c].text[0] != '-'; /* -1 ends SPMF's */
            l.rising &= c == 0 || (before >= 0 && number > before);
            l.pairs &= c == 0 || is_pair(&f[c], &value);
            l.one_hot &= c == 0 || value == 1;
            before = number;
        }
    }
    return l;
}

int values_lists(struct recogniser *g)
{
    struct lists l = measure_lists(g->s);
    bool sure = l.pairs
                    ? !l.first_twice && !l.labels && !l.one_hot
                    : !l.first_twice && !l.counted && !l.second && l.digits && (!l.rising || l.consecutive);

    l.pairs &= l.several;
    if (!l.pairs && 10 * (g->s->lines - g->s->alike) <= g->s->lines)
        return 0;
    g->d->quotes = false;
    g->d->layout = l.pairs ? FORMAT_ITEM_VALUES : FORMAT_LISTS;
    if (sure)
        return 1;
    if (l.pairs)
        return recogniser_doubt(
            g, -1,
            "lines of 'first item:value ...', in which the first field may be no user (as in "
            "libFM, libSVM, and queries by qid); if it is one, data.format=item_values");
    return recogniser_doubt(g, -1,
                            "lines of different numbers of fields. %s: data.format=%s; words between blanks, "
                            "or a table: is another "
                            "data.delimiter wanted? Baskets without a user: number them by line first",
                            l.counted  ? "The first number counts the others"
                            : l.second ? "The second number counts those behind it: take it out"
                                       : "Lists of a user and items",
                            l.counted ? "counted_lists, or data.format=lists if it is a user" : "lists");
}

/* --- lists in cells ------------------------------------------------------------------------------ */

static bool in_brackets(const struct field *f)
{
    static const char pairs[] = "[](){}";
    const char *open = f->length > 1 ? strchr(pairs, f->text[0]) : NULL;

    return open && *open && (open - pairs) % 2 == 0 && f->text[f->length - 1] == open[1];
}

/* Whether this part of a cell stands in another cell too. */
static bool part_recurs(const struct sample *s, int c, int row, const char *part, size_t n, char mark)
{
    for (int j = s->first; n && j < s->rows && j < s->first + 200; j++) {
        const struct field *f = sample_cell(s, j, c);
        const char *end = f->text + f->length, *at = memmem(f->text, f->length, part, n);

        if (at && !field_same(f, sample_cell(s, row, c)) &&
            (at == f->text || at[-1] == mark || at[-1] == ' ') && (at + n == end || at[n] == mark))
            return true;
    }
    return false;
}

/* Cells with different numbers of parts, of which one recurs or all are numbers. */
static bool cells_are_lists(const struct sample *s, int c, char mark)
{
    const char numbers[] = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ', mark, 0};
    bool varies = false, all_numbers = true, recurs = false;
    int several = 0, first = 0;

    for (int row = s->first; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, c);
        const char *end = f->text + f->length;
        int n = 0;

        for (const char *p = f->text, *stop; p <= end; p = stop + 1, n++) {
            stop = memchr(p, mark, (size_t)(end - p));
            stop = stop ? stop : end;
            recurs = recurs || (mark != ' ' && stop - p < end - f->text &&
                                part_recurs(s, c, row, p, (size_t)(stop - p), mark));
        }
        first = first ? first : n;
        varies |= n != first;
        several += n > 1;
        all_numbers &= field_is_of(f, numbers);
    }
    return varies && 3 * several >= s->rows - s->first && (all_numbers || recurs);
}

int values_cell_lists(struct recogniser *g)
{
    const struct sample *s = g->s;
    struct text_format *d = g->d;
    int item = d->of[ROLE_ITEM], brackets = 0;
    bool lists = false;

    if (item >= s->columns)
        return 0;
    for (int row = s->first; row < s->rows; row++)
        brackets += in_brackets(sample_cell(s, row, item));
    if (brackets && brackets == s->rows - s->first && s->columns == 2)
        return layout_cell_lists(g);
    for (const char *m = " ,|;"; *m && !brackets; m++)
        lists |= !d->blanks && *m != d->delimiter[0] && cells_are_lists(s, item, *m);
    return brackets || lists
               ? recogniser_doubt(
                     g, s->first,
                     "the items' column holds lists; data.format=cell_lists reads lines of a user "
                     "and a list; otherwise one item a line is wanted")
               : 0;
}
