#include "train/onnx.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tensors.h"

#include <string.h>

/* ---- protocol buffers ------------------------------------------------------------------------------ */

struct bytes {
    char *data; /* owned */
    int64_t n, space;
    bool failed; /* no memory */
};

static void put(struct bytes *b, const void *data, int64_t n)
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

        put(b, &c, 1);
        value >>= 7;
    } while (value);
}

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FLOAT = 5 };

static void put_int(struct bytes *b, int field, int64_t value)
{
    put_varint(b, (uint64_t)field << 3 | WIRE_VARINT);
    put_varint(b, (uint64_t)value);
}

static void put_head(struct bytes *b, int field, int64_t length)
{
    put_varint(b, (uint64_t)field << 3 | WIRE_BYTES);
    put_varint(b, (uint64_t)length);
}

static void put_text(struct bytes *b, int field, const char *text)
{
    put_head(b, field, (int64_t)strlen(text));
    put(b, text, (int64_t)strlen(text));
}

/* A message within another; the inner one is emptied for the next. */
static void put_message(struct bytes *b, int field, struct bytes *inner)
{
    put_head(b, field, inner->n);
    put(b, inner->data, inner->n);
    b->failed |= inner->failed;
    inner->n = 0;
}

static void bytes_fini(struct bytes *b)
{
    mem_free(b->data);
    *b = (struct bytes){0};
}

/* ---- the graph: field numbers are those of onnx.proto
 * ------------------------------------------------------- */

enum { WEIGHTS_MOST = 80, ONNX_FLOAT = 1, ONNX_INT64 = 7 };

/* A tensor of the file: its head, then raw values, of each row the first `take`. */
struct weight {
    struct bytes head;
    const float *data; /* borrowed from the run's file, or `own` */
    float own;
    int64_t rows, cols, take;
};

struct graph {
    const struct use *use;
    const struct tensors *file;
    struct bytes nodes, ends, scratch, inner; /* ends: inputs and outputs */
    struct weight weight[WEIGHTS_MOST];
    int weights;
    int value;     /* number of the last intermediate value */
    char last[32]; /* its name */
    struct error *err;
    int rc;
};

static void add_weight(struct graph *g, const char *name, const float *data, int64_t rows, int64_t cols,
                       int64_t take, bool vector)
{
    struct weight *w = &g->weight[g->weights++];

    *w = (struct weight){.data = data, .rows = rows, .cols = cols, .take = take};
    if (rows >= 0)
        put_int(&w->head, 1, vector ? take : rows);
    if (rows >= 0 && !vector)
        put_int(&w->head, 1, take);
    put_int(&w->head, 2, ONNX_FLOAT);
    put_text(&w->head, 8, name);
    if (rows < 0)
        w->rows = 1;
}

/* A tensor of model.safetensors: of a matrix the first `rows` rows and `cols` columns, of a vector the first
 * `rows` elements; 0: all. `tall`: a vector as a column. */
static void add_tensor(struct graph *g, const char *name, int64_t rows, int64_t cols, bool tall)
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

/* A number without dimensions. */
static void add_number(struct graph *g, const char *name, double value)
{
    add_weight(g, name, NULL, -1, 1, 1, true);
    g->weight[g->weights - 1].own = (float)value;
}

/* output = op(inputs); attributes are in g->scratch. `output` NULL: the next intermediate value. */
static void node(struct graph *g, const char *op, const char *const *input, int inputs, const char *output)
{
    if (!output) {
        snprintf(g->last, sizeof g->last, "v%d", ++g->value);
        output = g->last;
    }
    for (int i = 0; i < inputs; i++)
        put_text(&g->inner, 1, input[i]);
    put_text(&g->inner, 2, output);
    put_text(&g->inner, 4, op);
    put(&g->inner, g->scratch.data, g->scratch.n);
    g->inner.failed |= g->scratch.failed;
    g->scratch.n = 0;
    put_message(&g->nodes, 1, &g->inner);
    if (output != g->last)
        snprintf(g->last, sizeof g->last, "%s", output);
}

