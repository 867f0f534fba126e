/* The writer. The header goes first and its length is fixed by then, the checksums are known last: so it is
 * written with zeros for digits, and once more over itself at the end. */
#include "base/tensors.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie in memory");

#define SUM   "xxh128"
#define ZEROS "00000000000000000000000000000000"

struct tensor {
    char *sum; /* owned: the key of its checksum, "xxh128:NAME" */
    int64_t bytes;
};

struct tensors_writer {
    char *path; /* owned, as everything here */
    struct file_writer *file;
    struct hash *hash; /* of the current tensor so far */
    struct json *root; /* the header */
    struct json *meta; /* its "__metadata__"; borrowed from it */
    struct tensor *tensor;
    int count;
    int current;      /* the tensor that the next byte belongs to */
    int64_t done;     /* its bytes so far */
    int64_t total;    /* bytes declared */
    int64_t header;   /* bytes of header, 0 before it is written */
    struct error err; /* the first failure */
};

const char *tensor_type_name(enum tensor_type type)
{
    static const char *const names[] = {
        [TENSOR_F32] = "F32", [TENSOR_I64] = "I64", [TENSOR_F64] = "F64", [TENSOR_U8] = "U8"};

    return names[type];
}

int tensor_type_size(enum tensor_type type)
{
    static const int sizes[] = {[TENSOR_F32] = 4, [TENSOR_I64] = 8, [TENSOR_F64] = 8, [TENSOR_U8] = 1};

    return sizes[type];
}

int tensors_create(struct tensors_writer **out, const char *path, struct error *err)
{
    scoped(tensors_abandon) struct tensors_writer *w = mem_zalloc(1, sizeof *w);

    if (w) {
        w->path = mem_strdup(path);
        w->hash = hash_new();
        w->root = json_new_object();
        w->meta = json_new_object();
        json_put_text(w->meta, SUM, ZEROS); /* first: a reader knows where its digits stand */
        json_put_text(w->meta, "format", TENSORS_FORMAT);
        json_put(w->root, "__metadata__", w->meta);
    }
    TRY(need_memory(w && w->path && w->hash && json_get(w->root, "__metadata__"), err));
    TRY(file_create(&w->file, path, err));
    *out = handed_on(w);
    return 0;
}

void tensors_declare(struct tensors_writer *w, const char *name, enum tensor_type type, int64_t rows,
                     int64_t cols)
{
    struct json *entry, *shape, *offsets;
    struct tensor *more, t = {0};
    int64_t begin = w->total;

    if (w->err.code)
        return;
    assert(!w->header && !json_get(w->root, name) && rows >= 0 && cols >= 0);
    if (__builtin_mul_overflow(rows, cols ? cols : 1, &t.bytes) ||
        __builtin_mul_overflow(t.bytes, tensor_type_size(type), &t.bytes) ||
        __builtin_add_overflow(w->total, t.bytes, &w->total)) {
        error_set(&w->err, PT_EFILE, "%s: tensor %s is too large: %" PRId64 " x %" PRId64, w->path, name,
                  rows, cols);
        return;
    }
    t.sum = mem_printf(SUM ":%s", name);
    more = mem_resize(w->tensor, (int64_t)w->count + 1, sizeof *more);
    w->tensor = more ? more : w->tensor;
    if (!t.sum || !more) {
        mem_free(t.sum);
        error_set(&w->err, PT_ENOMEM, "%s: out of memory", w->path);
        return;
    }
    w->tensor[w->count++] = t;
    entry = json_new_object();
    shape = json_new_array();
    offsets = json_new_array();
    json_put_text(entry, "dtype", tensor_type_name(type));
    json_put_int(shape, NULL, rows);
    if (cols)
        json_put_int(shape, NULL, cols);
    json_put(entry, "shape", shape);
    json_put_int(offsets, NULL, begin);
    json_put_int(offsets, NULL, w->total);
    json_put(entry, "data_offsets", offsets);
    json_put(w->root, name, entry);
}

void tensors_metadata(struct tensors_writer *w, const char *key, const char *value)
{
    assert(!w->header && !json_get(w->meta, key)); /* it has the format's own already */
    json_put_text(w->meta, key, value);
}

