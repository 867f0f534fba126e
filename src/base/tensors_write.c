/* The writer. The header goes first and its length is fixed by then, the checksums are known last: so it is
 * written with zeros for digits, and once more over itself at the end. */
#include "base/tensors.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie in memory");

#define ZEROS "00000000000000000000000000000000"

struct tensor {
    char *name; /* owned */
    enum tensor_type type;
    int64_t rows, cols, begin, bytes;
    char digits[33];
};

struct pair {
    char *key, *value; /* owned */
};

struct tensors_writer {
    char *path; /* owned, as everything here */
    struct file_writer *file;
    struct hash *hash; /* of the current tensor so far */
    struct tensor *tensors;
    struct pair *pairs;
    int tensor_count, pair_count;
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

static void no_memory(struct tensors_writer *w)
{
    error_set(&w->err, PT_ENOMEM, "%s: out of memory", w->path);
}

int tensors_create(struct tensors_writer **out, const char *path, struct error *err)
{
    struct tensors_writer *w = mem_zalloc(1, sizeof *w);
    int rc = PT_ENOMEM;

    if (!w)
        goto fail;
    w->path = mem_strdup(path);
    w->hash = hash_new();
    if (!w->path || !w->hash)
        goto fail;
    rc = file_create(&w->file, path, err);
    if (rc < 0)
        goto fail;
    *out = w;
    return 0;
fail:
    tensors_abandon(w);
    return rc == PT_ENOMEM ? error_set(err, PT_ENOMEM, "%s: out of memory", path) : rc;
}

/* Room for one more behind `count` elements. */
static void *one_more(struct tensors_writer *w, void *block, int count, size_t size)
{
    void *more = mem_resize(block, (int64_t)count + 1, size);

    if (!more)
        no_memory(w);
    return more;
}

void tensors_declare(struct tensors_writer *w, const char *name, enum tensor_type type, int64_t rows,
                     int64_t cols)
{
    struct tensor t = {.type = type, .rows = rows, .cols = cols, .begin = w->total, .digits = ZEROS}, *more;

    if (w->err.code)
        return;
    for (int i = 0; i < w->tensor_count; i++)
        if (strcmp(w->tensors[i].name, name) == 0)
            error_set(&w->err, PT_EFILE, "%s: tensor %s is declared twice", w->path, name);
    if (w->header)
        error_set(&w->err, PT_EFILE, "%s: tensor %s is declared after the first data", w->path, name);
    if (strcmp(name, "__metadata__") == 0)
        error_set(&w->err, PT_EFILE, "%s: no tensor can have the name %s", w->path, name);
    if (rows < 0 || cols < 0 || __builtin_mul_overflow(rows, cols ? cols : 1, &t.bytes) ||
        __builtin_mul_overflow(t.bytes, tensor_type_size(type), &t.bytes) ||
        __builtin_add_overflow(w->total, t.bytes, &w->total))
        error_set(&w->err, PT_EFILE, "%s: tensor %s is too large: %" PRId64 " x %" PRId64, w->path, name,
                  rows, cols);
    if (w->err.code)
        return;
    more = one_more(w, w->tensors, w->tensor_count, sizeof *more);
    if (!more)
        return;
    w->tensors = more;
    t.name = mem_strdup(name);
    if (!t.name) {
        no_memory(w);
        return;
    }
    w->tensors[w->tensor_count++] = t;
}

void tensors_metadata(struct tensors_writer *w, const char *key, const char *value)
{
    struct pair p, *more;

    if (w->err.code)
        return;
    for (int i = 0; i < w->pair_count; i++)
        if (strcmp(w->pairs[i].key, key) == 0)
            error_set(&w->err, PT_EFILE, "%s: metadata %s is set twice", w->path, key);
    if (w->header)
        error_set(&w->err, PT_EFILE, "%s: metadata %s is set after the first data", w->path, key);
    if (strcmp(key, "format") == 0 || strncmp(key, "xxh128", 6) == 0)
        error_set(&w->err, PT_EFILE, "%s: metadata %s is the format's own", w->path, key);
    if (w->err.code)
        return;
    more = one_more(w, w->pairs, w->pair_count, sizeof *more);
    if (!more)
        return;
    w->pairs = more;
    p.key = mem_strdup(key);
    p.value = mem_strdup(value);
    if (!p.key || !p.value) {
        mem_free(p.key);
        mem_free(p.value);
        no_memory(w);
        return;
    }
    w->pairs[w->pair_count++] = p;
}

static struct json *metadata_json(const struct tensors_writer *w, const char *digits)
{
    struct json *meta = json_new_object();

