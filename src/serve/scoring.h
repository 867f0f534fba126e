/* scoring.h - histories through a trained model, minibatch by minibatch, as in evaluation (eval.h): codes
 * by the tree over shards, then scores shard by shard. rank.c and rank_users.c say what is done with the
 * scores. */
#ifndef SERVE_SCORING_H
#define SERVE_SCORING_H

#include "batch/view.h"
#include "serve/histories.h"
#include "serve/trained.h"

struct scoring {
    const struct trained *trained; /* borrowed */
    float **score;                 /* (workers) owned: (batch, widest shard padded); ends with NULL */
    /* of the call at hand */
    const struct histories *histories; /* borrowed */
    struct matrix *in, *seen;          /* owned; seen: known, but no input; NULL where there is nothing */
    struct view *in_view, *seen_view;  /* (shards) owned: of the minibatch at hand */
    int32_t *example;                  /* (entries) owned: the example of each */
    int64_t *number, *model_row;       /* (n) owned: 0, 1, 2, ...; the row that the model is asked for */
    int64_t begin, rows;               /* the minibatch at hand: examples [begin, begin + rows) */
    struct input input;
    const struct scoring_work *work;
    void *arg;
};

/* Called by every worker. */
struct scoring_work {
    void (*begin)(struct worker *w, void *arg); /* before a minibatch's scores; may be NULL */
    /* Scores (rows, row_pad(width)) of one of the worker's own shards, which may be overwritten. */
    void (*shard)(struct worker *w, void *arg, int s, float *score);
    void (*example)(struct worker *w, void *arg,
                    int64_t p); /* p of the minibatch, after all shards; or NULL */
};

/* false: no memory. scoring_fini takes zeroes and half of it too. */
bool scoring_init(struct scoring *s, const struct trained *trained);
void scoring_fini(struct scoring *s);

/* All of `h` through the model. Serial; PT_ENOMEM. */
int scoring_run(struct scoring *s, const struct histories *h, const struct scoring_work *work, void *arg,
                struct error *err);
/* -INFINITY in `row`, the minibatch's p-th of the shard, where the example's history has entries. */
void scoring_hide_known(const struct scoring *s, int shard, int64_t p, float *row);

#endif
