#include "read/recognise_header.h"

#include "base/text.h"
#include "read/field.h"
#include "read/recognise_options.h"

#include <ctype.h>
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

        if (field_same(f, first))
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

int header_ids(const struct field *name, int64_t n)
{
    int found = 0;

    for (int64_t c = 0; c < n && c < TEXT_COLUMNS; c++) {
        enum meaning m = column_name_find(name[c].text, name[c].length).meaning;

        found |= m == NAME_USER ? HEADER_USER : m == NAME_ITEM ? HEADER_ITEM : 0;
    }
    return found;
}

enum first_line header_first_line(const struct sample *s)
{
    bool known = false, number = false, fits = false, above = false;
    struct sample below = *s;

    below.first = 1;
    if (!s->rows)
        return FIRST_DATA;
    if (header_ids(sample_cell(s, 0, 0), s->columns) == HEADER_BOTH)
        return FIRST_NAMES;
    for (int c = 0; c < s->columns; c++) {
        const struct field *f = sample_cell(s, 0, c);
        enum meaning m = column_name_find(f->text, f->length).meaning;

        known = known || (m != NAME_UNKNOWN && m != NAME_INDEX && m != NAME_ID && m != NAME_TITLE);
        number = number || (f->length && is_number_or_date(f));
    }
    if (number)
        return counts_from_zero(s) ? FIRST_DOUBT : FIRST_DATA;
    if (known)
        return FIRST_NAMES;
    for (int c = 0; c < s->columns && s->rows > 1; c++) {
        struct column_look l = sample_look(&below, c);

        above = above || (l.filled == s->rows - 1 && (l.numbers || l.dates));
        fits = fits || fits_below(s, c);
    }
    if (above)
        return FIRST_UNKNOWN;
    return fits || s->rows < 2 ? FIRST_DATA : FIRST_DOUBT;
}

/* --- which is which? ----------------------------------------------------------------------------- */

struct columns {
    const struct sample *s;
    struct error *err;
    struct column_name name[TEXT_COLUMNS];
    struct column_look look[TEXT_COLUMNS];
    int of[ROLES], event;
};

static const char *show(const struct columns *k, int c, char out[PRINTABLE_BYTES])
{
    return printable(out, k->s->name[c].text, k->s->name[c].length);
}

static void list_name(const struct columns *k, int c, char *out, size_t space)
{
    char shown[PRINTABLE_BYTES];

    text_append(out, space, "%s%s", *out ? ", " : "", show(k, c, shown));
}

/* How to say it, with what is known filled in. */
static const char *advice(const struct columns *k, char out[320])
{
    char shown[PRINTABLE_BYTES];

    strcpy(out, "say data.columns=");
    for (int r = ROLE_USER; r <= ROLE_RATING; r++)
        text_append(out, 320, "%s%s=%s", r > ROLE_USER ? "," : "", role_name((enum role)r),
                    k->of[r] != NONE ? show(k, k->of[r], shown) : "NAME");
    return out;
}

/* The column of a meaning with the highest rank; two of them: PT_EDATA. */
static int choose(struct columns *k, enum meaning m, enum role r)
{
    int best = NONE, alike = 0;
    char list[300] = "", say[320];

    for (int c = 0; c < k->s->columns; c++) {
        if (k->name[c].meaning != m || (best != NONE && k->name[c].rank < k->name[best].rank))
            continue;
        alike = best != NONE && k->name[c].rank == k->name[best].rank ? alike + 1 : 1;
        best = alike > 1 ? best : c;
    }
    k->of[r] = alike > 1 ? NONE : best;
    if (alike <= 1 || r == ROLE_TIME)
        return 0;
    for (int c = 0; c < k->s->columns; c++)
        if (k->name[c].meaning == m && k->name[c].rank == k->name[best].rank)
            list_name(k, c, list, sizeof list);
    return sample_doubt(k->s, 0, k->err, "several columns could be the %s: %s; %s", role_name(r), list,
                        advice(k, say));
}

/* `sid` is an item in Liang's files; beside another item's name it is a session, the user where there is no
 * other. */
