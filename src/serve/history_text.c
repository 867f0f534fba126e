#include "serve/history_text.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/field.h"
#include "read/lines.h"

#include <stdio.h>
#include <string.h>

enum { NOTES = 5 }; /* unknown items with a warning of their own */

struct history_text {
    struct trained *trained;
    struct lines *lines; /* owned */
    const char *path;    /* borrowed */
    const char *begin, *end;
    int64_t line, unknown, outside;
    void (*warn)(void *arg, const char *text);
    void *arg;
};

int history_text_open(struct history_text **out, struct trained *trained, const char *path,
                      void (*warn)(void *arg, const char *text), void *arg, struct error *err)
{
    struct history_text *t = mem_zalloc(1, sizeof *t);
    int rc;

    if (!t)
        return error_set(err, PT_ENOMEM, "out of memory");
    *t = (struct history_text){
        .trained = trained, .path = strcmp(path, "-") == 0 ? "stdin" : path, .warn = warn, .arg = arg};
    if ((rc = lines_open(&t->lines, path, NULL, t->path, err)) < 0) {
        history_text_close(t);
        return rc;
    }
    *out = t;
    return 0;
}

void history_text_close(struct history_text *t)
{
    if (!t)
        return;
    lines_close(t->lines);
    mem_free(t);
}

int64_t history_text_lines(const struct history_text *t, int64_t *unknown)
{
    *unknown = t->unknown;
    return t->line;
}

/* The next line without its end and the blanks around it; *text NULL: there is none. */
static int next_line(struct history_text *t, const char **text, size_t *length, struct error *err)
{
    const char *newline, *a, *b;

    *text = NULL;
    if (t->begin == t->end) {
        int rc = lines_next(t->lines, t->line, &t->begin, &t->end, err);

        if (rc < 0 || t->begin == t->end)
            return rc;
    }
    newline = memchr(t->begin, '\n', (size_t)(t->end - t->begin));
    a = t->begin;
    b = newline;
    t->begin = newline + 1;
    t->line++;
    while (b > a && (field_is_blank(b[-1]) || b[-1] == '\r'))
        b--;
    while (a < b && field_is_blank(*a))
        a++;
    *text = a;
    *length = (size_t)(b - a);
    return 0;
}

static void warn_unknown(struct history_text *t, const char *text, size_t length, int64_t found)
{
    char shown[PRINTABLE_BYTES], note[512];
    int64_t near;

    if (t->unknown++ >= NOTES || !t->warn)
        return;
    printable(shown, text, length);
    near = found == -1 ? trained_suggest_item(t->trained, text, length) : -1;
    if (found == -2)
        snprintf(note, sizeof note, "%s:%lld: two items are called \"%s\"; add the year, or give an id",
                 t->path, (long long)t->line, shown);
    else if (near >= 0)
        snprintf(note, sizeof note, "%s:%lld: the model has no item \"%s\"; did you mean %s (%s)?", t->path,
                 (long long)t->line, shown, trained_title(t->trained, near),
                 idtable_name(t->trained->items, near));
    else
        snprintf(note, sizeof note, "%s:%lld: the model has no item \"%s\"", t->path, (long long)t->line,
                 shown);
    t->warn(t->arg, note);
}

/* Where the rating begins: behind the last tab, or else, where the whole line is no item, the last blank. */
static size_t rating_place(const char *text, size_t length, bool tab)
{
    for (size_t i = length; i > 1; i--)
        if (tab ? text[i - 1] == '\t' : field_is_blank(text[i - 1]))
            return i;
    return 0;
}

/* A rating on another scale than the training's: it goes in as it stands. */
static void warn_outside(struct history_text *t, float value)
{
    const struct trained *trained = t->trained;
    char note[256];

    if (!trained->rating || trained->config->binarize ||
        ((double)value >= trained->low && (double)value <= trained->high) || t->outside++ >= NOTES ||
        !t->warn)
        return;
    snprintf(note, sizeof note, "%.120s:%lld: the rating %g is outside those of the training, %g to %g",
             t->path, (long long)t->line, (double)value, trained->low, trained->high);
    t->warn(t->arg, note);
}

static size_t trim(const char *text, size_t length)
{
    while (length && field_is_blank(text[length - 1]))
        length--;
    return length;
}

static int add_line(struct history_text *t, struct histories *p, const char *text, size_t length,
                    struct error *err)
{
    size_t tab = rating_place(text, length, true), blank = rating_place(text, length, false);
    int64_t item = trained_find_item(t->trained, text, tab ? trim(text, tab - 1) : length);
    float value = 1.0f;
    bool rated = tab != 0;
    int kind = HISTORY_INPUT;

    if (item < 0 && !tab && blank && !field_value(text + blank, length - blank, &value)) {
        int64_t other = trained_find_item(t->trained, text, trim(text, blank - 1));

        if (other >= 0) {
            item = other;
            tab = blank;
            rated = true;
        }
    }
    if (item == -3)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (item < 0) {
        warn_unknown(t, text, tab ? trim(text, tab - 1) : length, item);
        return 0;
    }
    if (rated) {
        const char *why = field_value(text + tab, length - tab, &value);
        char shown[PRINTABLE_BYTES];

        if (why)
            return error_set(err, PT_EDATA, "%s:%lld: the rating \"%s\" %s", t->path, (long long)t->line,
                             printable(shown, text + tab, length - tab), why);
        if ((double)value < t->trained->config->min_rating)
            kind = HISTORY_SEEN;
        else
            warn_outside(t, value);
    } else if (t->trained->rating && !t->trained->config->binarize) {
        return error_set(err, PT_EDATA,
                         "%s:%lld: there is no rating; this model needs one behind the item: ITEM<tab>RATING",
                         t->path, (long long)t->line);
    }
    if (t->trained->config->binarize)
        value = 1.0f;
    return histories_add(p, (int32_t)item, value, kind) ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

int history_text_next(struct history_text *t, struct histories *p, int64_t most, struct error *err)
{
    bool open = false;
    const char *text;
    size_t length;
    int64_t n = 0;
    int rc;

    while (n < most && (rc = next_line(t, &text, &length, err)) == 0 && text) {
        if (length && (rc = add_line(t, p, text, length, err)) < 0)
            return rc;
        open |= length > 0;
        if (!length && open) {
            if (!histories_end(p, -1))
                return error_set(err, PT_ENOMEM, "out of memory");
            open = false;
            n++;
        }
    }
    if (n < most && rc < 0)
        return rc;
    if (open && !histories_end(p, -1))
        return error_set(err, PT_ENOMEM, "out of memory");
    return 0;
}

int history_text_items(struct trained *trained, const char *path, uint8_t *flag, uint8_t value,
                       void (*warn)(void *arg, const char *text), void *arg, struct error *err)
{
    struct history_text *t;
    const char *text;
    size_t length;
    int rc = history_text_open(&t, trained, path, warn, arg, err);

    if (rc < 0)
        return rc;
    while ((rc = next_line(t, &text, &length, err)) == 0 && text) {
        int64_t item = length ? trained_find_item(trained, text, length) : -1;

        if (item >= 0)
            flag[item] = value;
        else if (length)
            warn_unknown(t, text, length, item);
    }
    history_text_close(t);
    return rc;
}
