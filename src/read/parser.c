#include "read/parser.h"

#include "base/mem.h"
#include "base/printable.h"
#include "read/field.h"
#include "read/lines.h"
#include "read/parser_plain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_ID 4096
#define HUGE_FROM  ((int64_t)4 << 20) /* ratings; a worker's own few would not fill huge pages */

bool triplets_reserve(struct triplets *t, int64_t more, bool times)
{
    int64_t space = t->space;

    if (t->n + more <= space)
        return true;
    /* Large blocks move by page tables and are not touched before they are written, so doubling costs
     * neither time nor memory. */
    space = 2 * space > t->n + more ? 2 * space : t->n + more;
#define GROW(field)                                                                                          \
    do {                                                                                                     \
        void *grown = mem_resize(t->field, space, sizeof *t->field);                                         \
        if (!grown)                                                                                          \
            return false;                                                                                    \
        t->field = grown;                                                                                    \
        if (space >= HUGE_FROM)                                                                              \
            mem_want_huge(grown, space, sizeof *t->field);                                                   \
    } while (0)
    GROW(user);
    GROW(item);
    GROW(value);
    if (times)
        GROW(time);
#undef GROW
    t->space = space;
    return true;
}

void triplets_fini(struct triplets *t)
{
    mem_free(t->user);
    mem_free(t->item);
    mem_free(t->value);
    mem_free(t->time);
    *t = (struct triplets){0};
}

/* --- any line ------------------------------------------------------------------------------------ */

/* The line is bad: PT_EDATA, or 0 where bad lines are skipped. */
static int __attribute__((format(printf, 2, 3))) bad(struct parser *p, const char *fmt, ...)
{
    if (p->lines_bad++ == 0) {
        va_list args;

        va_start(args, fmt);
        vsnprintf(p->bad_reason, sizeof p->bad_reason, fmt, args);
        va_end(args);
        p->bad_line = p->line;
        p->bad_number = false;
    }
    return p->skip_bad ? 0 : PT_EDATA;
}

/* A field's id as the table gets it: doubled quotes made single in `scratch`. NULL or what is wrong. */
static const char *id_of(const struct field *f, char scratch[LONGEST_ID], const char **name, size_t *length)
{
    *name = f->text;
    *length = f->length;
    if (f->length > LONGEST_ID)
        return "is longer than 4096 bytes";
    if (f->doubled) {
        size_t n = 0;

        for (size_t k = 0; k < f->length; k++) {
            scratch[n++] = f->text[k];
            k += f->text[k] == '"';
        }
        *name = scratch;
        *length = n;
    }
    return field_id(*name, *length);
}

/* The next field of a list from c on; the place behind it and its delimiter, or NULL: there is none. */
static const char *next_of_list(const struct dialect *d, const char *c, const char *end, struct field *f)
{
    const char *stop;

    while (d->blanks && c < end && field_is_blank(*c))
        c++;
    if (c == end)
        return NULL;
    for (stop = c; stop < end && (d->blanks ? !field_is_blank(*stop)
                                            : strncmp(stop, d->delimiter, (size_t)d->delimiter_length) != 0);)
        stop++;
    *f = (struct field){c, (size_t)(stop - c), false};
    return stop < end && !d->blanks ? stop + d->delimiter_length : stop;
}

/* Whether all ids of the list can be ones, else as bad(). Between blanks no field is empty, so that a short
 * line without a zero byte needs no look at each. */
static int check_list(struct parser *p, const char *line, const char *end)
{
    const struct dialect *d = p->dialect;
    struct field f;

    if (d->blanks && end - line <= LONGEST_ID && !memchr(line, 0, (size_t)(end - line)))
        return 0;
    for (const char *c = line; (c = next_of_list(d, c, end, &f));) {
        const char *why = f.length > LONGEST_ID ? "is longer than 4096 bytes" : field_id(f.text, f.length);
        char shown[PRINTABLE_BYTES];

        if (why)
            return bad(p, "%s '%s' %s", f.text == line ? "user" : "item", printable(shown, f.text, f.length),
                       why);
    }
    return 0;
}

/* Nothing is stored before all of the line is right, and no user without an item: who is in the table has a
 * rating. */
static int take_lists(struct parser *p, const char *line, const char *end)
{
    struct dialect d = *p->dialect;
    struct triplets *t = p->out;
    struct field user, item;
    int64_t u = -1, i, before = p->lines_bad;
    const char *c;
    int rc;

    while (d.blanks && line < end && field_is_blank(*line))
        line++;
    rc = check_list(p, line, end);
    if (rc < 0 || p->lines_bad > before || !(c = next_of_list(&d, line, end, &user)))
        return rc;
    while ((c = next_of_list(&d, c, end, &item))) {
        if (u < 0)
            u = idtable_put(p->users, user.text, user.length);
        i = u < 0 ? -1 : idtable_put(p->items, item.text, item.length);
        if (i < 0)
            return PT_ENOMEM;
        t->user[t->n] = (int32_t)u;
        t->item[t->n] = (int32_t)i;
        t->value[t->n++] = 1;
    }
    return 0;
}

