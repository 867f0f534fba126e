/* onnx_stand_in.c - the part of a graph that says what serve/trained.h's trained_stand_in says. */
#include "export/onnx_graph.h"

#include "base/mem.h"

static double clipped(const struct trained *trained, double r)
{
    if (!trained->config->clip)
        return r;
    return r < trained->problem->low    ? trained->problem->low
           : r > trained->problem->high ? trained->problem->high
                                        : r;
}

/* `base`: the prediction of a column where the example is unknown; `untrained`: 1 where the column has no
 * training rating. Returns the same as a truth value. */
static const char *columns(struct graph *g)
{
    const struct trained *trained = g->trained;
    float *base = mem_pool_alloc(&g->pool, trained->problem->columns, sizeof *base);
    float *untrained = mem_pool_alloc(&g->pool, trained->problem->columns, sizeof *untrained);

    for (int64_t i = 0; i < trained->problem->columns && !g->pool.failed; i++) {
        double r = trained->problem->bias.mean + (double)trained->problem->bias.column[i];

        untrained[i] = (float)trained->problem->cold_column[i];
        base[i] = (float)(trained->problem->cold_column[i] ? trained_cold(trained) : clipped(trained, r));
    }
    graph_vector(g, "base", base, trained->problem->columns, false);
    graph_vector(g, "untrained", untrained, trained->problem->columns, false);
    graph_number(g, "half", 0.5);
    return graph_node(g, NULL, "Greater", "untrained", "half", NULL);
}

/* mf: returns mean and bias of the user; `no_row`: whether it had no training rating. */
static const char *rows(struct graph *g, const char **no_row)
{
    const struct trained *trained = g->trained;
    float *mean = mem_pool_alloc(&g->pool, trained->problem->examples, sizeof *mean);
    float *untrained = mem_pool_alloc(&g->pool, trained->problem->examples, sizeof *untrained);

    for (int64_t i = 0; i < trained->problem->examples && !g->pool.failed; i++) {
        mean[i] =
            (float)clipped(trained, trained->problem->bias.mean + (double)trained->problem->bias.example[i]);
        untrained[i] = (float)trained->problem->cold_example[i];
    }
    graph_vector(g, "row_mean", mean, trained->problem->examples, true);
    graph_vector(g, "row_untrained", untrained, trained->problem->examples, true);
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

void graph_stand_in(struct graph *g, const char *ratings)
{
    const char *no_column = columns(g), *no_row;
    const char *by_row = g->trained->by_row ? rows(g, &no_row) : histories(g, &no_row);

    ratings = graph_node(g, NULL, "Where", no_column, by_row, ratings);
    graph_node(g, "ratings", "Where", no_row, "base", ratings);
}
