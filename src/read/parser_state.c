#include "read/parser.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/field.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXACT     16777216.0f        /* beyond it a float does not hold every whole number */
#define HUGE_FROM ((int64_t)4 << 20) /* ratings; a worker's own few would not fill huge pages */

bool parser_reserve_ratings(struct parser *p, int64_t more)
{
    struct ratings *t = p->out;
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
    if (p->keep_time)
        GROW(time);
#undef GROW
    t->space = space;
    return true;
}

int parser_bad(struct parser *p, const char *fmt, ...)
{
    va_list args;

    if (p->lines_bad++ == 0 || p->never_skipped) {
        va_start(args, fmt);
        vsnprintf(p->bad_reason, sizeof p->bad_reason, fmt, args);
        va_end(args);
        p->bad_line = p->line;
        printable(p->bad_text, p->at, (size_t)(p->at_end - p->at));
    }
    return p->skip_bad && !p->never_skipped ? 0 : PT_EDATA;
}

int parser_put(struct parser *p, const struct field *user, const struct field *item, float value,
               int64_t time)
{
    struct ratings *t = p->out;
    int64_t u, i;

    if (text_is_missing(user->text, user->length) || text_is_missing(item->text, item->length)) {
        p->missing++;
        if (p->if_missing == MISSING_ERROR)
            return parser_refuse(p,
                                 "a word for \"missing\" (NA, nan, NULL) as an id; data.missing=skip leaves "
                                 "such ratings out, data.missing=keep takes it for an id");
        if (p->if_missing == MISSING_SKIP)
            return 0;
    }
    u = idtable_put(t->users, user->text, user->length);
    i = u < 0 ? -1 : idtable_put(t->items, item->text, item->length);
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

static const char *read_id(const struct field *f, char scratch[FIELD_ID_BYTES], struct field *out)
{
    *out = text_plain(*f, scratch, FIELD_ID_BYTES);
    return field_id(out->text, out->length);
}

static const char *read_time(const struct field *f, int64_t *time)
{
    if (!text_is_missing(f->text, f->length))
        return field_time(f->text, f->length, time);
    *time = TIME_NONE;
    return NULL;
}

static int bad_field(struct parser *p, const struct field *f, enum role r, const char *why)
{
    const struct text_format *d = p->format;
    char shown[PRINTABLE_BYTES], place[TEXT_WORD + 16];
    int64_t time;
    int c = d->of[r];
    bool missing = r == ROLE_RATING && text_is_missing(f->text, f->length);

    if (missing && p->if_missing == MISSING_SKIP) {
        p->no_rating++;
        return 0;
    }
    snprintf(place, sizeof place, "field %d", c + 1);
    if (d->layout == FORMAT_JSON)
        snprintf(place, sizeof place, "the key %s", d->key[c]);
    if (f->length == 0)
        return parser_bad(p, "%s: the %s is empty; data.%s=skip leaves such lines out", place, role_name(r),
                          r == ROLE_RATING ? "missing" : "bad_lines");
    return parser_bad(p, "%s: %s '%s' %s%s", place, role_name(r), printable(shown, f->text, f->length), why,
                      missing ? "; data.missing=skip leaves such lines out"
                      : r == ROLE_RATING && !field_time(f->text, f->length, &time)
                          ? " but a date; is it the time? data.columns says what each column is"
                          : "");
}

static bool is_rounded(const struct field *f, float value)
{
    double exact;

    return fabsf(value) >= EXACT && !field_number(f->text, f->length, &exact) && exact != (double)value;
}

/* "1.234" where ; parts fields, as in countries that write so a thousand; 0.234 and 1.23 are fractions. */
static void count_thousand(struct parser *p, const struct field *f, float value)
{
    bool may = p->format->delimiter[0] == ';' && f->length > 4 && f->text[f->length - 4] == '.';

    p->thousands += may && f->length < 9 && fabsf(value) >= 1;
    p->fractions += may && f->length < 9 && fabsf(value) < 1;
}

int parser_put_fields(struct parser *p, const struct field *const of[ROLES], const struct field *event)
{
    char scratch[2][FIELD_ID_BYTES];
    struct field user = {"", 0, false}, item = user;
    int64_t time = 0;
    float value = 1;
    int rc;

    for (enum role r = ROLE_USER; r < ROLES; r++) {
        const struct field *f = of[r];
        const char *why = !f                 ? NULL
                          : r == ROLE_USER   ? read_id(f, scratch[0], &user)
                          : r == ROLE_ITEM   ? read_id(f, scratch[1], &item)
                          : r == ROLE_RATING ? field_rating(f->text, f->length, &value)
                                             : read_time(f, &time);

        if (why)
            return bad_field(p, f, r, why);
    }
    if ((rc = parser_put(p, &user, &item, value, time)) < 0)
        return rc;
    p->no_time += time == TIME_NONE;
    if (of[ROLE_RATING])
        count_thousand(p, of[ROLE_RATING], value);
    p->rounded += of[ROLE_RATING] && is_rounded(of[ROLE_RATING], value);
    if (event)
        parser_count_kind(p, event->text, event->length, 1);
    return 0;
}

int parser_put_columns(struct parser *p, const struct field *f)
{
    const struct text_format *d = p->format;
    const struct field *of[ROLES], *where = d->where >= 0 ? &f[d->where] : NULL;

    if (where && !text_same(where->text, where->length, d->where_word, strlen(d->where_word))) {
        p->elsewhere++;
        return 0;
    }
    for (enum role r = ROLE_USER; r < ROLES; r++)
        of[r] = d->of[r] >= 0 ? &f[d->of[r]] : NULL;
    return parser_put_fields(p, of, d->event >= 0 ? &f[d->event] : NULL);
}

void parser_count_kind(struct parser *p, const char *text, size_t length, int64_t count)
{
    char kind[sizeof p->kind[0]];
    int k = 0;

    snprintf(kind, sizeof kind, "%.*s", (int)length, text);
    replace_controls(kind, !utf8_valid(kind, strlen(kind)));
    if (!*kind)
        return;
    while (k < PARSER_KINDS - 1 && p->kind_count[k] && strcmp(p->kind[k], kind) != 0)
        k++;
    if (!p->kind_count[k])
        strcpy(p->kind[k], k == PARSER_KINDS - 1 ? "others" : kind);
    p->kind_count[k] += count;
}

void parser_move_counts(struct parser *whole, struct parser *part)
{
    if (part->lines_bad && (!whole->lines_bad || part->never_skipped)) {
        whole->bad_line = whole->line + part->bad_line;
        whole->never_skipped = part->never_skipped;
        strcpy(whole->bad_reason, part->bad_reason);
        strcpy(whole->bad_text, part->bad_text);
    }
#define MOVE(count) whole->count += part->count, part->count = 0;
    MOVE(line)
    MOVE(lines_read)
    MOVE(lines_bad)
    MOVE(thousands)
    MOVE(fractions)
    PARSER_TOLD(MOVE)
#undef MOVE
    for (int k = 0; k < PARSER_KINDS && part->kind_count[k]; k++) {
        parser_count_kind(whole, part->kind[k], strlen(part->kind[k]), part->kind_count[k]);
        part->kind_count[k] = 0;
    }
}
