#include "read/recognise_header.h"

#include "base/text.h"
#include "read/field.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NONE (-1)

/* --- is it one? ---------------------------------------------------------------------------------- */

/* Letters in front of digits: of u17 the u. */
static size_t prefix_of(const struct field *f)
{
    size_t n = 0;

    while (n < f->length && !isdigit((unsigned char)f->text[n]))
        n++;
    return n;
}

/* Whether the first line's field is like one below: the same again, or an id of the same make (u17, u4). */
static bool fits_below(const struct sample *s, int column)
{
    const struct field *first = sample_cell(s, 0, column);
    size_t prefix = prefix_of(first);

    for (int row = 1; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, column);

        if (f->length == first->length && memcmp(f->text, first->text, f->length) == 0)
            return true;
        if (prefix < first->length && prefix_of(f) == prefix && f->length > prefix &&
            memcmp(f->text, first->text, prefix) == 0)
            return true;
    }
    return false;
}

static bool is_number_or_date(const struct field *f)
{
    int64_t time;

    return field_is_number(f) || field_time(f->text, f->length, &time) == NULL;
}

/* 0,1,2: what pandas writes above columns that have no names. */
static bool counts_from_zero(const struct sample *s)
{
    for (int c = 0; c < s->columns; c++)
        if (sample_cell(s, 0, c)->length != 1 || sample_cell(s, 0, c)->text[0] != '0' + c || fits_below(s, c))
            return false;
    return s->columns >= 3 && s->columns < 10 && s->rows > 2;
}

enum first_line header_first_line(const struct sample *s)
{
    bool known = false, user = false, item = false, number = false, fits = false, above = false;
    struct sample below = *s;

    below.first = 1;
    for (int c = 0; c < s->columns; c++) {
        const struct field *f = sample_cell(s, 0, c);
        enum meaning m = column_name_find(f->text, f->length).meaning;

        user = user || (m == NAME_USER && f->length);
        item = item || m == NAME_ITEM;
        known = known || (m != NAME_UNKNOWN && m != NAME_INDEX && m != NAME_ID && m != NAME_TITLE);
        number = number || (f->length && is_number_or_date(f));
    }
    if (user && item)
        return FIRST_NAMES;
    if (number)
        return counts_from_zero(s) ? FIRST_DOUBT : FIRST_DATA;
    if (known)
        return FIRST_NAMES;
    for (int c = 0; c < s->columns; c++) {
        struct column_look l = sample_look(&below, c);

        above = above || (s->rows > 1 && l.filled == s->rows - 1 && (l.numbers || l.dates));
        fits = fits || (s->rows > 1 && fits_below(s, c));
    }
    if (above)
        return FIRST_UNKNOWN;
    return fits || s->rows < 2 ? FIRST_DATA : FIRST_DOUBT;
}

/* --- which is which? ----------------------------------------------------------------------------- */

struct columns {
    struct column_name name[TEXT_COLUMNS];
    struct column_look look[TEXT_COLUMNS];
    int of[ROLES], event;
};

static const char *show(const struct field *f, char out[PRINTABLE_BYTES])
{
    return printable(out, f->text, f->length);
}

/* The names of all columns of a meaning, with commas; how many there are. */
static int list_names(const struct columns *k, const struct sample *s, const struct field *name,
                      enum meaning m, int rank, char *out, size_t space)
{
    char shown[PRINTABLE_BYTES];
    size_t used = 0;
    int n = 0;

    *out = 0;
    for (int c = 0; c < s->columns; c++)
        if (k->name[c].meaning == m && k->name[c].rank >= rank && used < space)
            used +=
                (size_t)snprintf(out + used, space - used, "%s%s", n++ ? ", " : "", show(&name[c], shown));
    return n;
}

/* How to say it, with what is known filled in. */
static const char *advice(const struct columns *k, const struct sample *s, const struct field *name,
                          char out[320])
{
    char shown[PRINTABLE_BYTES];
    size_t used = (size_t)snprintf(out, 320, "say data.columns=");

    for (int r = ROLE_USER; r <= ROLE_RATING && used < 300; r++) {
        bool known = k->of[r] >= 0;

        used += (size_t)snprintf(out + used, 320 - used, "%s%s=%s", r > ROLE_USER ? "," : "",
                                 role_name((enum role)r), known ? show(&name[k->of[r]], shown) : "NAME");
    }
    (void)s;
    return out;
}

/* The column of a meaning with the highest rank; two of them: PT_EDATA. */
static int choose(struct columns *k, const struct sample *s, const struct field *name, enum meaning m,
                  enum role r, struct error *err)
{
    int best = NONE, again = 0;
    char list[300], say[320];

    for (int c = 0; c < s->columns; c++) {
        if (k->name[c].meaning != m)
            continue;
        if (best == NONE || k->name[c].rank > k->name[best].rank) {
            best = c;
            again = 0;
        } else if (k->name[c].rank == k->name[best].rank) {
            again = 1;
        }
    }
    k->of[r] = again ? NONE : best;
    if (!again || r == ROLE_TIME)
        return 0;
    list_names(k, s, name, m, k->name[best].rank, list, sizeof list);
    return sample_doubt(s, 0, err, "several columns could be the %s: %s; %s", role_name(r), list,
                        advice(k, s, name, say));
}

