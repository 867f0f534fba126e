/* param.h - parameters with their Adam moments, and the list of them for hashing, saving and loading.
 *
 *   struct table   a row for each column of the example matrix, cut into column shards: V, W, item factors.
 *                  Its bias vector, if it has one, has an element for each column.
 *   struct dense   a small layer between them, cut into tiles of output units: see dense.h.
 *   struct vector  a bias of K units that belongs to no shard.
 *
 * Memory of a shard is touched first by its owner. All values are float; moments m, v lie beside the
 * weights. The parameters of a fixed model are made with MOMENTS_NONE and take no steps. */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "math/adam.h"
#include "math/kernels.h"
#include "par/shard.h"
#include "par/team.h"

#include <stdbool.h>
#include <stdint.h>

/* The weights that have moments. */
enum moments { MOMENTS_NONE, MOMENTS_ALL, MOMENTS_OF_BIASES };

/* A weight and its two moments, each `n` floats; m and v are NULL in a fixed model. */
struct weights {
    float *w, *m, *v;
};

/* which: 0 weights, 1 m, 2 v; NULL: the model has none of these. */
static inline float *weights_pick(const struct weights *w, int which)
{
    return which == 0 ? w->w : which == 1 ? w->m : w->v;
}

struct table_part {
    struct weights row;  /* (width, ld): a worker's shards lie in one block */
    struct weights bias; /* (width padded) in the same block; NULL where the table has none */
    int32_t *at;         /* (width) steps of this epoch applied to each row; the rest are deferred */
};

struct table {
    const char *name; /* of the rows' tensor: "encoder.weight" */
    const char *bias_name;
    int64_t columns;
    int k;      /* length of a row */
    int64_t ld; /* padded */
    enum moments moments;
    int shards;
    const struct shard *cut; /* (shards) borrowed */
    struct table_part *part; /* (shards) */
    struct mem_pool pool;    /* of all the memory */
};

struct vector {
    const char *name;
    int n;
    int64_t ld;
    struct weights row; /* (ld) owned */
};

/* Initial weights. */
struct init_spec {
    enum init_kind kind;
    double std;      /* INIT_NORMAL */
    double bias_std; /* truncated normal; 0: zero (INIT_TORCH: uniform as the weights) */
    uint64_t seed;
    int64_t fan_in, fan_out;
};

int table_init(struct table *t, const char *name, const char *bias_name, int64_t columns, int k,
               enum moments moments, const struct shard *cut, int shards, struct team *team,
               struct error *err);
void table_fini(struct table *t);
/* Draws rows and biases. `tensor`: a number unique to each tensor of a model; the bias has tensor + 1. */
void table_draw(struct table *t, struct team *team, const struct init_spec *init, int tensor);

/* Brings row c of a shard (numbered in the shard) up to `steps` steps of this epoch: exact, deferred Adam. */
static inline void table_catch_up(const struct table *t, const struct kernels *kern,
                                  const struct adam_plan *plan, int shard, int64_t c, int64_t steps)
{
    struct table_part *p = &t->part[shard];
    int32_t at = p->at[c];

    if (at < steps) {
        kern->adam_idle(plan->weight + at, steps - at, p->row.w + c * t->ld, p->row.m + c * t->ld,
                        p->row.v + c * t->ld, t->ld);
        p->at[c] = (int32_t)steps;
    }
}

/* Prefetches row c with its moments: the hardware does not prefetch across pages. */
static inline void table_prefetch(const struct table *t, int shard, int64_t c)
{
    const struct weights *row = &t->part[shard].row;

    for (int64_t k = c * t->ld; k < (c + 1) * t->ld; k += ROW_ALIGN) {
        __builtin_prefetch(row->w + k, 1);
        __builtin_prefetch(row->m + k, 1);
        __builtin_prefetch(row->v + k, 1);
    }
}

