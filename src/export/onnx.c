/* onnx.c - the graph of each kind of model, and the file. */
#include "export/onnx.h"

#include "base/file.h"
#include "base/mem.h"
#include "export/onnx_graph.h"
#include "store/run_files.h"

/* From the dense row to the input of training: x - shift where x is not 0, then divided by its norm. */
static const char *inputs(struct graph *g)
{
    const struct trained *trained = g->trained;
    const char *x = "x", *by;

    graph_end(g, GRAPH_INPUT, "x", ONNX_FLOAT, trained->problem->columns);
    if (trained->problem->shift != 0.0f) {
        graph_number(g, "shift", (double)trained->problem->shift);
        by = graph_node(g, NULL, "Mul", graph_rated(g), "shift", NULL);
        x = graph_node(g, NULL, "Sub", x, by, NULL);
    }
    if (!trained->rating && trained->config->normalize_input) {
        graph_number(g, "tiny", 1e-12);
        graph_attribute(g, "axes", 1, true);
        by = graph_node(g, NULL, "ReduceL2", x, NULL, NULL);
        x = graph_node(g, NULL, "Div", x, graph_node(g, NULL, "Max", by, "tiny", NULL), NULL);
    }
    return x;
}

/* ---- the same as trained_stand_in (serve/trained.h) ---- */

static double clipped(const struct trained *trained, double r)
{
    const struct problem *p = trained->problem;

    return !trained->config->clip ? r : r < p->low ? p->low : r > p->high ? p->high : r;
}

/* `base`: the prediction of a column where the example is unknown; `untrained`: 1 where the column has no
 * training rating. Returns the same as a truth value. */
static const char *cold_columns(struct graph *g)
{
    const struct trained *trained = g->trained;
    const struct problem *p = trained->problem;
    float *base = mem_pool_alloc(&g->pool, p->columns, sizeof *base);
    float *untrained = mem_pool_alloc(&g->pool, p->columns, sizeof *untrained);

    for (int64_t i = 0; i < p->columns && !g->pool.failed; i++) {
        double r = p->bias.mean + (double)p->bias.column[i];

        untrained[i] = (float)p->cold_column[i];
        base[i] = (float)(p->cold_column[i] ? trained_cold(trained) : clipped(trained, r));
    }
    graph_vector(g, "base", base, p->columns, false);
    graph_vector(g, "untrained", untrained, p->columns, false);
    graph_number(g, "half", 0.5);
    return graph_node(g, NULL, "Greater", "untrained", "half", NULL);
}

/* mf: returns mean and bias of the user; `no_row`: whether it had no training rating. */
static const char *cold_rows(struct graph *g, const char **no_row)
{
    const struct problem *p = g->trained->problem;
    float *mean = mem_pool_alloc(&g->pool, p->examples, sizeof *mean);
    float *untrained = mem_pool_alloc(&g->pool, p->examples, sizeof *untrained);

    for (int64_t i = 0; i < p->examples && !g->pool.failed; i++) {
        mean[i] = (float)clipped(g->trained, p->bias.mean + (double)p->bias.example[i]);
        untrained[i] = (float)p->cold_example[i];
    }
    graph_vector(g, "row_mean", mean, p->examples, true);
    graph_vector(g, "row_untrained", untrained, p->examples, true);
    *no_row = graph_node(g, NULL, "Gather", "row_untrained", "user", NULL);
    *no_row = graph_node(g, NULL, "Greater", *no_row, "half", NULL);
    return graph_node(g, NULL, "Gather", "row_mean", "user", NULL);
}

/* Autoencoders: the same of an example, from its input. */
static const char *histories(struct graph *g, const char **no_row)
{
    const struct trained *trained = g->trained;
    const struct biases *b = &trained->problem->bias;
    float *ones = mem_pool_alloc(&g->pool, trained->problem->columns, sizeof *ones);
    float *means = mem_pool_alloc(&g->pool, trained->problem->columns, sizeof *means);
    const char *count, *expected, *sum;

    for (int64_t i = 0; i < trained->problem->columns && !g->pool.failed; i++) {
        ones[i] = 1.0f;
        means[i] = (float)(b->mean + (double)b->column[i]);
    }
    graph_vector(g, "ones", ones, trained->problem->columns, true);
    graph_vector(g, "means", means, trained->problem->columns, true);
    graph_number(g, "mean", b->mean);
    graph_number(g, "shrink", trained->problem->side == SIDE_USER ? b->user_shrink : b->item_shrink);
    count = graph_node(g, NULL, "MatMul", graph_rated(g), "ones", NULL);
    expected = graph_node(g, NULL, "MatMul", graph_rated(g), "means", NULL);
    sum = graph_node(g, NULL, "Sub", graph_node(g, NULL, "MatMul", "x", "ones", NULL), expected, NULL);
    sum = graph_node(g, NULL, "Div", sum, graph_node(g, NULL, "Add", count, "shrink", NULL), NULL);
    sum = graph_node(g, NULL, "Add", sum, "mean", NULL);
    if (trained->config->clip)
        sum = graph_node(g, NULL, "Clip", sum, "low", "high");
    *no_row = graph_node(g, NULL, "Less", count, "half", NULL);
    return sum;
}

