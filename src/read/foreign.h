/* foreign.h - recognises files of other formats (Parquet, ...) by their first bytes or their name, for
 * messages that say what the file is and how to convert it. Pure. */
#ifndef READ_FOREIGN_H
#define READ_FOREIGN_H

#include <stddef.h>

/* "a Parquet file, which is not read; ...", from the first bytes of a text; NULL: not recognised. */
const char *foreign_of_bytes(const char *bytes, size_t n);
/* Whether a file of this name belongs to another program. */
int foreign_by_name(const char *name);

#endif
