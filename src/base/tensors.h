/* tensors.h - the safetensors format, and what partrain adds to it.
 *
 *     8 bytes      N, length of the header, little-endian
 *     N bytes      JSON: {"__metadata__": {strings}, NAME: {"dtype", "shape", "data_offsets"}, ...}, spaces
 *     the rest     the tensors' bytes, little-endian, one behind the other without gaps
 *
 * Any reader of the format reads partrain's files. The data begin at a multiple of 64 bytes. The metadata has
 * the caller's strings and:
 *
 *     "xxh128"        XXH3-128 of the N bytes of header, this field's 32 digits taken as zeros; the first key
 *     "format"        "partrain-1"
 *     "xxh128:NAME"   XXH3-128 of the tensor's bytes
 *
 * so the first one covers the whole file. If a file has one of these keys, all must be present and correct: a
 * file that another program changed is refused as damaged. A file with none of them, made by another program,
 * is read unchecked.
 *
 * A reader checks every length, offset and count against the file's size before anything is allocated, then
 * the checksums. Tensors have one or two dimensions. A writer is used by one thread at a time; an open file
 * by any. */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define TENSORS_FORMAT     "partrain-1"
#define TENSORS_HEADER_MAX ((int64_t)4 << 20) /* bytes of header, written or read */
#define TENSORS_PIECE      ((int64_t)4 << 20) /* bytes in memory at once while a file is checked */

enum tensor_type { TENSOR_F32, TENSOR_I64, TENSOR_F64, TENSOR_U8 };

/* Writer: declare all tensors and set the metadata, then write each tensor's rows in the order of
 * declaration. The first failure is kept for tensors_commit, which reports it. The data have that order
 * too: declare 8-byte types first and U8 last, or a reader must copy tensors that are not aligned. */
struct tensors_writer;
int tensors_create(struct tensors_writer **out, const char *path, struct error *err);
/* cols 0: a vector of `rows` elements. Names are UTF-8. */
void tensors_declare(struct tensors_writer *w, const char *name, enum tensor_type type, int64_t rows,
                     int64_t cols);
/* UTF-8. A repeated key, "format" and "xxh128..." are errors. */
void tensors_metadata(struct tensors_writer *w, const char *key, const char *value);
/* The next bytes of the data; a call may end in the middle of a tensor. */
void tensors_data(struct tensors_writer *w, const void *data, int64_t bytes);
/* Checks that all declared data were written and no more, then file_commit. Frees the writer in every case.
 */
int tensors_commit(struct tensors_writer *w, struct error *err);
/* file_keep_old. */
void tensors_keep_old(struct tensors_writer *w, int n);
void tensors_abandon(struct tensors_writer *w); /* takes NULL */
SCOPED(tensors_abandon, struct tensors_writer)

/* Reader: the file is mapped read-only. PT_EFILE for a damaged file. Files must not be shortened in place
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
/* PT_EFILE if it is missing or has another type or shape; -1 for rows or cols: any. */
int tensors_find(const struct tensors *t, const char *name, enum tensor_type type, int64_t rows, int64_t cols,
                 struct tensor_view *out, struct error *err);
/* Lets the pages of these bytes leave the process's memory. Reading them again fetches them from the file. */
void tensors_used(const struct tensors *t, const void *data, int64_t bytes);
void tensors_close(struct tensors *t); /* takes NULL */
SCOPED(tensors_close, struct tensors)

/* "F32" and so on, and the bytes of one element. */
const char *tensor_type_name(enum tensor_type type);
int tensor_type_size(enum tensor_type type);
