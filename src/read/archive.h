/* archive.h - the door to libarchive: members of .zip and .tar.* files, and the one text inside a
 * .gz, .zst, .xz, .bz2 or .lz4. Reads only: nothing is ever unpacked to the disk, and a member's name
 * serves for choosing and for messages alone.
 *
 * Against bombs: reading stops with an error once more than 256 MiB and 200 times the size of the packed
 * file have come out, after 1 TiB, and at 100,000 members. */
#ifndef READ_ARCHIVE_H
#define READ_ARCHIVE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packing {
    PACKING_NONE,
    PACKING_FILE,   /* one compressed text; its name is the path less its suffix */
    PACKING_FOLDER, /* members */
};

/* Tells by the first bytes, not by the name, except that a name ending in .zip, .gz, .zst, .xz, .bz2 or
 * .lz4 whose bytes do not agree is an error. PT_EDATA where the file cannot be read. A compressed tar is
 * told from a compressed text by what is inside. */
int archive_packing(enum packing *out, const char *path, struct error *err);

/* Names of the regular files inside, in their order; each and the list for mem_free (see
 * archive_free_names).
 */
int archive_list(char ***names, int64_t *count, const char *path, struct error *err);
void archive_free_names(char **names, int64_t count);

struct archive_member;

/* `member`: one of archive_list's names, unpacked where it is one packed text itself (x.csv.gz); NULL: the
 * text of a PACKING_FILE. Freed by archive_close. */
int archive_open(struct archive_member **out, const char *path, const char *member, struct error *err);
/* Up to `space` bytes; *got = 0 at the end. */
int archive_read_bytes(struct archive_member *m, void *to, size_t space, size_t *got, struct error *err);
void archive_close(struct archive_member *m);

/* Whether the bytes at a text's start are those of a packed file (for stdin). */
bool archive_is_packed(const void *bytes, size_t n);

#endif
