/* dense.h - the small fully connected layers between the two sharded tables, as a chain.
 *
 *     h[0] (B, d0) -> h[1] (B, d1) -> ... -> h[n] (B, dn)
 *     h[l+1] = units(h[l] W_l^T + b_l)       (units.h)            W_l (d(l+1), d(l)), b_l (d(l+1))
 *
 * Forward and backward, a worker computes its own slice of the rows through all layers without a barrier.
 * Gradients and Adam need all rows: after a barrier each worker updates its own share of the weight rows.
 * No bit depends on either cut (product_nn, product_nt in kernels.h). In precision bf16 training's products
 * read operands rounded (bf16_matrix.h): a worker rounds what it reads, into room of its own. */
#pragma once

#include "model/bf16_matrix.h"
#include "model/units.h"

#define CHAIN_MOST  16
#define DENSE_UNITS 16

struct dense {
    char name[32], bias_name[32];
    int in, out;
    int64_t ld; /* of a weight row: in, padded */
    struct units units;
    struct weights row;  /* (out, ld) */
    struct weights bias; /* (out padded) in the same block */
    struct bf16_weights rounded;
};

struct chain {
    int n; /* layers; 0: h[0] is the result */
    bool
        dense; /* set before chain_init: sums of all layers but the last get h[0] + ... + h[l] added (RecVAE);
                 * they are of one width */
    struct dense layer[CHAIN_MOST];
    struct mem_pool pool;     /* weights and the arrays below */
    float *h[CHAIN_MOST + 1]; /* (rows, padded d) */
    float *d[CHAIN_MOST + 1]; /* gradients with respect to h */
    int dim[CHAIN_MOST + 1];
    int64_t ld[CHAIN_MOST + 1];
    float **tile;      /* (workers): gradient of DENSE_UNITS weight rows */
    double *squares;   /* of the gradients, for clipping: one for DENSE_UNITS rows, layer after layer */
    uint32_t *rounded; /* (workers, words): in precision bf16, else NULL; h or d, and 16 units' d */
    int64_t words;
    const struct kernels *kern;
};

/* dims (n + 1); layers are named "PREFIX.0.weight", "PREFIX.0.bias", ... `m`: their model, with spec and
 * engine set. `linear_end`: units of the last layer are its sums. */
int chain_init(struct chain *c, const char *prefix, int n, const int *dims, bool linear_end,
               const struct model *m, struct error *err);
void chain_draw(struct chain *c, const struct init_spec *init, int tensor); /* 2 n tensors; sets the fans */
void chain_list(struct chain *c, struct param_list *l);
void chain_fini(struct chain *c);

/* Before the first step, and whenever weights have been written by others. A barrier must follow. */
void chain_begin(struct worker *w, struct chain *c);
/* Rows [first, end) from h[0] to h[n]; `training`: in training's precision. */
void chain_forward(struct worker *w, struct chain *c, int64_t first, int64_t end, bool training);
/* Rows [first, end) from d[n] to d[0]; d[l] then holds the gradient before the activation for l > 0, with
 * respect to h[0] for l = 0. Weights are only read. */
void chain_backward(struct worker *w, struct chain *c, int64_t first, int64_t end);
/* Entered by every worker, after h and d of all rows are complete. Stores squares of all gradients in
 * c->squares; chain_squared_norm sums them after a barrier. */
void chain_measure(struct worker *w, struct chain *c, int64_t rows);
double chain_squared_norm(const struct chain *c);
/* Gradients times `scale`, and Adam; entered as chain_measure is. */
void chain_update(struct worker *w, struct chain *c, int64_t rows, const struct adam_step *weight,
                  const struct adam_step *bias, float scale);
