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

/* What there is in a folder or an archive. */
struct listing {
    const char *path; /* borrowed */
    bool archive;
    struct mem_pool names; /* its blocks: paths within */
};

/* A name of the listing as a text, to be added or to hold the titles. */
struct source_text source_place(struct source *s, const struct listing *in, const char *name,
                                enum given_part given);
void source_add(struct source *s, struct source_text t);

/* --- the layouts of published folders (published.c); reads names only --- */

/* Adds the texts of the shallowest folder with a known layout. The names are put into the order of their
 * depth, folder and name. PT_EDATA, with a list of the files, if there is none; also for an incomplete set of
 * Liang's files, and if the choice is not clear. */
int published_find(struct source *s, struct listing *in, bool prefer_given, struct error *err);

/* Whether MovieLens has a file of this name (u.data, u1.base, ratings.dat): user, item, rating, time. */
bool published_known_name(const char *name);
/* Known names of files of titles beside ratings; NULL at the end. */
extern const char *const published_titles[];