/* One Adam step of row c with gradient g; `step` is its number in the epoch. */
static inline void table_update(const struct table *t, const struct kernels *kern,
                                const struct adam_plan *plan, int shard, int64_t c, int64_t step,
                                const float *g)
{
    struct table_part *p = &t->part[shard];

    kern->adam(plan->weight + step, p->row.w + c * t->ld, p->row.m + c * t->ld, p->row.v + c * t->ld, g,
               t->ld);
    p->at[c] = (int32_t)step + 1;
}

/* Applies step `step` to all rows of a shard that have not seen it; all rows have seen the steps before. */
void table_sweep(struct table *t, const struct kernels *kern, const struct adam_plan *plan, int shard,
                 int64_t step);

/* Brings all rows of a shard up to `steps` steps. */
void table_flush(struct table *t, const struct kernels *kern, const struct adam_plan *plan, int shard,
                 int64_t steps);
/* Marks all rows of a shard as having seen `step` steps; 0 at the start of an epoch. */
void table_set_step(struct table *t, int shard, int64_t step);

int vector_init(struct vector *v, const char *name, int n, bool moments, struct error *err);
void vector_draw(struct vector *v, const struct init_spec *init, int tensor);
void vector_fini(struct vector *v);

/* Draws `n` values of row `row` of tensor `tensor` by init; `bias`: by its settings for biases. */
void init_row(float *out, int64_t n, const struct init_spec *init, int tensor, int64_t row, bool bias);

/* ---- the list --------------------------------------------------------------------------------- */

/* `count` rows of `length` floats, `stride` apart; data NULL: another rank has them. */
struct span {
    float *data;
    int64_t count, length, stride;
};

/* A span with a row for each user or item: a vector's one row, seen as rows of one number. */
static inline struct span span_by_row(struct span s, bool vector)
{
    return vector ? (struct span){s.data, s.length, 1, 1} : s;
}

/* A tensor as a sequence of spans of consecutive rows, for saving, loading and hashing. */
struct param {
    const char *name;
    int64_t rows, cols; /* cols 0: a vector of `rows` */
    const void *owner;
    int64_t spans;
    int moments;  /* kept in training and saved in checkpoints: 0 none, 1 m (NAME.m), 2 m and v (NAME.v) */
    bool sharded; /* spans are shards: with several ranks one has its own run of them, data NULL in others */
    struct span (*span)(const void *owner, int64_t i, int which); /* which: as for weights_pick */
};

#define PARAMS_MOST 96
struct param_list {
    int n;
    struct ranks *ranks; /* borrowed; NULL: there is one */
    struct param param[PARAMS_MOST];
};

void params_add_table(struct param_list *l, const struct table *t); /* its bias too */
void params_add_vector(struct param_list *l, const struct vector *v);
void params_add(struct param_list *l, struct param p);
int64_t params_count(const struct param_list *l); /* numbers in all */
/* The tensor of that name; NULL: there is none. */
const struct param *params_find(const struct param_list *l, const char *name);

/* Span i of `p` on rank 0; the rank that has it sends it. On other ranks data is NULL. Entered by all ranks,
 * in the same order. `room`: from params_room, for data of other ranks. */
struct span params_span(const struct param_list *l, const struct param *p, int64_t i, int which, float *room);
/* Room for params_span, for mem_free; NULL: no memory. */
float *params_room(const struct param_list *l);
/* Bytes of the weights (not their moments) that this rank holds. */
int64_t params_held(const struct param_list *l);
/* Copies these weights to `kept`, which has params_held bytes; `back`: copies them back. */
void params_keep(const struct param_list *l, float *kept, bool back);

/* The hash of all parameters, the same on all ranks: XXH3-128 over the tensors in the order of the list,
 * row by row, without padding, as little-endian floats. A saved file has the same hash. PT_ENOMEM. */
int params_hash(const struct param_list *l, char out[33], struct error *err);
/* The name of a tensor with a weight that is not finite, on any rank; NULL: all are finite. */
const char *params_not_finite(const struct param_list *l);
