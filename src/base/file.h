/* file.h - files that appear whole or not at all.
 *
 * A writer fills NAME.tmp-PID beside NAME; file_commit flushes it (fsync), renames it over NAME and fsyncs
 * the folder. Whatever happens before the rename, the old NAME is untouched. A killed process leaves its
 * NAME.tmp-PID behind: file_sweep removes such leftovers.
 *
 * A program that writes large files must ignore SIGXFSZ, or a file size limit kills it instead of being
 * reported. Every message names the path. A writer is used by one thread at a time; the other functions by
 * any. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct file_writer;

/* NAME must be a regular file, or must not exist yet. If NAME is a link, the file it points to is replaced.
 * PT_EFILE, PT_ENOMEM. */
int file_create(struct file_writer **out, const char *path, struct error *err);
/* The same onto a stream, whose error flag whoever closes it looks at. Not for file_patch. */
int file_to_stream(struct file_writer **out, FILE *stream, struct error *err);
/* The first failure is kept for file_commit, which reports it; later writes are dropped. */
void file_write(struct file_writer *w, const void *data, size_t bytes);
void file_printf(struct file_writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Overwrites earlier bytes from `offset` on. */
void file_patch(struct file_writer *w, int64_t offset, const void *data, size_t bytes);
/* Frees the writer in every case. On failure (PT_EFILE) the temporary file is removed and NAME is as before.
 * One exception: if the last fsync (of the folder) fails, NAME is the new file, and the message says so. */
int file_commit(struct file_writer *w, struct error *err);
/* At the commit the old NAME stays as NAME.1, the one before it as NAME.2, and so on to NAME.n. NAME
 * exists all the time if the file system has hard links; otherwise there is a moment with NAME.1 only. */
void file_keep_old(struct file_writer *w, int n);
void file_abandon(struct file_writer *w); /* takes NULL */
SCOPED(file_abandon, struct file_writer)

/* A whole file of `text`. */
int file_write_text(const char *path, const char *text, struct error *err);

/* Removes leftovers of killed processes from `folder`: regular files named *.tmp-DIGITS. The caller must hold
 * the folder's lock, because temporary files of a live writer are removed too. */
int file_sweep(const char *folder, struct error *err);

/* Reads a whole file or pipe of at most `limit` bytes into a zero-terminated string, for mem_free. Returns
 * `code` if it cannot be read or is too large. */
int file_read(char **out, size_t *length, const char *path, size_t limit, enum pt_code code,
              struct error *err);

/* Appends one line (its newline is added) to a file; on failure the file is as before. The
 * line survives a kill at once, and a power cut after file_flush. */
int file_append_line(const char *path, const char *line, struct error *err);
/* After this the contents of `path` survive a power cut. No such file: nothing to do. */
int file_flush(const char *path, struct error *err);
/* Removes PATH.1 to PATH.n, as file_keep_old left them. Best effort. */
void file_drop_old(const char *path, int n);
/* Cuts a file to its first `lines` lines (metrics.jsonl of a resumed run). A last line without a newline,
 * left by a crash, is always removed. No such file: nothing to do. */
int file_keep_lines(const char *path, int64_t lines, struct error *err);

/* fsync, repeated after a signal; -1 with errno set. */
int file_sync(int fd);
/* Makes a folder and those above it. */
int file_make_folder(const char *path, struct error *err);
bool file_exists(const char *path);
/* "folder/name" in a new string for mem_free; NULL: no memory. */
char *file_join(const char *folder, const char *name);
