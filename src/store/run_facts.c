#include "store/run_facts.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "data/ratings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids ---------------------------------------------------------------------------------------------- */

/* Undoes what the writer did to tabs, line ends and backslashes, in place; returns the length. */
static size_t unescape(char *text, size_t length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '\\' && i + 1 < length) {
            c = text[++i];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        text[used++] = c;
    }
    return used;
}

void run_facts_free_titles(char **title, int64_t n)
{
    for (int64_t i = 0; title && i < n; i++)
        mem_free(title[i]);
    mem_free(title);
}

/* One line of a table: [text, text + length). */
static int put_id(struct idtable *ids, char ***title, int64_t *room, char *text, size_t length,
                  const char *path, struct error *err)
{
    char *tab = memchr(text, '\t', length);
    size_t name = unescape(text, tab ? (size_t)(tab - text) : length);
    int64_t n = idtable_count(ids), row = idtable_put(ids, text, name);

    if (row < 0)
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    if (row < n)
        return error_set(err, PT_EFILE, "%s: line %" PRId64 ": the id of line %" PRId64 " again", path, n + 1,
                         row + 1);
    if (!title)
        return 0;
    if (n == *room) {
        char **grown = mem_resize(*title, 2 * n + 64, sizeof *grown);

        if (!grown)
            return error_set(err, PT_ENOMEM, "%s: out of memory", path);
        *title = grown;
        *room = 2 * n + 64;
    }
    (*title)[n] = NULL;
    if (tab && tab + 1 < text + length) {
        tab[1 + unescape(tab + 1, (size_t)(text + length - tab - 1))] = '\0';
        if (!((*title)[n] = mem_strdup(tab + 1)))
            return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    }
    return 0;
}

int run_facts_ids(struct idtable **out, char ***title, const char *path, struct error *err)
{
    struct idtable *ids = idtable_new();
    char *text = NULL, *at, *end, **titles = NULL;
    int64_t room = 0;
    size_t length;
    int rc;

    if (!ids)
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    if ((rc = file_read(&text, &length, path, SIZE_MAX / 4, PT_EFILE, err)) < 0)
        goto fail;
    for (at = text; at < text + length; at = end + 1) {
        end = memchr(at, '\n', (size_t)(text + length - at));
        if (!end) {
            rc = error_set(err, PT_EFILE, "%s: its last line has no end; the file is not whole", path);
            goto fail;
        }
        if ((rc = put_id(ids, title ? &titles : NULL, &room, at, (size_t)(end - at), path, err)) < 0)
            goto fail;
    }
    mem_free(text);
    *out = ids;
    if (title)
        *title = titles;
    return 0;
fail:
    mem_free(text);
    run_facts_free_titles(titles, idtable_count(ids) < room ? idtable_count(ids) : room);
    idtable_free(ids);
    return rc;
}

/* ---- what the model's file tells --------------------------------------------------------------------- */

static int number(const struct tensors *t, const char *path, const char *key, double *out, struct error *err)
{
    const char *text = tensors_meta(t, key);
    char *end;

    *out = text ? strtod(text, &end) : 0.0;
    if (!text || end == text || *end)
        return error_set(err, PT_EFILE, "%s: no %s in it; it was not written by partrain train", path, key);
    return 0;
}

int run_facts_read(struct run_facts *out, const struct tensors *t, const char *path, struct error *err)
{
    const char *refit = tensors_meta(t, "refit");
    int rc;

    out->refit = refit && strcmp(refit, "yes") == 0;
    if ((rc = number(t, path, "low", &out->low, err)) < 0 ||
        (rc = number(t, path, "high", &out->high, err)) < 0 ||
        (rc = number(t, path, "shift", &out->shift, err)) < 0)
        return rc;
    return number(t, path, "mean", &out->mean, err);
}

static bool has_tensor(const struct tensors *t, const char *name)
{
    for (int i = 0; i < tensors_count(t); i++)
        if (strcmp(tensors_at(t, i).name, name) == 0)
            return true;
    return false;
}

/* "3 17" as ones in `out`. */
static int read_list(uint8_t *out, const char *text, const char *path, const char *name, int64_t n,
                     struct error *err)
{
    while (*text) {
        char *end;
        long long i;

        errno = 0;
        i = strtoll(text, &end, 10);
        if (end == text || errno || i < 0 || i >= n || (*end && *end != ' '))
            return error_set(err, PT_EFILE, "%s: %s is damaged", path, name);
        out[i] = 1;
        text = *end ? end + 1 : end;
    }
    return 0;
}

int run_facts_rows(uint8_t **out, const struct tensors *t, const char *path, const char *name, int64_t n,
                   struct error *err)
{
    const char *text = tensors_meta(t, name);
    bool tensor = has_tensor(t, name);
    struct tensor_view v;
    int rc;

    *out = NULL;
    if (!tensor && !text)
        return 0;
    if (tensor && (rc = tensors_find(t, name, TENSOR_U8, n, 0, &v, err)) < 0)
        return rc;
    *out = mem_zalloc(n, 1);
    if (!*out)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (!tensor)
        return read_list(*out, text, path, name, n, err);
    memcpy(*out, v.data, (size_t)n);
    return 0;
}

void run_facts_prefix_ratings(struct error *err, const char *path, const char *what, const char *others)
{
    bool lost =
        *path != '/' && strncmp(path, RATINGS_SYNTH, strlen(RATINGS_SYNTH)) != 0 && !file_exists(path);

    error_prefix(err, "%s%s (%s)", what, lost ? ", relative to the folder in which it was trained" : "",
                 others);
}
