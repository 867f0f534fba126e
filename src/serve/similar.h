/* similar.h - items near an item: cosine of a trained model's own item vectors.
 *
 *   multivae, multidae, user-based autorec   rows of the decoder
 *   mf, ials                                 factors of the items, without biases
 *   ease                                     columns of B: the weights that make an item's score
 *
 * Vectors are scaled to length 1 once; cosines are summed in float64 in a fixed order, so they are the same
 * at any thread count. An item without training ratings, or with a vector of zeros, is near to nothing. */
#pragma once

#include "eval/topk.h"
#include "serve/trained.h"

struct similar;

/* Borrows the model. PT_EUSAGE for item-based autorec, whose weights belong to users. PT_ENOMEM. */
int similar_new(struct similar **out, const struct trained *trained, struct error *err);
void similar_free(struct similar *s);
SCOPED(similar_free, struct similar)

/* The k nearest other items of each of `n` items, nearest first, from best + i k on: count[i] of them.
 * It runs the model's workers. PT_ENOMEM. */
int similar_find(struct similar *s, const int32_t *item, int64_t n, int k, struct scored *best, int *count,
                 struct error *err);

/* The vector of an item: similar_length numbers, borrowed. */
int64_t similar_length(const struct similar *s);
const float *similar_vector(const struct similar *s, int64_t item);
