/* memory.h - ratings from the arrays of a program. */
#pragma once

#include "data/ratings.h"

/* Ratings in the order of the arrays, as reader_read gives those of a text: rows by first appearance, ids as
 * text. `r` is zero. PT_EDATA with the place of a rating that cannot be; PT_ECONFIG where data.* asks for
 * what arrays do not have; PT_ENOMEM. ratings_free frees what there is after a failure. */
int memory_read(struct ratings *r, const struct ratings_spec *spec, bool keep_time, struct error *err);

/* Id i as text, in `digits` if it is a number; NULL: a number beyond the names. */
const char *memory_id(const struct pt_ids *ids, int64_t i, char digits[32]);
