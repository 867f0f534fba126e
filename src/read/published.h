/* published.h - the layouts of published folders: finds the files of ratings in a list of names. Pure. */
#pragma once

#include "base/error.h"
#include "data/ratings.h"
#include "read/archive.h"

#include <stdbool.h>

#define PUBLISHED_TEXTS 5

struct published_match {
    const char *text[PUBLISHED_TEXTS]; /* (texts) borrowed from the names */
    enum given_part given[PUBLISHED_TEXTS];
    int texts;
    const char *titles;  /* borrowed; NULL: none */
    const char *missing; /* the first file that a layout needs, and that is not there */
    bool finished;       /* Liang's five files */
    bool films;          /* all that published_is_film knows, in their order; `text` is empty */
};

/* Searches the shallowest folder with a known layout. PT_EDATA, with a list of the files, if there is none;
 * also for an incomplete set of Liang's files, and if the choice is not clear. `archive`: the names are
 * members, which no glob can choose. */
int published_match(struct published_match *out, const struct file_names *names, bool prefer_given,
                    bool archive, const char *shown, struct error *err);

/* Whether MovieLens has a file of this name (u.data, u1.base, ratings.dat): user, item, rating, time. */
bool published_known_name(const char *name);
/* mv_0000001.txt and so on, of the Netflix Prize. */
bool published_is_film(const char *name);
/* Known names of files of titles beside ratings; NULL at the end. */
extern const char *const published_titles[];
