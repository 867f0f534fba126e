/* lists.h - the best columns of the examples of a block, for evaluation and for recommending: each worker
 * ranks the columns of its own shards, then the workers' lists are merged. Scores are those of the model or,
 * where that pays, of a sieve.
 *
 * Calls of a block, in this order: lists_begin; for each own shard lists_score, and for each example what the
 * caller hides, then lists_offer; lists_end; a barrier; lists_merge. Nothing in them allocates or fails. */
#pragma once

#include "eval/sieve.h"
#include "setup/problem.h"

struct lists {
    struct model *model;
    const struct problem *problem;
    int k; /* at most the columns */
    int64_t batch;
    struct topk *best;     /* (workers x batch) */
    struct scored *room;   /* (workers x batch x capacity) */
    int32_t *hidden;       /* columns that are never listed, numbered in their shard */
    int64_t *first_hidden; /* (shards + 1): where a shard's begin */
    struct sieve *sieve;   /* owned; NULL: none was needed yet */
    bool sifted;           /* of the ranking at hand: scores are the sieve's */
};

/* Arrays in `pool`, whose `failed` is set without memory. Columns without training ratings are never listed,
 * nor are those with a 1 in `hidden` ((columns), borrowed for the call; NULL: none). */
void lists_init(struct lists *l, struct model *model, const struct problem *p, int k, int64_t batch,
                const uint8_t *hidden, struct mem_pool *pool);
void lists_fini(struct lists *l);
/* Before a ranking of so many examples: sets `sifted`, and makes the sieve where there is none; its owner
 * calls sieve_round_weights. PT_ENOMEM. */
int lists_need_sieve(struct lists *l, int64_t examples, struct error *err);

void lists_begin(struct worker *w, struct lists *l, int64_t rows);
/* Scores (rows, row_pad(width)) of an own shard. */
void lists_score(struct worker *w, struct lists *l, int s, int64_t rows, float *score);
/* Sets the scores of columns that are never listed to -INFINITY. */
void lists_hide(const struct lists *l, int s, float *row);
/* Sets those of the columns that row p of the view has to `hidden`. */
void lists_hide_known(float *row, const struct view *v, int64_t p, float hidden);
void lists_offer(struct worker *w, struct lists *l, int s, int64_t p, float *row);
void lists_end(struct worker *w, struct lists *l, int64_t rows);
/* All workers' best of example p, sorted, in l->best[p]; returns how many. */
int lists_merge(const struct worker *w, struct lists *l, int64_t p);
