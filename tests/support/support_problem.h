/* support_problem.h - small random rating problems, for tests of what stands on an example matrix. */
#pragma once

#include "batch/matrix.h"
#include "data/ratings.h"

/* Each pair of (users, items) is rated with chance `density`, half or whole stars from 1 to 5 in random
 * order; user 1 and item 1 (where there are three or more) rate and are rated by nobody. For ratings_free. */
struct ratings *support_ratings(int users, int items, double density, uint64_t seed);

/* The matrix of all ratings, cut into `shards` shards. Side 1: users are examples. For matrix_free. */
struct matrix *support_matrix(const struct ratings *r, int users, int items, int side, bool binary,
                              int shards, struct team *team);
