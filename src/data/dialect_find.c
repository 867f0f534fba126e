/* dialect_find.c - the dialect of a text, as far as the user has not said it, from its first lines. */
#include "data/dialect.h"

#include "data/dialect_names.h"
#include "data/field.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SAMPLE 100 /* lines looked at */

struct sample {
    const char *begin[SAMPLE], *end[SAMPLE];
    int n;
};

/* The first lines that are not blank. */
static void take_sample(struct sample *s, const char *begin, const char *end)
{
    s->n = 0;
    for (const char *p = begin; p < end && s->n < SAMPLE;) {
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

static bool has_text(const struct sample *s, int k, const char *text)
{
    return memmem(s->begin[k], (size_t)(s->end[k] - s->begin[k]), text, strlen(text)) != NULL;
}

static void set_delimiter(struct dialect *d, const char *text)
{
    d->delimiter_length = (int)strlen(text);
    strcpy(d->delimiter, text);
    d->blanks = strcmp(text, " ") == 0;
    d->quotes = strcmp(text, ",") == 0 || strcmp(text, ";") == 0;
}

/* How many lines have the number of fields that most have; *fields: that number, two at least. */
static int count_alike(const struct dialect *d, const struct sample *s, int64_t *fields)
{
    int64_t count[SAMPLE];
    int most = 0;

    for (int k = 0; k < s->n; k++)
        count[k] = dialect_cut(d, s->begin[k], s->end[k], NULL, 0);
    for (int k = 0; k < s->n; k++) {
        int same = 0;

        for (int j = 0; j < s->n; j++)
            same += count[j] == count[k];
        if (count[k] >= 2 && same > most) {
            most = same;
            *fields = count[k];
        }
    }
    return most;
}

/* What cuts all sampled lines, the header's too, into the same number of fields, two and more: the first of
 * :: tab , ; | that does, and with `columns` that were given into so many. A comma that does may stand for a
 * decimal point: it gives way to a ; or | with more fields. Where lines are broken nothing does: then what
 * fits most of them, of what most have (half of them, with the first one). Else blanks. */
static void find_delimiter(struct dialect *d, const struct sample *s, int columns)
{
    static const char *const candidates[] = {"::", "\t", ",", ";", "|"};
    enum { CANDIDATES = sizeof candidates / sizeof *candidates, COMMA = 2 };
    int wanted = -1, whole = -1, most = -1, alike[CANDIDATES];
    int64_t fields[CANDIDATES] = {0};

    for (int c = 0; c < CANDIDATES; c++) {
        int lines = 0;

        for (int k = 0; k < s->n; k++)
            lines += has_text(s, k, candidates[c]);
        if (2 * lines + (s->n > 0 && has_text(s, 0, candidates[c])) <= s->n)
            continue;
        set_delimiter(d, candidates[c]);
        alike[c] = count_alike(d, s, &fields[c]);
        if (alike[c] == s->n && fields[c] == columns && wanted < 0)
            wanted = c;
        if (alike[c] == s->n && (whole < 0 || (whole == COMMA && fields[c] > fields[whole])))
            whole = c;
        if (most < 0 || alike[c] > alike[most])
            most = c;
    }
    whole = wanted >= 0 ? wanted : whole >= 0 ? whole : most;
    set_delimiter(d, whole < 0 ? " " : candidates[whole]);
}

/* "\t" is written with a backslash in YAML's plain style and on a command line. */
static int given_delimiter(struct dialect *d, const char *text, struct error *err)
{
    const char *plain = strcmp(text, "\\t") == 0 ? "\t" : text;

    if (strlen(plain) >= sizeof d->delimiter || strpbrk(plain, "\r\n\""))
        return error_set(err, PT_ECONFIG,
                         "data.delimiter: at most %zu characters, none of them a quote or a line end",
                         sizeof d->delimiter - 1);
    set_delimiter(d, plain);
    return 0;
}

/* Lists are separated by blanks, and the number of their fields is not the same on more than a quarter of
 * the lines: a file of ratings with a few broken lines does not look like that. */
static bool looks_like_lists(const struct dialect *d, const struct sample *s)
{
    int64_t count[SAMPLE];
    int most = 0;

    if (!d->blanks || s->n < 2)
        return false;
    for (int k = 0; k < s->n; k++)
        count[k] = dialect_cut(d, s->begin[k], s->end[k], NULL, 0);
    for (int k = 0; k < s->n; k++) {
        int same = 0;

        for (int j = 0; j < s->n; j++)
            same += count[j] == count[k];
        if (same > most)
            most = same;
    }
    return 4 * (s->n - most) > s->n;
}

/* A number, or a date: what no header is. */
static bool is_number(const struct field *f)
{
    int64_t time;
    float value;

    return field_rating(f->text, f->length, &value) == NULL || field_time(f->text, f->length, &time) == NULL;
}

/* The first line's fields; their number, at most DIALECT_COLUMNS. */
static int64_t cut_first(const struct dialect *d, const struct sample *s, struct field *f)
{
    int64_t n = dialect_cut(d, s->begin[0], s->end[0], f, DIALECT_COLUMNS);

    return n < DIALECT_COLUMNS ? n : DIALECT_COLUMNS;
}

/* Which columns have numbers on every sampled line below the first that is cut as that is; how many do so. */
static int numbers_below(const struct dialect *d, const struct sample *s, int64_t n, bool *number)
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

/* No field of the first line is a number, but what stands below is: in the second line where the rating or
 * the time is, with columns as given or by position; in some column in all of two lines and more. */
static bool stands_above_numbers(const struct dialect *d, const struct sample *s, int64_t n)
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

/* Names: a user's and an item's are known, or no field is a number and one is known of the first choice or
 * two of either; or a line of words above numbers. */
static bool looks_like_header(const struct dialect *d, const struct sample *s)
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

/* data.columns into roles. */
static int given_columns(struct dialect *d, const struct dialect_spec *spec, struct error *err)
{
    int seen[ROLES] = {0};

    if (spec->columns > DIALECT_COLUMNS)
        return error_set(err, PT_ECONFIG, "data.columns: at most %d", DIALECT_COLUMNS);
    for (int c = 0; c < spec->columns; c++) {
        int r = 0;

        while (r < ROLES && strcmp(spec->column[c], dialect_role_name((enum role)r)) != 0)
            r++;
        if (r == ROLES)
            return error_set(err, PT_ECONFIG, "data.columns: '%s' is none of user, item, rating, time, skip",
                             spec->column[c]);
        if (r != ROLE_SKIP && seen[r]++)
            return error_set(err, PT_ECONFIG, "data.columns: %s stands twice",
                             dialect_role_name((enum role)r));
        d->role[c] = (uint8_t)r;
    }
    if (!seen[ROLE_USER] || !seen[ROLE_ITEM])
        return error_set(err, PT_ECONFIG, "data.columns: user and item must be among them");
    d->columns = spec->columns;
    return 0;
}

/* Whether a column has what a second since 1970 looks like, or dates, in the second line. */
static bool looks_like_times(const struct dialect *d, const struct sample *s, int64_t column)
{
    struct field f[DIALECT_COLUMNS];
    float value;
    int64_t time;

    if (s->n < 2 || dialect_cut(d, s->begin[1], s->end[1], f, DIALECT_COLUMNS) <= column ||
        field_time(f[column].text, f[column].length, &time) != NULL)
        return false;
    return field_rating(f[column].text, f[column].length, &value) != NULL || field_like_time(value);
}

/* Nothing says what the columns are, and their places would be a guess that swaps users and items. */
static int unknown_names(const struct dialect *d, const struct sample *s, int64_t columns, const char *none,
                         const char *shown, struct error *err)
{
    char text[FIELD_SHOWN];

    return error_set(err, PT_EDATA,
                     "%s:1: none of the names in the header '%s' is known; say what the columns are, such as "
                     "data.columns=user,item%s%s%s",
                     shown, field_show(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])),
                     columns <= 2                ? ""
                     : looks_like_times(d, s, 2) ? ",time"
                                                 : ",rating",
                     columns == 4  ? looks_like_times(d, s, 2) ? ",skip" : ",time"
                     : columns > 4 ? ",skip,..."
                                   : "",
                     none);
}

