#include "read/dialect_header.h"

#include "base/printable.h"
#include "read/dialect_names.h"
#include "read/field.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void dialect_sample_take(struct dialect_sample *s, const char *begin, const char *end)
{
    s->n = 0;
    for (const char *p = begin; p < end && s->n < DIALECT_SAMPLE;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p)), *next = stop ? stop + 1 : end;
        const char *from = p;

        if (!stop)
            stop = end;
        if (stop > from && stop[-1] == '\r')
            stop--;
        while (from < stop && field_is_blank(*from))
            from++;
        if (from < stop) {
            s->begin[s->n] = p;
            s->end[s->n++] = stop;
        }
        p = next;
    }
}

/* A number, or a date: what no header is. */
static bool is_number(const struct field *f)
{
    int64_t time;
    float value;

    return field_rating(f->text, f->length, &value) == NULL || field_time(f->text, f->length, &time) == NULL;
}

/* The first line's fields; their number, at most DIALECT_COLUMNS. */
static int64_t cut_first(const struct dialect *d, const struct dialect_sample *s, struct field *f)
{
    int64_t n = dialect_cut(d, s->begin[0], s->end[0], f, DIALECT_COLUMNS);

    return n < DIALECT_COLUMNS ? n : DIALECT_COLUMNS;
}

/* Which columns have numbers on every sampled line below the first that is cut as that is; how many do so. */
static int numbers_below(const struct dialect *d, const struct dialect_sample *s, int64_t n, bool *number)
{
    struct field f[DIALECT_COLUMNS];
    int lines = 0;

    for (int64_t c = 0; c < n; c++)
        number[c] = true;
    for (int k = 1; k < s->n; k++) {
        if (dialect_cut(d, s->begin[k], s->end[k], f, DIALECT_COLUMNS) != n)
            continue;
        lines++;
        for (int64_t c = 0; c < n; c++)
            number[c] = number[c] && is_number(&f[c]);
    }
    return lines;
}

static bool has_number_below(const struct dialect *d, const struct dialect_sample *s, int64_t column)
{
    struct field f[DIALECT_COLUMNS];

    for (int k = 1; k < s->n; k++)
        if (dialect_cut(d, s->begin[k], s->end[k], f, DIALECT_COLUMNS) > column && is_number(&f[column]))
            return true;
    return false;
}

/* No field of the first line is a number, but what stands below is: in the second line where the rating or
 * the time is, with columns as given or by position; in some column in all of two lines and more. */
static bool stands_above_numbers(const struct dialect *d, const struct dialect_sample *s, int64_t n)
{
    struct field second[DIALECT_COLUMNS];
    bool number[DIALECT_COLUMNS];

    if (s->n < 2 || n < 2)
        return false;
    if (dialect_cut(d, s->begin[1], s->end[1], second, DIALECT_COLUMNS) == n)
        for (int64_t k = 0; k < n; k++)
            if ((d->columns ? d->role[k] == ROLE_RATING || d->role[k] == ROLE_TIME : k == 2) &&
                is_number(&second[k]))
                return true;
    if (numbers_below(d, s, n, number) < 2)
        return false;
    for (int64_t k = 0; k < n; k++)
        if (number[k])
            return true;
    return false;
}

bool dialect_has_header(const struct dialect *d, const struct dialect_sample *s)
{
    struct field f[DIALECT_COLUMNS];
    int64_t n = cut_first(d, s, f);
    struct dialect_words w;

    dialect_words_count(&w, f, n);
    if (w.both)
        return true;
    for (int64_t k = 0; k < n; k++)
        if (is_number(&f[k]))
            return false;
    return w.first || w.known >= 2 || stands_above_numbers(d, s, n);
}

/* Whether a column has what a second since 1970 looks like, or dates, in the second line. */
static bool looks_like_times(const struct dialect *d, const struct dialect_sample *s, int64_t column)
{
    struct field f[DIALECT_COLUMNS];
    float value;
    int64_t time;

    if (s->n < 2 || dialect_cut(d, s->begin[1], s->end[1], f, DIALECT_COLUMNS) <= column ||
        field_time(f[column].text, f[column].length, &time) != NULL)
        return false;
    return field_rating(f[column].text, f[column].length, &value) != NULL || rating_like_time(value);
}

