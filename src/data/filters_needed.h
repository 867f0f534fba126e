/* filters_needed.h - which filters a set of ratings needs, found in one pass by several workers. */
#ifndef DATA_FILTERS_NEEDED_H
#define DATA_FILTERS_NEEDED_H

#include "data/ratings.h"

#include <stdbool.h>

struct filters_needed {
    bool pairs_once; /* each user's ratings stand together, and no pair is there twice */
    bool in_order;   /* rows are numbered in order of first appearance, and none is without a rating */
    float low, high; /* of all values; where in_order */
};

/* All false: not so, or not known (few ratings, no memory), and the filters must find out. */
void filters_needed_find(struct filters_needed *out, const struct ratings *r, int workers);

#endif
