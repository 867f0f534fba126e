/* evaluator.h - shared by the files of the evaluation: evaluate.c (blocks of examples, figures),
 * eval_rank.c (the best columns), eval_make.c (memory and settings). */
#pragma once

#include "base/mem.h"
#include "batch/batch.h"
#include "eval/eval.h"
#include "eval/lists.h"

/* Sums of one shard for the examples of a block, which shards exchange. All in evaluator.statistics. */
struct shard_sums {
    double *square, *absolute; /* (batch): errors of held-out ratings */
    double *plain;             /* (batch): squared, before clipping and replacement of cold ones */
    double *hit;               /* (batch): sum of held-out values times logits */
    double *cells, *relevant;  /* (batch): held-out ratings; the relevant ones among them */
    float *max, *sum;          /* (batch): of the exponentials of logits */
};

/* One of the best columns of an example, as ranks exchange them; column -1: no more. */
struct candidate {
    float score;
    int32_t column, held_out;
};

struct evaluator {
    struct eval_spec spec;
    const struct eval_part *part;
    struct model *model;
    const struct problem *problem;
    bool ranking, coverage, ratings, loss; /* kinds of metrics to compute; coverage: ranking too */
    int64_t n;                             /* examples with held-out ratings */
    struct view *in, *out, *seen;          /* (shards) owned; seen NULL: none */
    struct mem_pool pool;                  /* the arrays below */
    int64_t *example;                      /* (n): ascending */
    double *value[METRICS_MOST];           /* (n): figures by example */
    double *weight;                        /* (n): held-out ratings of each */
    double *of_column; /* (columns, 3), examples that are items: a user's squared errors, absolute errors,
                                    ratings. Written by the column's worker */
    struct shard_sums *sums; /* (shards) */
    char *statistics;        /* (shards, statistics_bytes) */
    int64_t statistics_bytes;
    struct candidate *candidate; /* (ranks, batch, k); NULL: one rank */
    float **score;               /* (workers): (batch, widest shard padded) or cells */
    struct lists lists;          /* k: the largest cut-off; 0: no rankings */
    bool *hit;                   /* (workers x k) */
    uint8_t *covered;            /* (workers x metrics x columns); NULL: no coverage */
    struct input block;          /* the current one */
    int64_t begin;               /* of the block, in example[] */
};

/* ---- eval_rank.c: the ranking of a block. Every worker enters; nothing fails. ---- */

/* Scores of a shard's columns for the block: logit sums for the loss, then the best of the columns that may
 * be recommended. */
void eval_rank_shard(struct worker *w, struct evaluator *e, int s);
/* With several ranks: each rank gets the best columns of all ranks. [from, to): the worker's own examples of
 * the block. Enters barriers. */
void eval_rank_share(struct worker *w, struct evaluator *e, int64_t from, int64_t to);
/* The block's example p, once its shards are done: all workers' best columns, and its figures. */
void eval_rank_example(struct worker *w, struct evaluator *e, int64_t p);
