/* read.h - the door of this room: from a path to ratings in memory. */
#pragma once

#include "data/ratings.h"

/* Reads, merges duplicates, filters. All ratings of a finished split (Liang's five files) are
 * kept: filters do not apply to it. *out is freed by ratings_free. */
int ratings_read(struct ratings **out, const struct ratings_spec *spec, struct error *err);
