/* filters_needed.h - which filters a set of ratings needs, found in one pass by several workers. */
#ifndef DATA_FILTERS_NEEDED_H
#define DATA_FILTERS_NEEDED_H

#include "data/ratings.h"

#include <stdbool.h>

struct filters_needed {
    bool pairs_once; /* each user's ratings are adjacent, and no pair is repeated */
    bool in_order;   /* rows are numbered in order of first appearance, and each has a rating */
    float low, high; /* of all values; set if in_order */
};

/* A false field means no or unknown (few ratings, no memory): the filters must check. */
void filters_needed_find(struct filters_needed *out, const struct ratings *r, int workers);

#endif
