/* What reading ratings promises, whatever the source. */
#pragma once

#include "fuzz.h"

#include "data/idtable.h"
#include "data/ratings.h"
#include "read/read.h"

#include <math.h>

static inline void fuzz_read(const struct ratings_spec *spec)
{
    struct ratings *r = NULL;
    struct error err = {0};
    int rc = ratings_read(&r, spec, &err);

    fuzz_error(rc, &err);
    if (rc < 0)
        return;
    FUZZ_CHECK(r->n >= 0 && strlen(r->digest) == 32);
    for (int64_t i = 0; i < r->n; i++) {
        FUZZ_CHECK(r->user[i] >= 0 && r->user[i] < idtable_count(r->users));
        FUZZ_CHECK(r->item[i] >= 0 && r->item[i] < idtable_count(r->items));
        FUZZ_CHECK(isfinite(r->value[i]));
    }
    for (int64_t i = 0; r->title && i < idtable_count(r->items); i++)
        for (const char *at = r->title[i]; at && *at; at++)
            FUZZ_CHECK((unsigned char)*at >= 32 && *at != 127);
    ratings_free(r);
}
