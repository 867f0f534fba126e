/* support_world.h - a model with all that it stands on (data, team, plan, minibatches), trained some steps as
 * the trainer does it; and its comparison with the reference. */
#pragma once

#include "reference.h"
#include "support_problem.h"

#define WORLD_STEPS 256

struct world_spec {
    struct model_spec model;
    struct adam_spec adam;
    int users, items;
    double density;
    uint64_t data_seed;
    int side; /* 1: users are examples */
    bool binary;
    int shards, workers;
    enum topo_bind bind;
    enum last_batch last;
    const char *isa;  /* NULL: auto */
    double tolerance; /* of world_compare: of the weights' moves; 0: 3e-4 */
    int64_t change;   /* number + 1 of a rating to be given another value; 0: none */
    const char *topo; /* synthetic machine, or NULL: this one */
};

struct world {
    struct world_spec spec;
    struct ratings *ratings;
    struct topo *topo;
    struct team *team;
    struct matrix *matrix;
    struct cells cells;
    struct adam_plan plan;
    struct scheduler batches;
    struct engine engine;
    struct model *model;
    int64_t epoch, in_epoch, done; /* steps */
    double loss[WORLD_STEPS];      /* of each step done */
};

/* A small lively problem of a kind of model, to be changed where a test wants something else. */
struct world_spec world_default(enum model_kind kind);
/* Fails the test where something cannot be made. */
void world_init(struct world *w, const struct world_spec *spec);
void world_fini(struct world *w);

/* Goes on for `steps` steps; at the end every weight is up to date. `fused`: each step is told the next one,
 * within an epoch; else the run is interrupted and resumed after every step. */
void world_train(struct world *w, int64_t steps, bool fused);
/* The hash of all weights after `steps` steps from the start. */
void world_hash(const struct world_spec *spec, int64_t steps, bool fused, char out[33]);

/* Trains engine and reference from the same weights, 1 step and then up to `steps`; compares all losses, all
 * weights after both, and the outputs at the end. `label` goes into messages. */
void world_compare(const char *label, const struct world_spec *spec, int64_t steps);
