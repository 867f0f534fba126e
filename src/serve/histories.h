/* histories.h - the ratings of some users (or of items, if those are the examples): the input of a model.
 *
 *   ptr   0    3 4         9       example e has entries [ptr[e], ptr[e + 1]): columns ascending, each once
 *   column  2 7 9  7  ...
 *
 * An entry is not recommended again. It is input to the model too, unless its rating is below
 * data.min_rating. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct histories {
    int64_t n, space, entries, entry_space;
    int64_t *ptr;    /* (n + 1) owned */
    int32_t *row;    /* (n) owned: mf: the user's row; -1: none, it is made from the ratings (fold_in.h) */
    int32_t *column; /* (entries) owned */
    float *value;    /* (entries) owned */
    uint8_t *kind;   /* (entries) owned: HISTORY_INPUT or HISTORY_SEEN */
};

enum { HISTORY_INPUT = 1, HISTORY_SEEN = 2 };

/* A zeroed struct is empty. histories_end ends the example with the entries added since the last call: it
 * sorts them and keeps the last entry of a repeated column. False: no memory. */
bool histories_add(struct histories *h, int32_t column, float value, int kind);
bool histories_end(struct histories *h, int32_t row);
void histories_clear(struct histories *h);
void histories_fini(struct histories *h);