/* Columns by the names of the header; by place, and d->columns is 0, where one of user and item is named and
 * nothing stands elsewhere. `none`: what to do where the line is no header. */
static int named_columns(struct dialect *d, const struct sample *s, const char *none, const char *shown,
                         struct error *err)
{
    struct field f[DIALECT_COLUMNS];
    int64_t n = dialect_cut(d, s->begin[0], s->end[0], f, DIALECT_COLUMNS);
    int column[ROLES], first[ROLES];
    bool number[DIALECT_COLUMNS];
    struct dialect_words w;
    char text[FIELD_SHOWN];

    if (n < 0 || n > DIALECT_COLUMNS)
        return error_set(err, PT_EDATA, "%s:1: a header of %lld fields (at most %d)", shown, (long long)n,
                         DIALECT_COLUMNS);
    dialect_words_count(&w, f, n);
    if (w.known > 1 || (!w.known && n > 2))
        none = ""; /* it is one */
    if (!w.known)
        return unknown_names(d, s, n, none, shown, err);
    if (w.first && !w.both && w.in_place && n <= DIALECT_PLACES)
        return 0;
    dialect_words_choose(first, f, n, false);
    dialect_words_choose(column, f, n, true);
    for (int r = ROLE_USER; r <= ROLE_ITEM; r++)
        column[r] = w.both ? first[r] : column[r];
    if (column[ROLE_USER] < 0 || column[ROLE_ITEM] < 0)
        return error_set(err, PT_EDATA,
                         "%s:1: the header '%s' names no %s; call a column so, or say what the columns are "
                         "with data.columns%s",
                         shown, field_show(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])),
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

