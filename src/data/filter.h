/* filter.h - drops ratings after reading: repeated pairs, low ratings, rare items and users. */
#pragma once

#include "base/error.h"
#include "data/ratings.h"

/* Which filters a set of ratings needs, found in one pass by several workers. */
struct filters_needed {
    bool pairs_once; /* each user's ratings are adjacent, and no pair is repeated */
    bool in_order;   /* rows are numbered in order of first appearance, and each has a rating */
    float low, high; /* of all values; set if in_order */
};

/* A false field means no or unknown (few ratings, no memory): the filters must check. */
void filters_needed_find(struct filters_needed *out, const struct ratings *r, int workers);

/* Merges repeated (user, item) pairs by spec->duplicates. PT_EDATA, whatever the policy, for a pair in two
 * parts of a given split, and for a held-out user of a finished split who has training ratings. Merged
 * ratings are marked with user -1 until filter_finish. */
int filter_duplicates(struct ratings *r, const struct ratings_spec *spec, struct error *err);

/* One pass each, in this order: min_rating, min_item_ratings, min_user_ratings. Drops by marking.
 * PT_EDATA, with the count that each filter dropped, if no rating is left. */
int filter_ratings(struct ratings *r, const struct ratings_spec *spec, const struct filters_needed *look,
                   struct error *err);

/* Removes marked ratings, binarizes, renumbers the rows in order of first appearance, sets low and high.
 * `look`: found from the ratings as read; filters that it excludes are skipped. */
int filter_finish(struct ratings *r, const struct ratings_spec *spec, const struct filters_needed *look,
                  struct error *err);

/* Frees the memory of dropped ratings. Not for arrays of mem_array. */
void filter_shrink(struct ratings *r);
