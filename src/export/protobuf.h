/* protobuf.h - protocol buffers, as far as an ONNX file needs them: a message is a run of fields; a field is
 * a tag (its number and kind), then a number, or a length and that many bytes.
 *
 * Nothing here fails at once: without memory `failed` is set, and what is put afterwards is dropped. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bytes {
    char *data; /* owned */
    int64_t n, space;
    bool failed; /* no memory */
};

void bytes_put(struct bytes *b, const void *data, int64_t n);
void bytes_put_int(struct bytes *b, int field, int64_t value);
/* The head of a field of `length` bytes, which follow. */
void bytes_put_head(struct bytes *b, int field, int64_t length);
void bytes_put_text(struct bytes *b, int field, const char *text);
/* A message within another; the inner one is emptied for the next. */
void bytes_put_message(struct bytes *b, int field, struct bytes *inner);
void bytes_fini(struct bytes *b);

/* Bytes that a field with a length takes: tag (of a field number below 16), length, content. */
int64_t bytes_field_length(int64_t content);
