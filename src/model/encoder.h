/* encoder.h - the first layer of every autoencoder: z = x V + mu, h = f(z), sparse in, sharded over columns.
 *
 *   x (B, columns) sparse    V (columns, K)    mu (K)    z, h, dz (B, K)
 *
 * Each shard adds up its own columns' part of z by example: a row of z stays in registers while the shard's
 * rows of V, which fit in L2, are added. The parts are summed by the tree over shards (reduce.h). The
 * gradient of a row of V is summed over the examples that have the column, and Adam follows while the row is
 * in L1. */
#pragma once

#include "model/units.h"
#include "par/reduce.h"

struct encoder {
    struct table v;
    struct vector mu;
    struct units units;
    bool normalize;
    float dropout;         /* of the input */
    bool decoded;          /* the decoder has the views' columns as targets */
    bool frozen;           /* V is not trained now, and has seen all of its steps */
    struct reduce *reduce; /* owned */
    struct view *view;     /* (shards) owned: of the current minibatch; empty for other ranks' shards */
    struct mem_pool pool;  /* the arrays below */
    int *bound;            /* (workers + 1): worker w has shards [bound[w], bound[w + 1]) in this layer */
    float **row;           /* (workers): a gradient row */
    float *mu_gradient;    /* (ld) */
    double *squares;       /* (shards + 1): of gradients, for clipping; the last is mu's */
    const struct model *model;
};

/* `linear`: its units are the sums. `reshard`: this layer distributes the shards over the workers by its own
 * cost, which follows a column's entries. The shards of a softmax are cut for its cost: the same for a rare
 * column as for a popular one. Otherwise the decoder shares the shards' views, with the columns that dropout
 * leaves no input. */
int encoder_init(struct encoder *e, struct model *m, int k, bool linear, bool reshard, struct error *err);
void encoder_fini(struct encoder *e);
void encoder_draw(struct encoder *e, const struct init_spec *init); /* tensors 0 to 2; sets the fans */
void encoder_list(const struct encoder *e, struct param_list *l);

/* The shards of a worker in this layer. */
static inline int encoder_own(const struct worker *w, const struct encoder *e, int *end)
{
    *end = e->bound[w->id + 1];
    return e->bound[w->id];
}

/* Builds the shard's view of the minibatch and adds its part of z. */
void encoder_shard(struct worker *w, struct encoder *e, int shard, const struct batch *b);
/* The same for examples of another matrix, without dropout; the views are the caller's, and free. */
void encoder_infer_shard(struct worker *w, struct encoder *e, int shard, const struct input *in);
/* After all own shards: sums z, adds mu, applies f: h (rows, ld). A barrier at the start, none at the end: a
 * worker has written its own slice of the rows. */
void encoder_finish(struct worker *w, struct encoder *e, int64_t rows, float *h);

/* dh becomes dz in the worker's slice of the rows. */
void encoder_back(struct worker *w, struct encoder *e, int64_t rows, float *dh, const float *h);
/* Squared norm of the gradients of own shards (and mu) into e->squares, with several ranks of all shards.
 * After dz is complete. */
void encoder_measure(struct worker *w, struct encoder *e, const float *dz, int64_t rows);
double encoder_squared_norm(const struct encoder *e);
/* Gradient times `scale` and Adam for the rows of V that the minibatch touched. */
void encoder_update_shard(struct worker *w, struct encoder *e, int shard, const struct batch *b,
                          const float *dz, float scale);
/* For V: flush and set_step of struct model_ops. */
void encoder_flush(struct worker *w, struct encoder *e, int64_t steps);
void encoder_set_step(struct worker *w, struct encoder *e, int64_t steps);
/* The same for mu and for gain and offset of layer norm, by one worker. */
void encoder_update_mu(struct worker *w, struct encoder *e, const struct batch *b, const float *dz,
                       float scale);
