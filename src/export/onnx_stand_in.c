/* onnx_stand_in.c - the part of a graph that says what serve/trained.h's trained_stand_in says. */
#include "export/onnx_graph.h"

#include "base/mem.h"

#include <string.h>

static double clipped(const struct trained *trained, double r)
{
    if (!trained->config->clip)
        return r;
    return r < trained->low ? trained->low : r > trained->high ? trained->high : r;
}

/* A node of two inputs; its output's name into `out`, which may be one of them. */
static void node(struct graph *g, const char *op, const char *a, const char *b, char *out)
{
    const char *input[] = {a, b};

    graph_node(g, op, input, 2, NULL);
    memcpy(out, g->last, sizeof g->last);
}

/* `base`: what is said of a column where nothing is known of the example; `untrained`: 1 where the column has
 * no training rating; `no_column`: likewise. */
static void columns(struct graph *g, char *no_column)
{
    const struct trained *trained = g->trained;
    float *base = mem_pool_alloc(&g->pool, trained->columns, sizeof *base);
    float *untrained = mem_pool_alloc(&g->pool, trained->columns, sizeof *untrained);

    for (int64_t i = 0; i < trained->columns && !g->pool.failed; i++) {
        double r = trained->bias.mean + (double)trained->bias.column[i];

        untrained[i] = (float)trained->untrained[i];
        base[i] = (float)(trained->untrained[i] ? trained_cold(trained) : clipped(trained, r));
    }
    graph_vector(g, "base", base, trained->columns, false);
    graph_vector(g, "untrained", untrained, trained->columns, false);
    graph_number(g, "half", 0.5);
    node(g, "Greater", "untrained", "half", no_column);
}

/* mf: `by_row`, mean and bias of the user; `no_row`, whether it had no training rating. */
static void rows(struct graph *g, char *by_row, char *no_row)
{
    const struct trained *trained = g->trained;
    float *mean = mem_pool_alloc(&g->pool, trained->examples, sizeof *mean);
    float *untrained = mem_pool_alloc(&g->pool, trained->examples, sizeof *untrained);

    for (int64_t i = 0; i < trained->examples && !g->pool.failed; i++) {
        mean[i] = (float)clipped(trained, trained->bias.mean + (double)trained->bias.example[i]);
        untrained[i] = (float)trained->untrained_row[i];
    }
    graph_vector(g, "row_mean", mean, trained->examples, true);
    graph_vector(g, "row_untrained", untrained, trained->examples, true);
    node(g, "Gather", "row_mean", "user", by_row);
    node(g, "Gather", "row_untrained", "user", no_row);
    node(g, "Greater", no_row, "half", no_row);
}

/* Autoencoders: the same of an example by what goes in. */
static void histories(struct graph *g, char *by_row, char *no_row)
{
    const struct trained *trained = g->trained;
    const struct biases *b = &trained->bias;
    float *ones = mem_pool_alloc(&g->pool, trained->columns, sizeof *ones);
    float *means = mem_pool_alloc(&g->pool, trained->columns, sizeof *means);
    const char *clip[] = {by_row, "low", "high"};
    char known[32], count[32], expected[32];

    for (int64_t i = 0; i < trained->columns && !g->pool.failed; i++) {
        ones[i] = 1.0f;
        means[i] = (float)(b->mean + (double)b->column[i]);
    }
    graph_vector(g, "ones", ones, trained->columns, true);
    graph_vector(g, "means", means, trained->columns, true);
    graph_number(g, "nought", 0.0);
    graph_number(g, "mean", b->mean);
    graph_number(g, "shrink", trained->side == SIDE_USER ? b->user_shrink : b->item_shrink);
    node(g, "Equal", "x", "nought", known);
    graph_step(g, "Not", NULL, NULL);
    graph_attribute(g, "to", ONNX_FLOAT, false);
    graph_step(g, "Cast", NULL, NULL);
    memcpy(known, g->last, sizeof known);
    node(g, "MatMul", known, "ones", count);
    node(g, "MatMul", known, "means", expected);
    node(g, "MatMul", "x", "ones", by_row);
    node(g, "Sub", by_row, expected, by_row);
    node(g, "Add", count, "shrink", expected);
    node(g, "Div", by_row, expected, by_row);
    node(g, "Add", by_row, "mean", by_row);
    if (trained->config->clip) {
        graph_node(g, "Clip", clip, 3, NULL);
        memcpy(by_row, g->last, sizeof g->last);
    }
    node(g, "Less", count, "half", no_row);
}

void graph_stand_in(struct graph *g, const char *output)
{
    char ratings[32], no_column[32], no_row[32], by_row[32];
    const char *pick[] = {no_column, by_row, ratings}, *pick_row[] = {no_row, "base", ratings};

    memcpy(ratings, g->last, sizeof ratings);
    columns(g, no_column);
    if (g->trained->by_row)
        rows(g, by_row, no_row);
    else
        histories(g, by_row, no_row);
    graph_node(g, "Where", pick, 3, NULL);
    memcpy(ratings, g->last, sizeof ratings);
    graph_node(g, "Where", pick_row, 3, output);
}