static bool names_third_rating(const struct dialect *d, const struct sample *s)
{
    struct field f[DIALECT_COLUMNS];

    return cut_first(d, s, f) >= 3 && dialect_word_role(&f[2]) == ROLE_RATING;
}

/* user item [rating [time]] by position. */
static int counted_columns(struct dialect *d, const struct sample *s, const char *shown, struct error *err)
{
    int64_t n = dialect_cut(d, s->begin[0], s->end[0], NULL, 0), vote = 0;

    /* The count that more than half of the lines have; the first line alone may be the broken one. */
    for (int64_t k = 0, left = 0; k < s->n; k++) {
        int64_t count = dialect_cut(d, s->begin[k], s->end[k], NULL, 0);

        if (left == 0)
            vote = count;
        left += count == vote ? 1 : -1;
    }
    if (vote >= 2 && vote <= 4)
        n = vote;
    if (n < 2 || n > 4) {
        char text[FIELD_SHOWN];

        if (*s->begin[0] == '{' || *s->begin[0] == '[')
            return error_set(err, PT_EDATA, "%s: looks like JSON, which is not read; write it as CSV or TSV",
                             shown);
        if (n < 0)
            return error_set(err, PT_EDATA,
                             "%s:1: a quoted field is not closed, or text follows its closing quote; is "
                             "another data.delimiter wanted?",
                             shown);
        return error_set(
            err, PT_EDATA,
            "%s: lines of %lld field%s ('%s'): not user, item, rating, time; say what they are with "
            "data.columns and data.delimiter",
            shown, (long long)n, n == 1 ? "" : "s",
            field_show(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])));
    }
    memcpy(d->role, dialect_places, (size_t)n);
    d->columns = (int)n;
    d->third_guessed = n == 3 && !(d->header && names_third_rating(d, s));
    return 0;
}

int dialect_take_header(struct dialect *d, const char *line, const char *end, const char *shown,
                        struct error *err)
{
    struct sample s = {.begin = {line}, .end = {end}, .n = 1};
    struct field f[DIALECT_COLUMNS];
    struct dialect_words w;
    int rc;

    d->columns = 0;
    d->header = looks_like_header(d, &s);
    if (!d->header)
        return 0;
    dialect_words_count(&w, f, cut_first(d, &s, f));
    if (w.known == 1 && !w.in_place) { /* an id that happens to be a name */
        d->header = false;
        return 0;
    }
    if ((rc = named_columns(d, &s, "", shown, err)) < 0)
        return rc;
    if (!d->columns) {
        d->columns = DIALECT_PLACES;
        memcpy(d->role, dialect_places, DIALECT_PLACES);
    }
    return 1;
}

