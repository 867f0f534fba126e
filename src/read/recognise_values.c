#include "read/recognise_values.h"

#include "base/text.h"
#include "read/field.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FEW 10 /* lines; ratings of fewer may count by chance */

static const char say[] = "say what the fields are, such as data.columns=user,item,rating,skip";

/* --- one rating a line --------------------------------------------------------------------------- */

/* An id that is something else: a row number, a time, a price. */
static int check_id(const struct sample *s, int c, const char *what, struct error *err)
{
    struct column_look l = sample_look(s, c);
    const char *is = l.counting        ? "row numbers"
                     : l.dates         ? "dates"
                     : l.epochs        ? "times"
                     : l.some_fraction ? "fractions"
                                       : NULL;

    if (!is)
        return 0;
    return sample_doubt(s, s->first, err, "field %d would be the %s, and it holds %s; %s", c + 1, what, is,
                        say);
}

/* A rating, or a time in all lines: 1 where it is a time. */
static int check_rating(const struct sample *s, int c, struct error *err)
{
    struct column_look l = sample_look(s, c);

    if (l.epochs || l.dates)
        return 1;
    if (l.some_epoch)
        return sample_doubt(s, s->first, err, "field %d holds times in some lines alone; %s", c + 1, say);
    if (l.counting && (l.high < l.filled + 1 || l.filled >= FEW)) /* not 2, 3, 4 on three lines */
        return sample_doubt(s, s->first, err, "field %d would be the rating, and it holds row numbers; %s",
                            c + 1, say);
    if (l.some_number && ((l.some_fraction && l.high > 10) || l.low > 1000))
        return sample_doubt(s, s->first, err,
                            "field %d holds %s %g: ratings, prices, years or ids? "
                            "data.columns=user,item,rating reads them, data.columns=user,item,skip does not",
                            c + 1, l.low > 1000 ? "numbers from" : "fractions up to",
                            l.low > 1000 ? l.low : l.high);
    if (!l.some_number && !l.truths)
        return sample_doubt(s, s->first, err, "field %d would be the rating, and it holds no numbers; %s",
                            c + 1, say);
    return 0;
}

/* Numbers with blanks between in every cell. */
static bool has_blanks_within(const struct sample *s, int c)
{
    for (int row = s->first; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, c);

        if (!memchr(f->text, ' ', f->length))
            return false;
        for (size_t k = 0; k < f->length; k++)
            if (!strchr("0123456789 ", f->text[k]))
                return false;
    }
    return s->rows > s->first;
}

/* "943 1682 100000": the numbers of users, items and ratings above these. */
static bool is_sizes_line(const struct sample *s)
{
    struct sample below = *s;
    double size;

    below.first = s->first + 1;
    for (int c = 0; c < 3; c++) {
        const struct field *f = sample_cell(s, s->first, c);
        struct column_look l = sample_look(&below, c);

        if (!l.whole || field_number(f->text, f->length, &size) || size < l.high)
            return false;
        if (c == 2)
            return size == below.rows - below.first || size > 10 * l.high;
    }
    return false;
}

int values_roles(struct text_format *d, const struct sample *s, bool known_name, struct error *err)
{
    struct column_look last;
    int rc, n = s->columns, time;

    if (n < 2 || n > 4) {
        char line[PRINTABLE_BYTES];

        printable(line, s->line[0].begin, (size_t)(s->line[0].end - s->line[0].begin));
        return error_set(
            err, PT_EDATA,
            "%s:%lld: lines of %d field%s ('%s'), and no header says which is what; say it: %s; a matrix of "
            "users and items is data.format=matrix, a list of items a line data.format=lists",
            s->shown, (long long)s->line[0].number, n, n == 1 ? "" : "s", line,
            n == 1 ? "data.delimiter and data.columns" : "data.columns=user,item,rating,skip,...");
    }
    if (d->delimiter[0] == '\t' && has_blanks_within(s, 0))
        return sample_doubt(s, 0, err,
                            "blanks and tabs part the fields, and which is which? data.delimiter=' ' takes "
                            "both, data.delimiter='\\t' tabs alone; and %s",
                            say);
    if ((rc = check_id(s, 0, "user", err)) < 0 || (rc = check_id(s, 1, "item", err)) < 0)
        return rc;
    d->role[0] = ROLE_USER;
    d->role[1] = ROLE_ITEM;
    d->columns = n;
    d->assumed = true;
    if (n == 2)
        return 0;
    if (n == 3 && s->rows > 4 && is_sizes_line(s))
        return sample_doubt(s, s->first, err,
                            "a line of sizes above the ratings? data.skip_lines=1 passes over it, "
                            "data.columns=user,item,rating takes it for a rating");
    if ((time = check_rating(s, 2, err)) < 0)
        return time;
    d->role[2] = (uint8_t)(time ? ROLE_TIME : ROLE_RATING);
    if (n == 3)
        return 0;
    last = sample_look(s, 3);
    if (time || !(last.epochs || last.dates || (known_name && last.whole && !last.counting)))
        return sample_doubt(s, s->first, err, "field 4 %s; %s",
                            time ? "stands behind a time: which is the rating?" : "is no time", say);
    d->role[3] = ROLE_TIME;
    return 0;
}

