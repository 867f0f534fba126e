/* mf.h - shared by the files of matrix factorisation: the two tables, and each worker's part of a
 * minibatch. mf.c: equations and steps; mf_rows.c: finding and exchanging rows; mf_init.c: memory and
 * initial weights. */
#pragma once

#include "base/mem.h"
#include "model/model.h"

/* One table and the gradients of a minibatch for it. */
struct side {
    struct table t;
    const int32_t *row_of; /* (ratings) borrowed: the row of each training rating */
    float *copy;           /* (B, ld) in mf.copies: the minibatch's rows; with several ranks only */
    float *bias_copy;      /* (B) likewise */
    float *gradient;       /* (B, ld): by the first batch position of a row */
    double *squares;       /* (B): of the gradients, for clipping */
    int32_t *first;        /* (rows): first batch position of a row; -1 between steps */
    float **gb;            /* (shards): gradient of a shard's biases; zero between steps */
    struct shard *cut;     /* (shards); users only */
};

/* Where a row is. */
struct row {
    int32_t shard;
    int32_t owned; /* 1: by the calling worker */
    int64_t local; /* number in the shard */
};

/* A worker's own part of a minibatch, on one side. */
struct owned_side {
    struct row *row; /* (B): of every rating with an own row on either side */
    int32_t *list;   /* (n) batch positions of own rows, ascending */
    int64_t n;
    float *other; /* (B, ld) at those positions: the row on the other side */
};

struct owned {
    struct owned_side user, item;
    float *error; /* (B) at the positions of both lists: dloss / ds before the loss's scale */
};

struct mf {
    struct model model; /* first: a model is an mf */
    struct side user, item;
    struct mem_pool pool;    /* all arrays here and in the sides */
    struct owned *owned;     /* (workers) */
    float *copies;           /* (2 B (ld + 1)), with several ranks */
    float *square;           /* (B, 16): squared error, each in a cache line of its own */
    float *code, *code_bias; /* (eval rows, ld), (eval rows) behind it: rows of the inferred users */
    bool sweep;
};

static inline struct mf *mf_of(struct model *m)
{
    return (struct mf *)m;
}

/* Own shards of a side: [first, end). */
void mf_own_range(const struct worker *w, const struct side *s, int *first, int *end);
struct row mf_row_find(const struct table *t, int64_t row, bool owned);
/* A row and its bias (0 where the table has none); NULL where another rank has it. */
const float *mf_row_at(const struct table *t, const struct row *at, const float **bias);
const float *mf_row(const struct table *t, int64_t row, const float **bias);
/* Puts a row and its bias at `to`: zeros where another rank has it. */
void mf_copy_row(const struct table *t, int64_t row, float *to, float *bias_to);
/* Fills in the worker's part of the minibatch: lists and places; the rows are asked for. */
void mf_find(struct worker *w, struct mf *a, const struct batch *b);
/* Several ranks; entered by every worker: all rows of the minibatch into the sides' copies. */
void mf_join_rows(struct worker *w, struct mf *a, const struct batch *b);
/* Entered by every worker: words that each rank has set where it has something, and left zero elsewhere, for
 * all ranks. */
void mf_join(struct worker *w, void *words, int64_t n);

/* The tables of a model whose users are cut into `shards`, and room for the users that are scored. */
int mf_tables_init(struct mf *a, int shards, double row_cost, enum moments moments, struct error *err);
int mf_init(struct model *m, struct error *err);
/* Scoring (model.h). */
void mf_infer(struct worker *w, struct model *m, const struct input *in);
void mf_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld);
bool mf_product(struct model *m, int shard, struct score_product *out);
void mf_score_cells(struct worker *w, struct model *m, int shard, const struct view *cells, float *out);
void mf_draw(struct model *m);
void mf_fini(struct model *m);
