/* reader.h - reads the texts of a source into ratings, before any merging or filtering. */
#pragma once

#include "base/error.h"
#include "data/ratings.h"
#include "read/source.h"

/* Fills n, user, item, value, time (where the source has times and `keep_time` asks for them), given,
 * users, items, lines_* and finished of a zeroed *r. Rows are in order of first appearance; a row may be
 * without ratings (lists). On failure the caller frees *r. */
int reader_read(struct ratings *r, const struct source *source, const struct ratings_spec *spec,
                bool keep_time, struct error *err);
