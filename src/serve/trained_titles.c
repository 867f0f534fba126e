/* trained_titles.c - the items of a run by their titles, as people type them. */
#include "serve/trained.h"

#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *trained_title(const struct trained *trained, int64_t item)
{
    return trained->problem->ratings->title ? trained->problem->ratings->title[item] : NULL;
}

/* Length of an article and its blank at the start; 0: there is none, or nothing else. */
static size_t article_length(const char *text, size_t length)
{
    static const char *const article[] = {"the ", "a ", "an "};

    for (size_t i = 0; i < 3; i++)
        if (length > strlen(article[i]) && strncasecmp(text, article[i], strlen(article[i])) == 0)
            return strlen(article[i]);
    return 0;
}

/* A title as people type it: small letters, without "(1999)" at the end and an article, and everything that
 * is no letter or digit as single blanks. Returns the length; out has `space` bytes and may be `text`. */
static size_t plain_title(char *out, size_t space, const char *text, size_t length)
{
    static const char *const behind[] = {", the", ", a", ", an"};
    size_t n = 0, skip;

    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    if (length > 6 && text[length - 1] == ')' && text[length - 6] == '(' &&
        isdigit((unsigned char)text[length - 2]) && isdigit((unsigned char)text[length - 5]))
        for (length -= 6; length && isspace((unsigned char)text[length - 1]);)
            length--;
    for (size_t i = 0; i < 3; i++) {
        size_t m = strlen(behind[i]);

        if (length > m && strncasecmp(text + length - m, behind[i], m) == 0)
            length -= m;
    }
    skip = article_length(text, length);
    for (size_t i = skip; i < length && n + 1 < space; i++) {
        unsigned char c = (unsigned char)text[i];

        if (isalnum(c) || c >= 0x80)
            out[n++] = (char)c;
        else if (c != '\'' && n && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    utf8_small(out, n);
    return n;
}

static bool put_title(struct trained *trained, const char *text, size_t length, int64_t item)
{
    int64_t before = idtable_count(trained->titles),
            row = length ? idtable_put(trained->titles, text, length) : 0;

    if (row < 0)
        return false;
    if (!length)
        return true;
    if (row == before)
        trained->titled[row] = (int32_t)item;
    else if (trained->titled[row] != item)
        trained->titled[row] = -1;
    return true;
}

static bool make_titles(struct trained *trained)
{
    int64_t n = idtable_count(trained->items);
    char plain[1024];

    trained->titles = idtable_new();
    trained->titled = mem_alloc(2 * n, sizeof *trained->titled);
    if (!trained->titles || !trained->titled)
        return false;
    for (int64_t i = 0; i < n; i++) { /* "=": as it stands, so that both kinds can share a table */
        const char *t = trained_title(trained, i);

        if (t &&
            (snprintf(plain, sizeof plain, "=%s", t) < 0 || !put_title(trained, plain, strlen(plain), i) ||
             !put_title(trained, plain, plain_title(plain, sizeof plain, t, strlen(t)), i)))
            return false;
    }
    return true;
}

int64_t trained_find_item(struct trained *trained, const char *text, size_t length)
{
    int64_t row = idtable_find(trained->items, text, length);
    char plain[1024];

    if (row >= 0 || !trained->problem->ratings->title)
        return row;
    if (!trained->titles && !make_titles(trained))
        return -3;
    snprintf(plain, sizeof plain, "=%.*s", (int)(length < 1000 ? length : 1000), text);
    row = idtable_find(trained->titles, plain, strlen(plain));
    if (row < 0)
        row = idtable_find(trained->titles, plain, plain_title(plain, sizeof plain, text, length));
    return row < 0 ? -1 : trained->titled[row] < 0 ? -2 : trained->titled[row];
}

/* The item with the shortest title that has `plain` in it; -1: none. */
static int64_t title_with(const struct trained *trained, const char *plain)
{
    size_t shortest = SIZE_MAX;
    int64_t best = -1;
    char name[1024];

    for (int64_t i = 0; i < idtable_count(trained->items); i++) {
        const char *title = trained_title(trained, i);
        size_t n = title ? plain_title(name, sizeof name, title, strlen(title)) : 0;

        if (n && n < shortest && strstr(name, plain)) {
            shortest = n;
            best = i;
        }
    }
    return best;
}

int64_t trained_suggest_item(const struct trained *trained, const char *text, size_t length)
{
    char plain[1024], *end;
    int64_t item;

    snprintf(plain, sizeof plain, "%.*s", (int)(length < 1000 ? length : 1000), text);
    if (!trained->problem->ratings->title)
        return idtable_nearest(trained->items, plain);
    if (plain_title(plain, sizeof plain, text, length) == strspn(plain, "0123456789 "))
        return -1; /* an id, of which titles say nothing */
    if ((item = title_with(trained, plain)) >= 0)
        return item;
    if (trained->titles && (item = idtable_nearest(trained->titles, plain)) >= 0)
        return trained->titled[item] < 0 ? -1 : trained->titled[item];
    end = strchr(plain, ' ');
    end = end ? strchr(end + 1, ' ') : NULL;
    if (!end)
        return -1;
    *end = '\0';
    return title_with(trained, plain);
}

void trained_describe_missing(const struct trained *trained, const char *text, size_t length, int64_t found,
                              char *out, size_t size)
{
    int64_t near = found == -1 ? trained_suggest_item(trained, text, length) : -1;
    const char *title = near >= 0 ? trained_title(trained, near) : NULL;
    char shown[PRINTABLE_BYTES];

    printable(shown, text, length);
    if (found == -2)
        snprintf(out, size, "two items are called \"%s\"; add the year, or give an id", shown);
    else if (near >= 0)
        snprintf(out, size, "the model has no item \"%s\"; did you mean %s%s%s%s?", shown, title ? title : "",
                 title ? " (" : "", idtable_name(trained->items, near), title ? ")" : "");
    else
        snprintf(out, size, "the model has no item \"%s\"", shown);
}