/* Nothing says what the columns are, and their places would be a guess that swaps users and items. */
static int unknown_names(const struct dialect *d, const struct dialect_sample *s, int64_t columns,
                         const char *none, const char *shown, struct error *err)
{
    char text[PRINTABLE_BYTES];

    return error_set(err, PT_EDATA,
                     "%s:1: none of the names in the header '%s' is known; say what the columns are, such as "
                     "data.columns=user,item%s%s%s",
                     shown, printable(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])),
                     columns <= 2                ? ""
                     : looks_like_times(d, s, 2) ? ",time"
                                                 : ",rating",
                     columns == 4  ? looks_like_times(d, s, 2) ? ",skip" : ",time"
                     : columns > 4 ? ",skip,..."
                                   : "",
                     none);
}

int dialect_name_columns(struct dialect *d, const struct dialect_sample *s, const char *none,
                         const char *shown, struct error *err)
{
    struct field f[DIALECT_COLUMNS];
    int64_t n = dialect_cut(d, s->begin[0], s->end[0], f, DIALECT_COLUMNS);
    int column[ROLES], first[ROLES];
    bool number[DIALECT_COLUMNS];
    struct dialect_words w;
    char text[PRINTABLE_BYTES];

    if (n < 0 || n > DIALECT_COLUMNS)
        return error_set(err, PT_EDATA, "%s:1: a header of %lld fields (at most %d)", shown, (long long)n,
                         DIALECT_COLUMNS);
    dialect_words_count(&w, f, n);
    if (w.known > 1 || (!w.known && n > 2))
        none = ""; /* it is one */
    if (!w.known)
        return unknown_names(d, s, n, none, shown, err);
    dialect_words_choose(first, f, n, false);
    dialect_words_choose(column, f, n, true);
    if (w.first && !w.both && w.in_place && n <= DIALECT_PLACES &&
        (n < 3 || s->n < 2 || column[ROLE_USER] < 0 || column[ROLE_ITEM] < 0 || has_number_below(d, s, 2)))
        return 0;
    for (int r = ROLE_USER; r <= ROLE_ITEM; r++)
        column[r] = w.both ? first[r] : column[r];
    if (column[ROLE_USER] < 0 || column[ROLE_ITEM] < 0)
        return error_set(err, PT_EDATA,
                         "%s:1: the header '%s' names no %s; call a column so, or say what the columns are "
                         "with data.columns%s",
                         shown, printable(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])),
                         column[ROLE_USER] >= 0   ? "item"
                         : column[ROLE_ITEM] >= 0 ? "user"
                                                  : "user and no item",
                         none);
    /* Ratings and times of the second choice are such only where they can be read; times beside both names of
     * the first choice are not, as they never were: which duplicate counts would change. */
    numbers_below(d, s, n, number);
    if (first[ROLE_RATING] < 0 && column[ROLE_RATING] >= 0 && !number[column[ROLE_RATING]])
        column[ROLE_RATING] = -1;
    if (first[ROLE_TIME] < 0 && column[ROLE_TIME] >= 0 && (w.both || !number[column[ROLE_TIME]]))
        column[ROLE_TIME] = -1;
    memset(d->role, 0, sizeof d->role);
    for (int r = ROLE_USER; r < ROLES; r++)
        if (column[r] >= 0)
            d->role[column[r]] = (uint8_t)r;
    d->columns = (int)n;
    return 0;
}

int dialect_take_header(struct dialect *d, const char *line, const char *end, const char *shown,
                        struct error *err)
{
    struct dialect_sample s = {.begin = {line}, .end = {end}, .n = 1};
    struct field f[DIALECT_COLUMNS];
    struct dialect_words w;
    int rc;

