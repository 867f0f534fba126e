/* dialect_find.c - the dialect of a text, as far as the user has not said it, from its first lines. */
#include "read/dialect.h"

#include "base/printable.h"
#include "read/dialect_header.h"
#include "read/dialect_names.h"
#include "read/field.h"

#include <stdio.h>
#include <string.h>

static bool has_text(const struct dialect_sample *s, int k, const char *text)
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

/* How many lines have the number of fields that most have, of numbers from `least` on; *fields: that one. */
static int count_alike(const struct dialect *d, const struct dialect_sample *s, int64_t least,
                       int64_t *fields)
{
    int64_t count[DIALECT_SAMPLE];
    int most = 0;

    for (int k = 0; k < s->n; k++)
        count[k] = dialect_cut(d, s->begin[k], s->end[k], NULL, 0);
    for (int k = 0; k < s->n; k++) {
        int same = 0;

        for (int j = 0; j < s->n; j++)
            same += count[j] == count[k];
        if (count[k] >= least && same > most) {
            most = same;
            *fields = count[k];
        }
    }
    return most;
}

/* Whether every comma stands in what may be a number, behind the user and the item: ids may have commas, and
 * the other character, too. */
static bool commas_are_decimal(const struct dialect *d, const struct dialect_sample *s)
{
    struct field f[DIALECT_COLUMNS];

    for (int k = 0; k < s->n; k++) {
        int64_t n = dialect_cut(d, s->begin[k], s->end[k], f, DIALECT_COLUMNS);

        for (int64_t c = 0; c < n && c < DIALECT_COLUMNS; c++)
            for (size_t i = 0; i < f[c].length; i++)
                if ((c < 2 && f[c].text[i] == ',') || (c >= 2 && memchr(f[c].text, ',', f[c].length) &&
                                                       !strchr("0123456789,.+-", f[c].text[i])))
                    return false;
    }
    return true;
}

/* Whether a delimiter goes before one that comes earlier in the list: it cuts every line alike, where the
 * other does not, and into as many fields at least; or the other is a comma that is a decimal point. */
static bool goes_before(const struct dialect *d, const struct dialect_sample *s, int alike, int64_t fields,
                        bool comma, int other_alike, int64_t other_fields)
{
    if (alike == s->n && other_alike < s->n && fields >= other_fields)
        return true;
    return comma && fields > other_fields && commas_are_decimal(d, s);
}

/* What cuts the sampled lines, the header's too, into the same number of fields, two and more: the first of
 * :: tab , ; | that does so with all of them but a tenth (those may be broken), and with `columns` that were
 * given into so many; but see goes_before. Else what fits most lines, of what most have (half of them, with
 * the first one). Else blanks. */
static void find_delimiter(struct dialect *d, const struct dialect_sample *s, int columns)
{
    static const char *const candidates[] = {"::", "\t", ",", ";", "|"};
    enum { CANDIDATES = sizeof candidates / sizeof *candidates, COMMA = 2 };
    int wanted = -1, best = -1, most = -1, alike[CANDIDATES];
    int64_t fields[CANDIDATES] = {0};

    for (int c = 0; c < CANDIDATES; c++) {
        int lines = 0;

        for (int k = 0; k < s->n; k++)
            lines += has_text(s, k, candidates[c]);
        if (2 * lines + (s->n > 0 && has_text(s, 0, candidates[c])) <= s->n)
            continue;
        set_delimiter(d, candidates[c]);
        alike[c] = count_alike(d, s, 2, &fields[c]);
        if (most < 0 || alike[c] > alike[most])
            most = c;
        if (10 * (s->n - alike[c]) > s->n)
            continue;
        if (fields[c] == columns && wanted < 0)
            wanted = c;
        if (best < 0 || goes_before(d, s, alike[c], fields[c], best == COMMA, alike[best], fields[best]))
            best = c;
    }
    best = wanted >= 0 ? wanted : best >= 0 ? best : most;
    set_delimiter(d, best < 0 ? " " : candidates[best]);
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
static bool looks_like_lists(const struct dialect *d, const struct dialect_sample *s)
{
    int64_t fields;

    if (!d->blanks || s->n < 2)
        return false;
    return 4 * (s->n - count_alike(d, s, 0, &fields)) > s->n;
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

static bool names_third_rating(const struct dialect *d, const struct dialect_sample *s)
{
    struct field f[DIALECT_COLUMNS];

    return dialect_cut(d, s->begin[0], s->end[0], f, DIALECT_COLUMNS) >= 3 &&
           dialect_word_role(&f[2]) == ROLE_RATING;
}

/* user item [rating [time]] by position. */
static int counted_columns(struct dialect *d, const struct dialect_sample *s, const char *shown,
                           struct error *err)
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
        char text[PRINTABLE_BYTES];

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
            printable(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])));
    }
    memcpy(d->role, dialect_places, (size_t)n);
    d->columns = (int)n;
    d->third_guessed = n == 3 && !(d->header && names_third_rating(d, s));
    return 0;
}

int dialect_find(struct dialect *out, const struct dialect_spec *spec, const char *begin, const char *end,
                 const char *shown, struct error *err)
{
    struct dialect d = {0};
    struct dialect_sample s;
    int rc = 0;

    dialect_sample_take(&s, begin, end);
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
    d.header = spec->header == HEADER_YES || (spec->header == HEADER_AUTO && dialect_has_header(&d, &s));
    if (!d.columns && d.header)
        rc = dialect_name_columns(&d, &s, spec->header == HEADER_AUTO ? "; data.header=no if it is none" : "",
                                  shown, err);
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

void dialect_describe(const struct dialect *d, const char *begin, const char *end, char *out, size_t space)
{
    struct field f[DIALECT_COLUMNS];
    struct dialect_sample s;
    int64_t named = 0;
    size_t used = 0;

    dialect_sample_take(&s, begin, end);
    if (d->header && s.n)
        named = dialect_cut(d, s.begin[0], s.end[0], f, DIALECT_COLUMNS);
    snprintf(out, space, "%s", d->lists ? "a list of items for each user" : "");
    for (int c = 0; c < d->columns && used < space; c++) {
        char shown[PRINTABLE_BYTES];
        enum role r = (enum role)d->role[c];

        used += (size_t)snprintf(out + used, space - used, c ? ", " : "");
        if (used >= space)
            break;
        if (r != ROLE_SKIP)
            used += (size_t)snprintf(out + used, space - used, "%s", dialect_role_name(r));
        else if (c < named)
            used += (size_t)snprintf(out + used, space - used, "'%s' ignored",
                                     printable(shown, f[c].text, f[c].length));
        else
            used += (size_t)snprintf(out + used, space - used, "ignored");
    }
}
