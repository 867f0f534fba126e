/* units.h - what turns the sums s of a layer into its units h, row by row, and back:
 *
 *     h = f(s), and with model.layer_norm      h = gain (f(s) - mean) / sqrt(variance + NORM_EPS) + offset
 *
 * mean and variance of the row; gain and offset (n), from 1 and 0 on, train as biases do. Rows are
 * (rows, ld); a worker calls for its own slice of them. A linear layer has h = s. */
#pragma once

#include "base/mem.h"
#include "model/model.h"

#define NORM_EPS 0.1 /* Shenbin et al. 2020 */

struct units {
    enum activation act;
    int n;
    int64_t ld;
    bool norm;
    char name[2][40];
    struct vector gain, offset;
    float *kept;     /* (rows, ld): what f' follows from, where that is not h; else NULL */
    float *scaled;   /* norm: (rows, ld): the row without gain and offset; then the gain's gradient */
    float *back;     /* norm: (rows, ld): the offset's gradient */
    float *inverse;  /* norm: (rows): 1 / sqrt(variance + NORM_EPS) */
    float *gradient; /* norm: (2, ld): sums of the two over the rows */
    double squares;  /* of them */
    struct mem_pool pool;
    const struct kernels *kern;
};

/* For the n units of layer `prefix` of `m`, which has its spec and engine. PT_ENOMEM. */
int units_init(struct units *u, const char *prefix, int n, bool linear, const struct model *m,
               struct error *err);
void units_fini(struct units *u);
void units_draw(struct units *u);
void units_list(const struct units *u, struct param_list *l);

/* Rows [first, end) of h, from s to h in place. */
void units_forward(struct units *u, int64_t first, int64_t end, float *h);
/* Rows [first, end) of d, from the gradient with respect to h to that with respect to s. */
void units_backward(struct units *u, int64_t first, int64_t end, float *d, const float *h);

/* Called by one worker when all rows have gone back: squares of the gradients of gain and offset, 0 where
 * there are none; gradients times `scale`, and Adam. */
void units_measure(struct units *u, int64_t rows);
void units_update(struct units *u, int64_t rows, const struct adam_step *step, float scale);

/* out (ld) = the sum of n rows. */
void units_sum_rows(float *out, const float *rows, int64_t n, int64_t ld, const struct kernels *kern);
