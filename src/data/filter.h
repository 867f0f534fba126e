/* filter.h - which of the ratings that were read are kept. */
#ifndef DATA_FILTER_H
#define DATA_FILTER_H

#include "base/error.h"
#include "data/filters_needed.h"
#include "data/ratings.h"

/* Every (user, item) pair once, by spec->duplicates. A pair in two parts of a given split is PT_EDATA
 * whatever the policy, and so is a held-out user of a finished split who has training ratings. What is merged
 * is marked with user -1 until filter_finish. */
int filter_duplicates(struct ratings *r, const struct ratings_spec *spec, struct error *err);

/* One pass each, in this order: min_rating, min_item_ratings, min_user_ratings. Drops by marking.
 * PT_EDATA, with the count that each filter dropped, where nothing is left. */
int filter_ratings(struct ratings *r, const struct ratings_spec *spec, struct error *err);

/* Takes out what is marked, binarizes, renumbers the rows in order of first appearance, sets low and high.
 * `look`: at the ratings as they were read; what it saw need not be looked for again. */
int filter_finish(struct ratings *r, const struct ratings_spec *spec, const struct filters_needed *look,
                  struct error *err);

/* Gives memory back that was taken for ratings that are not kept. Not for arrays of mem_array. */
void filter_shrink(struct ratings *r);

#endif
