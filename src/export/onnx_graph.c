#include "export/onnx_graph.h"

#include "model/units.h"

#include <stdio.h>
#include <string.h>

/* ---- protocol buffers ---- */

void bytes_put(struct bytes *b, const void *data, int64_t n)
{
    if (b->n + n > b->space) {
        int64_t space = 2 * (b->n + n) + 256;
        char *grown = b->failed ? NULL : mem_resize(b->data, space, 1);

        if (!grown) {
            b->failed = true;
            return;
        }
        b->data = grown;
        b->space = space;
    }
    if (n)
        memcpy(b->data + b->n, data, (size_t)n);
    b->n += n;
}

/* Seven bits a byte, lowest first. */
static void put_varint(struct bytes *b, uint64_t value)
{
    do {
        unsigned char c = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        bytes_put(b, &c, 1);
        value >>= 7;
    } while (value);
}

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void bytes_put_int(struct bytes *b, int field, int64_t value)
{
    put_varint(b, (uint64_t)field << 3 | WIRE_VARINT);
    put_varint(b, (uint64_t)value);
}

void bytes_put_head(struct bytes *b, int field, int64_t length)
{
    put_varint(b, (uint64_t)field << 3 | WIRE_BYTES);
    put_varint(b, (uint64_t)length);
}

void bytes_put_text(struct bytes *b, int field, const char *text)
{
    bytes_put_head(b, field, (int64_t)strlen(text));
    bytes_put(b, text, (int64_t)strlen(text));
}

void bytes_put_message(struct bytes *b, int field, struct bytes *inner)
{
    bytes_put_head(b, field, inner->n);
    bytes_put(b, inner->data, inner->n);
    b->failed |= inner->failed;
    inner->n = 0;
}

void bytes_fini(struct bytes *b)
{
    mem_free(b->data);
    *b = (struct bytes){0};
}

static int64_t varint_length(uint64_t value)
{
    int64_t n = 1;

    for (; value > 0x7f; value >>= 7)
        n++;
    return n;
}

int64_t bytes_field_length(int64_t content)
{
    return 1 + varint_length((uint64_t)content) + content;
}

/* ---- the graph ---- */

static void add_weight(struct graph *g, const char *name, const float *data, int64_t rows, int64_t cols,
                       int64_t kept_cols, bool vector)
{
    struct weight *w = &g->weight[g->weights++];

    *w = (struct weight){.data = data, .rows = rows, .cols = cols, .kept_cols = kept_cols};
    if (rows >= 0)
        bytes_put_int(&w->head, 1, vector ? kept_cols : rows);
    if (rows >= 0 && !vector)
        bytes_put_int(&w->head, 1, kept_cols);
    bytes_put_int(&w->head, 2, ONNX_FLOAT);
    bytes_put_text(&w->head, 8, name);
    if (rows < 0)
        w->rows = 1;
}

void graph_tensor(struct graph *g, const char *name, int64_t rows, int64_t cols, bool tall)
{
    struct tensor_view v;

    if (g->rc < 0)
        return;
    if ((g->rc = tensors_find(g->file, name, TENSOR_F32, -1, -1, &v, g->err)) < 0)
        return;
    rows = rows ? rows : v.rows;
    if (v.cols)
        add_weight(g, name, v.data, rows, v.cols, cols ? cols : v.cols, false);
    else if (tall)
        add_weight(g, name, v.data, rows, 1, 1, false);
    else
        add_weight(g, name, v.data, 1, v.rows, rows, true);
}

void graph_vector(struct graph *g, const char *name, const float *data, int64_t n, bool tall)
{
    add_weight(g, name, data, tall ? n : 1, tall ? 1 : n, tall ? 1 : n, !tall);
}

void graph_number(struct graph *g, const char *name, double value)
{
    for (int i = 0; i < g->weights; i++)
        if (g->weight[i].number && strcmp(g->weight[i].number, name) == 0)
            return;
    add_weight(g, name, NULL, -1, 1, 1, true);
    g->weight[g->weights - 1].number = name;
    g->weight[g->weights - 1].own = (float)value;
}

const char *graph_node(struct graph *g, const char *output, const char *op, const char *a, const char *b,
                       const char *c)
{
    const char *const input[] = {a, b, c, NULL};
    char *name = output ? NULL : mem_pool_alloc(&g->pool, 16, 1);

    if (name)
        snprintf(name, 16, "v%d", ++g->values);
    output = output ? output : name ? name : ""; /* without memory: pool.failed */
    for (int i = 0; input[i]; i++)
        bytes_put_text(&g->inner, 1, input[i]);
    bytes_put_text(&g->inner, 2, output);
    bytes_put_text(&g->inner, 4, op);
    bytes_put(&g->inner, g->scratch.data, g->scratch.n);
    g->inner.failed |= g->scratch.failed;
    g->scratch.n = 0;
    bytes_put_message(&g->nodes, 1, &g->inner);
    return output;
}

void graph_attribute(struct graph *g, const char *name, int64_t value, bool list)
{
    struct bytes a = {0};

    bytes_put_text(&a, 1, name);
    bytes_put_int(&a, list ? 8 : 3, value);
    bytes_put_int(&a, 20, list ? 7 : 2);
    bytes_put_message(&g->scratch, 5, &a);
    bytes_fini(&a);
}

const char *graph_cast(struct graph *g, const char *from, int type)
{
    graph_attribute(g, "to", type, false);
    return graph_node(g, NULL, "Cast", from, NULL, NULL);
}

