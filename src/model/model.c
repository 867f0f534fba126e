#include "model/model.h"

#include "base/rng.h"

#include <math.h>

int model_new(struct model **out, const struct model_spec *spec, const struct engine *eng, struct error *err)
{
    switch (spec->kind) {
    case MODEL_AUTOREC:
        return autorec_new(out, spec, eng, err);
    case MODEL_MULTIVAE:
    case MODEL_MULTIDAE:
        return multivae_new(out, spec, eng, err);
    case MODEL_MF:
        return mf_new(out, spec, eng, err);
    }
    return error_set(err, PT_ECONFIG, "model.kind: unknown");
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