/* "ratings" from `ratings`: where row or column has no training ratings, the biases predict. */
static void stand_in_ratings(struct graph *g, const char *ratings)
{
    const char *no_column = cold_columns(g), *no_row;
    const char *by_row = g->trained->by_row ? cold_rows(g, &no_row) : histories(g, &no_row);

    ratings = graph_node(g, NULL, "Where", no_column, by_row, ratings);
    graph_node(g, "ratings", "Where", no_row, "base", ratings);
}

/* ---- the models ---- */

/* From outputs to ratings. */
static void ratings(struct graph *g, const char *out)
{
    const struct trained *trained = g->trained;
    bool stand_in = trained->problem->bias.column && trained->config->eval_untrained == UNTRAINED_BIAS;
    const char *output = stand_in ? NULL : "ratings";

    if (trained->problem->shift != 0.0f) {
        if (trained->by_row)
            graph_number(g, "shift", (double)trained->problem->shift);
        out = graph_node(g, NULL, "Add", out, "shift", NULL);
    }
    if (trained->config->clip) {
        graph_number(g, "low", trained->problem->low);
        graph_number(g, "high", trained->problem->high);
        out = graph_node(g, output, "Clip", out, "low", "high");
    } else {
        out = graph_node(g, output, "Identity", out, NULL, NULL);
    }
    if (stand_in)
        stand_in_ratings(g, out);
    graph_end(g, GRAPH_OUTPUT, "ratings", ONNX_FLOAT, trained->problem->columns);
}

/* Scores of the items in the weights; where these are some only, the others' are 0. */
static const char *item_weights(struct graph *g, const char *output)
{
    const struct config *c = g->trained->config;
    const char *items, *zeros, *scores, *wide;

    graph_tensor(g, "ease.weight", 0, 0, false);
    if (c->items_most <= 0 || c->items_most >= g->trained->problem->columns)
        return graph_node(g, output, "MatMul", "x", "ease.weight", NULL);
    graph_number(g, "nothing", 0.0);
    zeros = graph_node(g, NULL, "Mul", "x", "nothing", NULL);
    graph_tensor(g, "ease.items", 0, 0, false);
    items = graph_cast(g, "ease.items", ONNX_INT64);
    graph_attribute(g, "axis", 1, false);
    scores = graph_node(g, NULL, "Gather", "x", items, NULL);
    scores = graph_node(g, NULL, "MatMul", scores, "ease.weight", NULL);
    wide = graph_node(g, NULL, "Expand", items, graph_node(g, NULL, "Shape", scores, NULL, NULL), NULL);
    graph_attribute(g, "axis", 1, false);
    return graph_node(g, output, "ScatterElements", zeros, wide, scores);
}

/* logits = those of the decoder + scale * scores of EASE. */
static void companion(struct graph *g, const char *hidden)
{
    const char *own = graph_affine(g, NULL, hidden, "decoder", true, 0), *scores = item_weights(g, NULL);

    graph_tensor(g, "ease.scale", 0, 0, false);
    scores = graph_node(g, NULL, "Mul", scores, "ease.scale", NULL);
    graph_node(g, "logits", "Add", own, scores, NULL);
}

static void autoencoder(struct graph *g)
{
    const struct config *c = g->trained->config;
    bool sampled = problem_traits(c)->variational;
    int n = c->hidden.n, mirrored = c->decoder == DECODER_LINEAR ? 0 : n;
    char name[40];
    const char *h = graph_affine(g, NULL, inputs(g), "encoder", false, sampled && !n ? c->latent : 0);

    if (!sampled || n)
        h = graph_units(g, h, "encoder");
    if (sampled && n) { /* of the last layer only the means: nothing is sampled */
        h = graph_chain(g, h, "inference", n - 1, problem_traits(c)->in_turn);
        snprintf(name, sizeof name, "inference.%d", n - 1);
        h = graph_affine(g, NULL, h, name, true, c->latent);
    }
    if (sampled)
        h = graph_chain(g, h, "generator", mirrored, false);
    else
        h = graph_chain(g, h, "hidden", g->trained->rating ? n - 1 : n + mirrored, false);
    if (g->trained->rating) {
        h = graph_affine(g, NULL, h, "decoder", true, 0);
        ratings(g, graph_activate(g, h, (enum activation)c->output_activation));
        return;
    }
    if (c->ease)
        companion(g, h);
    else
        graph_affine(g, "logits", h, "decoder", true, 0);
    graph_node(g, "probabilities", "Softmax", "logits", NULL, NULL);
    graph_end(g, GRAPH_OUTPUT, "logits", ONNX_FLOAT, g->trained->problem->columns);
    graph_end(g, GRAPH_OUTPUT, "probabilities", ONNX_FLOAT, g->trained->problem->columns);
}

