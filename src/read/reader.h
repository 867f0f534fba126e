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

/* --- titles of items, from a file beside the ratings: by its columns' names (movieId, title), or u.item and
 * movies.dat (id, title) (titles.c) --- */

/* Fills r->title, reading.titles and titles_of from the source's file of titles, if it has one. Lines of
 * other items are skipped. Titles become valid UTF-8 (other bytes are read as Latin-1) without control
 * characters. */
int titles_read(struct ratings *r, const struct source *source, struct error *err);

/* Merges items with the same title into one, whose id is the title. An item without a title keeps its id.
 * PT_EDATA if there are no titles. */
int titles_merge(struct ratings *r, const char *path, struct error *err);