const char *graph_rated(struct graph *g)
{
    const char *zero;

    if (!g->rated) {
        graph_number(g, "zero", 0.0);
        zero = graph_node(g, NULL, "Equal", "x", "zero", NULL);
        g->rated = graph_cast(g, graph_node(g, NULL, "Not", zero, NULL, NULL), ONNX_FLOAT);
    }
    return g->rated;
}

/* 1/2 (1 + erf(x / sqrt 2)) */
static const char *normal_distribution(struct graph *g, const char *x)
{
    const char *y;

    graph_number(g, "root_half", 0.70710678118654752);
    graph_number(g, "one", 1.0);
    graph_number(g, "half", 0.5);
    y = graph_node(g, NULL, "Erf", graph_node(g, NULL, "Mul", x, "root_half", NULL), NULL, NULL);
    return graph_node(g, NULL, "Mul", graph_node(g, NULL, "Add", y, "one", NULL), "half", NULL);
}

const char *graph_activate(struct graph *g, const char *from, enum activation f)
{
    static const char *const op[] = {[ACT_SIGMOID] = "Sigmoid",
                                     [ACT_TANH] = "Tanh",
                                     [ACT_RELU] = "Relu",
                                     [ACT_ELU] = "Elu",
                                     [ACT_SELU] = "Selu"};

    if (f == ACT_SWISH)
        return graph_node(g, NULL, "Mul", from, graph_node(g, NULL, "Sigmoid", from, NULL, NULL), NULL);
    if (f == ACT_GELU)
        return graph_node(g, NULL, "Mul", from, normal_distribution(g, from), NULL);
    return f == ACT_IDENTITY ? from : graph_node(g, NULL, op[f], from, NULL, NULL);
}

const char *graph_affine(struct graph *g, const char *output, const char *from, const char *prefix,
                         bool transposed, int64_t units)
{
    char weight[48], bias[48];

    snprintf(weight, sizeof weight, "%s.weight", prefix);
    snprintf(bias, sizeof bias, "%s.bias", prefix);
    graph_tensor(g, weight, transposed ? units : 0, transposed ? 0 : units, false);
    graph_tensor(g, bias, units, 0, false);
    if (transposed)
        graph_attribute(g, "transB", 1, false);
    return graph_node(g, output, "Gemm", from, weight, bias);
}

/* (h - mean) / sqrt(variance + eps), times gain, plus offset; mean and variance of a row. */
static const char *layer_norm(struct graph *g, const char *h, const char *prefix)
{
    char gain[56], offset[56];
    const char *square, *root;

    snprintf(gain, sizeof gain, "%s.norm.weight", prefix);
    snprintf(offset, sizeof offset, "%s.norm.bias", prefix);
    graph_tensor(g, gain, 0, 0, false);
    graph_tensor(g, offset, 0, 0, false);
    graph_number(g, "norm_eps", NORM_EPS);
    graph_attribute(g, "axes", 1, true);
    h = graph_node(g, NULL, "Sub", h, graph_node(g, NULL, "ReduceMean", h, NULL, NULL), NULL);
    square = graph_node(g, NULL, "Mul", h, h, NULL);
    graph_attribute(g, "axes", 1, true);
    square = graph_node(g, NULL, "ReduceMean", square, NULL, NULL);
    root = graph_node(g, NULL, "Sqrt", graph_node(g, NULL, "Add", square, "norm_eps", NULL), NULL, NULL);
    h = graph_node(g, NULL, "Mul", graph_node(g, NULL, "Div", h, root, NULL), gain, NULL);
    return graph_node(g, NULL, "Add", h, offset, NULL);
}

const char *graph_units(struct graph *g, const char *from, const char *prefix)
{
    const struct config *c = g->trained->config;
    const char *h = graph_activate(g, from, (enum activation)c->activation);

    return c->layer_norm && !g->trained->rating ? layer_norm(g, h, prefix) : h;
}

const char *graph_chain(struct graph *g, const char *from, const char *prefix, int n, bool dense)
{
    const char *all = from;
    char name[40];

    for (int l = 0; l < n; l++) {
        snprintf(name, sizeof name, "%s.%d", prefix, l);
        from = graph_affine(g, NULL, from, name, true, 0);
        if (dense)
            from = graph_node(g, NULL, "Add", from, all, NULL);
        from = graph_units(g, from, name);
        if (dense && l + 1 < n)
            all = graph_node(g, NULL, "Add", all, from, NULL);
    }
    return from;
}

void graph_end(struct graph *g, int which, const char *name, int type, int64_t columns)
{
    struct bytes dim = {0}, shape = {0}, outer = {0}, inner = {0};

    bytes_put_text(&dim, 2, "N");
    bytes_put_message(&shape, 1, &dim);
    if (columns) {
        bytes_put_int(&dim, 1, columns);
        bytes_put_message(&shape, 1, &dim);
    }
    bytes_put_int(&inner, 1, type); /* TypeProto.Tensor, TypeProto, ValueInfoProto */
    bytes_put_message(&inner, 2, &shape);
    bytes_put_message(&outer, 1, &inner);
    bytes_put_text(&inner, 1, name);
    bytes_put_message(&inner, 2, &outer);
    bytes_put_message(&g->ends, which, &inner);
    bytes_fini(&dim);
    bytes_fini(&shape);
    bytes_fini(&outer);
    bytes_fini(&inner);
}

void graph_fini(struct graph *g)
{
    for (int i = 0; i < g->weights; i++)
        bytes_fini(&g->weight[i].head);
    bytes_fini(&g->nodes);
    bytes_fini(&g->ends);
    bytes_fini(&g->scratch);
    bytes_fini(&g->inner);
    mem_pool_free(&g->pool);
}
