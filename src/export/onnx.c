/* onnx.c - the graph of each kind of model, and the file. */
#include "export/onnx.h"

#include "base/file.h"
#include "base/mem.h"
#include "export/onnx_graph.h"
#include "setup/problem.h"
#include "store/run_files.h"

#include <string.h>

/* ---- graphs ---- */

/* From the dense row to what training put in. */
static void inputs(struct graph *g)
{
    const struct trained *trained = g->trained;

    graph_end(g, GRAPH_INPUT, "x", ONNX_FLOAT, trained->columns);
    snprintf(g->last, sizeof g->last, "x");
    if (trained->shift != 0.0f) { /* x - shift where x is not 0 */
        const char *x_minus[] = {"x", NULL};
        char shifts[32];

        graph_number(g, "zero", 0.0);
        graph_number(g, "shift", (double)trained->shift);
        graph_step(g, "Equal", "zero", NULL);
        graph_step(g, "Not", NULL, NULL);
        graph_attribute(g, "to", ONNX_FLOAT, false);
        graph_step(g, "Cast", NULL, NULL);
        graph_step(g, "Mul", "shift", NULL);
        memcpy(shifts, g->last, sizeof shifts);
        x_minus[1] = shifts;
        graph_node(g, "Sub", x_minus, 2, NULL);
    }
    if (!trained->rating && trained->config->normalize_input) {
        const char *division[] = {"x", NULL};
        char norm[32];

        graph_number(g, "tiny", 1e-12);
        graph_attribute(g, "axes", 1, true);
        graph_step(g, "ReduceL2", NULL, NULL);
        graph_step(g, "Max", "tiny", NULL);
        memcpy(norm, g->last, sizeof norm);
        division[1] = norm;
        graph_node(g, "Div", division, 2, NULL);
    }
}

/* From outputs to ratings. */
static void ratings(struct graph *g)
{
    const struct trained *trained = g->trained;
    char from[32];
    const char *input[] = {from, "low", "high"};
    bool stand_in = trained->bias.column && trained->config->eval_untrained == UNTRAINED_BIAS;
    const char *output = stand_in ? NULL : "ratings";

    if (trained->shift != 0.0f) {
        if (trained->by_row)
            graph_number(g, "shift", (double)trained->shift);
        graph_step(g, "Add", "shift", NULL);
    }
    memcpy(from, g->last, sizeof from);
    if (trained->config->clip) {
        graph_number(g, "low", trained->low);
        graph_number(g, "high", trained->high);
        graph_node(g, "Clip", input, 3, output);
    } else {
        graph_node(g, "Identity", input, 1, output);
    }
    if (stand_in)
        graph_stand_in(g, "ratings");
    graph_end(g, GRAPH_OUTPUT, "ratings", ONNX_FLOAT, trained->columns);
}

/* Scores of the items in the weights; where these are some only, the others' are 0. */
static void item_weights(struct graph *g, const char *output)
{
    const struct config *c = g->trained->config;
    char items[32], zeros[32], scores[32], shape[32], wide[32];
    const char *gather[] = {"x", items}, *expand[] = {items, shape};
    const char *scatter[] = {zeros, wide, scores};
    bool some = c->items_most > 0 && c->items_most < g->trained->columns;

    graph_tensor(g, "ease.weight", 0, 0, false);
    snprintf(g->last, sizeof g->last, "x");
    if (!some) {
        graph_step(g, "MatMul", "ease.weight", output);
        return;
    }
    graph_number(g, "nothing", 0.0);
    graph_step(g, "Mul", "nothing", NULL);
    memcpy(zeros, g->last, sizeof zeros);
    graph_tensor(g, "ease.items", 0, 0, false);
    snprintf(g->last, sizeof g->last, "ease.items");
    graph_attribute(g, "to", ONNX_INT64, false);
    graph_step(g, "Cast", NULL, NULL);
    memcpy(items, g->last, sizeof items);
    graph_attribute(g, "axis", 1, false);
    graph_node(g, "Gather", gather, 2, NULL);
    graph_step(g, "MatMul", "ease.weight", NULL);
    memcpy(scores, g->last, sizeof scores);
    graph_step(g, "Shape", NULL, NULL);
    memcpy(shape, g->last, sizeof shape);
    graph_node(g, "Expand", expand, 2, NULL);
    memcpy(wide, g->last, sizeof wide);
    graph_attribute(g, "axis", 1, false);
    graph_node(g, "ScatterElements", scatter, 3, output);
}

/* logits = those of the decoder + scale * scores of EASE. */
static void companion(struct graph *g)
{
    char own[32];
    const char *sum[] = {own, g->last};

    graph_affine(g, "decoder", true, 0, NULL);
    memcpy(own, g->last, sizeof own);
    item_weights(g, NULL);
    graph_tensor(g, "ease.scale", 0, 0, false);
    graph_step(g, "Mul", "ease.scale", NULL);
    graph_node(g, "Add", sum, 2, "logits");
}

