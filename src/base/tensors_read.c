/* The reader. It trusts nothing in the file: a number is used only after a check against the file's size. */
#include "base/tensors.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPENING                                                                                              \
    "{\"__metadata__\":{\"xxh128\":\"" /* of every header that partrain wrote; its digits follow */
#define PREFIX "xxh128:"

struct entry {
    struct tensor_view view;
    int64_t begin, end; /* in the data */
    int order;          /* in the header */
    void *copy;         /* owned: aligned data, where those of the file are not; else NULL */
};

struct tensors {
    char *path; /* owned, for messages */
    const unsigned char *map;
    int64_t size;            /* of the file */
    int64_t header;          /* bytes */
    struct json *root;       /* owned; names and metadata are borrowed from it */
    const struct json *meta; /* or NULL */
    struct entry *entries;   /* owned */
    int count;
};

static int map_descriptor(struct tensors *t, int fd, struct error *err)
{
    struct stat st;
    void *map;

    if (fd < 0)
        return error_set(err, PT_EFILE, "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &st) < 0)
        return error_set(err, PT_EFILE, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, PT_EFILE, "is not a regular file");
    if (st.st_size < 8)
        return error_set(err, PT_EFILE, "is too short (%" PRId64 " bytes) to be a safetensors file",
                         (int64_t)st.st_size);
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return error_set(err, errno == ENOMEM ? PT_ENOMEM : PT_EFILE, "cannot be mapped: %s",
                         strerror(errno));
    t->map = map;
    t->size = st.st_size;
    return 0;
}

static int map_file(struct tensors *t, struct error *err)
{
    int fd = open(t->path, O_RDONLY | O_CLOEXEC), rc = map_descriptor(t, fd, err);

    if (fd >= 0)
        close(fd);
    return rc;
}

static int parse_header(struct tensors *t, struct error *err)
{
    uint64_t length = 0;

    for (int i = 0; i < 8; i++)
        length |= (uint64_t)t->map[i] << 8 * i;
    if (length > (uint64_t)t->size - 8)
        return error_set(err, PT_EFILE,
                         "is cut off or no safetensors file: a header of %" PRIu64
                         " bytes in a file of %" PRId64,
                         length, t->size);
    if (length > (uint64_t)TENSORS_HEADER_MAX)
        return error_set(err, PT_EFILE, "has a header of %" PRIu64 " bytes; the limit is %" PRId64, length,
                         TENSORS_HEADER_MAX);
    t->header = (int64_t)length;
    if (!length || t->map[8] != '{')
        return error_set(err, PT_EFILE, "is no safetensors file: its header is not a JSON object");
    TRY_PREFIXED(err, json_parse(&t->root, (const char *)t->map + 8, (size_t)length, err), "header");
    t->meta = json_get(t->root, "__metadata__");
    return 0;
}

/* Every value of the metadata is a string; *sealed: a checksum is there, or partrain's name. */
static int check_metadata(const struct tensors *t, bool *sealed, struct error *err)
{
    const char *key = NULL, *format = json_get_text(t->meta, "format", "");
    const struct json *value;

    *sealed = strcmp(format, TENSORS_FORMAT) == 0;
    if (!*sealed && strncmp(format, "partrain", 8) == 0)
        return error_set(err, PT_EFILE, "has the format \"%.40s\"; this program reads " TENSORS_FORMAT,
                         format);
    if (t->meta && !json_is_object_value(t->meta))
        return error_set(err, PT_EFILE, "damaged header: the metadata are not an object");
    while ((value = json_next(t->meta, &key))) {
        if (!json_as_text(value, NULL))
            return error_set(err, PT_EFILE, "damaged header: metadata %.40s is not a string", key);
        if (strncmp(key, "xxh128", 6) == 0)
            *sealed = true;
    }
    return 0;
}

static int parse_shape(struct tensor_view *v, const struct json *shape, struct error *err)
{
    int64_t n = json_count(shape);

    if (!json_is_array_value(shape) || n < 1 || n > 2)
        return error_set(err, PT_EFILE, "tensor %.60s has not one or two dimensions", v->name);
    v->rows = json_as_int(json_at(shape, 0), -1);
    v->cols = n == 2 ? json_as_int(json_at(shape, 1), -1) : 0;
    if (v->rows < 0 || v->cols < 0 || (n == 2 && !v->cols))
        return error_set(err, PT_EFILE, "tensor %.60s has a dimension that is not a count", v->name);
    if (__builtin_mul_overflow(v->rows, v->cols ? v->cols : 1, &v->bytes) ||
        __builtin_mul_overflow(v->bytes, tensor_type_size(v->type), &v->bytes))
        return error_set(err, PT_EFILE, "tensor %.60s is larger than the file", v->name);
    return 0;
}

static int parse_entry(const struct tensors *t, struct entry *e, const struct json *j, struct error *err)
{
    const struct json *offsets = json_get(j, "data_offsets");
    const char *type = json_get_text(j, "dtype", "none");
    int i = TENSOR_F32;

    while (i <= TENSOR_U8 && strcmp(type, tensor_type_name((enum tensor_type)i)) != 0)
        i++;
    if (i > TENSOR_U8)
        return error_set(err, PT_EFILE, "tensor %.60s has the type %.20s; F32, F64, I64 and U8 can be read",
                         e->view.name, type);
    e->view.type = (enum tensor_type)i;
    TRY(parse_shape(&e->view, json_get(j, "shape"), err));
    e->begin = json_as_int(json_at(offsets, 0), -1);
    e->end = json_as_int(json_at(offsets, 1), -1);
    if (json_count(offsets) != 2 || e->begin < 0 || e->end < e->begin || e->end > t->size - 8 - t->header)
        return error_set(err, PT_EFILE, "tensor %.60s lies outside the file, which may be cut off",
                         e->view.name);
    if (e->end - e->begin != e->view.bytes)
        return error_set(err, PT_EFILE, "tensor %.60s has %" PRId64 " bytes where its shape needs %" PRId64,
                         e->view.name, e->end - e->begin, e->view.bytes);
    e->view.data = t->map + 8 + t->header + e->begin;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int parse_entries(struct tensors *t, struct error *err)
{
    int64_t n = json_count(t->root) - (t->meta != NULL), end = 0;
    const char *key = NULL;
    const struct json *j;

    t->entries = mem_zalloc(n, sizeof *t->entries); /* n is below the header's length, which is bounded */
    TRY(need_memory(t->entries, err));
    while ((j = json_next(t->root, &key))) {
        struct entry *e = &t->entries[t->count];

        if (j == t->meta)
            continue;
        e->view.name = key;
        e->order = t->count++;
        TRY(parse_entry(t, e, j, err));
    }
    qsort(t->entries, (size_t)t->count, sizeof *t->entries, by_place);
    for (int i = 0; i < t->count; i++) {
        if (t->entries[i].begin != end)
            return error_set(err, PT_EFILE, "tensor %.60s %s", t->entries[i].view.name,
                             t->entries[i].begin < end ? "overlaps another" : "has a gap before it");
        end = t->entries[i].end;
    }
    if (end != t->size - 8 - t->header)
        return error_set(err, PT_EFILE, "%" PRId64 " bytes of data where the tensors have %" PRId64,
                         t->size - 8 - t->header, end);
    return 0;
}

/* The header's checksum, over its text with zeros for the digits. */
static int check_header(const struct tensors *t, struct hash *h, struct error *err)
{
    const char *text = (const char *)t->map + 8;
    int64_t at = (int64_t)sizeof OPENING - 1, rest = at + 32;
    char digits[33], zeros[32];

    if (t->header < rest || memcmp(text, OPENING, (size_t)at) != 0)
        return error_set(err, PT_EFILE, "damaged header: its checksum is not in its place");
    memset(zeros, '0', sizeof zeros);
    hash_reset(h);
    hash_add(h, text, (size_t)at);
    hash_add(h, zeros, sizeof zeros);
    hash_add(h, text + rest, (size_t)(t->header - rest));
    hash_hex(h, digits);
    if (memcmp(text + at, digits, 32) != 0)
        return error_set(err, PT_EFILE, "damaged header: its checksum does not match");
    return 0;
}

static void hash_tensor(const struct tensors *t, const struct tensor_view *v, struct hash *h)
{
    const unsigned char *data = v->data;

    for (int64_t at = 0; at < v->bytes; at += TENSORS_PIECE) {
        int64_t bytes = v->bytes - at < TENSORS_PIECE ? v->bytes - at : TENSORS_PIECE;

        hash_add(h, data + at, (size_t)bytes);
        tensors_used(t, data + at, bytes);
    }
}

static int check_sums(const struct tensors *t, struct hash *h, struct error *err)
{
    const char *key = NULL;
    int sums = 0;

    TRY(check_header(t, h, err));
    while (json_next(t->meta, &key))
        sums += strncmp(key, PREFIX, sizeof PREFIX - 1) == 0;
    if (sums != t->count)
        return error_set(err, PT_EFILE, "damaged header: %d checksums for %d tensors", sums, t->count);
    for (int i = 0; i < t->count; i++) {
        const struct tensor_view *v = &t->entries[i].view;
        mem_scoped char *name = mem_printf(PREFIX "%s", v->name);
        char digits[33];

        TRY(need_memory(name, err));
        hash_reset(h);
        hash_tensor(t, v, h);
        hash_hex(h, digits);
        if (strcmp(json_get_text(t->meta, name, ""), digits) != 0)
            return error_set(err, PT_EFILE, "tensor %.60s is damaged: its checksum does not match", v->name);
    }
    return 0;
}

/* Other programs' files, and bytes before wider types, can leave data where loads of their type may not go.
 */
static int align(struct tensors *t, struct error *err)
{
    for (int i = 0; i < t->count; i++) {
        struct entry *e = &t->entries[i];

        if ((uintptr_t)e->view.data % (uintptr_t)tensor_type_size(e->view.type) == 0)
            continue;
        e->copy = mem_array(e->view.bytes, 1);
        if (!e->copy)
            return error_set(err, PT_ENOMEM, "no memory for %" PRId64 " bytes of tensor %.60s", e->view.bytes,
                             e->view.name);
        memcpy(e->copy, e->view.data, (size_t)e->view.bytes);
        e->view.data = e->copy;
    }
    return 0;
}

static int load(struct tensors *t, struct error *err)
{
    scoped(hash_free) struct hash *h = NULL;
    bool sealed = false;

    TRY(map_file(t, err));
    TRY(parse_header(t, err));
    TRY(check_metadata(t, &sealed, err));
    TRY(parse_entries(t, err));
    if (sealed) {
        TRY(need_memory((h = hash_new()) != NULL, err));
        TRY(check_sums(t, h, err));
    }
    return align(t, err);
}

int tensors_open(struct tensors **out, const char *path, struct error *err)
{
    scoped(tensors_close) struct tensors *t = mem_zalloc(1, sizeof *t);

    if (t)
        t->path = mem_strdup(path);
    TRY(need_memory(t && t->path, err));
    TRY_PREFIXED(err, load(t, err), "%s", path);
    *out = handed_on(t);
    return 0;
}

const char *tensors_meta(const struct tensors *t, const char *key)
{
    return json_get_text(t->meta, key, NULL);
}

int tensors_count(const struct tensors *t)
{
    return t->count;
}

struct tensor_view tensors_at(const struct tensors *t, int i)
{
    return t->entries[i].view;
}

int tensors_find(const struct tensors *t, const char *name, enum tensor_type type, int64_t rows, int64_t cols,
                 struct tensor_view *out, struct error *err)
{
    for (int i = 0; i < t->count; i++) {
        const struct tensor_view *v = &t->entries[i].view;

        if (strcmp(v->name, name) != 0)
            continue;
        if (v->type != type)
            return error_set(err, PT_EFILE, "%s: tensor %s has the type %s, not %s", t->path, name,
                             tensor_type_name(v->type), tensor_type_name(type));
        if ((rows >= 0 && v->rows != rows) || (cols >= 0 && v->cols != cols))
            return error_set(err, PT_EFILE,
                             "%s: tensor %s has the shape %" PRId64 " x %" PRId64 ", not %" PRId64
                             " x %" PRId64 " (x 0: a vector; -1: any)",
                             t->path, name, v->rows, v->cols, rows, cols);
        *out = *v;
        return 0;
    }
    return error_set(err, PT_EFILE, "%s: there is no tensor %s in it", t->path, name);
}

/* What was mapped counts as memory of the process while its pages are there, though the system could take
 * them: a model as large as the table beside it. */
void tensors_used(const struct tensors *t, const void *data, int64_t bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), map = (uintptr_t)t->map;
    uintptr_t from = (uintptr_t)data, to = from + (uintptr_t)bytes;

    if (from < map || to > map + (uintptr_t)t->size) /* a copy */
        return;
    from = from / page * page;
    to = to / page * page;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

void tensors_close(struct tensors *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        mem_free(t->entries[i].copy);
    mem_free(t->entries);
    json_free(t->root);
    if (t->map)
        munmap((void *)t->map, (size_t)t->size);
    mem_free(t->path);
    mem_free(t);
}
