#include "read/triplets.h"

#include "base/mem.h"

#define HUGE_FROM ((int64_t)4 << 20) /* ratings; a worker's own few would not fill huge pages */

bool triplets_reserve(struct triplets *t, int64_t more, bool times)
{
    int64_t space = t->space;

    if (t->n + more <= space)
        return true;
    /* Large blocks move by page tables and are not touched before they are written, so doubling costs
     * neither time nor memory. */
    space = 2 * space > t->n + more ? 2 * space : t->n + more;
#define GROW(field)                                                                                          \
    do {                                                                                                     \
        void *grown = mem_resize(t->field, space, sizeof *t->field);                                         \
        if (!grown)                                                                                          \
            return false;                                                                                    \
        t->field = grown;                                                                                    \
        if (space >= HUGE_FROM)                                                                              \
            mem_want_huge(grown, space, sizeof *t->field);                                                   \
    } while (0)
    GROW(user);
    GROW(item);
    GROW(value);
    if (times)
        GROW(time);
#undef GROW
    t->space = space;
    return true;
}

void triplets_fini(struct triplets *t)
{
    mem_free(t->user);
    mem_free(t->item);
    mem_free(t->value);
    mem_free(t->time);
    *t = (struct triplets){0};
}
