#include "data/ratings.h"

#include "base/mem.h"

#include <sys/mman.h>

void ratings_drop_triplets(struct ratings *r)
{
    if (r->map) {
        munmap(r->map, (size_t)r->map_bytes);
    } else {
        mem_free(r->user);
        mem_free(r->item);
        mem_free(r->value);
        mem_free(r->time);
        mem_free(r->given);
    }
    r->map = NULL;
    r->user = r->item = NULL;
    r->value = NULL;
    r->time = NULL;
    r->given = NULL;
    r->n = 0;
}

void ratings_free(struct ratings *r)
{
    if (!r)
        return;
    if (r->title)
        for (int64_t i = 0; i < idtable_count(r->items); i++)
            mem_free(r->title[i]);
    mem_free(r->title);
    ratings_drop_triplets(r);
    idtable_free(r->users);
    idtable_free(r->items);
    mem_free(r);
}
