/* source.h - the texts of a data.path, in order, and the part of each. Reads names only, never a text. */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "data/ratings.h"

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
    char chosen[320];          /* why these texts, if the path could mean others; else "" */
    struct mem_pool pool;      /* texts of all source_text */
    char none[1];              /* "" */
};

/* From spec->path, valid_path and test_path. spec->prefer_given: in a folder with several forms, a given
 * split (u1.base, u1.test) comes before all ratings (u.data). PT_EDATA if the path does not exist, cannot be
 * read or is not understood. Freed by source_free. */
int source_find(struct source **out, const struct ratings_spec *spec, struct error *err);
void source_free(struct source *s);
SCOPED(source_free, struct source)
