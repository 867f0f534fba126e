/* item_weights.h - the linear item-to-item model: scores = x B, B (items, items) with a diagonal of 0.
 *
 * EASE (Steck: "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) and EDLAE (Steck:
 * "Autoencoders that don't overfit towards the Identity", NeurIPS 2020) in closed form:
 *
 *     P = (X^T X + l2 I + p / (1 - p) diag(X^T X))^-1        p: share of the input dropped; EASE: 0
 *     B = I - P diag(1 / P)                                  b_ij = -p_ij / p_jj
 *
 * X has ones. Everything is computed in float64, over users where they are few (item_solver.c).
 *
 * B is a table with a row for each input item, cut into shards for first touch only: a worker that scores a
 * shard of items reads its columns of all rows. With items_most only the most popular items are in
 * B; `items` names them, and all others score 0. One process has all of B: several ranks are refused. */
#pragma once

#include "model/model.h"

struct item_weights {
    struct table b;      /* (n, n) */
    struct vector items; /* (n) columns of the example matrix, ascending; n 0: all of them */
    int64_t n;           /* items in B */
    int32_t *column;     /* (n) owned: `items` as numbers; NULL: all of them */
    int32_t *row;        /* (columns) owned: a column's row of B, -1: none; NULL: its own number */
    struct shard *cut;   /* (shards) owned, of B's rows; NULL: the example matrix's */
    const struct input *in;
    const struct model *model;
};

/* For the model's training matrix; most 0: all items. PT_ENOMEM; PT_EUSAGE with several ranks. */
int item_weights_init(struct item_weights *w, struct model *m, int64_t most, struct error *err);
void item_weights_fini(struct item_weights *w);
void item_weights_list(const struct item_weights *w, struct param_list *l);
/* Stores the most popular columns of the training part in `items`; at equal counts the lower column wins.
 * `pairs` (columns, 2): scratch. Only if not all items are kept. */
void item_weights_choose(struct item_weights *w, int64_t *pairs);

/* The number of items in B; of a solver for them the bytes, and the operations in float64. */
int64_t item_weights_kept(int64_t columns, int64_t most);
int64_t item_solver_bytes(const struct matrix *x, int64_t kept, int workers);
int64_t item_counts_bytes(const struct matrix *x, int64_t kept);
double item_solver_work(int64_t users, int64_t entries, int64_t kept);
/* Whether it inverts a matrix of users, not of items. */
bool item_solver_by_users(const struct matrix *x, int64_t kept);

/* X^T X, in whole numbers, of the last solver that had this in its model's spec: a search over penalties
 * counts once. All zero: none yet. One solver at a time uses it. */
struct item_counts {
    uint32_t *count; /* owned: the lower triangle of tiles, as in math/spd.h; NULL: none */
    char hash[33];   /* of the entries of X that were counted; "": none were */
};
void item_counts_fini(struct item_counts *c);

/* Memory for item_weights_solve. PT_ENOMEM. */
struct item_solver;
int item_solver_new(struct item_solver **out, struct item_weights *w, struct error *err);
void item_solver_free(struct item_solver *s);
SCOPED(item_solver_free, struct item_solver)
/* Computes B from the training matrix. Serial: it runs the team. Returns the mean over examples of the
 * training loss |x - x B|^2 with its penalty; NaN: l2 is too small for float64. */
double item_weights_solve(struct item_solver *s, double l2, double dropout);

/* Row `row` of B. */
float *item_weights_row(const struct item_weights *w, int64_t row);

/* Sets the histories to score. Entered by every worker, between two barriers. The caller has built the views
 * of `in`, one for each shard. */
void item_weights_infer(struct worker *worker, struct item_weights *w, const struct input *in);
/* out (rows, ld) += factor * scores of the shard's columns. */
void item_weights_add(const struct item_weights *w, int shard, int64_t rows, float factor, float *out,
                      int64_t ld);

/* ---- a companion: a multiple of the scores of an EASE is added to those of another model ---- */

/* In training its parameters join the model's list when they are solved, so epochs do not save them. In a
 * fixed model they are always in the list. */
struct companion {
    struct item_weights weights;
    struct vector scale; /* (1) the multiple */
    bool listed;
};

int companion_init(struct companion *c, struct model *m, struct error *err);
void companion_fini(struct companion *c);
/* Appends the parameters to the model's list, or removes them. */
void companion_list(struct companion *c, struct model *m, bool listed);
/* Computes B by item_weights_solve, in temporary memory. PT_ENOMEM, PT_EUSAGE; PT_EDIVERGED if
 * l2 is too small for float64. */
int companion_solve(struct companion *c, double l2, double dropout, struct error *err);
