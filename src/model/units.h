/* units.h - what turns the sums of a hidden layer into its units: h = f(s), row by row, and back.
 *
 * Rows are (rows, ld) of the layer; a worker calls for its own slice of them. */
#ifndef MODEL_UNITS_H
#define MODEL_UNITS_H

#include "base/mem.h"
#include "model/model.h"

struct units {
    enum activation act;
    int n;
    int64_t ld;
    float *kept; /* (rows, ld): the sums, where f' does not follow from h; else NULL */
    struct mem_pool pool;
    const struct kernels *kern;
};

/* A layer of n units of `m`, which has its spec and engine. PT_ENOMEM. */
int units_init(struct units *u, enum activation act, int n, const struct model *m, struct error *err);
void units_fini(struct units *u);

/* Rows [first, end) of h, from s to h in place. */
void units_forward(struct units *u, int64_t first, int64_t end, float *h);
/* Rows [first, end) of d, from the gradient with respect to h to that with respect to s. */
void units_backward(struct units *u, int64_t first, int64_t end, float *d, const float *h);

#endif
