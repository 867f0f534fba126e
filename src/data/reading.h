/* reading.h - what was read and what was kept, in words: the lines that every command which reads says. */
#ifndef DATA_READING_H
#define DATA_READING_H

#include "data/ratings.h"

/* "FILE: user=userId item=movieId rating=rating; not used: genre; 1,000,209 lines"; "": nothing was read
 * from a text. */
const char *reading_line(const struct ratings *r, char *out, size_t space);

/* "92,834 read, 71,355 kept: 18,211 below data.min_rating 3.5, ..."; "": no filter dropped anything. */
const char *reading_kept(const struct ratings *r, char *out, size_t space);

/* What should make one look twice: lines that were skipped, words for "missing", ids without titles,
 * filters that do not fit the ratings. Calls `tell` for each. */
void reading_warnings(const struct ratings *r, void (*tell)(void *arg, const char *text), void *arg);

/* All three. `clicks`: of a model to which every rating that is kept is a choice. */
void reading_tell(const struct ratings *r, bool clicks, void (*tell)(void *arg, const char *text), void *arg);

/* 71355 as "71,355". */
const char *reading_count(int64_t n, char out[32]);

#endif
