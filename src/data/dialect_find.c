/* dialect_find.c - the dialect of a text, as far as the user has not said it, from its first lines. */
#include "data/dialect.h"

#include "data/field.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SAMPLE 100 /* lines looked at */

/* Names that published files give their columns, in lower case without punctuation. */
static const struct known {
    const char *name;
    enum role role;
} known_columns[] = {
    {"user", ROLE_USER},
    {"userid", ROLE_USER},
    {"uid", ROLE_USER},
    {"customerid", ROLE_USER},
    {"reviewerid", ROLE_USER},
    {"visitorid", ROLE_USER},
    {"userindex", ROLE_USER},
    {"item", ROLE_ITEM},
    {"itemid", ROLE_ITEM},
    {"iid", ROLE_ITEM},
    {"sid", ROLE_ITEM},
    {"songid", ROLE_ITEM},
    {"movie", ROLE_ITEM},
    {"movieid", ROLE_ITEM},
    {"product", ROLE_ITEM},
    {"productid", ROLE_ITEM},
    {"parentasin", ROLE_ITEM},
    {"asin", ROLE_ITEM},
    {"bookid", ROLE_ITEM},
    {"isbn", ROLE_ITEM},
    {"artistid", ROLE_ITEM},
    {"itemindex", ROLE_ITEM},
    {"rating", ROLE_RATING},
    {"ratings", ROLE_RATING},
    {"bookrating", ROLE_RATING},
    {"score", ROLE_RATING},
    {"stars", ROLE_RATING},
    {"overall", ROLE_RATING},
    {"timestamp", ROLE_TIME},
    {"time", ROLE_TIME},
    {"unixreviewtime", ROLE_TIME},
};

static enum role known_role(const struct field *f)
{
    char name[24];
    size_t n = 0;

    /* "user_id:token" is how RecBole writes a column's name and type */
    for (size_t k = 0; k < f->length && f->text[k] != ':'; k++) {
        unsigned char c = (unsigned char)f->text[k];

        if (c == '_' || c == '-' || c == ' ' || c == '.')
            continue;
        if (n == sizeof name - 1)
            return ROLE_SKIP;
        name[n++] = (char)tolower(c);
    }
    name[n] = 0;
    for (size_t k = 0; k < sizeof known_columns / sizeof *known_columns; k++)
        if (strcmp(name, known_columns[k].name) == 0)
            return known_columns[k].role;
    return ROLE_SKIP;
}

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
        while (stop > from && (stop[-1] == '\r' || field_is_blank(stop[-1])))
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

/* The first of :: tab , ; | that most sampled lines have (of half of them, with the first one); else blanks.
 */
static void find_delimiter(struct dialect *d, const struct sample *s)
{
    static const char *const candidates[] = {"::", "\t", ",", ";", "|"};

    for (size_t c = 0; c < sizeof candidates / sizeof *candidates; c++) {
        int lines = 0;

        for (int k = 0; k < s->n; k++)
            lines += has_text(s, k, candidates[c]);
        if (2 * lines + (s->n > 0 && has_text(s, 0, candidates[c])) > s->n) {
            set_delimiter(d, candidates[c]);
            return;
        }
    }
    set_delimiter(d, " ");
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

static bool is_number(const struct field *f)
{
    float value;

    return field_value(f->text, f->length, &value) == NULL;
}

/* Names: a user's and an item's are known, or two others and no field is a number; or, with columns as given
 * or by position, no field of the first line is a number while the second line has one where the rating is.
 */
static bool looks_like_header(const struct dialect *d, const struct sample *s)
{
    struct field first[DIALECT_COLUMNS], second[DIALECT_COLUMNS];
    int64_t n = dialect_cut(d, s->begin[0], s->end[0], first, DIALECT_COLUMNS);
    bool user = false, item = false, number = false;
    int known = 0;

    for (int64_t k = 0; k < n && k < DIALECT_COLUMNS; k++) {
        enum role r = known_role(&first[k]);

        user = user || r == ROLE_USER;
        item = item || r == ROLE_ITEM;
        known += r != ROLE_SKIP;
        number = number || is_number(&first[k]);
    }
    if ((user && item) || (known >= 2 && !number))
        return true;
    if (number || s->n < 2 || n < 3 || dialect_cut(d, s->begin[1], s->end[1], second, DIALECT_COLUMNS) != n)
        return false;
    for (int64_t k = 0; k < n && k < DIALECT_COLUMNS; k++)
        if ((d->columns ? d->role[k] == ROLE_RATING : k == 2) && is_number(&second[k]))
            return true;
    return false;
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

/* Nothing says what the columns are, and their places would be a guess that swaps users and items. */
static int unknown_names(const struct sample *s, int64_t columns, const char *shown, struct error *err)
{
    char text[FIELD_SHOWN];

    return error_set(err, PT_EDATA,
                     "%s:1: none of the names in the header '%s' is known; say what the columns are, such as "
                     "data.columns=user,item%s%s",
                     shown, field_show(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])),
                     columns > 2 ? ",rating" : "",
                     columns == 4  ? ",time"
                     : columns > 4 ? ",skip,..."
                                   : "");
}

