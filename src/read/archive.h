/* archive.h - the door to libarchive: members of .zip and .tar.* files, and the one text inside a
 * .gz, .zst, .xz, .bz2 or .lz4. Read-only: nothing is unpacked to the disk, and a
 * member's name is used only to choose it and in messages.
 *
 * Against decompression bombs, reading stops with an error when the output exceeds both 256 MiB and 200 times
 * the packed file, or 1 TiB, and at 100,000 members. */
#pragma once

#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packing {
    PACKING_NONE,
    PACKING_FILE,   /* one compressed text; its name is the path without the suffix */
    PACKING_FOLDER, /* members */
};

/* Recognises the packing by the first bytes; a compressed tar and a compressed text differ by their contents.
 * PT_EDATA if the file cannot be read, or if its name ends in .zip, .gz, .zst, .xz, .bz2 or .lz4 and its
 * bytes do not agree. */
int archive_packing(enum packing *out, const char *path, struct error *err);

/* Adds the names of the regular files inside, in their order, as the pool's blocks. */
int archive_list(struct mem_pool *out, const char *path, struct error *err);
/* Length of a file's name without .gz, .zst, .xz, .bz2 or .lz4. */
size_t archive_unpacked_length(const char *name);

struct archive_member;

/* `member`: one of archive_list's names; a compressed member (x.csv.gz) is unpacked too. NULL: the text of a
 * PACKING_FILE. `shown`: for messages, borrowed. Freed by archive_close. */
int archive_open(struct archive_member **out, const char *path, const char *member, const char *shown,
                 struct error *err);
/* Up to `space` bytes; *got = 0 at the end. */
int archive_read_bytes(struct archive_member *m, void *to, size_t space, size_t *got, struct error *err);
void archive_close(struct archive_member *m);
SCOPED(archive_close, struct archive_member)