    d->columns = 0;
    d->header = dialect_has_header(d, &s);
    if (!d->header)
        return 0;
    dialect_words_count(&w, f, cut_first(d, &s, f));
    if (w.known == 1 && !w.in_place) { /* an id that happens to be a name */
        d->header = false;
        return 0;
    }
    if ((rc = dialect_name_columns(d, &s, "", shown, err)) < 0)
        return rc;
    if (!d->columns) {
        d->columns = DIALECT_PLACES;
        memcpy(d->role, dialect_places, DIALECT_PLACES);
    }
    return 1;
}

/* Letters alone, and what parts words. */
static bool is_word(const struct field *f)
{
    for (size_t k = 0; k < f->length; k++) {
        unsigned char c = (unsigned char)f->text[k];

        if (c < 0x80 && !isalpha(c) && !strchr("_- .", c))
            return false;
    }
    return f->length > 0;
}

/* Words that stand nowhere below, in a line that was taken for data. */
static bool may_be_header(const struct dialect *d, const struct dialect_sample *s)
{
    struct field first[DIALECT_COLUMNS], f[DIALECT_COLUMNS];
    int64_t n = cut_first(d, s, first);

    if (d->header || d->lists || s->n < 3 || n < 1)
        return false;
    for (int64_t c = 0; c < n; c++)
        if (!is_word(&first[c]))
            return false;
    for (int k = 1; k < s->n; k++) {
        if (dialect_cut(d, s->begin[k], s->end[k], f, DIALECT_COLUMNS) != n)
            continue;
        for (int64_t c = 0; c < n; c++)
            if (f[c].length == first[c].length && memcmp(f[c].text, first[c].text, f[c].length) == 0)
                return false;
    }
    return true;
}

/* A line of which few words are names, and that was taken for a header all the same. */
static bool guessed_header(const struct dialect *d, const struct dialect_sample *s)
{
    struct field f[DIALECT_COLUMNS];
    struct dialect_words w;

    dialect_words_count(&w, f, cut_first(d, s, f));
    return d->header && w.known < 2;
}

/* A column of times that was left out; -1: none. */
static int left_out_time(const struct dialect *d, const struct dialect_sample *s)
{
    struct field f[DIALECT_COLUMNS];
    bool number[DIALECT_COLUMNS];
    int64_t n = cut_first(d, s, f);

    if (!d->header || d->has_time || n != d->columns || numbers_below(d, s, n, number) == 0)
        return -1;
    for (int c = 0; c < d->columns; c++)
        if (d->role[c] == ROLE_SKIP && number[c] && dialect_word_role(&f[c]) == ROLE_TIME)
            return c;
    return -1;
}

void dialect_doubt(const struct dialect *d, bool given, const char *begin, const char *end, char *out,
                   size_t space)
{
    struct dialect_sample s;
    char shown[PRINTABLE_BYTES];
    size_t used;
    int time;

    *out = 0;
    dialect_sample_take(&s, begin, end);
    if (s.n == 0)
        return;
    time = given ? -1 : left_out_time(d, &s);
    if (may_be_header(d, &s))
        snprintf(out, space,
                 "line 1 ('%s') was read as data: if it is a header, say data.header=yes and data.columns",
                 printable(shown, s.begin[0], (size_t)(s.end[0] - s.begin[0])));
    if (guessed_header(d, &s))
        snprintf(out, space, "line 1 ('%s') was taken for a header: if it is data, say data.header=no",
                 printable(shown, s.begin[0], (size_t)(s.end[0] - s.begin[0])));
    if (time < 0)
        return;
    used = (size_t)snprintf(out, space, "a column that may be times was left out; to have it: data.columns=");
    for (int c = 0; c < d->columns && used < space; c++)
        used += (size_t)snprintf(out + used, space - used, "%s%s", c ? "," : "",
                                 dialect_role_name(c == time ? ROLE_TIME : (enum role)d->role[c]));
    if (used >= space) /* no half of a command */
        snprintf(out, space, "a column that may be times was left out: see data.columns");
}
