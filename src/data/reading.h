/* reading.h - describes in words what was read and kept: the lines that every reading command prints. */
#pragma once

#include "base/json.h"
#include "data/ratings.h"

/* "FILE: user=userId item=movieId rating=rating; not used: genre; 1,000,209 lines"; "": nothing was read
 * from a text. */
const char *reading_line(const struct ratings *r, char *out, size_t space);

/* "18,211 below data.min_rating 3.5, 13 by 4 users with fewer than 5 (data.min_user_ratings)": what the
 * filters dropped, one after the other. */
const char *reading_dropped(const struct ratings *r, char *out, size_t space);

/* "92,834 read, 71,355 kept: 18,211 below data.min_rating 3.5, ..."; "": no filter dropped anything. */
const char *reading_kept(const struct ratings *r, char *out, size_t space);

/* Calls `tell` with each warning: skipped lines, words for "missing", ids without titles, filters that do not
 * fit the ratings. */
void reading_warnings(const struct ratings *r, void (*tell)(void *arg, const char *text), void *arg);

/* Calls `tell` (NULL: -q) with what was read and kept, and `warn` with the warnings. `clicks`: for a model
 * that counts every kept rating as a choice. */
void reading_report(const struct ratings *r, bool clicks, void (*tell)(void *arg, const char *text),
                    void (*warn)(void *arg, const char *text), void *arg);

/* The same as fields of summary.json and of `data describe --json`. */
struct json *reading_json(const struct ratings *r);
