#include "model/model.h"

#include "base/rng.h"

#include <assert.h>
#include <math.h>

static const struct model_traits traits[MODEL_KINDS] = {
    [MODEL_AUTOREC] = {.name = "autorec", .sides = true, .make = autorec_new},
    [MODEL_MULTIVAE] = {.name = "multivae", .clicks = true, .variational = true, .make = multivae_new},
    [MODEL_MULTIDAE] = {.name = "multidae", .clicks = true, .make = multivae_new},
    [MODEL_MF] = {.name = "mf", .by_rating = true, .make = mf_new},
};

const struct model_traits *model_traits(enum model_kind kind)
{
    assert(kind < MODEL_KINDS);
    return &traits[kind];
}

int model_new(struct model **out, const struct model_spec *spec, const struct engine *eng, struct error *err)
{
    return model_traits(spec->kind)->make(out, spec, eng, err);
}

void model_free(struct model *m)
{
    if (m)
        m->ops->free(m);
}

void model_flush_table(struct worker *w, const struct model *m, struct table *t, int64_t steps)
{
    int64_t first, end;

    team_own(w, t->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        table_flush(t, m->eng.kern, m->eng.plan, (int)s, steps);
}

void model_set_table_step(struct worker *w, struct table *t, int64_t steps)
{
    int64_t first, end;

    team_own(w, t->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        table_set_step(t, (int)s, steps);
}

void model_drop_code(const struct model *m, const struct batch *b, int64_t first, int64_t end, int k,
                     float *rows)
{
    for (int64_t p = first; p < end; p++)
        m->eng.kern->dropout(rows + p * row_pad(k), k, (float)m->spec.dropout, m->spec.seed, RNG_DROPOUT,
                             b->step, (uint32_t)p);
}

float model_clip(const struct model *m, double squares)
{
    double norm = sqrt(squares);

    return norm > m->spec.clip_norm ? (float)(m->spec.clip_norm / norm) : 1.0f;
}