static void attribute(struct graph *g, const char *name, int64_t value, bool list)
{
    struct bytes a = {0};

    put_text(&a, 1, name);
    put_int(&a, list ? 8 : 3, value);
    put_int(&a, 20, list ? 7 : 2);
    put_message(&g->scratch, 5, &a);
    bytes_fini(&a);
}

/* The last value goes through op, with one more input where `other` is set. */
static void step(struct graph *g, const char *op, const char *other, const char *output)
{
    char from[32];
    const char *input[] = {from, other};

    memcpy(from, g->last, sizeof from);
    node(g, op, input, other ? 2 : 1, output);
}

static void activate(struct graph *g, enum activation f)
{
    static const char *const op[] = {[ACT_SIGMOID] = "Sigmoid",
                                     [ACT_TANH] = "Tanh",
                                     [ACT_RELU] = "Relu",
                                     [ACT_ELU] = "Elu",
                                     [ACT_SELU] = "Selu"};

    if (f != ACT_IDENTITY)
        step(g, op[f], NULL, NULL);
}

/* last = last W + b, or last W^T + b; of its units the first `units`, 0: all. */
static void affine(struct graph *g, const char *prefix, bool transposed, int64_t units, const char *output)
{
    char from[32], weight[48], bias[48];
    const char *input[] = {from, weight, bias};

    memcpy(from, g->last, sizeof from);
    snprintf(weight, sizeof weight, "%s.weight", prefix);
    snprintf(bias, sizeof bias, "%s.bias", prefix);
    add_tensor(g, weight, transposed ? units : 0, transposed ? 0 : units, false);
    add_tensor(g, bias, units, 0, false);
    if (transposed)
        attribute(g, "transB", 1, false);
    node(g, "Gemm", input, 3, output);
}

static void chain(struct graph *g, const char *prefix, int n, enum activation f)
{
    char name[40];

    for (int l = 0; l < n; l++) {
        snprintf(name, sizeof name, "%s.%d", prefix, l);
        affine(g, name, true, 0, NULL);
        activate(g, f);
    }
}

/* ---- what goes in and comes out
 * ----------------------------------------------------------------------------- */

static void end_of_graph(struct graph *g, int field, const char *name, int type, int64_t columns)
{
    struct bytes dim = {0}, shape = {0}, tensor = {0}, kind = {0}, info = {0};

    put_text(&dim, 2, "N");
    put_message(&shape, 1, &dim);
    if (columns) {
        put_int(&dim, 1, columns);
        put_message(&shape, 1, &dim);
    }
    put_int(&tensor, 1, type);
    put_message(&tensor, 2, &shape);
    put_message(&kind, 1, &tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, &kind);
    put_message(&g->ends, field, &info);
    bytes_fini(&dim);
    bytes_fini(&shape);
    bytes_fini(&tensor);
    bytes_fini(&kind);
    bytes_fini(&info);
}

/* From the dense row to what training put in. */
static void inputs(struct graph *g)
{
    const struct use *u = g->use;

    end_of_graph(g, 11, "x", ONNX_FLOAT, u->columns);
    snprintf(g->last, sizeof g->last, "x");
    if (u->shift != 0.0f) { /* x - shift where x is not 0 */
        const char *x_minus[] = {"x", NULL};
        char shifts[32];

        add_number(g, "zero", 0.0);
        add_number(g, "shift", (double)u->shift);
        step(g, "Equal", "zero", NULL);
        step(g, "Not", NULL, NULL);
        attribute(g, "to", ONNX_FLOAT, false);
        step(g, "Cast", NULL, NULL);
        step(g, "Mul", "shift", NULL);
        memcpy(shifts, g->last, sizeof shifts);
        x_minus[1] = shifts;
        node(g, "Sub", x_minus, 2, NULL);
    }
    if (!u->rating && u->config->normalize_input) {
        const char *division[] = {"x", NULL};
        char norm[32];

        add_number(g, "tiny", 1e-12);
        attribute(g, "axes", 1, true);
        step(g, "ReduceL2", NULL, NULL);
        step(g, "Max", "tiny", NULL);
        memcpy(norm, g->last, sizeof norm);
        division[1] = norm;
        node(g, "Div", division, 2, NULL);
    }
}