/* --- lists --------------------------------------------------------------------------------------- */

/* The number that the field is in digits alone, or -1. */
static int64_t whole_of(const struct field *f)
{
    int64_t n = 0;

    if (f->length < 1 || f->length > 18)
        return -1;
    for (size_t k = 0; k < f->length; k++) {
        if (!isdigit((unsigned char)f->text[k]))
            return -1;
        n = 10 * n + f->text[k] - '0';
    }
    return n;
}

static bool has_digit(const struct field *f)
{
    for (size_t k = 0; k < f->length; k++)
        if (isdigit((unsigned char)f->text[k]))
            return true;
    return false;
}

/* item:value, with one colon */
static bool is_pair(const struct field *f, double *value)
{
    const char *colon = memchr(f->text, ':', f->length);
    struct field rest;

    if (!colon || colon == f->text)
        return false;
    rest = (struct field){colon + 1, f->length - (size_t)(colon + 1 - f->text), false};
    *value = rest.length < 40 ? strtod(rest.text, NULL) : 0;
    return field_is_number(&rest);
}

struct lists {
    bool whole, digits, pairs, counted, rising, first_twice, first_fraction, consecutive, one_hot, ranked;
};

static struct lists measure_lists(const struct sample *s)
{
    static const struct text_format blanks = {.blanks = true};
    struct lists l = {true, true, true, true, true, false, false, true, true, false};
    struct field f[TEXT_COLUMNS], first[SAMPLE_LINES];
    int64_t before = -1;

    for (int k = 0; k < s->lines; k++) {
        int64_t n = text_cut(&blanks, s->line[k].begin, s->line[k].end, f, TEXT_COLUMNS), last = -1;

        first[k] = f[0];
        for (int j = 0; j < k && !l.first_twice; j++)
            l.first_twice = field_same(&first[j], &f[0]);
        l.first_fraction |= field_is_number(&f[0]) && memchr(f[0].text, '.', f[0].length);
        l.pairs &= !memchr(f[0].text, ':', f[0].length);
        l.counted &= whole_of(&f[0]) == n - 1;
        l.consecutive &= whole_of(&f[0]) >= 0 && (k == 0 || whole_of(&f[0]) == before + 1);
        before = whole_of(&f[0]);
        l.one_hot &= n == s->line[0].fields && n > 1;
        l.ranked |= n > 1 && f[1].length > 4 && memcmp(f[1].text, "qid:", 4) == 0;
        for (int64_t c = 0; c < n && c < TEXT_COLUMNS; c++) {
            int64_t number = whole_of(&f[c]);
            double value = 0;

            l.whole &= number >= 0;
            l.digits &= has_digit(&f[c]);
            l.rising &= c == 0 || (last >= 0 && number > last);
            l.pairs &= c == 0 || is_pair(&f[c], &value);
            l.one_hot &= c == 0 || value == 1;
            last = number;
        }
    }
    return l;
}

bool values_are_pairs(const struct sample *s)
{
    bool some = false;

    for (int k = 0; k < s->lines; k++)
        some = some || s->line[k].fields > 1;
    return some && measure_lists(s).pairs;
}

