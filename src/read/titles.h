/* titles.h - what items are called: from a file beside the ratings, by its columns' names (movieId, title),
 * or u.item and movies.dat: id, title. */
#ifndef READ_TITLES_H
#define READ_TITLES_H

#include "base/error.h"
#include "data/ratings.h"
#include "read/source.h"

/* Fills r->title, reading.titles and titles_of from the source's file of titles, if it has one. A line that
 * says nothing about an item of r is passed over. Titles are made valid UTF-8 (bytes that are not are taken
 * for Latin-1) and lose control characters. */
int titles_read(struct ratings *r, const struct source *source, struct error *err);

/* Items with one title become one item, whose id is the title; an item without a title keeps its id.
 * PT_EDATA where there are no titles. */
int titles_merge(struct ratings *r, const char *path, struct error *err);

#endif
