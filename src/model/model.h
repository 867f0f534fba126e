/* model.h - the interface of a model (struct model_ops), and functions that models share. model_new and the
 * list of models are in model/registry.h.
 *
 * Training: the trainer calls ops->train, serially, for some steps of an epoch. The model
 * defines a step: train runs the workers (team_run) as it needs them. A model that trains by minibatches
 * has model_train_minibatches as its train, and the operations begin, step, flush and set_step, which every
 * worker enters together (SPMD). A step gets its minibatch and the next one: when a worker has updated the
 * input rows of a shard, it encodes the next minibatch while they are in cache.
 *
 *     begin(b0)   step(b0, b1)   step(b1, b2)   ...   step(bn, NULL)   flush
 *
 * Scoring: infer, score and score_cells, entered by every worker together.
 *
 * Names, shapes: B rows of a minibatch, K units of a code, n columns of a shard. Column shards own V, W, b.
 */
#pragma once

#include "batch/batch.h"
#include "batch/matrix.h"
#include "model/param.h"

struct item_counts;
struct model_spec {
    enum model_kind kind;
    int hidden[16], hiddens; /* units, encoder first */
    int latent;
    enum activation activation, output;
    enum rating_loss loss;
    double input_dropout, dropout;
    bool normalize_input, layer_norm;
    enum decoder decoder; /* multivae, multidae */
    double noise_std, kl_weight, kl_per_click;
    int64_t kl_anneal_steps;
    struct init_spec init; /* the layers fill in the fans */
    bool biases;           /* mf */
    double range_low, range_high;
    double clip_norm;
    double l2;                  /* ease */
    int64_t items_most;         /* ease: only this many of the most popular items; 0: all */
    struct item_counts *counts; /* ease: counts of item pairs to share; borrowed; NULL: the solver's alone */
    bool sgd;                   /* mf: gradient steps by blocks (mf_sgd.h) rather than minibatches */
    double penalty, penalty_bias; /* sgd, ials: of each rating */
    double unobserved_weight;     /* ials */
    enum confidence confidence;   /* ials: weight of a chosen pair by its value */
    double alpha;                 /* likewise */
    bool companion;               /* multivae: scores of an EASE are added to the logits */
    int64_t batch, eval_batch, microbatch;
    bool bf16;     /* networks: operands of training's dense products are rounded (bf16_matrix.h) */
    uint64_t seed; /* of dropout and noise */
    bool fixed; /* not trained: weights without moments, zero until they are loaded; infer and score only */
};

/* Training ratings one by one, for models whose examples are ratings (mf). */
struct cells {
    int64_t n;
    int32_t *user, *item; /* (n) */
    float *value;         /* (n) */
};

/* Team, kernels and training data of a model; borrowed for its lifetime. */
struct engine {
    struct team *team;
    const struct kernels *kern;
    const struct adam_plan *plan; /* NULL if the model is fixed */
    const struct matrix *train;   /* also gives cut and shards */
    const struct cells *cells;    /* mf; else NULL */
};

struct model;

/* Examples to run through the model without dropout or noise: rows of an input matrix and a view for each
 * shard. */
struct input {
    const struct matrix *matrix;
    struct view *view; /* (shards): workers use those of their own shards */
    const int64_t *example;
    int64_t rows;        /* at most spec.eval_batch */
    const float *folded; /* mf: (rows, latent + 1), factors and bias where example is -1; else NULL */
};

/* Steps [from, to) of an epoch. */
struct model_steps {
    const struct scheduler *batches; /* the epoch's minibatches; batches->epoch is its number */
    int64_t from, to;
    int64_t count; /* of the epoch; a measurement may end it early */
    bool begin;    /* first steps of an epoch, or after loading weights: no minibatch is encoded yet */
    bool flush;    /* at the end apply all steps up to `to` to every weight; needed before weights are read */
};

/* Scores of a shard's columns as a product: of example p and column c
 *     code row p . weight row c + (code_bias[p] + bias[c])
 * in float, the product as by kern->product_nt. */
struct score_product {
    const float *code, *weight; /* (rows, ld), of the inferred examples; (columns, ld) */
    const float *bias;          /* (columns padded); NULL: none, and no code_bias */
    const float *code_bias;     /* (rows); NULL: none */
    int64_t ld;
};

