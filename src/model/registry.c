#include "model/registry.h"

#include "base/mem.h"

#include <assert.h>

static const struct model_traits traits[MODEL_KINDS] = {
    [MODEL_AUTOREC] = {.name = "autorec", .sides = true, .ops = &autorec_ops},
    [MODEL_MULTIVAE] = {.name = "multivae", .clicks = true, .variational = true, .ops = &multivae_ops},
    [MODEL_MULTIDAE] = {.name = "multidae", .clicks = true, .ops = &multivae_ops},
    [MODEL_RECVAE] =
        {.name = "recvae", .clicks = true, .variational = true, .in_turn = true, .ops = &recvae_ops},
    [MODEL_MF] = {.name = "mf", .by_rating = true, .ops = &mf_ops},
    [MODEL_IALS] = {.name = "ials", .clicks = true, .alternating = true, .ops = &ials_ops},
    [MODEL_EASE] = {.name = "ease", .clicks = true, .closed = true, .ops = &ease_ops},
};

const struct model_traits *model_traits(enum model_kind kind)
{
    assert(kind < MODEL_KINDS);
    return &traits[kind];
}

int model_new(struct model **out, const struct model_spec *spec, const struct engine *eng, struct error *err)
{
    const struct model_traits *t = model_traits(spec->kind);
    const struct model_ops *ops = spec->sgd && !spec->fixed ? &mf_sgd_ops : t->ops;
    scoped(model_free) struct model *m = mem_zalloc(1, ops->size);

    TRY(need_memory(m, err));
    m->ops = ops;
    m->spec = *spec;
    m->eng = *eng;
    m->params.ranks = team_ranks(eng->team);
    TRY(m->ops->init(m, err));
    if (!spec->fixed)
        m->ops->draw(m);
    *out = handed_on(m);
    return 0;
}

void model_free(struct model *m)
{
    if (!m)
        return;
    m->ops->fini(m);
    mem_free(m);
}