    json_put_text(meta, "xxh128", digits); /* first: a reader knows where its digits stand */
    json_put_text(meta, "format", TENSORS_FORMAT);
    for (int i = 0; i < w->pair_count; i++)
        json_put_text(meta, w->pairs[i].key, w->pairs[i].value);
    for (int i = 0; i < w->tensor_count; i++) {
        const struct tensor *t = &w->tensors[i];
        size_t size = strlen(t->name) + 8;
        char *key = mem_alloc((int64_t)size, 1);

        if (!key) {
            json_put(meta, "", NULL);
            break;
        }
        snprintf(key, size, "xxh128:%s", t->name);
        json_put_text(meta, key, t->digits);
        mem_free(key);
    }
    return meta;
}

/* The header with these digits as its own checksum, padded; for mem_free. Its length does not depend on
 * digits. */
static char *header_text(struct tensors_writer *w, const char *digits, size_t *length)
{
    struct json *root = json_new_object();
    char *text, *padded;
    size_t n;

    json_put(root, "__metadata__", metadata_json(w, digits));
    for (int i = 0; i < w->tensor_count; i++) {
        const struct tensor *t = &w->tensors[i];
        struct json *entry = json_new_object(), *shape = json_new_array(), *offsets = json_new_array();

        json_put_text(entry, "dtype", tensor_type_name(t->type));
        json_put_int(shape, NULL, t->rows);
        if (t->cols)
            json_put_int(shape, NULL, t->cols);
        json_put(entry, "shape", shape);
        json_put_int(offsets, NULL, t->begin);
        json_put_int(offsets, NULL, t->begin + t->bytes);
        json_put(entry, "data_offsets", offsets);
        json_put(root, t->name, entry);
    }
    text = json_text(root, false);
    json_free(root);
    n = text ? strlen(text) : 0;
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
    char *text = header_text(w, ZEROS, &length);

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
    mem_free(text);
}

/* Closes the tensors that are complete, empty ones too. */
static void pass_complete(struct tensors_writer *w)
{
    while (w->current < w->tensor_count && w->done == w->tensors[w->current].bytes) {
        hash_hex(w->hash, w->tensors[w->current].digits);
        hash_reset(w->hash);
        w->current++;
        w->done = 0;
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
        if (w->current == w->tensor_count) {
            error_set(&w->err, PT_EFILE, "%s: %" PRId64 " bytes more than were declared", w->path, bytes);
            break;
        }
        n = w->tensors[w->current].bytes - w->done;
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
    char digits[33], *text;
    size_t length = 0;

    text = header_text(w, ZEROS, &length);
    if (!text)
        return;
    hash_reset(w->hash);
    hash_add(w->hash, text, length);
    hash_hex(w->hash, digits);
    mem_free(text);
    text = header_text(w, digits, &length);
    if (!text)
        return;
    file_patch(w->file, 8, text, length);
    mem_free(text);
}

int tensors_commit(struct tensors_writer *w, struct error *err)
{
    int rc;

    if (!w->err.code && !w->header)
        start(w);
    pass_complete(w);
    if (!w->err.code && w->current < w->tensor_count)
        error_set(&w->err, PT_EFILE, "%s: tensor %s has %" PRId64 " of its %" PRId64 " bytes", w->path,
                  w->tensors[w->current].name, w->done, w->tensors[w->current].bytes);
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
    for (int i = 0; i < w->tensor_count; i++)
        mem_free(w->tensors[i].name);
    for (int i = 0; i < w->pair_count; i++) {
        mem_free(w->pairs[i].key);
        mem_free(w->pairs[i].value);
    }
    mem_free(w->tensors);
    mem_free(w->pairs);
    mem_free(w->path);
    mem_free(w);
}
