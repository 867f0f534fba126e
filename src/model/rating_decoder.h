/* rating_decoder.h - the last layer of AutoRec: outputs, errors and gradients for observed cells only.
 *
 *   out_pc = f(h_p . W_c + b_c)              for the cells (p, c) of the minibatch
 *   e_pc   = dLoss / d(h_p . W_c + b_c)      h (B, K), W (columns, K), b (columns)
 *
 * A shard copies its rows of W. Then for each column it computes the scores (the row against the codes of the
 * examples that have the column), the gradient and Adam of the row. Then it computes its part of dh by
 * example, from the copied rows. No users x items array and no gradient matrix exists. */
#pragma once

#include "base/mem.h"
#include "model/model.h"
#include "par/reduce.h"

struct rating_decoder_shard {
    float *e;        /* (entries): errors in the view's order by column */
    float *e_by_row; /* (entries): the same by example */
    float *gb;       /* (width padded): gradient of b */
};

/* What shards exchange. */
struct rating_decoder_sums {
    double square, loss; /* sums of squared errors, and of the loss's own terms */
    double norm;         /* squared norm of the gradients, for clipping */
};

struct rating_decoder {
    struct table w;
    enum activation act;
    enum rating_loss loss;
    struct mem_pool pool;               /* the arrays below */
    struct rating_decoder_shard *shard; /* (shards) */
    struct rating_decoder_sums *sums;   /* (shards) */
    float *cell_weight;    /* (rows): LOSS_ROW_MEAN: 1 / (examples with cells x cells of the example) */
    float **old;           /* (workers): (widest shard, ld), rows of W before their update */
    float **row;           /* (workers): (ld), a gradient row */
    struct reduce *reduce; /* borrowed or owned */
    bool owns_reduce;
    const struct model *model;
};

/* `reduce`: one to share, with the same ld; NULL: a new one. views: the encoder's, one a shard. */
int rating_decoder_init(struct rating_decoder *d, struct model *m, int k, struct reduce *reduce,
                        const struct view *views, struct error *err);
void rating_decoder_fini(struct rating_decoder *d);

/* Outputs and errors of a shard before the scale of the loss, with their sums. Only LOSS_ROOT needs this
 * separate pass, because its scale depends on the errors of all shards. */
void rating_decoder_scores(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                           const struct batch *b, const float *h);
/* The factor of errors for the loss. For LOSS_ROOT it reads all shards' sums: call it after a barrier and
 * rating_decoder_share. */
float rating_decoder_scale(const struct rating_decoder *d, const struct batch *b);
/* Errors (unless `scored` before) times scale; the shard's part of dh; gradient and Adam of W and b at once,
 * or, where `measure`, only their norm. */
void rating_decoder_apply(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                          const struct batch *b, const float *h, float scale, bool scored, bool measure);
/* After rating_decoder_apply with `measure`: gradients again, times `clip`, and Adam. */
void rating_decoder_update(struct worker *w, struct rating_decoder *d, int shard, const struct view *v,
                           const struct batch *b, const float *h, float clip);
double rating_decoder_squared_norm(const struct rating_decoder *d);
/* Sums dh over the shards into dh (rows, ld), the worker's own slice of the rows. Barrier at the start. */
void rating_decoder_finish(struct worker *w, struct rating_decoder *d, int64_t rows, float *dh);
/* Every worker, after rating_decoder_scores or rating_decoder_apply: ranks exchange the sums of their
 * shards. */
void rating_decoder_share(struct worker *w, struct rating_decoder *d);
/* The minibatch's loss; worker 0, after a barrier and rating_decoder_share. */
double rating_decoder_loss(const struct rating_decoder *d, const struct batch *b, double *squares);

/* Cell weights of the worker's own slice of the rows. Scores and apply read those of all rows: a barrier must
 * come between. */
void rating_decoder_prepare(struct worker *w, struct rating_decoder *d, const struct batch *b);

/* Prediction: all columns of a shard, or the cells of a view. */
void rating_decoder_score_all(struct rating_decoder *d, int shard, const float *h, int64_t rows, float *out,
                              int64_t ld);
void rating_decoder_score_cells(struct rating_decoder *d, int shard, const float *h, const struct view *cells,
                                float *out);