/* `sid` is an item in Liang's files; beside another item's name it is a session, the user where there is no
 * other. */
static void find_session(struct columns *k, const struct sample *s)
{
    for (int c = 0; c < s->columns && k->of[ROLE_USER] == NONE; c++)
        if (k->name[c].meaning == NAME_ITEM && k->name[c].rank == 0 && c != k->of[ROLE_ITEM])
            k->of[ROLE_USER] = c;
}

/* Where all columns but one are known, and it is called an id: it is the item's, whatever its items are
 * called. */
static void find_other_item(struct columns *k, const struct sample *s)
{
    int found = NONE;

    for (int c = 0; c < s->columns; c++) {
        if (k->name[c].meaning == NAME_UNKNOWN || k->name[c].meaning == NAME_TITLE)
            return;
        if (k->name[c].meaning == NAME_ID && found != NONE)
            return;
        found = k->name[c].meaning == NAME_ID ? c : found;
    }
    k->of[ROLE_ITEM] = found;
}

/* What could be ratings, and has no name of one. */
static bool may_be_values(const struct columns *k, int c)
{
    const struct column_look *l = &k->look[c];
    enum meaning m = k->name[c].meaning;
    bool unknown = m == NAME_UNKNOWN || m == NAME_TITLE || m == NAME_EVENT;

    return unknown && l->filled && (l->numbers || l->truths);
}

static int need_rating(const struct columns *k, const struct sample *s, const struct field *name,
                       struct error *err)
{
    char say[320], shown[PRINTABLE_BYTES], list[300] = "";
    size_t used = 0;
    int n = 0;

    if (k->of[ROLE_RATING] != NONE)
        return 0;
    for (int c = 0; c < s->columns && used < sizeof list; c++)
        if (may_be_values(k, c) && c != k->of[ROLE_USER] && c != k->of[ROLE_ITEM])
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", n++ ? ", " : "",
                                     show(&name[c], shown));
    if (n == 0)
        return 0;
    return sample_doubt(
        s, 0, err,
        "no column is called a rating, and numbers, or true and false, stand in: %s; if one is the "
        "rating, %s; without ratings leave rating=NAME out",
        list, advice(k, s, name, say));
}

static void report_columns(const struct columns *k, const struct sample *s, const struct field *name,
                           struct reading *told)
{
    size_t used = 0, rest = 0;
    char shown[PRINTABLE_BYTES];

    *told->columns = *told->unused = 0;
    for (int r = ROLE_USER; r < ROLES && used < sizeof told->columns; r++)
        if (k->of[r] != NONE)
            used += (size_t)snprintf(told->columns + used, sizeof told->columns - used, "%s%s=%s",
                                     used ? " " : "", role_name((enum role)r), show(&name[k->of[r]], shown));
    for (int c = 0; c < s->columns && rest < sizeof told->unused; c++) {
        bool used_here = false;
        const char *why =
            k->name[c].meaning == NAME_INDEX   ? " (row numbers)"
            : k->name[c].meaning == NAME_EVENT ? " (kinds of events)"
            : k->name[c].meaning == NAME_TIME
                ? (k->look[c].dates || k->look[c].epochs ? " (another time)" : " (not times that are read)")
            : k->name[c].meaning == NAME_USER || k->name[c].meaning == NAME_ITEM ||
                    k->name[c].meaning == NAME_ID
                ? " (another id)"
                : "";

        for (int r = ROLE_USER; r < ROLES; r++)
            used_here = used_here || k->of[r] == c;
        if (!used_here)
            rest +=
                (size_t)snprintf(told->unused + rest, sizeof told->unused - rest, "%s%s%s", rest ? ", " : "",
                                 name[c].length ? show(&name[c], shown) : "a column without a name", why);
    }
}

static void set_roles(struct text_format *d, const struct columns *k, const struct sample *s)
{
    memset(d->role, 0, sizeof d->role);
    for (int r = ROLE_USER; r < ROLES; r++)
        if (k->of[r] != NONE)
            d->role[k->of[r]] = (uint8_t)r;
    d->columns = s->columns;
    d->event = k->event;
}

static void describe_columns(struct columns *k, const struct sample *s, const struct field *name)
{
    int ratings = 0;

    *k = (struct columns){.event = NONE};
    for (int r = 0; r < ROLES; r++)
        k->of[r] = NONE;
    for (int c = 0; c < s->columns; c++) {
        k->name[c] = column_name_find(name[c].text, name[c].length);
        k->look[c] = sample_look(s, c);
        if (k->name[c].meaning == NAME_EVENT && k->event == NONE)
            k->event = c;
        ratings += k->name[c].meaning == NAME_RATING;
        if (k->name[c].meaning == NAME_INDEX && name[c].length && !k->look[c].counting &&
            k->look[c].filled >= 3)
            k->name[c].meaning = NAME_UNKNOWN;
    }
    for (int c = 0; c < s->columns && ratings > 1; c++) /* of several the one in words is none */
        if (k->name[c].meaning == NAME_RATING && k->look[c].filled && !k->look[c].some_number &&
            !k->look[c].truths)
            k->name[c].meaning = NAME_ID;
}