int dialect_find(struct dialect *out, const struct dialect_spec *spec, const char *begin, const char *end,
                 const char *shown, struct error *err)
{
    struct dialect d = {0};
    struct sample s;
    int rc = 0;

    take_sample(&s, begin, end);
    if (spec->columns)
        rc = given_columns(&d, spec, err);
    if (rc == 0 && spec->delimiter && *spec->delimiter)
        rc = given_delimiter(&d, spec->delimiter, err);
    else if (rc == 0 && spec->format == FORMAT_LISTS)
        set_delimiter(&d, " ");
    else if (rc == 0)
        find_delimiter(&d, &s, spec->columns);
    if (rc < 0)
        return rc;
    if (s.n == 0)
        return error_set(err, PT_EDATA, "%s: is empty", shown);
    d.lists = spec->format == FORMAT_LISTS ||
              (spec->format == FORMAT_AUTO && !spec->columns && looks_like_lists(&d, &s));
    if (d.lists) {
        d.header = spec->header == HEADER_YES;
        *out = d;
        return 0;
    }
    d.header = spec->header == HEADER_YES || (spec->header == HEADER_AUTO && looks_like_header(&d, &s));
    if (!d.columns && d.header)
        rc = named_columns(&d, &s, spec->header == HEADER_AUTO ? "; data.header=no if it is none" : "", shown,
                           err);
    if (rc == 0 && !d.columns)
        rc = counted_columns(&d, &s, shown, err);
    if (rc < 0)
        return rc;
    for (int c = 0; c < d.columns; c++) {
        d.has_rating = d.has_rating || d.role[c] == ROLE_RATING;
        d.has_time = d.has_time || d.role[c] == ROLE_TIME;
    }
    *out = d;
    return 0;
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

bool dialect_may_lack_header(const struct dialect *d, const char *begin, const char *end, char *out,
                             size_t space)
{
    struct field first[DIALECT_COLUMNS], f[DIALECT_COLUMNS];
    char shown[FIELD_SHOWN];
    struct sample s;
    int64_t n;

    take_sample(&s, begin, end);
    if (d->header || d->lists || s.n < 3)
        return false;
    n = cut_first(d, &s, first);
    for (int64_t c = 0; c < n; c++)
        if (!is_word(&first[c]))
            return false;
    for (int k = 1; k < s.n; k++) {
        if (dialect_cut(d, s.begin[k], s.end[k], f, DIALECT_COLUMNS) != n)
            continue;
        for (int64_t c = 0; c < n; c++)
            if (f[c].length == first[c].length && memcmp(f[c].text, first[c].text, f[c].length) == 0)
                return false;
    }
    snprintf(out, space,
             "line 1 ('%s') was read as data: if it is a header, say data.header=yes and data.columns",
             field_show(shown, s.begin[0], (size_t)(s.end[0] - s.begin[0])));
    return true;
}

void dialect_describe(const struct dialect *d, const char *begin, const char *end, char *out, size_t space)
{
    struct field f[DIALECT_COLUMNS];
    struct sample s;
    int64_t named = 0;
    size_t used = 0;

    take_sample(&s, begin, end);
    if (d->header && s.n)
        named = dialect_cut(d, s.begin[0], s.end[0], f, DIALECT_COLUMNS);
    snprintf(out, space, "%s", d->lists ? "a list of items for each user" : "");
    for (int c = 0; c < d->columns && used < space; c++) {
        char shown[FIELD_SHOWN];
        enum role r = (enum role)d->role[c];

        used += (size_t)snprintf(out + used, space - used, c ? ", " : "");
        if (used >= space)
            break;
        if (r != ROLE_SKIP)
            used += (size_t)snprintf(out + used, space - used, "%s", dialect_role_name(r));
        else if (c < named)
            used += (size_t)snprintf(out + used, space - used, "'%s' ignored",
                                     field_show(shown, f[c].text, f[c].length));
        else
            used += (size_t)snprintf(out + used, space - used, "ignored");
    }
}