static const uint8_t by_position[] = {ROLE_USER, ROLE_ITEM, ROLE_RATING, ROLE_TIME};

/* Roles by the names of the header. */
static int named_columns(struct dialect *d, const struct sample *s, const char *shown, struct error *err)
{
    struct field f[DIALECT_COLUMNS];
    int64_t n = dialect_cut(d, s->begin[0], s->end[0], f, DIALECT_COLUMNS);
    int seen[ROLES] = {0};

    if (n < 0 || n > DIALECT_COLUMNS)
        return error_set(err, PT_EDATA, "%s:1: a header of %lld fields (at most %d)", shown, (long long)n,
                         DIALECT_COLUMNS);
    for (int64_t c = 0; c < n; c++) {
        enum role r = known_role(&f[c]);

        d->role[c] = (uint8_t)(seen[r] ? ROLE_SKIP : r);
        seen[r]++;
    }
    if (seen[ROLE_USER] && seen[ROLE_ITEM]) {
        d->columns = (int)n;
        return 0;
    }
    if (seen[ROLE_SKIP] == n)
        return unknown_names(s, n, shown, err);
    for (int64_t c = 0; c < n;
         c++) /* what is not named is taken by position, unless the names say otherwise */
        if (d->role[c] != ROLE_SKIP && (c >= 4 || d->role[c] != by_position[c])) {
            char text[FIELD_SHOWN];

            return error_set(
                err, PT_EDATA,
                "%s:1: the header '%s' names no %s; call a column so, or say what the columns are "
                "with data.columns",
                shown, field_show(text, s->begin[0], (size_t)(s->end[0] - s->begin[0])),
                seen[ROLE_USER]   ? "item"
                : seen[ROLE_ITEM] ? "user"
                                  : "user and no item");
        }
    memset(d->role, 0, sizeof d->role);
    return 0;
}

static bool names_third_rating(const struct dialect *d, const struct sample *s)
{
    struct field f[DIALECT_COLUMNS];

    return dialect_cut(d, s->begin[0], s->end[0], f, DIALECT_COLUMNS) >= 3 &&
           known_role(&f[2]) == ROLE_RATING;
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
    memcpy(d->role, by_position, (size_t)n);
    d->columns = (int)n;
    d->third_guessed = n == 3 && !(d->header && names_third_rating(d, s));
    return 0;
}

int dialect_take_header(struct dialect *d, const char *line, const char *end, const char *shown,
                        struct error *err)
{
    struct sample s = {.begin = {line}, .end = {end}, .n = 1};
    int rc;

    d->columns = 0;
    d->header = looks_like_header(d, &s);
    if (!d->header)
        return 0;
    if ((rc = named_columns(d, &s, shown, err)) < 0)
        return rc;
    if (!d->columns) {
        d->columns = sizeof by_position;
        memcpy(d->role, by_position, sizeof by_position);
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
        find_delimiter(&d, &s);
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
        rc = named_columns(&d, &s, shown, err);
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
