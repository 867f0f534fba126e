/* scoring.h - scores histories with a trained model, minibatch by minibatch, as in evaluation (eval.h): codes
 * by the tree over shards, then scores shard by shard. rank.c and rank_users.c use the scores. */
#pragma once

#include "base/mem.h"
#include "batch/batch.h"
#include "serve/histories.h"
#include "serve/trained.h"

struct lists;
struct scoring {
    const struct trained *trained; /* borrowed */
    struct mem_pool scores;        /* of `score` */
    float **score;                 /* (workers): (batch, widest shard padded) */
    struct lists *lists;           /* borrowed: the work ranks columns with it; NULL: it does not */
    /* of the current call */
    const struct histories *histories; /* borrowed */
    struct matrix *in, *seen;          /* owned; seen: HISTORY_SEEN entries; NULL: none */
    struct view *in_view, *seen_view;  /* (shards) owned: of the current minibatch */
    struct mem_pool pool;              /* of the next three */
    int32_t *example;                  /* (entries): the example of each */
    int64_t *number, *model_row;       /* (n): 0, 1, 2, ...; the model's row of each */
    int64_t begin, rows;               /* the current minibatch: examples [begin, begin + rows) */
    struct input input;
    const struct scoring_work *work;
    void *arg;
};

/* Called by every worker. */
struct scoring_work {
    /* Scores (rows, row_pad(width)) of one of the worker's own shards, which may be overwritten. */
    void (*shard)(struct worker *w, void *arg, int s, float *score);
    void (*example)(struct worker *w, void *arg,
                    int64_t p); /* p of the minibatch, after all shards; or NULL */
};

/* False: no memory. scoring_fini is allowed after a failure, and on a zeroed struct. */
bool scoring_init(struct scoring *s, const struct trained *trained);
void scoring_fini(struct scoring *s);

/* Scores all of `h`. Serial; PT_ENOMEM. */
int scoring_run(struct scoring *s, const struct histories *h, const struct scoring_work *work, void *arg,
                struct error *err);
/* Sets `row`, the shard's scores of the minibatch's example p, to -INFINITY at the columns of its history. */
void scoring_hide_known(const struct scoring *s, int shard, int64_t p, float *row);
