#include "support_problem.h"

#include "base/mem.h"
#include "base/rng.h"
#include "support.h"

static void swap(struct ratings *r, int64_t i, int64_t j)
{
    int32_t u = r->user[i], c = r->item[i];
    float v = r->value[i];

    r->user[i] = r->user[j];
    r->item[i] = r->item[j];
    r->value[i] = r->value[j];
    r->user[j] = u;
    r->item[j] = c;
    r->value[j] = v;
}

struct ratings *support_ratings(int users, int items, double density, uint64_t seed)
{
    struct rng_stream s = rng_stream(seed, RNG_TEST, 0, 0);
    struct ratings *r = mem_zalloc(1, sizeof *r);
    int64_t most = (int64_t)users * items;

    assert_non_null(r);
    r->user = mem_alloc(most, sizeof *r->user);
    r->item = mem_alloc(most, sizeof *r->item);
    r->value = mem_alloc(most, sizeof *r->value);
    assert_true(r->user && r->item && r->value);
    for (int u = 0; u < users; u++)
        for (int i = 0; i < items; i++) {
            if (rng_next_unit(&s) >= density || (users > 2 && u == 1) || (items > 2 && i == 1))
                continue;
            r->user[r->n] = u;
            r->item[r->n] = i;
            r->value[r->n++] = 1.0f + 0.5f * (float)rng_next_below(&s, 9);
        }
    for (int64_t i = 1; i < r->n; i++)
        swap(r, i, (int64_t)rng_next_below(&s, (uint64_t)i + 1));
    return r;
}

struct matrix *support_matrix(const struct ratings *r, int users, int items, int side, bool binary,
                              int shards, struct team *team)
{
    struct matrix_spec spec = {
        .side = side, .examples = side ? users : items, .columns = side ? items : users, .binary = binary};
    struct shard *cut = mem_alloc(shards, sizeof *cut);
    int64_t *count = matrix_count_columns(r, &spec);
    struct matrix *m = NULL;
    struct error err;

    assert_true(cut && count);
    shard_cut(cut, shards, count, spec.columns, 4.0);
    if (matrix_new(&m, r, &spec, cut, shards, team, &err) < 0)
        fail_msg("%s", err.text);
    mem_free(cut);
    mem_free(count);
    return m;
}
