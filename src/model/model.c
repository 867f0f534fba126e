#include "model/model.h"

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
