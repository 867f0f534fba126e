/* source.h - the texts of a data.path, in order, and the part of each. Reads names only, never a text. */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "data/ratings.h"
#include "read/archive.h"

#include <stdbool.h>

struct source_text {
    const char *path;   /* "-": stdin */
    const char *member; /* NULL: not in an archive */
    char *shown;        /* for messages: path, path/member, stdin */
    enum given_part given;
    bool known_name; /* as MovieLens calls its files */
};

struct source {
    struct source_text *text; /* (n) owned; in the order they are read */
    int64_t n;
    struct source_text titles; /* path NULL: none */
    bool finished;             /* Liang's five files */
    struct mem_pool pool;      /* texts of all source_text */
    char none[1];              /* "" */
};

/* From spec->path, valid_path and test_path. spec->prefer_given: in a folder with several forms, a given
 * split (u1.base, u1.test) comes before all ratings (u.data). PT_EDATA if the path does not exist, cannot be
 * read or is not understood. Freed by source_free. */
int source_find(struct source **out, const struct ratings_spec *spec, struct error *err);
void source_free(struct source *s);
SCOPED(source_free, struct source)

/* --- the layouts of published folders: the files of ratings in a list of names (published.c); pure --- */

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

/* Searches the shallowest folder with a known layout. `names`: paths, which are put into the order of their
 * depth, folder and name. PT_EDATA, with a list of the files, if there is none; also for an incomplete set of
 * Liang's files, and if the choice is not clear. `archive`: the names are members, which no glob can choose. */
int published_match(struct published_match *out, struct mem_pool *names, bool prefer_given, bool archive,
                    const char *shown, struct error *err);

/* Whether MovieLens has a file of this name (u.data, u1.base, ratings.dat): user, item, rating, time. */
bool published_known_name(const char *name);
/* mv_0000001.txt and so on, of the Netflix Prize. */
bool published_is_film(const char *name);
/* Known names of files of titles beside ratings; NULL at the end. */
extern const char *const published_titles[];