static void autoencoder(struct graph *g)
{
    const struct config *c = g->trained->config;
    bool sampled = problem_traits(c)->variational;
    enum activation f = (enum activation)c->activation;
    int n = c->hidden.n, mirrored = c->decoder == DECODER_LINEAR ? 0 : n;
    char name[40];

    inputs(g);
    graph_affine(g, "encoder", false, sampled && !n ? c->latent : 0, NULL);
    if (!sampled || n)
        graph_activate(g, f);
    if (sampled && n) { /* of the last layer only the means: nothing is sampled */
        graph_chain(g, "inference", n - 1, f);
        snprintf(name, sizeof name, "inference.%d", n - 1);
        graph_affine(g, name, true, c->latent, NULL);
    }
    if (sampled)
        graph_chain(g, "generator", mirrored, f);
    else
        graph_chain(g, "hidden", g->trained->rating ? n - 1 : n + mirrored, f);
    if (g->trained->rating) {
        graph_affine(g, "decoder", true, 0, NULL);
        graph_activate(g, (enum activation)c->output_activation);
        ratings(g);
        return;
    }
    if (c->ease)
        companion(g);
    else
        graph_affine(g, "decoder", true, 0, "logits");
    graph_step(g, "Softmax", NULL, "probabilities");
    graph_end(g, GRAPH_OUTPUT, "logits", ONNX_FLOAT, g->trained->columns);
    graph_end(g, GRAPH_OUTPUT, "probabilities", ONNX_FLOAT, g->trained->columns);
}

static void closed_form(struct graph *g)
{
    graph_end(g, GRAPH_INPUT, "x", ONNX_FLOAT, g->trained->columns);
    item_weights(g, "scores");
    graph_end(g, GRAPH_OUTPUT, "scores", ONNX_FLOAT, g->trained->columns);
}

static void factors(struct graph *g)
{
    static const char *const rows[] = {"user.weight", "user"}, *const row_biases[] = {"user.bias", "user"};
    const struct trained *trained = g->trained;
    const struct config *c = trained->config;
    char from[32], bias[32];
    const char *products[] = {from, "item.weight", "item.bias"}, *sum[] = {from, bias};

    graph_end(g, GRAPH_INPUT, "user", ONNX_INT64, 0);
    graph_tensor(g, "user.weight", 0, 0, false);
    graph_tensor(g, "item.weight", 0, 0, false);
    graph_node(g, "Gather", rows, 2, NULL);
    memcpy(from, g->last, sizeof from);
    graph_attribute(g, "transB", 1, false);
    if (c->biases) {
        graph_tensor(g, "user.bias", 0, 0, true);
        graph_tensor(g, "item.bias", 0, 0, false);
    }
    graph_node(g, "Gemm", products, c->biases ? 3 : 2, NULL);
    if (c->biases) {
        memcpy(from, g->last, sizeof from);
        graph_node(g, "Gather", row_biases, 2, NULL);
        memcpy(bias, g->last, sizeof bias);
        graph_node(g, "Add", sum, 2, NULL);
    }
    if (c->range_high > c->range_low) {
        graph_number(g, "range", c->range_high - c->range_low);
        graph_number(g, "range_low", c->range_low - (double)trained->shift);
        graph_step(g, "Sigmoid", NULL, NULL);
        graph_step(g, "Mul", "range", NULL);
        graph_step(g, "Add", "range_low", NULL);
    }
    ratings(g);
}

/* ---- the file ---- */

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
    put_property(b, "side", trained->side == SIDE_USER ? "user" : "item");
    put_property(b, "columns", trained->side == SIDE_USER ? RUN_ITEMS : RUN_USERS);
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

static int write_file(struct graph *g, const char *path)
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
    struct graph *g = mem_zalloc(1, sizeof *g);
    struct tensors *file = NULL;
    int rc;

    if (!g)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (problem_traits(trained->config)->alternating) {
        rc =
            error_set(err, PT_EUSAGE,
                      "ials solves a system of equations for each user, which ONNX has no operator for; read "
                      "item.weight of model.safetensors, or use libpartrain");
        goto end;
    }
    if ((rc = tensors_open(&file, trained->files.path, err)) < 0)
        goto end;
    g->trained = trained;
    g->file = file;
    g->err = err;
    if (problem_traits(trained->config)->closed)
        closed_form(g);
    else if (trained->by_row)
        factors(g);
    else
        autoencoder(g);
    rc = g->rc < 0 ? g->rc : write_file(g, path);
    graph_fini(g);
end:
    tensors_close(file);
    mem_free(g);
    return rc;
}