struct companion;
struct model_ops {
    size_t size; /* of the model's own struct, which begins with a struct model */
    /* Memory and the list of parameters; spec, eng and ops are set, the rest is zero. PT_ENOMEM,
     * PT_ECONFIG. */
    int (*init)(struct model *m, struct error *err);
    void (*draw)(struct model *m); /* initial weights; not called where spec.fixed */
    void (*fini)(struct model *m); /* also after init failed */
    /* Serial. Bits do not depend on the chunks: [0, 5) and [5, 9) give those of [0, 9). */
    void (*train)(struct model *m, const struct model_steps *s);
    /* Only model_train_minibatches calls the next four. */
    void (*begin)(struct worker *w, struct model *m, const struct batch *b);
    void (*step)(struct worker *w, struct model *m, const struct batch *b, const struct batch *next);
    /* Applies deferred updates of own shards; then every weight has seen `steps` steps of the epoch. */
    void (*flush)(struct worker *w, struct model *m, int64_t steps);
    /* Marks all rows as having seen `steps` steps of the current epoch. */
    void (*set_step)(struct worker *w, struct model *m, int64_t steps);
    /* Codes of the examples, for score and score_cells. Ends with a barrier. */
    void (*infer)(struct worker *w, struct model *m, const struct input *in);
    /* Outputs of the inferred examples for all columns of an own shard: out (rows, ld). Rating models:
     * ratings as the model outputs them; softmax models: logits. */
    void (*score)(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld);
    /* The scores as a product, if that is what they are; the operation may be NULL. */
    bool (*product)(struct model *m, int shard, struct score_product *out);
    /* Outputs for the cells of a view of an own shard (held-out ratings of the inferred examples): out
     * (entries), in the view's order by example. NULL for softmax models, which predict no ratings. */
    void (*score_cells)(struct worker *w, struct model *m, int shard, const struct view *cells, float *out);
    /* The linear companion if the spec has one (item_weights.h), else NULL. The operation may be NULL. */
    struct companion *(*companion)(struct model *m);
};

/* Sums over the steps of an epoch so far. */
struct epoch_sums {
    double loss;    /* of the minibatches' losses */
    double squares; /* rating models: squared errors */
    int64_t cells;  /* and their cells */
    double kl;      /* Multi-VAE */
    int64_t steps;
};

struct model {
    const struct model_ops *ops;
    struct model_spec spec;
    struct engine eng;
    struct param_list params;
    struct param_list state; /* what training goes on from besides; in checkpoints alone */
    struct epoch_sums sums;  /* added to by worker 0 inside a step */
};

/* The models; model/registry.c has a row for each. */
extern const struct model_ops autorec_ops, multivae_ops, recvae_ops, mf_ops, mf_sgd_ops, ease_ops, ials_ops;

/* ---- shared by models ---- */

/* recvae: passes over the examples in an epoch, and those of them, the first ones, that train the encoder. */
#define RECVAE_PASSES         4
#define RECVAE_ENCODER_PASSES 3

/* Adam's steps of an epoch of the scheduler's. */
void model_plan_epoch(enum model_kind kind, struct adam_plan *plan, const struct scheduler *batches,
                      int64_t epoch);

void model_train_minibatches(struct model *m, const struct model_steps *s);
/* Own shards of a table: deferred updates; steps seen. */
void model_flush_table(struct worker *w, const struct model *m, struct table *t, int64_t steps);
void model_set_table_step(struct worker *w, struct table *t, int64_t steps);
/* Dropout on rows [first, end) of (B, ld) codes of k units, the same draws in the forward and the backward
 * pass. */
void model_drop_code(const struct model *m, const struct batch *b, int64_t first, int64_t end, int k,
                     float *rows);
/* The loss of ratings whose squared errors sum to `squares`: `cells` ratings of `rows` examples with
 * `columns` columns each; and the factor of errors in its gradient. LOSS_ROW_MEAN here: every example has
 * one cell. */
double rating_loss_value(enum rating_loss loss, double squares, double rows, double cells, double columns);
double rating_loss_scale(enum rating_loss loss, double squares, double rows, double cells, double columns);
/* Clipping by the global norm: the factor of all gradients, from the sum of their squares. */
float model_clip(const struct model *m, double squares);

/* A factor row's own work in an epoch of mf, counted in ratings, for shard_cut. */
double mf_row_cost(int64_t ratings, int64_t batch);
/* The same of sgd, whose blocks are shards of users by shards of items; and how many shards each side has. */
double mf_sgd_row_cost(int64_t ratings, int64_t rows);
int mf_sgd_shards(int64_t users, int64_t items, int64_t ld);
/* Floats of `slots` item shards on their way round the ranks, of at most `widest` items. */
int64_t mf_ring_floats(int64_t widest, int64_t ld, int slots);

/* The shards [first, end) of a worker. */
static inline int own_shards(const struct worker *w, const struct model *m, int *end)
{
    int64_t first, last;

    team_own(w, m->eng.train->shards, &first, &last);
    *end = (int)last;
    return (int)first;
}
