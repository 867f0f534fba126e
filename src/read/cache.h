/* cache.h - ratings as ratings_read gave them, kept in a file for the next time.
 *
 * A file holds what comes out at the end: rows, values, ids, titles and counts, duplicates merged and filters
 * applied. Its name is its key, a 128-bit hash of all that the result follows from: the bytes of every text
 * (for an archive: of the archive), the options of the spec, this program's version and CACHE_VERSION. So a
 * changed source or option has another name, and an old file is never taken for it. Sources that cannot be
 * read twice (stdin, pipes) are not kept.
 *
 *     header | time? | user | item | value | given? | ids of users | ids of items | titles?
 *
 * Each part begins at a multiple of 64 bytes, so that the arrays are used where the file is mapped: pages of
 * the system's cache, which all ranks of a host share, and no memory of the process until one writes to them
 * (the mapping is private). A file is taken only if its size, its checksum and every number in it are right;
 * otherwise it is as if it were not there, with a note, and it is written anew. It appears whole or not at
 * all (base/file.h); two that write the same one write the same bytes.
 *
 * Nothing here fails: without a cache ratings are read. */
#ifndef READ_CACHE_H
#define READ_CACHE_H

#include "base/error.h"
#include "data/ratings.h"

#define CACHE_VERSION 3
#define CACHE_SMALL   ((int64_t)4000000) /* "auto" does not keep sets of fewer ratings */
#define CACHE_MOST    ((int64_t)4 << 30) /* bytes of all files that "auto" keeps; the longest unused go */

struct cache {
    char *folder; /* owned; NULL: no cache */
    char *path;   /* owned: of this set's file */
    char key[33];
    bool automatic; /* "auto": the user's own folder */
    char note[320];
};

/* Which file the ratings of `spec` would be in. Reads all of the source's bytes. */
void cache_init(struct cache *c, const struct ratings_spec *spec);
void cache_fini(struct cache *c);

/* The ratings of the file, or NULL. A file that is there and cannot be used leaves a note. */
struct ratings *cache_take(struct cache *c);
/* Writes the file, if the source still has the bytes that the key was made of. Moves the note to *r. */
void cache_keep(struct cache *c, struct ratings *r, const struct ratings_spec *spec);

/* --- cache_file.c, cache_file_read.c: one file --- */

/* PT_EFILE where the file cannot be written. */
int cache_file_write(const char *path, const char key[33], const struct ratings *r, struct error *err);
/* PT_EFILE where the file is not one of this key, or not whole; PT_EDATA where there is none. `own`: PT_EFILE
 * too where it is another user's. The message does not name the path. */
int cache_file_read(struct ratings **out, const char *path, const char key[33], bool own, struct error *err);
/* Makes the checksum right, in the bytes of a whole file: for tests that change them. */
bool cache_file_seal(unsigned char *bytes, int64_t size);

#endif
