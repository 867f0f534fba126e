/* rank_block.h - people (or items) as minibatches of an opened model: what rank.c and rank_users.c share. */
#ifndef SERVE_RANK_BLOCK_H
#define SERVE_RANK_BLOCK_H

#include "batch/view.h"
#include "serve/histories.h"

struct block {
    const struct trained *use;      /* borrowed */
    const struct histories *people; /* borrowed */
    int64_t n;                      /* examples in all */
    int64_t begin, rows;            /* the minibatch at hand: examples [begin, begin + rows) */
    struct matrix *in, *seen;       /* owned; seen: known, but no input; NULL where there is nothing */
    struct view *in_v, *seen_v;     /* (shards) owned: of the minibatch at hand */
    int32_t *example;               /* (entries) owned: the example of each */
    int64_t *number, *model_row;    /* (n) owned: 0, 1, 2, ...; the example that the model is asked for */
    struct input input;
};

/* Serial; block_fini takes zeroes too. */
int block_init(struct block *b, const struct trained *u, const struct histories *p, struct error *err);
void block_fini(struct block *b);

/* The minibatch from example `begin` on: its codes, and the views of own shards. Every worker together; the
 * last minibatch's scores must have been read. */
void block_infer(struct worker *w, struct block *b, int64_t begin);
/* Scores of shard s's columns for the minibatch: (rows, row_pad(width)) into `score`. */
void block_score(struct worker *w, struct block *b, int s, float *score);
/* -INFINITY in `row`, the minibatch's p-th of shard s, where the example's ratings are known. */
void block_hide_known(const struct block *b, int s, int64_t p, float *row);

/* Room for the scores of any shard's minibatch, for each worker; ends with NULL. block_scores_free takes NULL
 * and half of it. */
bool block_scores_init(float ***out, const struct trained *u);
void block_scores_free(float **score);

#endif