int header_roles(struct text_format *d, struct reading *told, const struct sample *s,
                 const struct field *name, struct error *err)
{
    struct columns k;
    char say[320];
    int rc;

    describe_columns(&k, s, name);
    if ((rc = choose(&k, s, name, NAME_USER, ROLE_USER, err)) < 0 ||
        (rc = choose(&k, s, name, NAME_ITEM, ROLE_ITEM, err)) < 0)
        return rc;
    find_session(&k, s);
    if (k.of[ROLE_USER] != NONE && k.of[ROLE_ITEM] == NONE)
        find_other_item(&k, s);
    if ((rc = choose(&k, s, name, NAME_RATING, ROLE_RATING, err)) < 0)
        return rc;
    if (k.of[ROLE_USER] == NONE || k.of[ROLE_ITEM] == NONE)
        return sample_doubt(s, 0, err, "this header names no %s; %s, or data.header=no if it is none",
                            k.of[ROLE_USER] != NONE   ? "item"
                            : k.of[ROLE_ITEM] != NONE ? "user"
                                                      : "user and no item",
                            advice(&k, s, name, say));
    if ((rc = need_rating(&k, s, name, err)) < 0)
        return rc;
    choose(&k, s, name, NAME_TIME, ROLE_TIME, NULL);
    if (k.of[ROLE_TIME] != NONE && s->rows > s->first) {
        const struct column_look *l = &k.look[k.of[ROLE_TIME]];

        if (!l->filled || 2 * l->words > l->filled) /* words, or dates in another form */
            k.of[ROLE_TIME] = NONE;
    }
    set_roles(d, &k, s);
    report_columns(&k, s, name, told);
    return 0;
}

/* --- as data.columns says ------------------------------------------------------------------------ */

bool header_names_are_given(const struct ratings_spec *spec)
{
    for (int i = 0; i < spec->columns; i++)
        if (strchr(spec->column[i], '='))
            return true;
    return false;
}

/* The role that "user=" and so on begins with; its length in *n, 0: none. */
static enum role role_of(const char *text, size_t *n)
{
    for (int r = 0; r < ROLES; r++) {
        size_t length = strlen(role_name((enum role)r));

        if (strncmp(text, role_name((enum role)r), length) == 0 && text[length] == '=') {
            *n = length + 1;
            return (enum role)r;
        }
    }
    *n = 0;
    return ROLE_SKIP;
}

static int find_name(const struct sample *s, const struct field *name, const char *text, size_t length)
{
    for (int c = 0; c < s->columns; c++)
        if (name[c].length == length && memcmp(name[c].text, text, length) == 0)
            return c;
    return NONE;
}

static int assign_role(struct columns *k, const struct sample *s, const struct field *name, enum role r,
                       const char *text, size_t length, struct error *err)
{
    char list[400], shown[PRINTABLE_BYTES], one[PRINTABLE_BYTES];
    size_t used = 0;
    int c = find_name(s, name, text, length);

    *list = 0;
    for (int j = 0; j < s->columns && used < sizeof list; j++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", j ? ", " : "", show(&name[j], shown));
    if (c == NONE)
        return error_set(err, PT_EDATA, "%s: data.columns: no column is called '%s'; there are: %s", s->shown,
                         printable(one, text, length), list);
    if (r != ROLE_SKIP && k->of[r] != NONE)
        return error_set(err, PT_ECONFIG, "data.columns: %s stands twice", role_name(r));
    if (r != ROLE_SKIP)
        k->of[r] = c;
    return 0;
}

int header_given_roles(struct text_format *d, struct reading *told, const struct sample *s,
                       const struct field *name, const struct ratings_spec *spec, struct error *err)
{
    struct columns k;
    int rc = 0;

    describe_columns(&k, s, name);
    for (int i = 0; i < spec->columns && rc == 0; i++) {
        const char *p = spec->column[i];

        while (rc == 0 && *p) {
            size_t n, more;
            enum role r = role_of(p, &n);
            const char *stop = p + n;

            if (!n)
                return error_set(
                    err, PT_ECONFIG,
                    "data.columns: '%.60s' is none of user=NAME, item=NAME, rating=NAME, time=NAME", p);
            while (*stop && !(*stop == ' ' && (role_of(stop + 1, &more), more)))
                stop++;
            rc = assign_role(&k, s, name, r, p + n, (size_t)(stop - p) - n, err);
            p = stop + (*stop == ' ');
        }
    }
    if (rc == 0 && (k.of[ROLE_USER] == NONE || k.of[ROLE_ITEM] == NONE))
        rc = error_set(err, PT_ECONFIG, "data.columns: user and item must be among them");
    if (rc < 0)
        return rc;
    set_roles(d, &k, s);
    report_columns(&k, s, name, told);
    return 0;
}
