/* write_sink.h - shared by write_ratings.c and write_split.c: a file or a stream, and a rating as a line. */
#ifndef DATA_WRITE_SINK_H
#define DATA_WRITE_SINK_H

#include "base/file.h"
#include "data/write.h"

struct sink {
    struct file_writer *file; /* NULL: output goes to the stream */
    FILE *stream;             /* borrowed */
    float last_value;         /* the last formatted value, and its text */
    char last_text[32];
};

int sink_open(struct sink *s, const char *path, FILE *stream, struct error *err);
void sink_put(struct sink *s, const char *text, size_t length);
int sink_put_rating(struct sink *s, enum write_format format, const struct ratings *r, int64_t k,
                    struct error *err);
/* Commits the file if rc is 0, else drops it; returns the first failure. */
int sink_close(struct sink *s, int rc, struct error *err);

#endif
