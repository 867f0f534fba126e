#include "model/dense.h"

#include "base/mem.h"
#include "math/gemm.h"

#include <stdio.h>
#include <string.h>

#define TILES 8

/* Tile t of n units: multiples of 8 units, as even as that allows. */
static void tile_range(int n, int t, int *first, int *end)
{
    int eights = (n + 7) / 8, f = eights * t / TILES * 8, e = eights * (t + 1) / TILES * 8;

    *first = f < n ? f : n;
    *end = e < n ? e : n;
}

static int own_tiles(const struct worker *w, int *end)
{
    int64_t first, last;

    team_range(TILES, w->id, w->count, &first, &last);
    *end = (int)last;
    return (int)first;
}

static int layer_init(struct dense *d, const char *prefix, int l, int in, int out, enum activation act,
                      struct error *err)
{
    int64_t rows, biases = row_pad(out);
    float *block;

    snprintf(d->name, sizeof d->name, "%s.%d.weight", prefix, l);
    snprintf(d->bias_name, sizeof d->bias_name, "%s.%d.bias", prefix, l);
    d->in = in;
    d->out = out;
    d->ld = row_pad(in);
    d->act = act;
    rows = out * d->ld;
    block = mem_array(3 * (rows + biases), sizeof *block);
    if (!block)
        return error_set(err, PT_ENOMEM, "%s: out of memory", d->name);
    memset(block, 0, 3 * (size_t)(rows + biases) * sizeof *block);
    d->row = (struct weights){block, block + rows, block + 2 * rows};
    block += 3 * rows;
    d->bias = (struct weights){block, block + biases, block + 2 * biases};
    return 0;
}

int chain_init(struct chain *c, const char *prefix, int n, const int *dims, const enum activation *acts,
               int64_t rows, struct team *team, const struct kernels *kern, struct error *err)
{
    int64_t most = 0;
    int rc;

    *c = (struct chain){.n = n, .kern = kern};
    if (n > CHAIN_MOST)
        return error_set(err, PT_ECONFIG, "model.hidden: more than %d layers", CHAIN_MOST);
    for (int l = 0; l <= n; l++) {
        c->dim[l] = dims[l];
        c->ld[l] = row_pad(dims[l]);
        c->h[l] = mem_array(rows * c->ld[l], sizeof(float));
        c->d[l] = mem_array(rows * c->ld[l], sizeof(float));
        if (!c->h[l] || !c->d[l])
            goto nomem;
        memset(c->h[l], 0, (size_t)(rows * c->ld[l]) * sizeof(float));
        memset(c->d[l], 0, (size_t)(rows * c->ld[l]) * sizeof(float));
    }
    for (int l = 0; l < n; l++) {
        int64_t floats = (dims[l + 1] / TILES + 16) * c->ld[l];

        if ((rc = layer_init(&c->layer[l], prefix, l, dims[l], dims[l + 1], acts[l], err)) < 0)
            goto fail;
        most = floats > most ? floats : most;
    }
    c->tile = mem_zalloc(team_workers(team) + 1, sizeof *c->tile); /* ends with NULL */
    c->squares = mem_zalloc(n * TILES, sizeof *c->squares);
    if (!c->tile || !c->squares)
        goto nomem;
    for (int i = 0; i < team_workers(team); i++)
        if (!(c->tile[i] = mem_array(most + ROW_ALIGN, sizeof(float))))
            goto nomem;
    return 0;
nomem:
    rc = error_set(err, PT_ENOMEM, "hidden layers: out of memory");
fail:
    chain_fini(c);
    return rc;
}

void chain_draw(struct chain *c, const struct init_spec *init, int tensor)
{
    for (int l = 0; l < c->n; l++) {
        struct dense *d = &c->layer[l];
        struct init_spec own = *init;

        own.fan_in = d->in;
        own.fan_out = d->out;
        for (int o = 0; o < d->out; o++)
            init_row(d->row.w + o * d->ld, d->in, &own, tensor + 2 * l, o, false);
        init_row(d->bias.w, d->out, &own, tensor + 2 * l + 1, 0, true);
    }
}

static float *pick(const struct weights *w, int which)
{
    return which == 0 ? w->w : which == 1 ? w->m : w->v;
}

static void row_span(const void *owner, int64_t i, int which, float **data, int64_t *count, int64_t *length,
                     int64_t *stride)
{
    const struct dense *d = owner;

    (void)i;
    *data = pick(&d->row, which);
    *count = d->out;
    *length = d->in;
    *stride = d->ld;
}

static void bias_span(const void *owner, int64_t i, int which, float **data, int64_t *count, int64_t *length,
                      int64_t *stride)
{
    const struct dense *d = owner;

    (void)i;
    *data = pick(&d->bias, which);
    *count = 1;
    *length = *stride = d->out;
}

void chain_list(struct chain *c, struct param_list *l)
{
    for (int i = 0; i < c->n; i++) {
        const struct dense *d = &c->layer[i];

        params_add(l, (struct param){d->name, d->out, d->in, d, 1, false, row_span});
        params_add(l, (struct param){d->bias_name, d->out, 0, d, 1, false, bias_span});
    }
}

