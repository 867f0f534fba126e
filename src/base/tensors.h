/* tensors.h - the safetensors format, and what partrain adds to it.
 *
 *     8 bytes      N, length of the header, little-endian
 *     N bytes      JSON: {"__metadata__": {strings}, NAME: {"dtype", "shape", "data_offsets"}, ...}, spaces
 *     the rest     the tensors' bytes, little-endian, one behind the other without gaps
 *
 * What partrain writes any reader of the format takes; the data begin at a multiple of 64. Metadata has,
 * besides the caller's strings:
 *
 *     "xxh128"        XXH3-128 of the N bytes of header, this field's 32 digits taken as zeros; the first key
 *     "format"        "partrain-1"
 *     "xxh128:NAME"   XXH3-128 of the tensor's bytes
 *
 * so that the first one answers for the whole file. Where one of them is there, reading wants them all, and
 * right: a file that another program changed and wrote again is refused as damaged. A file with none of them,
 * made by another program, is read without.
 *
 * A reader checks every length, offset and count against the file's size before anything is allocated, then
 * the checksums. Tensors have one or two dimensions. A writer is used by one thread at a time; an open file
 * by any. */
#ifndef BASE_TENSORS_H
#define BASE_TENSORS_H

#include "base/error.h"

#include <stdint.h>

#define TENSORS_FORMAT     "partrain-1"
#define TENSORS_HEADER_MAX ((int64_t)4 << 20) /* bytes of header, written or read */
#define TENSORS_PIECE      ((int64_t)4 << 20) /* bytes in memory at once while a file is checked */

enum tensor_type { TENSOR_F32, TENSOR_I64, TENSOR_F64, TENSOR_U8 };

/* Writer: declare all tensors and set the metadata, then write each tensor's rows in the order of
 * declaration. The first failure is remembered and reported by tensors_commit. The data lie in that order
 * too: declare 8-byte types first and U8 last, or a reader must copy what is not aligned. */
struct tensors_writer;
int tensors_create(struct tensors_writer **out, const char *path, struct error *err);
/* cols 0: a vector of `rows` elements. Names are UTF-8. */
void tensors_declare(struct tensors_writer *w, const char *name, enum tensor_type type, int64_t rows,
                     int64_t cols);
/* UTF-8; a key that is there already, "format" and "xxh128..." are errors. */
void tensors_metadata(struct tensors_writer *w, const char *key, const char *value);
/* The next `bytes` bytes of data, which may end anywhere. */
void tensors_data(struct tensors_writer *w, const void *data, int64_t bytes);
/* Checks that exactly what was declared was written; file_commit. Frees the writer in every case. */
int tensors_commit(struct tensors_writer *w, struct error *err);
/* file_keep_old. */
void tensors_keep_old(struct tensors_writer *w, int n);
void tensors_abandon(struct tensors_writer *w); /* takes NULL */

/* Reader: the file is mapped read-only. PT_EFILE where it is not whole. Files must not be shortened in place
 * while they are open (tensors_commit never does that). */
struct tensors;
int tensors_open(struct tensors **out, const char *path, struct error *err);
const char *tensors_meta(const struct tensors *t, const char *key); /* NULL: not there */
struct tensor_view {
    const char *name; /* borrowed, like the data */
    enum tensor_type type;
    int64_t rows, cols; /* cols 0: a vector */
    const void *data;   /* aligned for its type */
    int64_t bytes;
};
/* In the order in which they lie in the file. */
int tensors_count(const struct tensors *t);
struct tensor_view tensors_at(const struct tensors *t, int i);
/* PT_EFILE where it is missing or of another type or shape; -1 for rows or cols: any. */
int tensors_find(const struct tensors *t, const char *name, enum tensor_type type, int64_t rows, int64_t cols,
                 struct tensor_view *out, struct error *err);
/* These bytes of a tensor have been used: their pages need not stay in this process's memory. They can still
 * be read, from the file again. */
void tensors_used(const struct tensors *t, const void *data, int64_t bytes);
void tensors_close(struct tensors *t); /* takes NULL */

/* "F32" and so on, and the bytes of one element. */
const char *tensor_type_name(enum tensor_type type);
int tensor_type_size(enum tensor_type type);

#endif
