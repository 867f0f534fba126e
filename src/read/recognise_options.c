#include "read/recognise_options.h"

#include "read/sample.h"

#include <stdio.h>
#include <string.h>

/* "\t" is written with a backslash in YAML's plain style and on a command line. */
int option_delimiter(struct text_format *d, const char *text, struct error *err)
{
    char plain[TEXT_DELIMITER];
    size_t n = 0;

    for (const char *c = text; *c; c++) {
        bool escaped = *c == '\\' && c[1] && strchr("t\\", c[1]);

        if (n + 1 >= sizeof plain || strchr("\r\n\"", *c))
            return error_set(err, PT_ECONFIG,
                             "data.delimiter: at most %zu characters, none of them a quote or a line end",
                             sizeof plain - 1);
        plain[n++] = escaped ? (c[1] == 't' ? '\t' : '\\') : *c;
        c += escaped;
    }
    plain[n] = 0;
    text_set_delimiter(d, plain);
    return 0;
}

bool option_names(const struct ratings_spec *spec)
{
    for (int i = 0; i < spec->columns; i++)
        if (strchr(spec->column[i], '='))
            return true;
    return false;
}

/* The role whose name `text` begins with, and `mark` behind it; ROLES: none. */
enum role option_role(const char *text, char mark)
{
    enum role r = ROLE_SKIP;

    for (; r < ROLES; r++) {
        size_t n = strlen(role_name(r));

        if (strncmp(text, role_name(r), n) == 0 && text[n] == mark)
            break;
    }
    return r;
}

int option_find_name(const struct sample *s, const char *text, size_t length)
{
    int c = 0;

    while (c < s->columns && !text_same(s->name[c].text, s->name[c].length, text, length))
        c++;
    return c < s->columns ? c : -1;
}

int option_lacks_ids(struct error *err)
{
    return error_set(err, PT_ECONFIG, "data.columns: user and item must be among them");
}

int option_positions(struct text_format *d, const struct ratings_spec *spec, struct error *err)
{
    int seen[ROLES + 1] = {0};

    if (!spec->columns || option_names(spec))
        return 0;
    if (spec->columns > TEXT_COLUMNS)
        return error_set(err, PT_ECONFIG, "data.columns: at most %d", TEXT_COLUMNS);
    for (int c = 0; c < spec->columns; c++) {
        enum role r = option_role(spec->column[c], 0);

        if (r == ROLES)
            return error_set(err, PT_ECONFIG, "data.columns: '%s' is none of user, item, rating, time, skip",
                             spec->column[c]);
        if (r != ROLE_SKIP && seen[r]++)
            return error_set(err, PT_ECONFIG, "data.columns: %s stands twice", role_name(r));
        d->role[c] = (uint8_t)r;
    }
    d->columns = spec->columns;
    return d->layout == FORMAT_MATRIX || (seen[ROLE_USER] && seen[ROLE_ITEM]) ? 0 : option_lacks_ids(err);
}

int option_where(struct text_format *d, const struct sample *s, bool named, const struct ratings_spec *spec,
                 struct error *err)
{
    const char *where = spec->where && *spec->where ? spec->where : NULL;
    const char *equals = where ? strchr(where, '=') : NULL;
    int number = 0, columns = named && s->columns > d->columns ? s->columns : d->columns;

    d->where = -1;
    if (!where)
        return 0;
    if (!equals)
        return error_set(err, PT_ECONFIG, "data.where: COLUMN=WORD, such as event=purchase or 4=buy");
    snprintf(d->where_word, sizeof d->where_word, "%s", equals + 1);
    if (named)
        d->where = option_find_name(s, where, (size_t)(equals - where));
    if (d->where == -1 && equals - where < 4 && sscanf(where, "%d=", &number) == 1 && number > 0 &&
        number <= columns)
        d->where = number - 1;
    return d->where != -1 ? 0
                          : error_set(err, PT_EDATA, "%s: data.where: no column is called '%.*s'", s->shown,
                                      (int)(equals - where), where);
}
