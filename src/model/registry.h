/* registry.h - the models by name: their traits, and their making. */
#pragma once

#include "model/model.h"

/* Properties by which other rooms tell models apart. */
struct model_traits {
    const char *name; /* of model.kind */
    bool sides;       /* examples are users or items (model.side); else users */
    bool clicks;      /* binary targets, softmax over all items; else ratings */
    bool by_rating;   /* a training example is one rating, and unknown users are folded in; else an example is
                       * all entries of a user or item, in training or not */
    bool variational; /* its code has a mean and a variance, its loss a KL term */
    bool in_turn;     /* recvae: an epoch is RECVAE_PASSES passes; encoder and decoder are trained in turn */
    bool alternating; /* ials: an epoch is one step; no moments, and a user's code is solved for */
    bool closed;      /* a closed form: an epoch is one step, and there is one epoch */
    const struct model_ops *ops;
};
const struct model_traits *model_traits(enum model_kind kind);

/* The model of spec->kind, its weights drawn unless it is fixed. PT_ENOMEM, PT_ECONFIG. For model_free, which
 * takes NULL. */
int model_new(struct model **out, const struct model_spec *spec, const struct engine *eng, struct error *err);
void model_free(struct model *m);
SCOPED(model_free, struct model)
