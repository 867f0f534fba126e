/* tune_space.h - the `tune:` block of a configuration file (docs/tune.md): what to search, and the values of
 * each trial. */
#pragma once

#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

enum tune_method { TUNE_RANDOM, TUNE_GRID, TUNE_HALVING };
extern const char *const tune_method_name[];

struct tune_axis {
    const char *key;
    const char **choice; /* (choices) the values as text; NULL: a range */
    int choices;
    double from, to;
    bool logarithmic, whole;
    int points; /* of a range in a grid; 0: not given */
    int line, column;
};

struct tune_spec {
    enum tune_method method;
    int64_t trials, seed, min_epochs, eta; /* trials 0, min_epochs 0: not given */
    double minutes;
    struct tune_axis *axis; /* (axes) owned */
    int axes;
    struct mem_pool pool; /* keys and choices */
};

/* The block of a file. PT_ECONFIG with path:line:column; also where there is none. Freed by tune_spec_free.
 */
int tune_spec_read(struct tune_spec **out, const char *path, struct error *err);
void tune_spec_free(struct tune_spec *s);
SCOPED(tune_spec_free, struct tune_spec)

/* The values of trial `id`, from 1 on, one text an axis, in memory of `pool`: a function of the block and id
 * alone. */
void tune_draw(const struct tune_spec *s, int64_t id, char **value, struct mem_pool *pool);
/* How many trials a grid has; -1: more than a million. */
int64_t tune_grid_size(const struct tune_spec *s);
