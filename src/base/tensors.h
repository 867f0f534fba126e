/* tensors.h - the safetensors format: 8 bytes of header length (little-endian), a JSON header, raw data.
 *
 * What partrain writes besides: metadata strings, among them "format" = "partrain-1" and "xxh128:NAME"
 * (the XXH3-128 of each tensor's bytes), so that a damaged file is found out. Reading checks every length, offset and count
 * against the file's size before anything is allocated, then the checksums where there are any. */
#ifndef BASE_TENSORS_H
#define BASE_TENSORS_H

#include "base/error.h"
#include "base/json.h"

#include <stdint.h>

enum tensor_type { TENSOR_F32, TENSOR_I64, TENSOR_F64, TENSOR_U8 };

/* Writer: declare all tensors, then write each one's rows in the order of declaration. */
struct tensors_writer;
int tensors_create(struct tensors_writer **out, const char *path, struct error *err);
/* cols 0: a vector of `rows` elements. */
void tensors_declare(struct tensors_writer *w, const char *name, enum tensor_type type, int64_t rows, int64_t cols);
void tensors_metadata(struct tensors_writer *w, const char *key, const char *value);
/* The next `bytes` bytes of data. The header is written at the start with room for the checksums. */
void tensors_data(struct tensors_writer *w, const void *data, int64_t bytes);
/* Checks that exactly what was declared was written; file_commit. Frees the writer in every case. */
int tensors_commit(struct tensors_writer *w, struct error *err);
void tensors_abandon(struct tensors_writer *w);

/* Reader: the file is mapped read-only. PT_EFILE where it is not whole. */
struct tensors;
int tensors_open(struct tensors **out, const char *path, struct error *err);
const char *tensors_meta(const struct tensors *t, const char *key); /* NULL: not there */
struct tensor_view {
    const char *name;
    enum tensor_type type;
    int64_t rows, cols; /* cols 0: a vector */
    const void *data;   /* borrowed from the file; aligned for its type */
    int64_t bytes;
};
int tensors_count(const struct tensors *t);
struct tensor_view tensors_at(const struct tensors *t, int i);
/* PT_EFILE where it is missing or of another type or shape; -1 for rows or cols: any. */
int tensors_find(const struct tensors *t, const char *name, enum tensor_type type, int64_t rows, int64_t cols,
                 struct tensor_view *out, struct error *err);
void tensors_close(struct tensors *t);

#endif
