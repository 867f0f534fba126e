#include "data/ratings.h"

#include "base/hash.h"
#include "base/mem.h"

void ratings_drop_triplets(struct ratings *r)
{
    mem_free(r->user);
    mem_free(r->item);
    mem_free(r->value);
    mem_free(r->time);
    mem_free(r->given);
    r->user = r->item = NULL;
    r->value = NULL;
    r->time = NULL;
    r->given = NULL;
    r->n = r->space = 0;
}

void ratings_move_triplets(struct ratings *to, struct ratings *from)
{
    ratings_drop_triplets(to);
    to->user = handed_on(from->user);
    to->item = handed_on(from->item);
    to->value = handed_on(from->value);
    to->time = handed_on(from->time);
    to->given = handed_on(from->given);
    to->n = from->n;
    from->n = 0;
}

void ratings_sort(int64_t *to, const int64_t *from, int64_t n, const int32_t *of, const int32_t *key,
                  int64_t *ptr, int64_t keys)
{
    for (int64_t i = 0; i < n; i++)
        ptr[(key ? key[of[i]] : of[i]) + 2]++;
    for (int64_t k = 0; k < keys; k++)
        ptr[k + 2] += ptr[k + 1];
    for (int64_t i = 0; i < n; i++) {
        int64_t rating = from ? from[i] : i;

        to[ptr[(key ? key[of[rating]] : of[rating]) + 1]++] = rating;
    }
}

static void add_names(struct hash *h, const struct idtable *t)
{
    int64_t n = idtable_count(t);

    hash_add(h, &n, sizeof n);
    for (int64_t row = 0; row < n; row++)
        hash_add(h, idtable_name(t, row), idtable_length(t, row) + 1); /* the zero keeps names apart */
}

/* Rows are numbered in order of first appearance, so they and the names follow from the sequence of
 * ratings. */
int ratings_digest(struct ratings *r, struct error *err)
{
    static const char name[] = "partrain ratings 2\n";
    scoped(hash_free) struct hash *h = hash_new();
    size_t n = (size_t)r->n;

    TRY(need_memory(h, err));
    hash_add(h, name, sizeof name - 1);
    add_names(h, r->users);
    add_names(h, r->items);
    hash_add(h, r->user, n * sizeof *r->user);
    hash_add(h, r->item, n * sizeof *r->item);
    hash_add(h, r->value, n * sizeof *r->value);
    if (r->given)
        hash_add(h, r->given, n);
    hash_hex(h, r->digest);
    return 0;
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
