#include "read/parser_state.h"

#include "base/text.h"
#include "read/field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void note(struct parser *p, const char *fmt, va_list args)
{
    vsnprintf(p->bad_reason, sizeof p->bad_reason, fmt, args);
    p->bad_line = p->line;
    printable(p->bad_text, p->at, (size_t)(p->at_end - p->at));
}

int parser_bad(struct parser *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (p->lines_bad++ == 0)
        note(p, fmt, args);
    va_end(args);
    return p->skip_bad ? 0 : PT_EDATA;
}

int parser_refuse(struct parser *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    note(p, fmt, args);
    va_end(args);
    p->lines_bad++;
    p->never_skipped = true;
    return PT_EDATA;
}

const char *parser_id(const struct field *f, char scratch[PARSER_ID], struct field *out)
{
    if (f->length > PARSER_ID)
        return "is longer than 4096 bytes";
    *out = text_plain(*f, scratch, PARSER_ID);
    return field_id(out->text, out->length);
}

int parser_put(struct parser *p, const struct field *user, const struct field *item, float value,
               int64_t time)
{
    struct triplets *t = p->out;
    int64_t u = idtable_put(p->users, user->text, user->length);
    int64_t i = u < 0 ? -1 : idtable_put(p->items, item->text, item->length);

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
