/* published.h - what published folders look like: from a list of file names to the files that hold ratings.
 * Pure, but for published_of_folder. */
#ifndef READ_PUBLISHED_H
#define READ_PUBLISHED_H

#include "base/error.h"
#include "data/ratings.h"

#include <stdbool.h>
#include <stdint.h>

#define PUBLISHED_TEXTS 5

struct published_match {
    const char *text[PUBLISHED_TEXTS]; /* (texts) borrowed from the names */
    enum given_part given[PUBLISHED_TEXTS];
    int texts;
    const char *titles; /* borrowed; NULL: none */
    bool finished;
    bool all; /* every text of those that published_is_film knows, in their order; `text` is empty */
};

/* Relative names of the files in a folder and in its direct subfolders; hidden ones are left out. For
 * archive_free_names. */
int published_of_folder(char ***names, int64_t *count, const char *path, struct error *err);

/* Looks in the shallowest folder in which something is known. PT_EDATA, with what is there, where nothing
 * is known; where an unfinished set of Liang's files lies; and where the choice is not clear. `archive`:
 * the names are of members, which no glob can choose. */
int published_match(struct published_match *out, char *const *names, int64_t n, bool prefer_given,
                    bool archive, const char *shown, struct error *err);

/* Whether MovieLens calls its files so (u.data, u1.base, ratings.dat): user, item, rating, time. */
bool published_known_name(const char *name);
bool published_is_film(const char *name);
/* Names that files of titles beside ratings have; NULL behind the last. */
const char *published_titles(int k);

#endif
