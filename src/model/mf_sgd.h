/* mf_sgd.h - matrix factorisation by stochastic gradient descent on blocks of ratings (Gemulla et al.:
 * "Large-Scale Matrix Factorization with Distributed Stochastic Gradient Descent", 2011).
 *
 *              items  0   1   2   3
 *     users 0         a   b   c   d     Users and items are cut into P shards each, even in ratings. Block
 *           1         d   a   b   c     (i, j) has the ratings of user shard i and item shard j, in a fixed
 *           2         c   d   a   b     shuffled order. A step of training is a round: round d works on the
 *           3         b   c   d   a     P blocks (i, i + d mod P), which share no row, so workers take them
 *                                       in any order, to the same bits. An epoch has P rounds.
 *
 * The step size of a row is lr / sqrt(1 + the mean squares of its gradients so far) (AdaGrad), of a bias
 * likewise. The penalty of a row is train.penalty * sqrt(mean number of ratings of its side's rows / its
 * own): a compromise between a penalty that grows with a row's ratings and one that does not.
 * Biases begin at two shrunken means and are pulled towards them. Users' factors begin at 0, so the initial
 * model predicts the two means alone. Of several ranks each works on its own user shards, with item shards
 * that go round the ranks; all have all ratings. mf_sgd.c trains, mf_ring.c moves the item shards,
 * mf_blocks.c makes the blocks, mf_means.c the means. */
#pragma once

#include "model/mf.h"

#include <stdatomic.h>

/* What a side has besides its table. */
struct sgd_side {
    const struct table *t;
    float *mean, *penalty; /* (rows) owned */
    const int64_t *count;  /* (rows): ratings of each */
};

struct mf_sgd {
    struct mf mf;              /* first: a model is an mf */
    int p;                     /* shards of each side */
    struct sgd_rating *rating; /* (ratings) owned: block by block */
    int64_t *start;            /* (P^2 + 1) owned: block (i, j) is [start[i P + j], start[i P + j + 1]) */
    int shift;                 /* of the user in sgd_rating.at */
    struct sgd_side user, item;
    double *square;       /* (P^2) owned: squared errors of the blocks' last steps */
    double *sum;          /* (users + items) owned: for the means */
    double (*partial)[4]; /* (P) owned: likewise, a shard's */
    int first, end;       /* user shards of this rank */
    float **slot; /* several ranks: (P) owned: the item shard that the user shard works with (mf_ring.c) */
    float *spare; /* likewise: room for another one */
    _Atomic int64_t taken; /* blocks that workers have taken in this run of the team */
};

static inline struct mf_sgd *mf_sgd_of(struct model *m)
{
    return (struct mf_sgd *)m;
}

/* Fills in rating, start and shift. PT_ENOMEM; PT_ECONFIG where a block has too many rows. */
int mf_blocks_init(struct mf_sgd *s, struct error *err);

/* What a block needs of a shard of either table. */
struct sgd_rows mf_sgd_rows(const struct sgd_side *side, int shard);

/* Item shards on several ranks. Serial, or by worker 0 between two barriers; entered by all ranks; with one
 * rank nothing happens. */
int mf_ring_init(struct mf_sgd *s, struct error *err);
/* From home to where round `round` needs them, or back home. */
void mf_ring_move(struct mf_sgd *s, int64_t round, bool home);
/* From where a round needs them to where the next one does. */
void mf_ring_turn(struct mf_sgd *s);
/* Item shard `shard`, which user shard `slot` works with. */
struct sgd_rows mf_ring_items(const struct mf_sgd *s, int slot, int shard);

/* Both tables' biases and the means themselves:
 *     b_i = m + sum(r - m - b_u) / (n_i + l_i)      b_u = sum(r - b_i) / (n_u + l_u)      ten rounds in turn
 * with m the mean, and l = variance of a rating / variance of the side's biases, estimated on the way. With
 * an output range r is the score that would give the rating. */
void mf_two_means(struct mf_sgd *s);
