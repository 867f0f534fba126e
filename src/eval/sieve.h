/* sieve.h - the k best columns of examples whose scores are products (model.h: struct score_product), found
 * with products in bf16, which cost half of those in float. The result is that of float, bit for bit:
 *
 *     rough    s' = a'.b' + bias, of operands rounded to bf16; |s - s'| <= bound for all columns of a worker
 *     keep     a column whose s' is within two bounds of the k-th best s' so far; what is further below has
 *              k columns above it, whatever rounding did to them
 *     exact    s of the columns that are left, by the same sums as the model's score; the best are ranked
 *
 * The bound, for a code a, weights b and their rounded forms a', b', of the lengths that they really have:
 *
 *     |a.b - a'.b'| = |(a - a').b + a'.(b - b')| <= |a - a'| |b| + |a'| |b - b'|           Cauchy, Schwarz
 *     a sum of K products, each fused: off by at most K u / (1 - K u) |a| |b|, u = 2^-24       in any order
 *     the sums with biases round off u times what they sum; what is flushed to zero is below 2^-126 each
 *
 * with the largest |b|, |b - b'| and |bias| of the worker's columns. Codes or weights that are not finite, or
 * so large that a sum could overflow, have no bound: such an example is scored in float.
 *
 * A team's workers enter together; nothing allocates or fails in a run. */
#pragma once

#include "eval/topk.h"
#include "model/model.h"

#include "base/mem.h"

struct sieve_shard {
    uint32_t *panel;           /* (width / 16, ld / 2, 16), weights rounded; NULL: another rank's */
    double length, rest, bias; /* the largest |b|, |b - b'|, |bias| */
};

/* What a worker has kept of an example. */
struct sieve_list {
    struct scored *kept; /* (capacity): s' by column of the model */
    int n;
    float bar;    /* an s' below it cannot be among the k best */
    double bound; /* of |s - s'|; INFINITY: none, the scores offered are exact */
};

struct sieve {
    struct model *model;
    int k, capacity;
    int64_t ld, batch;
    struct mem_pool pool;      /* the arrays below */
    struct sieve_shard *shard; /* (shards) */
    uint32_t *code;            /* (batch, ld / 2): codes of the block, rounded */
    double *length, *rest;     /* (batch): |a|, |a - a'| */
    struct sieve_list *list;   /* (workers x batch) */
    struct scored *room;       /* (workers x batch x capacity), and a list more for each worker */
    float **row;               /* (workers): (ld) */
    uint32_t *words;           /* (workers, ld / 2) */
    int64_t *scored; /* (workers, ROW_ALIGN): columns scored exactly, so far, in the first of each */
};

/* The largest k for which a sieve is faster than plain scores. */
int sieve_most(int64_t columns);
/* Whether one is: the processor has the instructions, the model's scores are products, k is small beside the
 * columns, and there are examples enough to round the weights for. */
bool sieve_pays(struct model *m, int k, int64_t examples);
/* For blocks of at most `batch` examples. Bytes that it takes: sieve_bytes. PT_ENOMEM. */
int sieve_new(struct sieve **out, struct model *m, int k, int64_t batch, struct error *err);
void sieve_free(struct sieve *s); /* NULL is allowed */
SCOPED(sieve_free, struct sieve)
int64_t sieve_bytes(int64_t columns, int64_t ld, int64_t batch, int workers, int k);

/* Rounds the weights of own shards; again when weights have changed. */
void sieve_round_weights(struct worker *w, void *sieve);
/* After a block's ops->infer. Ends with a barrier. */
void sieve_begin(struct worker *w, struct sieve *s, int64_t rows);
/* In place of ops->score. A caller may set scores to -INFINITY: those columns are passed over. */
void sieve_score(struct worker *w, struct sieve *s, int shard, int64_t rows, float *out, int64_t ld);
/* Offers example p's row of an own shard. best: the worker's, which may get scores at any time. */
void sieve_offer(struct worker *w, struct sieve *s, int shard, int64_t p, const float *row,
                 struct topk *best);
/* After own shards: what is left of example p goes into best. */
void sieve_finish(struct worker *w, struct sieve *s, int64_t p, struct topk *best);