void chain_fini(struct chain *c)
{
    for (int l = 0; l <= c->n && l <= CHAIN_MOST; l++) {
        mem_free(c->h[l]);
        mem_free(c->d[l]);
        if (l < c->n)
            mem_free(c->layer[l].row.w);
    }
    for (int i = 0; c->tile && c->tile[i]; i++)
        mem_free(c->tile[i]);
    mem_free(c->tile);
    mem_free(c->squares);
    *c = (struct chain){0};
}

void chain_forward(struct worker *w, struct chain *c, int64_t rows)
{
    int end, first = own_tiles(w, &end);

    team_phase(w, PHASE_HIDDEN);
    for (int l = 0; l < c->n; l++) {
        const struct dense *d = &c->layer[l];

        team_barrier(w);
        for (int t = first; t < end; t++) {
            int o, last;

            tile_range(d->out, t, &o, &last);
            gemm_nt(rows, last - o, d->in, 1.0f, c->h[l], c->ld[l], d->row.w + o * d->ld, d->ld, 0.0f,
                    c->h[l + 1] + o, c->ld[l + 1]);
            for (int64_t p = 0; p < rows && last > o; p++) {
                float *y = c->h[l + 1] + p * c->ld[l + 1];

                for (int k = o; k < last; k++)
                    y[k] += d->bias.w[k];
                c->kern->activate(d->act, y + o, last - o);
            }
        }
    }
    team_barrier(w);
}

void chain_backward(struct worker *w, struct chain *c, int64_t rows)
{
    int end, first = own_tiles(w, &end);
    int64_t from, to;

    team_phase(w, PHASE_HIDDEN);
    team_barrier(w);
    team_range(rows, w->id, w->count, &from, &to);
    for (int l = c->n - 1; l >= 0; l--) {
        const struct dense *d = &c->layer[l];

        for (int64_t p = from; p < to; p++)
            c->kern->activate_back(d->act, c->d[l + 1] + p * c->ld[l + 1], c->h[l + 1] + p * c->ld[l + 1],
                                   d->out);
        team_barrier(w);
        for (int t = first; t < end; t++) {
            int i, last;

            tile_range(d->in, t, &i, &last);
            gemm_nn(rows, last - i, d->out, 1.0f, c->d[l + 1], c->ld[l + 1], d->row.w + i, d->ld, 0.0f,
                    c->d[l] + i, c->ld[l]);
        }
        team_barrier(w);
    }
}

/* Gradient of the weight rows of units [o, end): (units, ld), padding zero; and of their biases. */
static void tile_gradient(const struct chain *c, int l, int o, int end, int64_t rows, float *g, float *gb)
{
    const struct dense *d = &c->layer[l];

    gemm_tn(end - o, d->in, rows, 1.0f, c->d[l + 1] + o, c->ld[l + 1], c->h[l], c->ld[l], 0.0f, g, d->ld);
    for (int k = 0; k < end - o; k++) {
        memset(g + k * d->ld + d->in, 0, (size_t)(d->ld - d->in) * sizeof *g);
        gb[k] = 0.0f;
    }
    for (int64_t p = 0; p < rows; p++)
        for (int k = o; k < end; k++)
            gb[k - o] += c->d[l + 1][p * c->ld[l + 1] + k];
}

#define TILE_UNITS (65536 / TILES + 16)

void chain_measure(struct worker *w, struct chain *c, int64_t rows)
{
    int end, first = own_tiles(w, &end);

    for (int l = 0; l < c->n; l++)
        for (int t = first; t < end; t++) {
            float gb[TILE_UNITS];
            int o, last;

            tile_range(c->layer[l].out, t, &o, &last);
            tile_gradient(c, l, o, last, rows, c->tile[w->id], gb);
            c->squares[l * TILES + t] = c->kern->sum_squares(c->tile[w->id], (last - o) * c->layer[l].ld) +
                                        c->kern->sum_squares(gb, last - o);
        }
}

double chain_norm(const struct chain *c)
{
    double sum = 0.0;

    for (int i = 0; i < c->n * TILES; i++)
        sum += c->squares[i];
    return sum;
}

void chain_update(struct worker *w, struct chain *c, int64_t rows, const struct adam_step *weight,
                  const struct adam_step *bias, float scale)
{
    int end, first = own_tiles(w, &end);

    team_phase(w, PHASE_HIDDEN);
    for (int l = 0; l < c->n; l++) {
        struct dense *d = &c->layer[l];

        for (int t = first; t < end; t++) {
            float gb[TILE_UNITS], *g = c->tile[w->id];
            int o, last;

            tile_range(d->out, t, &o, &last);
            if (o == last)
                continue;
            tile_gradient(c, l, o, last, rows, g, gb);
            if (scale != 1.0f) {
                c->kern->scale(g, scale, (last - o) * d->ld);
                c->kern->scale(gb, scale, last - o);
            }
            c->kern->adam(weight, d->row.w + o * d->ld, d->row.m + o * d->ld, d->row.v + o * d->ld, g,
                          (last - o) * d->ld);
            c->kern->adam(bias, d->bias.w + o, d->bias.m + o, d->bias.v + o, gb, last - o);
        }
    }
}