/* The header, padded; for mem_free. Its length does not depend on digits. */
static char *header_text(struct tensors_writer *w, size_t *length)
{
    char *text = json_text(w->root, false), *padded;
    size_t n = text ? strlen(text) : 0;

    *length = (8 + n + 63) / 64 * 64 - 8;
    padded = text ? mem_resize(text, (int64_t)*length + 1, 1) : NULL;
    if (!padded) {
        mem_free(text);
        error_set(&w->err, PT_ENOMEM, "%s: no memory for the header, or a name in it is not UTF-8", w->path);
        return NULL;
    }
    memset(padded + n, ' ', *length - n);
    padded[*length] = 0;
    return padded;
}

/* The header with zeros where checksums come, in its place at the start. */
static void start(struct tensors_writer *w)
{
    unsigned char prefix[8];
    size_t length = 0;
    mem_scoped char *text = NULL;

    for (int i = 0; i < w->count; i++)
        json_put_text(w->meta, w->tensor[i].sum, ZEROS);
    text = header_text(w, &length);
    if (!text)
        return;
    w->header = (int64_t)length;
    if (w->header > TENSORS_HEADER_MAX)
        error_set(&w->err, PT_EFILE, "%s: a header of %" PRId64 " bytes is larger than the limit of %" PRId64,
                  w->path, w->header, TENSORS_HEADER_MAX);
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)(length >> 8 * i);
    file_write(w->file, prefix, sizeof prefix);
    file_write(w->file, text, length);
}

/* Closes the tensors that are complete, empty ones too. */
static void pass_complete(struct tensors_writer *w)
{
    char digits[33];

    for (; w->current < w->count && w->done == w->tensor[w->current].bytes; w->current++, w->done = 0) {
        hash_hex(w->hash, digits);
        hash_reset(w->hash);
        json_put_text(w->meta, w->tensor[w->current].sum, digits);
    }
}

void tensors_data(struct tensors_writer *w, const void *data, int64_t bytes)
{
    const char *at = data;

    if (!w->err.code && !w->header)
        start(w);
    while (!w->err.code && bytes > 0) {
        int64_t n;

        pass_complete(w);
        assert(w->current < w->count); /* not more than was declared */
        n = w->tensor[w->current].bytes - w->done;
        n = n < bytes ? n : bytes;
        hash_add(w->hash, at, (size_t)n);
        file_write(w->file, at, (size_t)n);
        w->done += n;
        at += n;
        bytes -= n;
    }
}

/* Puts the digits into the header: the tensors' first, for the header's own checksum covers them. */
static void seal(struct tensors_writer *w)
{
    char digits[33];
    size_t length = 0;
    mem_scoped char *text = header_text(w, &length);

    if (!text)
        return;
    hash_reset(w->hash);
    hash_add(w->hash, text, length);
    hash_hex(w->hash, digits);
    memcpy(strstr(text, ZEROS), digits, 32); /* its own come first */
    file_patch(w->file, 8, text, length);
}

int tensors_commit(struct tensors_writer *w, struct error *err)
{
    int rc;

    if (!w->err.code && !w->header)
        start(w);
    if (!w->err.code)
        pass_complete(w);
    assert(w->err.code || w->current == w->count);
    if (!w->err.code)
        seal(w);
    if (w->err.code) {
        rc = error_set(err, (enum pt_code)w->err.code, "%s", w->err.text);
    } else {
        rc = file_commit(w->file, err);
        w->file = NULL;
    }
    tensors_abandon(w);
    return rc;
}

void tensors_keep_old(struct tensors_writer *w, int n)
{
    if (w->file)
        file_keep_old(w->file, n);
}

void tensors_abandon(struct tensors_writer *w)
{
    if (!w)
        return;
    file_abandon(w->file);
    hash_free(w->hash);
    for (int i = 0; i < w->count; i++)
        mem_free(w->tensor[i].sum);
    mem_free(w->tensor);
    json_free(w->root);
    mem_free(w->path);
    mem_free(w);
}