/* From outputs to ratings. */
static void ratings(struct graph *g)
{
    const struct use *u = g->use;
    char from[32];
    const char *input[] = {from, "low", "high"};

    if (u->shift != 0.0f) {
        if (u->by_row)
            add_number(g, "shift", (double)u->shift);
        step(g, "Add", "shift", NULL);
    }
    memcpy(from, g->last, sizeof from);
    if (u->config->clip) {
        add_number(g, "low", u->low);
        add_number(g, "high", u->high);
        node(g, "Clip", input, 3, "ratings");
    } else {
        node(g, "Identity", input, 1, "ratings");
    }
    end_of_graph(g, 12, "ratings", ONNX_FLOAT, u->columns);
}

static void autoencoder(struct graph *g)
{
    const struct config *c = g->use->config;
    bool sampled = c->model_kind == KIND_MULTIVAE;
    enum activation f = (enum activation)c->activation;
    int n = c->hidden.n;
    char name[40];

    inputs(g);
    affine(g, "encoder", false, sampled && !n ? c->latent : 0, NULL);
    if (!sampled || n)
        activate(g, f);
    if (sampled && n) { /* of the last layer only the means: nothing is sampled */
        chain(g, "inference", n - 1, f);
        snprintf(name, sizeof name, "inference.%d", n - 1);
        affine(g, name, true, c->latent, NULL);
    }
    if (sampled)
        chain(g, "generator", n, f);
    else
        chain(g, "hidden", c->model_kind == KIND_MULTIDAE ? 2 * n : n - 1, f);
    if (g->use->rating) {
        affine(g, "decoder", true, 0, NULL);
        activate(g, (enum activation)c->output_activation);
        ratings(g);
        return;
    }
    affine(g, "decoder", true, 0, "logits");
    step(g, "Softmax", NULL, "probabilities");
    end_of_graph(g, 12, "logits", ONNX_FLOAT, g->use->columns);
    end_of_graph(g, 12, "probabilities", ONNX_FLOAT, g->use->columns);
}

static void factors(struct graph *g)
{
    static const char *const rows[] = {"user.weight", "user"}, *const row_biases[] = {"user.bias", "user"};
    const struct use *u = g->use;
    const struct config *c = u->config;
    char from[32], bias[32];
    const char *products[] = {from, "item.weight", "item.bias"}, *sum[] = {from, bias};

    end_of_graph(g, 11, "user", ONNX_INT64, 0);
    add_tensor(g, "user.weight", 0, 0, false);
    add_tensor(g, "item.weight", 0, 0, false);
    node(g, "Gather", rows, 2, NULL);
    memcpy(from, g->last, sizeof from);
    attribute(g, "transB", 1, false);
    if (c->biases) {
        add_tensor(g, "user.bias", 0, 0, true);
        add_tensor(g, "item.bias", 0, 0, false);
    }
    node(g, "Gemm", products, c->biases ? 3 : 2, NULL);
    if (c->biases) {
        memcpy(from, g->last, sizeof from);
        node(g, "Gather", row_biases, 2, NULL);
        memcpy(bias, g->last, sizeof bias);
        node(g, "Add", sum, 2, NULL);
    }
    if (c->range_high > c->range_low) {
        add_number(g, "range", c->range_high - c->range_low);
        add_number(g, "range_low", c->range_low - (double)u->shift);
        step(g, "Sigmoid", NULL, NULL);
        step(g, "Mul", "range", NULL);
        step(g, "Add", "range_low", NULL);
    }
    ratings(g);
}

/* ---- the file
 * ------------------------------------------------------------------------------------------------ */

static int64_t varint_length(uint64_t value)
{
    int64_t n = 1;

    for (; value > 0x7f; value >>= 7)
        n++;
    return n;
}

/* Bytes of a field that has a length: tag (field numbers below 16 take one byte), length, content. */
static int64_t field_length(int64_t content)
{
    return 1 + varint_length((uint64_t)content) + content;
}

static int64_t raw_length(const struct weight *w)
{
    return w->rows * w->take * (int64_t)sizeof(float);
}