static int bad_field(struct parser *p, const struct field *f, int column, const char *why)
{
    enum role r = (enum role)p->dialect->role[column];
    char shown[PRINTABLE_BYTES];
    int64_t time;
    bool date = r == ROLE_RATING && field_time(f->text, f->length, &time) == NULL;
    int rc;

    if (f->length == 0)
        return bad(p, "field %d: the %s is empty", column + 1, dialect_role_name(r));
    rc = bad(p, "field %d: %s '%s' %s%s", column + 1, dialect_role_name(r),
             printable(shown, f->text, f->length), why,
             date ? " but a date; is it the time? data.columns says what each column is" : "");
    if (p->lines_bad == 1)
        p->bad_number = !date && !memchr(f->text, ',', f->length) && (r == ROLE_RATING || r == ROLE_TIME);
    return rc;
}

/* A line that is not cut at all: perhaps at the wrong character. */
static int bad_count(struct parser *p, int64_t n)
{
    const struct dialect *d = p->dialect;
    char expected[16 * DIALECT_COLUMNS], shown[PRINTABLE_BYTES], at[PRINTABLE_BYTES + 2], hint[144] = "";

    dialect_show(d, expected, sizeof expected);
    snprintf(at, sizeof at, "'%s'", printable(shown, d->delimiter, (size_t)d->delimiter_length));
    if (n == 1)
        snprintf(hint, sizeof hint, "; fields are cut at %s: is another data.delimiter wanted?",
                 d->blanks                 ? "blanks"
                 : d->delimiter[0] == '\t' ? "tabs"
                                           : at);
    return bad(p, "%lld field%s where %d are expected (%s)%s", (long long)n, n == 1 ? "" : "s", d->columns,
               expected, hint);
}

/* Reads the fields of a delimited line; nothing is stored before all of them are right. */
static int take_fields(struct parser *p, const struct field *f)
{
    const struct dialect *d = p->dialect;
    struct triplets *t = p->out;
    char scratch[2][LONGEST_ID];
    const char *name[2] = {NULL, NULL}, *why = NULL;
    size_t length[2] = {0, 0};
    int64_t time = 0, u, i;
    float value = 1;

    for (int c = 0; c < d->columns; c++) {
        enum role r = (enum role)d->role[c];

        if (r == ROLE_USER || r == ROLE_ITEM)
            why = id_of(&f[c], scratch[r == ROLE_ITEM], &name[r == ROLE_ITEM], &length[r == ROLE_ITEM]);
        else if (r == ROLE_RATING)
            why = field_rating(f[c].text, f[c].length, &value);
        else if (r == ROLE_TIME)
            why = field_time(f[c].text, f[c].length, &time);
        if (why)
            return bad_field(p, &f[c], c, why);
    }
    u = idtable_put(p->users, name[0], length[0]);
    i = u < 0 ? -1 : idtable_put(p->items, name[1], length[1]);
    if (i < 0)
        return PT_ENOMEM;
    t->user[t->n] = (int32_t)u;
    t->item[t->n] = (int32_t)i;
    t->value[t->n] = value;
    if (p->keep_time)
        t->time[t->n] = time;
    t->n++;
    return 0;
}

/* [line, end) without its newline. */
static int take_any(struct parser *p, const char *line, const char *end)
{
    const struct dialect *d = p->dialect;
    struct field fields[DIALECT_COLUMNS];
    const char *c = line;
    int64_t n;

    p->line++;
    if (end > line && end[-1] == '\r')
        end--;
    while (c < end && field_is_blank(*c))
        c++;
    if (c == end)
        return 0;
    if (d->header && !p->past_header) {
        p->past_header = true;
        return 0;
    }
    p->lines_read++;
    if ((size_t)(end - line) > LINES_LONGEST)
        return bad(p, "the line is longer than %zu MiB", LINES_LONGEST >> 20);
    if (d->lists)
        return take_lists(p, line, end);
    n = dialect_cut(d, line, end, fields, DIALECT_COLUMNS);
    if (n < 0)
        return bad(p, "a quoted field is not closed, or text follows its closing quote");
    if (n != d->columns)
        return bad_count(p, n);
    return take_fields(p, fields);
}

bool parser_reserve(struct parser *p, int64_t bytes)
{
    /* A rating takes at least "1,2\n", a further one of a list " 2". */
    return triplets_reserve(p->out, p->dialect->lists ? bytes / 2 + 1 : bytes / 4 + 1, p->keep_time);
}

int parser_take(struct parser *p, const char *begin, const char *end, const char **stopped_at)
{
    struct plain_form form;
    bool plain = parser_plain_form(&form, p->dialect);

    while (begin < end) {
        const char *stop;
        int64_t line, read, n;
        int rc;

        if (plain && (p->past_header || !p->dialect->header) &&
            (begin = parser_take_plain(p, &form, begin, end)) == end)
            break;
        stop = memchr(begin, '\n', (size_t)(end - begin));
        line = p->line;
        read = p->lines_read;
        n = p->out->n;
        rc = take_any(p, begin, stop);
        if (rc == PT_ENOMEM) {
            p->line = line;
            p->lines_read = read;
            p->out->n = n;
            if (stopped_at)
                *stopped_at = begin;
        }
        if (rc < 0)
            return rc;
        begin = stop + 1;
    }
    return 0;
}
