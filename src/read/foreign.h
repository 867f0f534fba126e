/* foreign.h - recognises files of other formats (Parquet, ...), for messages that say what the file is and
 * how to convert it. Pure. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* PT_EDATA: the first bytes of a text are of another format: "is a Parquet file, which is not read; ...". */
int foreign_refuse(const char *bytes, size_t n, const char *shown, struct error *err);
/* Whether a file of this name belongs to another program. */
bool foreign_by_name(const char *name);
/* "an Excel workbook (.xlsx), which is not read; ...", by the name of a member; NULL: not recognised. */
const char *foreign_by_member(const char *name);
