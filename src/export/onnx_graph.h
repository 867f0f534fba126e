/* onnx_graph.h - the graph of an ONNX file while it is built: its nodes in order, and the weights that they
 * name. Field numbers are those of onnx.proto.
 *
 * Errors are kept in `rc` (a tensor is missing in the file) or in `failed` of bytes and pool. */
#pragma once

#include "base/mem.h"
#include "base/tensors.h"
#include "serve/trained.h"

/* ---- protocol buffers. A message is a run of fields; a field is a tag (its number and kind),
 * then a number, or a length and that many bytes. Without memory `failed` is set, and what is put afterwards
 * is dropped. */

struct bytes {
    char *data; /* owned */
    int64_t n, space;
    bool failed; /* no memory */
};

void bytes_put(struct bytes *b, const void *data, int64_t n);
void bytes_put_int(struct bytes *b, int field, int64_t value);
/* The head of a field of `length` bytes, which follow. */
void bytes_put_head(struct bytes *b, int field, int64_t length);
void bytes_put_text(struct bytes *b, int field, const char *text);
/* A message within another; the inner one is emptied for the next. */
void bytes_put_message(struct bytes *b, int field, struct bytes *inner);
void bytes_fini(struct bytes *b);

/* Bytes that a field with a length takes: tag (of a field number below 16), length, content. */
int64_t bytes_field_length(int64_t content);

/* ---- the graph ---- */

enum { WEIGHTS_MOST = 110, ONNX_FLOAT = 1, ONNX_INT64 = 7 };

/* A tensor of the file: its head, then raw values, of each row the first kept_cols. */
struct weight {
    const char *number; /* its name, where it is graph_number's */
    struct bytes head;
    const float *data; /* borrowed from the run's file or the pool, or `own` */
    float own;
    int64_t rows, cols, kept_cols;
};

struct graph {
    const struct trained *trained;
    const struct tensors *file;
    struct bytes nodes, ends, scratch, inner; /* ends: inputs and outputs */
    struct mem_pool pool;                     /* names of values, and vectors */
    struct weight weight[WEIGHTS_MOST];
    int weights;
    int values;        /* intermediate values so far */
    const char *rated; /* graph_rated's; NULL: not yet */
    struct error *err;
    int rc;
};

/* A tensor of model.safetensors: of a matrix the first `rows` rows and `cols` columns, of a vector the
 * first `rows` elements; 0: all. `tall`: a vector as a column. */
void graph_tensor(struct graph *g, const char *name, int64_t rows, int64_t cols, bool tall);
/* A vector of `n` numbers, which stay until the file is written; `tall`: as a column. */
void graph_vector(struct graph *g, const char *name, const float *data, int64_t n, bool tall);
/* A number without dimensions; a second one of the same name is the first. */
void graph_number(struct graph *g, const char *name, double value);

/* output = op(a, b, c), with the attributes put before it; b and c may be NULL. `output` NULL: an
 * intermediate value. Returns the output's name, which stays until graph_fini. */
const char *graph_node(struct graph *g, const char *output, const char *op, const char *a, const char *b,
                       const char *c);
void graph_attribute(struct graph *g, const char *name, int64_t value, bool list);
const char *graph_cast(struct graph *g, const char *from, int type);
/* 1 where x, the input, is not 0; else 0. */
const char *graph_rated(struct graph *g);
const char *graph_activate(struct graph *g, const char *from, enum activation f);
/* from W + b, or from W^T + b; of its units the first `units`, 0: all. */
const char *graph_affine(struct graph *g, const char *output, const char *from, const char *prefix,
                         bool transposed, int64_t units);
/* The units of hidden layer `prefix` from its sums: activation, and layer norm where the model has it. */
const char *graph_units(struct graph *g, const char *from, const char *prefix);
/* Hidden layers PREFIX.0 to PREFIX.n-1. `dense`: `from` and all layers before
 * are added to the sums of each. */
const char *graph_chain(struct graph *g, const char *from, const char *prefix, int n, bool dense);

enum { GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
/* An input or output of shape (N, columns); columns 0: (N). */
void graph_end(struct graph *g, int which, const char *name, int type, int64_t columns);

/* Writes the file, in onnx.c. PT_EUSAGE above 2 GB; PT_EFILE, PT_ENOMEM. */
int graph_write(struct graph *g, const char *path);
void graph_fini(struct graph *g);
