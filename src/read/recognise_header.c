#include "read/recogniser.h"

#include "base/text.h"
#include "read/field.h"

#include <ctype.h>
#include <string.h>

/* --- is it one? ---------------------------------------------------------------------------------- */

/* Whether the first line's field is like one below: the same again, or an id of the same make (u17, u4). */
static bool fits_below(const struct sample *s, int column)
{
    const struct field *first = sample_cell(s, 0, column);
    size_t letters = 0; /* in front of digits */

    while (letters < first->length && !isdigit((unsigned char)first->text[letters]))
        letters++;
    for (int row = 1; row < s->rows; row++) {
        const struct field *f = sample_cell(s, row, column);

        if (field_same(f, first) ||
            (letters < first->length && f->length > letters && memcmp(f->text, first->text, letters) == 0 &&
             isdigit((unsigned char)f->text[letters])))
            return true;
    }
    return false;
}

static bool is_number_or_date(const struct field *f)
{
    int64_t time;

    return f->length && (field_is_number(f) || field_time(f->text, f->length, &time) == NULL);
}

/* 0,1,2: what pandas writes above columns that have no names. */
static bool counts_from_zero(const struct sample *s)
{
    for (int c = 0; c < s->columns; c++)
        if (sample_cell(s, 0, c)->length != 1 || sample_cell(s, 0, c)->text[0] != '0' + c || fits_below(s, c))
            return false;
    return s->columns >= 3 && s->columns < 10 && s->rows > 2;
}

static enum meaning meaning_of(const struct field *name)
{
    return column_name_find(name->text, name->length).meaning;
}

int header_ids(const struct field *name, int n)
{
    int found = 0;

    for (int c = 0; c < n && c < TEXT_COLUMNS; c++) {
        enum meaning m = meaning_of(&name[c]);

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
        enum meaning m = meaning_of(sample_cell(s, 0, c));
        struct column_look l = sample_look(&below, c);

        known |= m != NAME_UNKNOWN && m != NAME_INDEX && m != NAME_ID && m != NAME_TITLE;
        number |= is_number_or_date(sample_cell(s, 0, c));
        above |= l.filled == s->rows - 1 && (l.numbers || l.dates);
        fits |= fits_below(s, c);
    }
    if (number)
        return counts_from_zero(s) ? FIRST_DOUBT : FIRST_DATA;
    fits |= s->rows < 2 && s->columns != 2;
    return known ? FIRST_NAMES : above ? FIRST_UNKNOWN : fits ? FIRST_DATA : FIRST_DOUBT;
}

/* --- which is which? ----------------------------------------------------------------------------- */

struct columns {
    struct recogniser *g;
    int n, *of; /* of: those of the format */
    struct column_name name[TEXT_COLUMNS];
    struct column_look look[TEXT_COLUMNS];
};

static const char *show(const struct columns *k, int c, char out[PRINTABLE_BYTES])
{
    return printable(out, k->g->s->name[c].text, k->g->s->name[c].length);
}

static void list_name(const struct columns *k, int c, char out[300])
{
    char shown[PRINTABLE_BYTES];

    text_append(out, 300, "%s%s", *out ? ", " : "", show(k, c, shown));
}

/* How to say it, with what is known filled in. */
static const char *advice(const struct columns *k, char out[320])
{
    char shown[PRINTABLE_BYTES];

    strcpy(out, "say data.columns=");
    for (enum role r = ROLE_USER; r <= ROLE_RATING; r++)
        text_append(out, 320, "%s%s=%s", r > ROLE_USER ? "," : "", role_name(r),
                    k->of[r] != NONE ? show(k, k->of[r], shown) : "NAME");
    return out;
}

/* The column with the role's meaning and the highest rank; two of them: PT_EDATA, or of times none. */
static int choose(struct columns *k, enum role r)
{
    int best = 0, alike = 0;
    char list[300] = "", say[320];

    for (int c = 0; c < k->n; c++) {
        int rank = k->name[c].rank;

        if (k->name[c].meaning != (enum meaning)r || rank < best)
            continue;
        if (rank > best) {
            *list = 0;
            alike = 0;
        }
        best = rank;
        list_name(k, c, list);
        k->of[r] = alike++ ? NONE : c;
    }
    return alike < 2 || r == ROLE_TIME ? 0
                                       : recogniser_doubt(k->g, 0, "several columns could be the %s: %s; %s",
                                                          role_name(r), list, advice(k, say));
}

/* `sid` is an item in Liang's files; beside another item's name it is a session, the user where there is no
 * other. And where all columns but one are known, and it is called an id, it is the item's, whatever the
 * items are called. */
static void find_other_ids(struct columns *k)
{
    int ids = 0, unknown = 0, last = NONE;

    for (int c = 0; c < k->n; c++) {
        enum meaning m = k->name[c].meaning;

        if (k->of[ROLE_USER] == NONE && m == NAME_ITEM && k->name[c].rank == 0 && c != k->of[ROLE_ITEM])
            k->of[ROLE_USER] = c;
        unknown += m == NAME_UNKNOWN || m == NAME_TITLE;
        ids += m == NAME_ID;
        last = m == NAME_ID ? c : last;
    }
    if (k->of[ROLE_USER] != NONE && k->of[ROLE_ITEM] == NONE && ids == 1 && !unknown)
        k->of[ROLE_ITEM] = last;
}

