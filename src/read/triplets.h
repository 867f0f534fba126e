/* triplets.h - a growing buffer of ratings for the reader. */
#ifndef READ_TRIPLETS_H
#define READ_TRIPLETS_H

#include <stdbool.h>
#include <stdint.h>

struct triplets {
    int64_t n, space;
    int32_t *user, *item; /* (space) owned */
    float *value;         /* (space) owned */
    int64_t *time;        /* (space) owned; NULL where times are not kept */
};

/* Room for `more` beyond n; false: no memory. */
bool triplets_reserve(struct triplets *t, int64_t more, bool times);
void triplets_fini(struct triplets *t);

#endif
