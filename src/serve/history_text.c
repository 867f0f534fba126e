#include "serve/history_source.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "read/field.h"
#include "read/lines.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NOTES = 5 }; /* unknown items with a warning of their own */

struct history_text {
    struct trained *trained;
    struct lines *lines; /* owned */
    const char *path;    /* borrowed */
    enum history_form form;
    const char *begin, *end;
    int64_t line, unknown, outside;
    void (*warn)(void *arg, const char *text);
    void *arg;
    char **name; /* (names) owned: of the histories of the last call; NULL entries: they have none */
    int64_t names, space;
};

static void forget_names(struct history_text *t)
{
    for (int64_t i = 0; i < t->names; i++)
        mem_free(t->name[i]);
    t->names = 0;
}

static int add_name(struct history_text *t, const char *name, struct error *err)
{
    char *copy = NULL;

    if (t->names == t->space) {
        int64_t space = t->space ? 2 * t->space : 64;
        char **larger = mem_resize(t->name, space, sizeof *larger);

        TRY(need_memory(larger, err));
        t->name = larger;
        t->space = space;
    }
    copy = name ? mem_strdup(name) : NULL;
    TRY(need_memory(!name || copy, err));
    t->name[t->names++] = copy;
    return 0;
}

int history_text_open(struct history_text **out, struct trained *trained, const char *path,
                      enum history_form form, void (*warn)(void *arg, const char *text), void *arg,
                      struct error *err)
{
    scoped(history_text_close) struct history_text *t = mem_zalloc(1, sizeof *t);

    TRY(need_memory(t, err));
    *t = (struct history_text){.trained = trained,
                               .path = strcmp(path, "-") == 0 ? "stdin" : path,
                               .form = form,
                               .warn = warn,
                               .arg = arg};
    TRY(lines_open(&t->lines, path, NULL, t->path, true, err));
    *out = handed_on(t);
    return 0;
}

void history_text_close(struct history_text *t)
{
    if (!t)
        return;
    forget_names(t);
    mem_free(t->name);
    lines_close(t->lines);
    mem_free(t);
}

bool history_text_would_wait(const struct history_text *t)
{
    return t->begin == t->end && lines_would_wait(t->lines);
}

const char *history_text_name(const struct history_text *t, int64_t i)
{
    return i < t->names ? t->name[i] : NULL;
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
    char what[1024];

    if (t->unknown++ >= NOTES || !t->warn)
        return;
    trained_describe_missing(t->trained, text, length, found, what, sizeof what);
    warn_printf(t->warn, t->arg, "%s:%lld: %s", t->path, (long long)t->line, what);
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

    if (trained->rating && !trained->config->binarize &&
        !((double)value >= trained->problem->low && (double)value <= trained->problem->high) &&
        t->outside++ < NOTES)
        warn_printf(t->warn, t->arg, "%.120s:%lld: the rating %g is outside those of the training, %g to %g",
                    t->path, (long long)t->line, (double)value, trained->problem->low,
                    trained->problem->high);
}

static size_t trim(const char *text, size_t length)
{
    while (length && field_is_blank(text[length - 1]))
        length--;
    return length;
}

/* An item of a history; `rated`: with this value. */
static int add_item(struct history_text *t, struct histories *p, int64_t item, bool rated, float value,
                    struct error *err)
{
    const struct trained *trained = t->trained;
    int kind = HISTORY_INPUT;

    if (!rated && trained->rating && !trained->config->binarize)
        return error_set(err, PT_EDATA, "%s:%lld: there is no rating; this model needs one: %s", t->path,
                         (long long)t->line,
                         t->form == HISTORY_PARAGRAPHS ? "ITEM<tab>RATING" : "\"ratings\": [...]");
    if (rated && (double)value < trained->config->min_rating)
        kind = HISTORY_SEEN;
    else if (rated)
        warn_outside(t, value);
    if (!rated || trained->config->binarize)
        value = 1.0f;
    return need_memory(histories_add(p, (int32_t)item, value, kind), err);
}

static int add_line(struct history_text *t, struct histories *p, const char *text, size_t length,
                    struct error *err)
{
    size_t tab = rating_place(text, length, true), blank = rating_place(text, length, false);
    int64_t item = trained_find_item(t->trained, text, tab ? trim(text, tab - 1) : length);
    float value = 1.0f;