int values_lists(struct text_format *d, const struct sample *s, struct error *err)
{
    struct lists l = measure_lists(s);

    d->layout = l.pairs ? FORMAT_ITEM_VALUES : FORMAT_LISTS;
    if (l.pairs && !l.first_twice && !l.first_fraction && !l.one_hot && !l.ranked)
        return 0;
    if (l.pairs)
        return sample_doubt(s, -1, err,
                            "lines of 'first item:value ...', in which the first field is no user: %s (as in "
                            "libFM and libSVM); if it is one, data.format=item_values",
                            l.first_fraction ? "it is a fraction"
                            : l.ranked       ? "a query (qid) follows"
                            : l.first_twice  ? "it stands on several lines"
                                             : "all values are 1");
    if (l.counted)
        return sample_doubt(s, -1, err,
                            "on every line the first number counts the others: data.format=counted_lists "
                            "reads each line as a user, data.format=lists reads the first number as one");
    if (!l.whole && !l.digits)
        return sample_doubt(s, -1, err,
                            "blanks part the lines into different numbers of words; texts with blanks want "
                            "another data.delimiter; if they are lists of items, data.format=lists");
    if (l.first_twice)
        return sample_doubt(
            s, -1, err,
            "lines of different numbers of fields, and the first field stands on several lines; is another "
            "data.delimiter wanted? If they are lists of items, data.format=lists");
    if (l.rising && !l.consecutive)
        return sample_doubt(s, -1, err,
                            "all numbers of each line rise: baskets without a user (number them by line "
                            "first), or lists of items, data.format=lists");
    return 0;
}

/* --- lists in cells ------------------------------------------------------------------------------ */

static bool in_brackets(const struct field *f)
{
    char first = f->length > 1 ? f->text[0] : 0, last = f->length > 1 ? f->text[f->length - 1] : 0;

    return (first == '[' && last == ']') || (first == '(' && last == ')') || (first == '{' && last == '}');
}

static int count_parts(const struct field *f, char mark)
{
    int n = 1;

    for (size_t k = 0; k < f->length; k++)
        n += f->text[k] == mark;
    return n;
}

/* Whether a cell of several parts has one that stands in another cell too. */
static bool part_recurs(const struct sample *s, int c, char mark)
{
    for (int row = s->first; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, c);
        const char *p = f->text, *end = f->text + f->length;

        while (count_parts(f, mark) > 1 && p < end) {
            const char *stop = memchr(p, mark, (size_t)(end - p));
            size_t n = (size_t)((stop ? stop : end) - p);

            for (int j = s->first; n && j < s->rows && j < s->first + 200; j++) {
                const struct field *g = sample_cell(s, j, c);
                const char *at = j == row || field_same(f, g) ? NULL : memmem(g->text, g->length, p, n);

                if (at && (at == g->text || at[-1] == mark || at[-1] == ' ') &&
                    (at + n == g->text + g->length || at[n] == mark))
                    return true;
            }
            p += n + 1;
        }
    }
    return false;
}

/* Cells with different numbers of parts, of which one recurs or all are numbers. */
static bool cells_are_lists(const struct sample *s, int c, char mark)
{
    bool varies = false, numbers = true;
    int several = 0, first = 0;

    for (int row = s->first; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, c);
        int n = count_parts(f, mark);

        first = first ? first : n;
        varies = varies || n != first;
        several += n > 1;
        for (size_t k = 0; k < f->length; k++)
            numbers = numbers &&
                      ((f->text[k] >= '0' && f->text[k] <= '9') || f->text[k] == mark || f->text[k] == ' ');
    }
    return varies && 3 * several >= s->rows - s->first &&
           (numbers || (mark != ' ' && part_recurs(s, c, mark)));
}

int values_cell_lists(struct text_format *d, const struct sample *s, struct error *err)
{
    static const char marks[] = " ,|;";
    int item = 0, brackets = 0;
    struct column_look l;

    while (item < d->columns && d->role[item] != ROLE_ITEM)
        item++;
    if (item >= s->columns)
        return 0;
    for (int row = s->first; row < s->rows; row++)
        brackets += in_brackets(sample_cell(s, row, item));
    if (brackets && brackets == s->rows - s->first && s->columns == 2) {
        d->layout = FORMAT_CELL_LISTS;
        return 1;
    }
    l = sample_look(s, item);
    if (l.numbers && !brackets)
        return 0;
    for (const char *m = marks; *m || brackets; m++)
        if (brackets || (!d->blanks && *m != d->delimiter[0] && cells_are_lists(s, item, *m)))
            return sample_doubt(s, s->first, err,
                                "the items' column holds lists; data.format=cell_lists reads lines of a user "
                                "and a list; otherwise one item a line is wanted");
    return 0;
}
