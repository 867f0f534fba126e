/* digest.h - what identifies a data set: a SHA-256 of its ratings.
 *
 *   "partrain ratings 1\n"
 *   each rating: a byte (value code << 1 | same user as before), the value's 4 bytes where the code is 127,
 *                the user's number unless it is the same, the item's number; a number that is met for the
 *                first time (the smallest one not used yet) is followed by its name's length and bytes
 *   each run of ratings in one part of a given split: 255, the part, the run's length
 *
 * A value code is twice the value where that is a whole number from 0 to 126. Numbers: 7 bits a byte, lowest
 * first. Since rows are numbered in order of first appearance, the bytes follow from the sequence of (user
 * id, item id, value) alone. A short form, so that hashing does not take longer than reading. */
#ifndef DATA_DIGEST_H
#define DATA_DIGEST_H

#include "data/ratings.h"

/* Fills in sha256 from what the ratings are: external ids, values, their order, and the parts of a given
 * split; not row numbers (they follow from the order), times or titles. Many ratings by so many workers; the
 * result is the same. */
void digest_make(struct ratings *r, int workers);

#endif