/* What could be ratings, and has no name of one; the price in H&M's transactions is none. */
static int check_no_rating(const struct columns *k)
{
    static const char published[] = "t_dat,customer_id,article_id,price,sales_channel_id";
    const struct sample *s = k->g->s;
    char say[320], list[300] = "";

    if (text_begins(s->line[0].begin, s->line[0].end, published))
        return 0;
    for (int c = 0; c < k->n; c++) {
        enum meaning m = k->name[c].meaning;

        if ((m == NAME_UNKNOWN || m == NAME_EVENT || (m == NAME_TITLE && !k->look[c].truth)) &&
            (k->look[c].numbers || (m == NAME_UNKNOWN && k->name[c].rank)) && c != k->of[ROLE_USER] &&
            c != k->of[ROLE_ITEM])
            list_name(k, c, list);
    }
    return *list ? recogniser_doubt(k->g, 0,
                                    "no column is called a rating, and what may be ratings stands in: "
                                    "%s; if one is the rating, %s; without ratings leave rating=NAME out",
                                    list, advice(k, say))
                 : 0;
}

static void describe_columns(struct columns *k)
{
    int ratings = 0;

    for (int c = 0; c < k->n; c++) {
        const struct field *f = &k->g->s->name[c];
        struct column_name *name = &k->name[c];

        *name = column_name_find(f->text, f->length);
        k->look[c] = sample_look(k->g->s, c);
        if (name->meaning == NAME_EVENT && k->g->d->event == NONE)
            k->g->d->event = c;
        ratings += name->meaning == NAME_RATING;
        if (name->meaning == NAME_INDEX && f->length && !k->look[c].counting && k->look[c].filled >= 3)
            name->meaning = NAME_UNKNOWN;
    }
    for (int c = 0; c < k->n && ratings > 1; c++) /* of several the one in words is none */
        if (k->name[c].meaning == NAME_RATING && k->look[c].filled && !k->look[c].number)
            k->name[c].meaning = NAME_ID;
}

static int find_roles(struct columns *k)
{
    bool json = k->g->d->layout == FORMAT_JSON;
    const struct column_look *time;
    char say[320];

    TRY(choose(k, ROLE_USER));
    TRY(choose(k, ROLE_ITEM));
    find_other_ids(k);
    TRY(choose(k, ROLE_RATING));
    if (k->of[ROLE_USER] == NONE || k->of[ROLE_ITEM] == NONE)
        return recogniser_doubt(k->g, 0, "this %s names no %s; %s, or %s", json ? "JSON object" : "header",
                                k->of[ROLE_USER] != NONE   ? "item"
                                : k->of[ROLE_ITEM] != NONE ? "user"
                                                           : "user and no item",
                                advice(k, say),
                                json        ? "write one object a line for each rating"
                                : k->n > 10 ? "data.format=matrix if users are lines and items columns"
                                            : "data.header=no if it is none");
    if (k->of[ROLE_RATING] == NONE)
        TRY(check_no_rating(k));
    choose(k, ROLE_TIME);
    time = k->of[ROLE_TIME] != NONE ? &k->look[k->of[ROLE_TIME]] : NULL;
    if (time && k->g->s->rows > k->g->s->first && (!time->filled || 2 * time->words > time->filled))
        k->of[ROLE_TIME] = NONE; /* words, or dates in another form */
    return 0;
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

int header_roles(struct recogniser *g)
{
    struct text_format *d = g->d;
    struct columns k = {.g = g, .n = g->s->columns, .of = d->of};
    char *columns = g->told->columns, *unused = g->told->unused, shown[PRINTABLE_BYTES];

    memcpy(d->of, TEXT_FORMAT().of, sizeof d->of);
    describe_columns(&k);
    TRY(g->by_name ? option_columns(g, k.of) : find_roles(&k));
    d->columns = k.n;
    *columns = *unused = 0;
    g->told->counts = k.of[ROLE_RATING] != NONE && column_name_counts(g->s->name[k.of[ROLE_RATING]].text,
                                                                      g->s->name[k.of[ROLE_RATING]].length);
    for (int r = ROLE_USER; r < ROLES; r++)
        if (k.of[r] != NONE)
            text_append(columns, sizeof g->told->columns, "%s%s=%s", *columns ? " " : "",
                        role_name((enum role)r), show(&k, k.of[r], shown));
    for (int c = 0; c < k.n; c++)
        if (text_role(d, c) == ROLE_SKIP)
            text_append(unused, sizeof g->told->unused, "%s%s%s", *unused ? ", " : "",
                        g->s->name[c].length ? show(&k, c, shown) : "a column without a name",
                        why_unused(&k, c));
    return 0;
}
