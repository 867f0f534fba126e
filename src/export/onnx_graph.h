/* onnx_graph.h - the graph of an ONNX file while it is built: nodes one after the other, each usually
 * taking the last one's output, and the weights that they name. Field numbers are those of onnx.proto.
 *
 * What goes wrong is kept in `rc` (a tensor that is not in the file) or in the bytes' `failed`. */
#ifndef EXPORT_ONNX_GRAPH_H
#define EXPORT_ONNX_GRAPH_H

#include "base/mem.h"
#include "base/tensors.h"
#include "export/protobuf.h"
#include "serve/trained.h"

enum { WEIGHTS_MOST = 80, ONNX_FLOAT = 1, ONNX_INT64 = 7 };

/* A tensor of the file: its head, then raw values, of each row the first kept_cols. */
struct weight {
    struct bytes head;
    const float *data; /* borrowed from the run's file or the pool, or `own` */
    float own;
    int64_t rows, cols, kept_cols;
};

struct graph {
    const struct trained *trained;
    const struct tensors *file;
    struct bytes nodes, ends, scratch, inner; /* ends: inputs and outputs */
    struct mem_pool pool;                     /* of what onnx_stand_in.c computes */
    struct weight weight[WEIGHTS_MOST];
    int weights;
    int value;     /* number of the last intermediate value */
    char last[32]; /* its name */
    struct error *err;
    int rc;
};

/* A tensor of model.safetensors: of a matrix the first `rows` rows and `cols` columns, of a vector the
 * first `rows` elements; 0: all. `tall`: a vector as a column. */
void graph_tensor(struct graph *g, const char *name, int64_t rows, int64_t cols, bool tall);
/* A vector of `n` numbers, which stay until the file is written; `tall`: as a column. */
void graph_vector(struct graph *g, const char *name, const float *data, int64_t n, bool tall);
/* A number without dimensions. */
void graph_number(struct graph *g, const char *name, double value);

/* output = op(inputs), with the attributes that were put before it. `output` NULL: the next intermediate
 * value. */
void graph_node(struct graph *g, const char *op, const char *const *input, int inputs, const char *output);
void graph_attribute(struct graph *g, const char *name, int64_t value, bool list);
/* The last value goes through op, with one more input where `other` is set. */
void graph_step(struct graph *g, const char *op, const char *other, const char *output);
void graph_activate(struct graph *g, enum activation f);
/* last = last W + b, or last W^T + b; of its units the first `units`, 0: all. */
void graph_affine(struct graph *g, const char *prefix, bool transposed, int64_t units, const char *output);
/* Layers PREFIX.0 to PREFIX.n-1, each activated. */
void graph_chain(struct graph *g, const char *prefix, int n, enum activation f);

/* The last value are ratings; in the place of those of a row or column without training ratings comes
 * what the biases say (trained_stand_in). onnx_stand_in.c */
void graph_stand_in(struct graph *g, const char *output);

enum { GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
/* An input or output of shape (N, columns); columns 0: (N). */
void graph_end(struct graph *g, int which, const char *name, int type, int64_t columns);

void graph_fini(struct graph *g);

#endif
