#include "data/parser.h"

#include "base/mem.h"
#include "data/field.h"
#include "data/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_ID 4096

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

/* --- the usual line ------------------------------------------------------------------------------ */

#define ONES  0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* The length of the field at p that a delimiter's first byte or a line end closes within 8 bytes: 1 to 7, and
 * its bytes in *word; 0: something else, a quote, a blank or a longer field. */
static inline unsigned short_field(const char *p, uint64_t delimiters, uint64_t *word)
{
    uint64_t w, hit, stop, odd;
    unsigned bits;

    memcpy(&w, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    stop = w ^ delimiters;
    stop = (stop - ONES) & ~stop & HIGHS;
    odd = (w - ONES * 0x21) & ~w & HIGHS; /* bytes up to the blank, line ends among them */
    hit = stop | odd | ((((w ^ ONES * '"') - ONES) & ~(w ^ ONES * '"')) & HIGHS);
    if (!hit)
        return 0;
    /* Borrows spoil bits above the first hit only. */
    bits = (unsigned)__builtin_ctzll(hit) & ~7u;
    *word = bits ? w & (~(uint64_t)0 >> (64 - bits)) : 0;
    return bits / 8;
}

static inline bool short_value(uint64_t word, unsigned length, float *out)
{
    static const float tenth[10] = {0.0f, .1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, .9f};
    unsigned a = (unsigned)(word & 0xFF) - '0', b = (unsigned)(word >> 16 & 0xFF) - '0';

    if (a > 9)
        return false;
    if (length == 1) {
        *out = (float)a;
        return true;
    }
    if (length != 3 || (word >> 8 & 0xFF) != '.' || b > 9)
        return false;
    /* halves need no rounding; what is left is rounded once, as by strtod */
    *out = b % 5 == 0 ? (float)a + tenth[b] : (float)(10 * a + b) / 10.0f;
    return true;
}

/* Up to 18 digits; returns what is behind them, NULL where there is none or too many. Eight at once: pairs,
 * then fours, then all. */
static inline const char *short_time(const char *p, int64_t *out)
{
    const char *from = p;
    int64_t time = 0;
    uint64_t w;

#if __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
    memcpy(&w, p, 8);
    w ^= ONES * '0';
    if (!(((w + ONES * 0x76) | w) & HIGHS)) {
        w = w * 10 + (w >> 8);
        w = ((w & 0x000000FF000000FF) * (100 + (UINT64_C(1000000) << 32)) +
             (w >> 16 & 0x000000FF000000FF) * (1 + (UINT64_C(10000) << 32))) >>
            32;
        time = (int64_t)w;
        p += 8;
    }
#else
    (void)w;
#endif
    for (; (unsigned)(*p - '0') <= 9; p++)
        time = p - from < 18 ? 10 * time + (*p - '0') : time;
    *out = time;
    return p == from || p - from > 18 ? NULL : p;
}

/* The row of a short user id; -1: a frozen table is full, or no memory. */
static inline int64_t plain_user(struct parser *p, uint64_t word, unsigned length)
{
    int64_t row;

    if (word == p->last_word && length == p->last_length)
        return p->last_user;
    row = idtable_put_word(p->users, word, length);
    if (row >= 0) {
        p->last_word = word;
        p->last_length = length;
        p->last_user = (int32_t)row;
    }
    return row;
}

/* One line in its plainest form: short unquoted fields, a rating such as 4 or 3.5, a time of up to 18
 * digits. Returns the next line's start, or NULL with nothing changed: then the careful way takes the line.
 */
static const char *take_plain(struct parser *p, const char *line)
{
    const struct dialect *d = p->dialect;
    uint64_t delimiters = ONES * (unsigned char)d->delimiter[0], user = 0, item = 0, word;
    unsigned user_length = 0, item_length = 0;
    struct triplets *t = p->out;
    float value = 1;
    int64_t time = 0, u, i;
    const char *c = line;
    bool two = d->delimiter_length == 2;

    for (int k = 0; k < d->columns; k++) {
        enum role role = (enum role)d->role[k];

        if (role == ROLE_TIME) {
            c = short_time(c, &time);
            if (!c)
                return NULL;
        } else {
            unsigned n = short_field(c, delimiters, &word);
            if (n == 0)
                return NULL;
            if (role == ROLE_USER) {
                user = word;
                user_length = n;
            } else if (role == ROLE_ITEM) {
                item = word;
                item_length = n;
            } else if (role == ROLE_RATING && !short_value(word, n, &value)) {
                return NULL;
            }
            c += n;
        }
        if (k + 1 < d->columns) {
            if (c[0] != d->delimiter[0] || (two && c[1] != d->delimiter[1]))
                return NULL;
            c += 1 + two;
        } else {
            c += *c == '\r';
            if (*c++ != '\n')
                return NULL;
        }
    }
    u = plain_user(p, user, user_length);
    i = u < 0 ? -1 : idtable_put_word(p->items, item, item_length);
    if (i < 0)
        return NULL; /* the careful way meets it again and says so */
    t->user[t->n] = (int32_t)u;
    t->item[t->n] = (int32_t)i;
    t->value[t->n] = value;
    if (p->keep_time)
        t->time[t->n] = time;
    t->n++;
    p->line++;
    p->lines_read++;
    return c;
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

static int take_lists(struct parser *p, const char *line, const char *end)
{
    struct dialect d = *p->dialect;
    char shown[FIELD_SHOWN];
    int64_t u = -1, first = p->out->n;

    for (const char *c = line; c < end;) {
        struct field f;
        const char *next, *why;
        int64_t row;

        while (d.blanks && c < end && field_is_blank(*c))
            c++;
        if (c == end)
            break;
        for (next = c;
             next < end && (d.blanks ? !field_is_blank(*next)
                                     : strncmp(next, d.delimiter, (size_t)d.delimiter_length) != 0);)
            next++;
        f = (struct field){c, (size_t)(next - c), false};
        c = next < end && !d.blanks ? next + d.delimiter_length : next;
        why = f.length > LONGEST_ID ? "is longer than 4096 bytes" : field_id(f.text, f.length);
        if (why) {
            p->out->n = first; /* a bad line counts as a whole */
            return bad(p, "%s '%s' %s", u < 0 ? "user" : "item", field_show(shown, f.text, f.length), why);
        }
        row = idtable_put(u < 0 ? p->users : p->items, f.text, f.length);
        if (row < 0)
            return PT_ENOMEM;
        if (u < 0) {
            u = row;
            continue;
        }
        p->out->user[p->out->n] = (int32_t)u;
        p->out->item[p->out->n] = (int32_t)row;
        p->out->value[p->out->n++] = 1;
    }
    return 0;
}

/* Reads the fields of a delimited line; nothing is stored before all of them are right. */
static int take_fields(struct parser *p, const struct field *f)
{
    const struct dialect *d = p->dialect;
    struct triplets *t = p->out;
    char scratch[2][LONGEST_ID], shown[FIELD_SHOWN];
    const char *name[2] = {NULL, NULL}, *why = NULL;
    size_t length[2] = {0, 0};
    int64_t time = 0, u, i;
    float value = 1;

    for (int c = 0; c < d->columns; c++) {
        enum role r = (enum role)d->role[c];

        if (r == ROLE_USER || r == ROLE_ITEM)
            why = id_of(&f[c], scratch[r == ROLE_ITEM], &name[r == ROLE_ITEM], &length[r == ROLE_ITEM]);
        else if (r == ROLE_RATING)
            why = field_value(f[c].text, f[c].length, &value);
        else if (r == ROLE_TIME)
            why = field_time(f[c].text, f[c].length, &time);
        if (why && f[c].length == 0)
            return bad(p, "field %d: the %s is empty", c + 1, dialect_role_name(r));
        if (why)
            return bad(p, "field %d: %s '%s' %s", c + 1, dialect_role_name(r),
                       field_show(shown, f[c].text, f[c].length), why);
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
    if (n != d->columns) {
        char expected[16 * DIALECT_COLUMNS];

        dialect_show(d, expected, sizeof expected);
        return bad(p, "%lld field%s where %d are expected (%s)", (long long)n, n == 1 ? "" : "s", d->columns,
                   expected);
    }
    return take_fields(p, fields);
}

bool parser_reserve(struct parser *p, int64_t bytes)
{
    /* A rating takes at least "1,2\n", a further one of a list " 2". */
    return triplets_reserve(p->out, p->dialect->lists ? bytes / 2 + 1 : bytes / 4 + 1, p->keep_time);
}

int parser_take(struct parser *p, const char *begin, const char *end, const char **stopped_at)
{
    const struct dialect *d = p->dialect;
    bool plain = !d->lists && !d->blanks && d->delimiter_length <= 2 && d->columns <= 8;

    while (begin < end) {
        const char *next = plain && (p->past_header || !d->header) ? take_plain(p, begin) : NULL;

        if (!next) {
            const char *stop = memchr(begin, '\n', (size_t)(end - begin));
            int64_t line = p->line, read = p->lines_read, n = p->out->n;
            int rc = take_any(p, begin, stop);

            if (rc == PT_ENOMEM) {
                p->line = line;
                p->lines_read = read;
                p->out->n = n;
                if (stopped_at)
                    *stopped_at = begin;
            }
            if (rc < 0)
                return rc;
            next = stop + 1;
        }
        begin = next;
    }
    return 0;
}