static void closed_form(struct graph *g)
{
    graph_end(g, GRAPH_INPUT, "x", ONNX_FLOAT, g->trained->problem->columns);
    item_weights(g, "scores");
    graph_end(g, GRAPH_OUTPUT, "scores", ONNX_FLOAT, g->trained->problem->columns);
}

static void factors(struct graph *g)
{
    const struct config *c = g->trained->config;
    const char *out;

    graph_end(g, GRAPH_INPUT, "user", ONNX_INT64, 0);
    graph_tensor(g, "user.weight", 0, 0, false);
    graph_tensor(g, "item.weight", 0, 0, false);
    out = graph_node(g, NULL, "Gather", "user.weight", "user", NULL);
    if (c->biases) {
        graph_tensor(g, "user.bias", 0, 0, true);
        graph_tensor(g, "item.bias", 0, 0, false);
    }
    graph_attribute(g, "transB", 1, false);
    out = graph_node(g, NULL, "Gemm", out, "item.weight", c->biases ? "item.bias" : NULL);
    if (c->biases)
        out = graph_node(g, NULL, "Add", out, graph_node(g, NULL, "Gather", "user.bias", "user", NULL), NULL);
    if (c->range_high > c->range_low) {
        graph_number(g, "range", c->range_high - c->range_low);
        graph_number(g, "range_low", c->range_low - (double)g->trained->problem->shift);
        out = graph_node(g, NULL, "Sigmoid", out, NULL, NULL);
        out = graph_node(g, NULL, "Mul", out, "range", NULL);
        out = graph_node(g, NULL, "Add", out, "range_low", NULL);
    }
    ratings(g, out);
}

static int64_t raw_length(const struct weight *w)
{
    return w->rows * w->kept_cols * (int64_t)sizeof(float);
}

static int64_t tensor_length(const struct weight *w)
{
    return w->head.n + bytes_field_length(raw_length(w));
}

static void put_property(struct bytes *b, const char *key, const char *value)
{
    struct bytes p = {0};

    bytes_put_text(&p, 1, key);
    bytes_put_text(&p, 2, value);
    bytes_put_message(b, 14, &p);
    bytes_fini(&p);
}

/* Everything of the model but its graph. */
static void put_model(struct bytes *b, const struct trained *trained)
{
    struct bytes opset = {0};

    bytes_put_int(b, 1, 7); /* IR version */
    bytes_put_text(b, 2, "partrain");
    bytes_put_text(b, 3, PARTRAIN_VERSION);
    bytes_put_text(&opset, 1, "");
    bytes_put_int(&opset, 2, 13);
    bytes_put_message(b, 8, &opset);
    put_property(b, "model", config_enum_name("model.kind", trained->config->model_kind));
    put_property(b, "side", trained->problem->side == SIDE_USER ? "user" : "item");
    put_property(b, "columns", trained->problem->side == SIDE_USER ? RUN_ITEMS : RUN_USERS);
    bytes_fini(&opset);
}

static void write_weight(struct file_writer *f, const struct weight *w, struct bytes *scratch)
{
    scratch->n = 0;
    bytes_put_head(scratch, 5, tensor_length(w));
    bytes_put(scratch, w->head.data, w->head.n);
    bytes_put_head(scratch, 9, raw_length(w));
    file_write(f, scratch->data, (size_t)scratch->n);
    if (!w->data)
        file_write(f, &w->own, sizeof w->own);
    else if (w->kept_cols == w->cols)
        file_write(f, w->data, (size_t)raw_length(w));
    else
        for (int64_t r = 0; r < w->rows; r++)
            file_write(f, w->data + r * w->cols, (size_t)w->kept_cols * sizeof(float));
}

int graph_write(struct graph *g, const char *path)
{
    struct bytes model = {0}, name = {0};
    struct file_writer *f;
    int64_t length;
    bool failed = g->nodes.failed || g->ends.failed || g->pool.failed;

    put_model(&model, g->trained);
    bytes_put_text(&name, 2, "partrain");
    length = g->nodes.n + name.n + g->ends.n;
    for (int i = 0; i < g->weights; i++) {
        length += bytes_field_length(tensor_length(&g->weight[i]));
        failed |= g->weight[i].head.failed;
    }
    bytes_put_head(&model, 7, length);
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

int onnx_write(const struct trained *trained, const char *path, struct error *err)
{
    mem_scoped struct graph *g = mem_zalloc(1, sizeof *g);
    scoped(tensors_close) struct tensors *file = NULL;
    int rc;

    TRY(need_memory(g, err));
    if (problem_traits(trained->config)->alternating)
        return error_set(err, PT_EUSAGE,
                         "ials solves a system of equations for each user, which ONNX has no operator for; "
                         "read item.weight of model.safetensors, or use libpartrain");
    TRY(tensors_open(&file, trained->files.path, err));
    g->trained = trained;
    g->file = file;
    g->err = err;
    if (problem_traits(trained->config)->closed)
        closed_form(g);
    else if (trained->by_row)
        factors(g);
    else
        autoencoder(g);
    rc = g->rc < 0 ? g->rc : graph_write(g, path);
    graph_fini(g);
    return rc;
}
