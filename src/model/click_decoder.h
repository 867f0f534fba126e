/* click_decoder.h - the last layer of Multi-VAE and Mult-DAE: a multinomial over all columns (Liang,
 * Krishnan, Hoffman, Jebara: "Variational Autoencoders for Collaborative Filtering", WWW 2018, section
 * 2.1).
 *
 *   l = h W^T + b                         logits (B, columns), W (columns, K), b (columns)
 *   loss = 1/B sum_p [ n_p log sum_c exp(l_pc) - sum_c x_pc l_pc ]        n_p = sum_c x_pc
 *   dloss / dl_pc = 1/B [ n_p softmax(l_p)_c - x_pc ]
 *
 * Every column has a logit, so a shard's logits are a dense block: a GEMM. Shards exchange two numbers per
 * example, the maximum logit and the sum of exponentials, combined in the order of shards. A shard stores
 * exp(l - its own maximum) in place of the logits, so each exponential is computed once.
 *
 * With microbatches (blocks of the minibatch's rows, fixed by train.microbatch) the logits of one block
 * exist at a time; the gradient of W is then stored for all columns and summed over the blocks.
 *
 * In precision bf16 the three products read h, W and the errors rounded (bf16_matrix.h); logits, their
 * exponentials, errors, the gradient of W and its moments stay floats. */
#pragma once

#include "model/bf16_matrix.h"
#include "model/model.h"
#include "par/reduce.h"

#define SOFTMAX_ROWS 48 /* of W, whose gradient stays in cache until Adam has read it: whole panels of bf16 */

#define CLICK_PANELS 4 /* of W or W^T that are rounded at a time, at most */

struct click_decoder_shard {
    int64_t ld;       /* of a block's row: width, padded */
    float *block;     /* (block rows, ld): logits, then exponentials, then errors */
    double *hit;      /* (block rows) sum of x l; this and the next three lie in click_decoder.stats */
    double *mass;     /* (block rows) sum of x; then exp(max - the row's maximum) */
    float *max, *sum; /* (block rows) of each row's exponentials */
    float *gradient;  /* (width, K ld), where gradients are kept */
    float *gb;        /* (ld): gradient of b */
};

/* In precision bf16: h of a block, and of each worker what it reads of the shard at hand. */
struct click_decoder_rounded {
    uint32_t *h, *h_down;
    uint32_t *e, *e_down; /* (workers, words): errors */
    uint32_t *w; /* (workers, panel_words): panels of W or W^T, which a product reads while in cache */
    float **row; /* (workers): two rows of errors before they are rounded */
    int64_t words, panel_words;
};

struct click_decoder {
    struct table w;
    struct reduce *reduce;             /* owned */
    struct mem_pool pool;              /* the arrays below and of the shards */
    struct click_decoder_shard *shard; /* (shards); of other ranks' shards the statistics only */
    char *stats;                       /* (shards, stats_bytes): what shards exchange */
    int64_t stats_bytes;
    double *norm;     /* (shards): squared norms of gradients, for clipping */
    int64_t block;    /* rows of a block */
    float **scale;    /* (shards): (block rows) each: from exponentials to n_p softmax / B */
    double *row_loss; /* (rows) */
    float **gradient; /* (workers): of some rows of W */
    struct click_decoder_rounded rounded;
    bool frozen; /* W and b are not trained now */
    bool keep;   /* a gradient for each shard (microbatches or clipping) */
    const struct model *model;
};

int click_decoder_init(struct click_decoder *d, struct model *m, int k, struct error *err);
void click_decoder_fini(struct click_decoder *d);

/* From codes h (B, ld) to dh (B, ld; NULL: not wanted); at the end the worker's own slice of the rows of dh
 * is complete. Updates W and b at once, unless frozen; with `measure` it computes only their squared norms.
 * Begins with a barrier. */
void click_decoder_step(struct worker *w, struct click_decoder *d, const struct view *views,
                        const struct batch *b, const float *h, float *dh, bool measure);
/* Every worker, after click_decoder_step with `measure`: ranks exchange the norms of their shards. */
void click_decoder_share_norms(struct worker *w, struct click_decoder *d);
void click_decoder_update(struct worker *w, struct click_decoder *d, const struct batch *b, float clip);
double click_decoder_squared_norm(const struct click_decoder *d);
/* Mean over the minibatch of the rows' losses; worker 0, after a barrier. */
double click_decoder_loss(const struct click_decoder *d, const struct batch *b);

/* Logits of a shard's columns: out (rows, ld). */
void click_decoder_score(struct click_decoder *d, int shard, const float *h, int64_t rows, float *out,
                         int64_t ld);
