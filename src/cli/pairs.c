#include "cli/pairs.h"

#include "read/field.h"
#include "read/recognise.h"

#include <stdio.h>
#include <string.h>

static size_t trim(const char **text, size_t length)
{
    while (length && (field_is_blank(**text) || **text == '\r')) {
        ++*text;
        length--;
    }
    while (length && (field_is_blank((*text)[length - 1]) || (*text)[length - 1] == '\r'))
        length--;
    return length;
}

/* What stands between the fields of a line; NULL: it has one field. A semicolon or a bar counts where neither
 * comma nor blank comes before it: it may be a title's. */
static const char *mark_of(const char *text, size_t length)
{
    static const char *const mark[] = {"\t", "::", ";", "|", ",", " ", NULL};
    int i = 0;

    for (; mark[i]; i++) {
        const char *found = memmem(text, length, mark[i], strlen(mark[i]));

        if (found && ((*mark[i] != ';' && *mark[i] != '|') || (!memchr(text, ',', (size_t)(found - text)) &&
                                                               !memchr(text, ' ', (size_t)(found - text)))))
            break;
    }
    return mark[i];
}

static struct text_format format_of(const char *mark)
{
    struct text_format d = TEXT_FORMAT(.layout = FORMAT_DELIMITED);

    text_set_delimiter(&d, mark);
    return d;
}

bool pairs_blank(const char *text, size_t length)
{
    return trim(&text, length) == 0;
}

static bool cut_named(const struct pairs *p, const char *text, size_t length, struct field *user,
                      struct field *item)
{
    int last = p->user > p->item ? p->user : p->item;
    struct field f[TEXT_COLUMNS];

    if (text_cut(&p->d, text, text + length, f, last + 1) <= last)
        return false;
    *user = f[p->user];
    *item = f[p->item];
    return true;
}

static bool cut_plain(const char *text, size_t length, struct field *user, struct field *item, bool *shorten)
{
    const char *mark = mark_of(text, length), *blank;
    struct field f[2];

    if (!mark)
        return false;
    if (*mark == ' ') {
        blank = memchr(text, ' ', length);
        *user = (struct field){text, (size_t)(blank - text), false};
        *item = (struct field){blank, length - user->length, false};
        item->length = trim(&item->text, item->length);
        *shorten = memchr(item->text, ' ', item->length) != NULL;
    } else {
        struct text_format d = format_of(mark);

        if (text_cut(&d, text, text + length, f, 2) < 2)
            return false;
        *user = f[0];
        *item = f[1];
    }
    return true;
}

bool pairs_cut(struct pairs *p, const char *text, size_t length, struct field *user, struct field *item,
               bool *shorten)
{
    *shorten = false;
    if (p->named) /* a first or last field that is empty is one all the same */
        length -= length && text[length - 1] == '\r';
    else
        length = trim(&text, length);
    if (!(p->named ? cut_named(p, text, length, user, item) : cut_plain(text, length, user, item, shorten)))
        return false;
    *user = text_plain(*user, p->plain[0], PAIRS_ID_BYTES);
    *item = text_plain(*item, p->plain[1], PAIRS_ID_BYTES);
    return user->length && item->length;
}

int pairs_header(struct pairs *p, const char *text, size_t length, bool unknown, const char *shown,
                 struct error *err)
{
    const char *mark;
    struct text_format d;
    char word[32];
    int rc;

    length -= length && text[length - 1] == '\r';
    mark = mark_of(text, length);
    if (!mark)
        return 0;
    d = format_of(mark);
    if ((rc = recognise_header_line(&d, text, text + length, shown, err)) < 0)
        return error_set(err, PT_EDATA,
                         "%s:1: this header names not both of user and item, and other columns where they "
                         "would stand; call the two user and item",
                         shown);
    if (rc == 0) {
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), text);
        word[strcspn(word, mark)] = '\0';
        return unknown && strcasestr(word, "user");
    }
    p->user = d.of[ROLE_USER];
    p->item = d.of[ROLE_ITEM];
    p->d = d;
    p->named = p->user != 0 || p->item != 1;
    return 1;
}
