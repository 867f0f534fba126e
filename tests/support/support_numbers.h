/* support_numbers.h - random numbers on which arithmetic is hard. */
#pragma once

#include "base/rng.h"

#include <stdbool.h>

/* Any size: as in training, or any number that a float can be. */
float draw_number(struct rng_stream *s, bool wild);
/* Operands whose exact result lies on the border between two floats, or a little beside it. */
void draw_hard(struct rng_stream *s, float *a, float *x, float *y);
