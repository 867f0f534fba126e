/* write_ratings.c - all ratings as one file; formats and lines of every written file. */
#include "data/write.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/write_sink.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *ending, *between;
    bool names; /* the first line names the columns */
    bool can_quote;
    const char *bad; /* what an id cannot have in it */
} formats[WRITE_FORMATS] = {
    [WRITE_CSV] = {"csv", ".csv", ",", true, true, "\r\n"},
    [WRITE_TSV] = {"tsv", ".tsv", "\t", true, false, "\t\r\n"},
    [WRITE_UDATA] = {"u.data", ".data", "\t", false, false, "\t\r\n"},
    [WRITE_DAT] = {"dat", ".dat", "::", false, false, ":\r\n"},
    [WRITE_LISTS] = {"lists", ".txt", " ", false, false, " \t\r\n"},
};

const char *write_format_name(enum write_format format)
{
    return formats[format].name;
}

int write_format_find(enum write_format *out, const char *name, struct error *err)
{
    for (int i = 0; i < WRITE_FORMATS; i++)
        if (strcmp(name, formats[i].name) == 0) {
            *out = (enum write_format)i;
            return 0;
        }
    return error_set(err, PT_EUSAGE, "%.40s: no such format; known: csv, tsv, u.data, dat, lists", name);
}

bool write_format_of_path(enum write_format *out, const char *path)
{
    size_t length = strlen(path);

    for (int i = 0; i < WRITE_FORMATS; i++) {
        size_t ending = strlen(formats[i].ending);

        if (length > ending && strcmp(path + length - ending, formats[i].ending) == 0) {
            *out = (enum write_format)i;
            return true;
        }
    }
    return false;
}

/* ---- where it goes ---- */

int sink_open(struct sink *s, const char *path, FILE *stream, struct error *err)
{
    *s = (struct sink){.stream = stream};
    return stream ? 0 : file_create(&s->file, path, err);
}

void sink_put(struct sink *s, const char *text, size_t length)
{
    if (s->stream)
        fwrite(text, 1, length, s->stream); /* its error flag is looked at by whoever closes it */
    else
        file_write(s->file, text, length);
}

int sink_close(struct sink *s, int rc, struct error *err)
{
    if (s->stream)
        return rc;
    if (rc == 0)
        return file_commit(s->file, err);
    file_abandon(s->file);
    return rc;
}

/* ---- fields ---- */

static int put_id(struct sink *s, enum write_format format, const struct idtable *ids, int64_t row,
                  struct error *err)
{
    const char *name = idtable_name(ids, row);
    size_t length = idtable_length(ids, row);

    if (strlen(name) != length || strpbrk(name, formats[format].bad))
        return error_set(err, PT_EDATA, "the id \"%.60s\" has a character that %s files cannot hold; try csv",
                         name, formats[format].name);
    if (!formats[format].can_quote || !strpbrk(name, ",\";")) {
        sink_put(s, name, length);
        return 0;
    }
    sink_put(s, "\"", 1);
    for (; *name; name++) {
        sink_put(s, name, 1);
        if (*name == '"')
            sink_put(s, "\"", 1);
    }
    sink_put(s, "\"", 1);
    return 0;
}

/* The fewest digits that read back as the same float. */
static void format_value(float value, char out[32])
{
    if (value == (float)(int)value && fabsf(value) < 1e6f) {
        snprintf(out, 32, "%d", (int)value);
        return;
    }
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(out, 32, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            return;
    }
}

int sink_put_rating(struct sink *s, enum write_format format, const struct ratings *r, int64_t k,
                    struct error *err)
{
    const char *between = formats[format].between;
    size_t width = strlen(between);
    char text[32];
    int rc = put_id(s, format, r->users, r->user[k], err);

    if (rc < 0)
        return rc;
    sink_put(s, between, width);
    if ((rc = put_id(s, format, r->items, r->item[k], err)) < 0)
        return rc;
    sink_put(s, between, width);
    if (r->value[k] != s->last_value || !s->last_text[0]) {
        format_value(r->value[k], s->last_text);
        s->last_value = r->value[k];
    }
    sink_put(s, s->last_text, strlen(s->last_text));
    if (r->time) {
        sink_put(s, between, width);
        if (r->time[k] != TIME_NONE)
            sink_put(s, text, (size_t)snprintf(text, sizeof text, "%" PRId64, r->time[k]));
    }
    sink_put(s, "\n", 1);
    return 0;
}

/* ---- all ratings ---- */

static int put_lines(struct sink *s, const struct ratings *r, enum write_format format, struct error *err)
{
    int rc = 0;

    if (formats[format].names) {
        const char *const names[] = {"user", "item", "rating", "timestamp"};

        for (int i = 0; i < (r->time ? 4 : 3); i++) {
            if (i)
                sink_put(s, formats[format].between, 1);
            sink_put(s, names[i], strlen(names[i]));
        }
        sink_put(s, "\n", 1);
    }
    for (int64_t k = 0; k < r->n && rc == 0; k++)
        rc = sink_put_rating(s, format, r, k, err);
    return rc;
}

static int put_lists(struct sink *s, const struct ratings *r, struct error *err)
{
    int64_t users = idtable_count(r->users);
    int64_t *ptr = mem_zalloc(users + 2, sizeof *ptr);
    int32_t *item = mem_alloc(r->n, sizeof *item);
    int rc = 0;

    if (!ptr || !item) {
        rc = error_set(err, PT_ENOMEM, "out of memory for the lists");
        goto end;
    }
    for (int64_t k = 0; k < r->n; k++)
        ptr[r->user[k] + 2]++;
    for (int64_t u = 2; u <= users + 1; u++)
        ptr[u] += ptr[u - 1];
    for (int64_t k = 0; k < r->n; k++) /* ptr[u + 1] moves from the begin of row u to its end */
        item[ptr[r->user[k] + 1]++] = r->item[k];
    for (int64_t u = 0; u < users && rc == 0; u++) {
        if (ptr[u] == ptr[u + 1])
            continue;
        rc = put_id(s, WRITE_LISTS, r->users, u, err);
        for (int64_t i = ptr[u]; i < ptr[u + 1] && rc == 0; i++) {
            sink_put(s, " ", 1);
            rc = put_id(s, WRITE_LISTS, r->items, item[i], err);
        }
        sink_put(s, "\n", 1);
    }
end:
    mem_free(ptr);
    mem_free(item);
    return rc;
}

int write_ratings(const struct ratings *r, enum write_format format, const char *path, FILE *stream,
                  struct error *err)
{
    struct sink s;
    int rc = sink_open(&s, path, stream, err);

    if (rc < 0)
        return rc;
    rc = format == WRITE_LISTS ? put_lists(&s, r, err) : put_lines(&s, r, format, err);
    return sink_close(&s, rc, err);
}
