/* foreign.h - files that hold no lines of ratings: what they are, by their first bytes or their name, and
 * how to go on. Pure. */
#ifndef READ_FOREIGN_H
#define READ_FOREIGN_H

#include <stddef.h>

/* "a Parquet file, which is not read; ..." of the first bytes of a text; NULL: none that is known. */
const char *foreign_of_bytes(const char *bytes, size_t n);
/* Whether a file of this name is one of other programs. */
int foreign_by_name(const char *name);

#endif
