#include "cli/rows.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void put_tsv(FILE *f, const char *text)
{
    size_t plain;

    while (*text) {
        plain = strcspn(text, "\t\n\r\\");
        fwrite(text, 1, plain, f);
        text += plain;
        if (*text)
            fputs(*text == '\t' ? "\\t" : *text == '\n' ? "\\n" : *text == '\r' ? "\\r" : "\\\\", f);
        text += *text != '\0';
    }
}

void rows_csv_field(FILE *f, const char *text)
{
    if (!strpbrk(text, ",\"\n\r") && *text != ' ') {
        fputs(text, f);
        return;
    }
    putc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', f);
        putc(*text, f);
    }
    putc('"', f);
}

/* Invalid UTF-8 becomes U+FFFD. */
static void put_json(FILE *f, const char *text)
{
    size_t room = strlen(text);

    putc('"', f);
    while (room) {
        int n = utf8_length(text, room);

        if (n == 0)
            fputs("\\ufffd", f);
        else if (*text == '"' || *text == '\\')
            fprintf(f, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(f, "\\u%04x", (unsigned)*text);
        else
            fwrite(text, 1, (size_t)n, f);
        n = n ? n : 1;
        text += n;
        room -= (size_t)n;
    }
    putc('"', f);
}

/* As "%d", n at least 0. printf is slow, and there are millions of numbers. */
static void put_whole(FILE *f, int n)
{
    char text[12];
    size_t at = sizeof text;

    do
        text[--at] = (char)('0' + n % 10);
    while (n /= 10);
    fwrite(text + at, 1, sizeof text - at, f);
}

static void put_real(FILE *f, double value)
{
    char text[32];

    text_of_real(text, value);
    fputs(text, f);
}

void rows_begin(struct rows *r, const char *user)
{
    r->user = user;
    r->items = 0;
    if (r->form == ROWS_JSONL) {
        fputs(r->similar ? "{\"item\": " : "{\"user\": ", r->file);
        put_json(r->file, user);
        fputs(r->similar ? ", \"similar\": [" : ", \"items\": [", r->file);
    }
}

static void json_item(struct rows *r, const char *item, const char *title, const char *key, double value)
{
    fputs("\"item\": ", r->file);
    put_json(r->file, item);
    fprintf(r->file, ", \"%s\": ", key);
    put_real(r->file, value);
    if (title) {
        fputs(", \"title\": ", r->file);
        put_json(r->file, title);
    }
    putc('}', r->file);
}

/* A line of TSV or CSV; rank 0: none. */
static void put_line(struct rows *r, const char *header, int rank, const char *item, const char *title,
                     double value)
{
    void (*put)(FILE * f, const char *text) = r->form == ROWS_TSV ? put_tsv : rows_csv_field;
    char mark = r->form == ROWS_TSV ? '\t' : ',';

    if (r->form == ROWS_CSV && !r->header)
        fputs(header, r->file);
    r->header = true;
    put(r->file, r->user);
    if (rank) {
        putc(mark, r->file);
        put_whole(r->file, rank);
    }
    putc(mark, r->file);
    put(r->file, item);
    putc(mark, r->file);
    put_real(r->file, value);
    putc(mark, r->file);
    put(r->file, title ? title : "");
    putc('\n', r->file);
}

void rows_item(struct rows *r, int rank, const char *item, const char *title, double score)
{
    if (r->form == ROWS_JSONL) {
        fputs(r->items++ ? ", {" : "{", r->file);
        json_item(r, item, title, "score", score);
    } else {
        put_line(r, r->similar ? "item,rank,similar,score,title\n" : "user,rank,item,score,title\n", rank,
                 item, title, score);
    }
}

void rows_prediction(struct rows *r, const char *user, const char *item, const char *title, double rating)
{
    r->user = user;
    if (r->form == ROWS_JSONL) {
        fputs("{\"user\": ", r->file);
        put_json(r->file, user);
        fputs(", ", r->file);
        json_item(r, item, title, "rating", rating);
        putc('\n', r->file);
    } else {
        put_line(r, "user,item,rating,title\n", 0, item, title, rating);
    }
}

void rows_end(struct rows *r)
{
    if (r->form == ROWS_JSONL)
        fputs("]}\n", r->file);
    r->user = NULL;
}

#define LIST_MAX ((size_t)4 << 30)

/* Without the blanks around it. */
static char *trimmed(char *id)
{
    size_t length;

    id += strspn(id, " \t\r");
    for (length = strlen(id); length && strchr(" \t\r", id[length - 1]); length--)
        ;
    id[length] = '\0';
    return id;
}

int list_read(struct list **out, const char *text, bool file, struct error *err)
{
    scoped(list_free) struct list *l = mem_zalloc(1, sizeof *l);
    size_t length = strlen(text), room = 1;

    TRY(need_memory(l, err));
    if (file)
        TRY(file_read(&l->text, &length, text, LIST_MAX, PT_EDATA, err));
    else
        l->text = mem_strdup(text);
    for (size_t i = 0; l->text && i < length; i++)
        room += l->text[i] == (file ? '\n' : ',');
    l->entry = mem_alloc((int64_t)room, sizeof *l->entry);
    TRY(need_memory(l->text && l->entry, err));
    for (char *at = l->text + (strncmp(l->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0), *next; at; at = next) {
        next = strchr(at, file ? '\n' : ',');
        if (next)
            *next++ = '\0';
        at = trimmed(at);
        if (*at)
            l->entry[l->n++] = at;
    }
    *out = handed_on(l);
    return 0;
}

void list_free(struct list *l)
{
    if (!l)
        return;
    mem_free(l->text);
    mem_free(l->entry);
    mem_free(l);
}
