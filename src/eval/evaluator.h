/* evaluator.h - what the files of the evaluation share: evaluate.c (its way through a part), eval_rank.c (the
 * best columns), eval_figures.c (from sums to figures), eval_make.c (memory and settings). */
#ifndef EVAL_EVALUATOR_H
#define EVAL_EVALUATOR_H

#include "batch/view.h"
#include "eval/eval.h"
#include "eval/topk.h"

/* Sums of one shard for the examples of a block: what the shards tell each other. All in evaluator.told. */
struct shard_sums {
    double *square, *absolute; /* (batch): errors of held-out ratings */
    double *plain;             /* (batch): squared, before clipping and without regard to what is cold */
    double *hit;               /* (batch): sum of held-out values times logits */
    double *cells, *relevant;  /* (batch): held-out ratings, and how many of them are relevant */
    float *max, *sum;          /* (batch): of the exponentials of logits */
};

/* One of the best columns of an example, as ranks tell each other; column -1: there are no more. */
struct candidate {
    float score;
    int32_t column, held_out;
};

struct evaluator {
    struct eval_spec spec;
    const struct judged *part;
    struct model *model;
    const struct problem *problem;
    bool ranking, coverage, ratings, loss; /* what is asked for; coverage: ranking too */
    int k;                                 /* largest cut-off */
    int64_t n;                             /* judged examples */
    int64_t *example;                      /* (n) owned: those with held-out ratings, ascending */
    double *value[METRICS_MOST];           /* (n) owned: figures by example */
    double *weight;                        /* (n) owned: held-out ratings of each */
    double *of_column; /* (columns, 3) owned, examples that are items: a user's squared errors, absolute
                          errors, ratings. Written by the column's worker */
    struct view *in, *out, *seen; /* (shards) owned; seen NULL where there is none */
    struct shard_sums *sums;      /* (shards) owned */
    char *statistics;             /* (shards, statistics_bytes) owned */
    int64_t statistics_bytes;
    struct candidate *candidate; /* (ranks, batch, k) owned; NULL where there is one rank */
    float **score;               /* (workers) owned: (batch, widest shard padded) or cells */
    struct topk *best;           /* (workers x batch) owned */
    struct scored *room;         /* (workers x batch x capacity) owned */
    bool *hit;                   /* (workers x k) owned */
    int32_t *cold;               /* owned: columns that are never recommended, numbered in their shard */
    int64_t *cold_start;         /* (shards + 1) owned: where a shard's begin */
    uint8_t *covered;            /* (workers x metrics x columns) owned; NULL: no coverage is asked for */
    struct input block;          /* at hand */
    int64_t begin;               /* of the block, in example[] */
};

/* ---- eval_rank.c: the ranking of a block. Every worker enters; nothing fails. ---- */

/* Room for the best of each of the block's examples, empty. */
void eval_rank_begin(struct worker *w, struct evaluator *e);
/* Scores of a shard's columns for the block: logit sums for the loss, then the best of what may be
 * recommended. */
void eval_rank_shard(struct worker *w, struct evaluator *e, int s);
/* After it, with several ranks, all know the best columns of each of them. [from, to): the worker's own of
 * the block's examples. Enters barriers. */
void eval_rank_share(struct worker *w, struct evaluator *e, int64_t from, int64_t to);
/* The block's example p, once its shards are done: all workers' best columns, and its figures. */
void eval_rank_example(struct worker *w, struct evaluator *e, int64_t p);

/* ---- eval_figures.c ---- */

/* Figure i of the whole part, from what its examples have. Serial. */
double eval_figure(const struct evaluator *e, int i);

#endif