    if (item < 0 && !tab && blank && !field_rating(text + blank, length - blank, &value)) {
        int64_t other = trained_find_item(t->trained, text, trim(text, blank - 1));

        if (other >= 0) {
            item = other;
            tab = blank;
        }
    }
    TRY(need_memory(item != -3, err));
    if (item < 0 && *text == '{' && text[length - 1] == '}')
        return error_set(err, PT_EDATA,
                         "%s:%lld: a JSON object, and no item of the model; a user a line of "
                         "JSON is read by --input jsonl",
                         t->path, (long long)t->line);
    if (item < 0) {
        warn_unknown(t, text, tab ? trim(text, tab - 1) : length, item);
        return 0;
    }
    if (tab) {
        const char *why = field_rating(text + tab, length - tab, &value);
        char shown[PRINTABLE_BYTES];

        if (why)
            return error_set(err, PT_EDATA, "%s:%lld: the rating \"%s\" %s", t->path, (long long)t->line,
                             printable(shown, text + tab, length - tab), why);
    }
    return add_item(t, p, item, tab != 0, value, err);
}

/* An object of a line: all of its items. */
static int add_object(struct history_text *t, struct histories *p, const struct json *j, struct error *err)
{
    const struct json *items = json_get(j, "items"), *ratings = json_get(j, "ratings"),
                      *user = json_get(j, "user");
    char number[32];

    if (!items || !json_is_array_value(items) || (ratings && json_count(ratings) != json_count(items)))
        return error_set(err, PT_EDATA,
                         "%s:%lld: not {\"user\": ..., \"items\": [...], \"ratings\": [...]} with as many "
                         "ratings as items (user and ratings may be left out)",
                         t->path, (long long)t->line);
    for (int64_t i = 0; i < json_count(items); i++) {
        const char *id = json_as_text(json_at(items, i), NULL);
        double value = ratings ? json_as_real(json_at(ratings, i), NAN) : 1.0;
        int64_t item;

        if (!id) {
            snprintf(number, sizeof number, "%lld", (long long)json_as_int(json_at(items, i), -1));
            id = number;
        }
        if (!isfinite(value) || fabs(value) > (double)FLT_MAX)
            return error_set(err, PT_EDATA, "%s:%lld: rating %lld is not a number", t->path,
                             (long long)t->line, (long long)i + 1);
        item = trained_find_item(t->trained, id, strlen(id));
        TRY(need_memory(item != -3, err));
        if (item < 0)
            warn_unknown(t, id, strlen(id), item);
        else
            TRY(add_item(t, p, item, ratings != NULL, (float)value, err));
    }
    snprintf(number, sizeof number, "%lld", (long long)json_as_int(user, 0));
    return add_name(t, user ? json_as_text(user, number) : NULL, err);
}

static int add_json_line(struct history_text *t, struct histories *p, const char *text, size_t length,
                         struct error *err)
{
    struct error why = {0};
    scoped(json_free) struct json *j = NULL;
    int rc = json_parse(&j, text, length, &why);

    if (rc < 0)
        return error_set(err, rc == PT_ENOMEM ? rc : PT_EDATA, "%s:%lld: %.300s", t->path, (long long)t->line,
                         why.text);
    return add_object(t, p, j, err);
}

int history_text_next(struct history_text *t, struct histories *p, int64_t most, struct error *err)
{
    bool lines = t->form == HISTORY_JSON_LINES, open = false;
    const char *text = NULL;
    size_t length = 0;
    int64_t n = 0;
    int rc = 0;

    forget_names(t);
    while (n < most && rc == 0) {
        if (n && !open && history_text_would_wait(t))
            return 0;
        TRY(next_line(t, &text, &length, err));
        if (!text)
            break;
        if (length)
            rc = (lines ? add_json_line : add_line)(t, p, text, length, err);
        open |= length > 0;
        if (rc < 0 || !open || (length && !lines))
            continue;
        TRY(need_memory(histories_end(p, -1), err));
        open = false;
        n++;
    }
    return rc == 0 && open ? need_memory(histories_end(p, -1), err) : rc;
}

int history_text_items(struct trained *trained, const char *path, uint8_t *flag, uint8_t value,
                       void (*warn)(void *arg, const char *text), void *arg, struct error *err)
{
    scoped(history_text_close) struct history_text *t = NULL;
    const char *text;
    size_t length;

    TRY(history_text_open(&t, trained, path, HISTORY_PARAGRAPHS, warn, arg, err));
    for (;;) {
        int64_t item;

        TRY(next_line(t, &text, &length, err));
        if (!text)
            return 0;
        item = length ? trained_find_item(trained, text, length) : -1;

        if (item >= 0)
            flag[item] = value;
        else if (length)
            warn_unknown(t, text, length, item);
    }
}