static int64_t tensor_length(const struct weight *w)
{
    return w->head.n + field_length(raw_length(w));
}

static void put_property(struct bytes *b, const char *key, const char *value)
{
    struct bytes p = {0};

    put_text(&p, 1, key);
    put_text(&p, 2, value);
    put_message(b, 14, &p);
    bytes_fini(&p);
}

/* Everything of the model but its graph. */
static void put_model(struct bytes *b, const struct use *u)
{
    struct bytes opset = {0};

    put_int(b, 1, 7); /* IR version */
    put_text(b, 2, "partrain");
    put_text(b, 3, PARTRAIN_VERSION);
    put_text(&opset, 1, "");
    put_int(&opset, 2, 13);
    put_message(b, 8, &opset);
    put_property(b, "model", config_enum_name("model.kind", u->config->model_kind));
    put_property(b, "side", u->side == SIDE_USER ? "user" : "item");
    put_property(b, "columns", u->side == SIDE_USER ? "items.tsv" : "users.tsv");
    bytes_fini(&opset);
}

static void write_weight(struct file_writer *f, const struct weight *w, struct bytes *scratch)
{
    scratch->n = 0;
    put_head(scratch, 5, tensor_length(w));
    put(scratch, w->head.data, w->head.n);
    put_head(scratch, 9, raw_length(w));
    file_write(f, scratch->data, (size_t)scratch->n);
    if (!w->data)
        file_write(f, &w->own, sizeof w->own);
    else if (w->take == w->cols)
        file_write(f, w->data, (size_t)raw_length(w));
    else
        for (int64_t r = 0; r < w->rows; r++)
            file_write(f, w->data + r * w->cols, (size_t)w->take * sizeof(float));
}

static int write_file(struct graph *g, const char *path)
{
    struct bytes model = {0}, name = {0};
    struct file_writer *f;
    int64_t length;
    bool failed = g->nodes.failed || g->ends.failed;

    put_model(&model, g->use);
    put_text(&name, 2, "partrain");
    length = g->nodes.n + name.n + g->ends.n;
    for (int i = 0; i < g->weights; i++) {
        length += field_length(tensor_length(&g->weight[i]));
        failed |= g->weight[i].head.failed;
    }
    put_head(&model, 7, length);
    if (failed || model.failed || name.failed)
        g->rc = error_set(g->err, PT_ENOMEM, "out of memory");
    else if (length > INT32_MAX - 65536)
        g->rc = error_set(g->err, PT_EUSAGE, "%s: the model has %.1f GB; ONNX files end at 2 GB", path,
                          (double)length / 1e9);
    else if ((g->rc = file_create(&f, path, g->err)) == 0) {
        file_write(f, model.data, (size_t)model.n);
        file_write(f, g->nodes.data, (size_t)g->nodes.n);
        file_write(f, name.data, (size_t)name.n);
        for (int i = 0; i < g->weights; i++)
            write_weight(f, &g->weight[i], &g->scratch);
        file_write(f, g->ends.data, (size_t)g->ends.n);
        g->rc = file_commit(f, g->err);
    }
    bytes_fini(&model);
    bytes_fini(&name);
    return g->rc;
}

int onnx_write(const struct use *u, const char *path, struct error *err)
{
    struct graph *g = mem_zalloc(1, sizeof *g);
    char *from = file_join(u->folder, "model.safetensors");
    struct tensors *file = NULL;
    int rc = PT_ENOMEM;

    if (!g || !from) {
        error_set(err, rc, "out of memory");
        goto end;
    }
    if ((rc = tensors_open(&file, from, err)) < 0)
        goto end;
    g->use = u;
    g->file = file;
    g->err = err;
    if (u->by_row)
        factors(g);
    else
        autoencoder(g);
    rc = g->rc < 0 ? g->rc : write_file(g, path);
    for (int i = 0; i < g->weights; i++)
        bytes_fini(&g->weight[i].head);
    bytes_fini(&g->nodes);
    bytes_fini(&g->ends);
    bytes_fini(&g->scratch);
    bytes_fini(&g->inner);
end:
    tensors_close(file);
    mem_free(g);
    mem_free(from);
    return rc;
}