static void find_session(struct columns *k)
{
    for (int c = 0; c < k->s->columns && k->of[ROLE_USER] == NONE; c++)
        if (k->name[c].meaning == NAME_ITEM && k->name[c].rank == 0 && c != k->of[ROLE_ITEM])
            k->of[ROLE_USER] = c;
}

/* Where all columns but one are known, and it is called an id: it is the item's, whatever its items are
 * called. */
static void find_other_item(struct columns *k)
{
    int ids = 0, unknown = 0, last = NONE;

    for (int c = 0; c < k->s->columns; c++) {
        unknown += k->name[c].meaning == NAME_UNKNOWN || k->name[c].meaning == NAME_TITLE;
        ids += k->name[c].meaning == NAME_ID;
        last = k->name[c].meaning == NAME_ID ? c : last;
    }
    if (ids == 1 && !unknown)
        k->of[ROLE_ITEM] = last;
}

/* H&M's transactions: a price is no rating. */
static bool is_published(const struct sample *s)
{
    static const char header[] = "t_dat,customer_id,article_id,price,sales_channel_id";

    return s->lines && text_same(s->line[0].begin, (size_t)(s->line[0].end - s->line[0].begin), header,
                                 sizeof header - 1);
}

/* What could be ratings, and has no name of one. */
static int check_no_rating(const struct columns *k)
{
    char say[320], list[300] = "";

    for (int c = 0; c < k->s->columns && !is_published(k->s); c++) {
        const struct column_look *l = &k->look[c];
        enum meaning m = k->name[c].meaning;

        if ((m == NAME_UNKNOWN || m == NAME_TITLE || m == NAME_EVENT) && l->filled &&
            (l->numbers || l->truths) && c != k->of[ROLE_USER] && c != k->of[ROLE_ITEM])
            list_name(k, c, list, sizeof list);
    }
    if (!*list)
        return 0;
    return sample_doubt(k->s, 0, k->err,
                        "no column is called a rating, and numbers, or true and false, stand in: %s; if one "
                        "is the rating, %s; without ratings leave rating=NAME out",
                        list, advice(k, say));
}

static const char *why_unused(const struct columns *k, int c)
{
    static const char *const why[] = {
        [NAME_USER] = " (another id)",   [NAME_ITEM] = " (another id)",       [NAME_ID] = " (another id)",
        [NAME_INDEX] = " (row numbers)", [NAME_EVENT] = " (kinds of events)", [NAME_TITLE] = ""};
    enum meaning m = k->name[c].meaning;

    if (m == NAME_TIME)
        return k->look[c].dates || k->look[c].epochs ? " (another time)" : " (not times that are read)";
    return why[m] ? why[m] : "";
}

static void set_roles(struct text_format *d, const struct columns *k, struct reading *told)
{
    const struct sample *s = k->s;
    char shown[PRINTABLE_BYTES];

    memset(d->role, 0, sizeof d->role);
    d->columns = s->columns;
    d->event = k->event;
    *told->columns = *told->unused = 0;
    for (int r = ROLE_USER; r < ROLES; r++) {
        int c = k->of[r];

        if (c == NONE)
            continue;
        d->role[c] = (uint8_t)r;
        text_append(told->columns, sizeof told->columns, "%s%s=%s", *told->columns ? " " : "",
                    role_name((enum role)r), show(k, c, shown));
    }
    for (int c = 0; c < s->columns; c++)
        if (d->role[c] == ROLE_SKIP)
            text_append(told->unused, sizeof told->unused, "%s%s%s", *told->unused ? ", " : "",
                        s->name[c].length ? show(k, c, shown) : "a column without a name", why_unused(k, c));
}

static void describe_columns(struct columns *k)
{
    int ratings = 0;

    for (int c = 0; c < k->s->columns; c++) {
        struct column_name *name = &k->name[c];

        *name = column_name_find(k->s->name[c].text, k->s->name[c].length);
        k->look[c] = sample_look(k->s, c);
        if (name->meaning == NAME_EVENT && k->event == NONE)
            k->event = c;
        ratings += name->meaning == NAME_RATING;
        if (name->meaning == NAME_INDEX && k->s->name[c].length && !k->look[c].counting &&
            k->look[c].filled >= 3)
            name->meaning = NAME_UNKNOWN;
    }
    for (int c = 0; c < k->s->columns && ratings > 1; c++) /* of several the one in words is none */
        if (k->name[c].meaning == NAME_RATING && k->look[c].filled && !k->look[c].some_number &&
            !k->look[c].truths)
            k->name[c].meaning = NAME_ID;
}

