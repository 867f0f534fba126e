/* file.h - files that appear whole or not at all.
 *
 * A writer fills NAME.tmp-PID beside NAME; file_commit flushes it (fsync), renames it over NAME and fsyncs
 * the folder. Whatever happens before the rename, the old NAME is untouched. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_writer;

int file_create(struct file_writer **out, const char *path, struct error *err);
/* The first failure is remembered and reported by file_commit. */
void file_write(struct file_writer *w, const void *data, size_t bytes);
void file_printf(struct file_writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Frees the writer in every case. On failure (PT_EFILE) the temporary file is gone and NAME is as before. */
int file_commit(struct file_writer *w, struct error *err);
void file_abandon(struct file_writer *w); /* takes NULL */

/* The whole of a file of at most `limit` bytes, zero-terminated behind its end; for mem_free. */
int file_read(char **out, size_t *length, const char *path, size_t limit, enum pt_code code, struct error *err);

/* Appends one line to a file and flushes it. */
int file_append_line(const char *path, const char *line, struct error *err);
/* Cuts a file of lines down to its first `lines` lines (a resumed run's metrics.jsonl). Absent: nothing to do. */
int file_keep_lines(const char *path, int64_t lines, struct error *err);

/* Makes a folder and those above it. */
int file_make_folder(const char *path, struct error *err);
bool file_exists(const char *path);
/* "folder/name" in a new string for mem_free; NULL: no memory. */
char *file_join(const char *folder, const char *name);

#endif