static int find_roles(struct columns *k)
{
    const struct sample *s = k->s;
    const struct column_look *time;
    char say[320];
    int rc;

    if ((rc = choose(k, NAME_USER, ROLE_USER)) < 0 || (rc = choose(k, NAME_ITEM, ROLE_ITEM)) < 0)
        return rc;
    find_session(k);
    if (k->of[ROLE_USER] != NONE && k->of[ROLE_ITEM] == NONE)
        find_other_item(k);
    if ((rc = choose(k, NAME_RATING, ROLE_RATING)) < 0)
        return rc;
    if (k->of[ROLE_USER] == NONE || k->of[ROLE_ITEM] == NONE)
        return sample_doubt(s, 0, k->err, "this header names no %s; %s, or data.header=no if it is none",
                            k->of[ROLE_USER] != NONE   ? "item"
                            : k->of[ROLE_ITEM] != NONE ? "user"
                                                       : "user and no item",
                            advice(k, say));
    if (k->of[ROLE_RATING] == NONE && (rc = check_no_rating(k)) < 0)
        return rc;
    choose(k, NAME_TIME, ROLE_TIME);
    time = k->of[ROLE_TIME] != NONE ? &k->look[k->of[ROLE_TIME]] : NULL;
    if (time && s->rows > s->first && (!time->filled || 2 * time->words > time->filled))
        k->of[ROLE_TIME] = NONE; /* words, or dates in another form */
    return 0;
}

/* --- as data.columns says ------------------------------------------------------------------------ */

static int assign_role(struct columns *k, enum role r, const char *text, size_t length)
{
    char list[400] = "", one[PRINTABLE_BYTES];
    int c = option_find_name(k->s, text, length);

    for (int j = 0; j < k->s->columns; j++)
        list_name(k, j, list, sizeof list);
    if (c == NONE)
        return error_set(k->err, PT_EDATA, "%s: data.columns: no column is called '%s'; there are: %s",
                         k->s->shown, printable(one, text, length), list);
    if (r != ROLE_SKIP && k->of[r] != NONE)
        return error_set(k->err, PT_ECONFIG, "data.columns: %s stands twice", role_name(r));
    k->of[r] = r != ROLE_SKIP ? c : NONE;
    return 0;
}

/* An element of data.columns is "user=NAME", or several with blanks between. */
static int find_given_roles(struct columns *k, const struct ratings_spec *spec)
{
    int rc = 0;

    for (int i = 0; i < spec->columns && rc == 0; i++)
        for (const char *p = spec->column[i], *stop; rc == 0 && *p; p = stop + (*stop == ' ')) {
            enum role r = option_role(p, '=');
            const char *name;

            if (r == ROLES)
                return error_set(
                    k->err, PT_ECONFIG,
                    "data.columns: '%.60s' is none of user=NAME, item=NAME, rating=NAME, time=NAME", p);
            name = strchr(p, '=') + 1;
            for (stop = name; *stop && !(*stop == ' ' && option_role(stop + 1, '=') != ROLES);)
                stop++;
            rc = assign_role(k, r, name, (size_t)(stop - name));
        }
    return rc == 0 && (k->of[ROLE_USER] == NONE || k->of[ROLE_ITEM] == NONE) ? option_lacks_ids(k->err) : rc;
}

int header_roles(struct text_format *d, struct reading *told, const struct sample *s,
                 const struct ratings_spec *spec, struct error *err)
{
    struct columns k = {.s = s, .err = err, .event = NONE, .of = {NONE, NONE, NONE, NONE, NONE}};
    int rc;

    describe_columns(&k);
    rc = spec->columns ? find_given_roles(&k, spec) : find_roles(&k);
    if (rc == 0)
        set_roles(d, &k, told);
    return rc;
}
