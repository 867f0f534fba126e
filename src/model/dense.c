#include "model/dense.h"

#include <stdio.h>
#include <string.h>

/* Groups of DENSE_UNITS units, the last one smaller. */
static int groups_of(const struct dense *d)
{
    return (d->out + DENSE_UNITS - 1) / DENSE_UNITS;
}

static int layer_init(struct chain *c, int l, const char *prefix, const int *dims, bool linear,
                      const struct model *m, struct error *err)
{
    struct dense *d = &c->layer[l];
    bool moments = !m->spec.fixed;
    int in = dims[l], out = dims[l + 1];
    int64_t rows = out * row_pad(in), biases = row_pad(out), floats = (moments ? 3 : 1) * (rows + biases);
    float *block = mem_pool_array(&c->pool, floats, sizeof *block);
    char name[sizeof d->name];

    *d = (struct dense){.in = in, .out = out, .ld = row_pad(in)};
    snprintf(name, sizeof name, "%s.%d", prefix, l);
    snprintf(d->name, sizeof d->name, "%s.%d.weight", prefix, l);
    snprintf(d->bias_name, sizeof d->bias_name, "%s.%d.bias", prefix, l);
    if (!block)
        return error_set(err, PT_ENOMEM, "%s: out of memory", d->name);
    memset(block, 0, (size_t)floats * sizeof *block);
    if (m->spec.bf16) {
        uint32_t *words = mem_pool_array(&c->pool, 2 * bf16_words(out, d->ld), sizeof *words);

        if (!words)
            return error_set(err, PT_ENOMEM, "%s: out of memory", d->name);
        d->rounded = bf16_weights_at(words, out, d->ld);
        bf16_weights_clear(&d->rounded);
    }
    if (moments) {
        d->row = (struct weights){block, block + rows, block + 2 * rows};
        block += 3 * rows;
        d->bias = (struct weights){block, block + biases, block + 2 * biases};
    } else {
        d->row.w = block;
        d->bias.w = block + rows;
    }
    return units_init(&d->units, name, out, linear, m, err);
}

/* All layers' units, zero, in one array: together they fill huge pages. */
static int unit_arrays_init(struct chain *c, const int *dims, int64_t rows)
{
    int64_t width = 0;
    float *at;

    for (int l = 0; l <= c->n; l++) {
        c->dim[l] = dims[l];
        c->ld[l] = row_pad(dims[l]);
        width += 2 * c->ld[l];
    }
    at = mem_pool_array(&c->pool, rows * width, sizeof *at);
    if (!at)
        return PT_ENOMEM;
    memset(at, 0, (size_t)(rows * width) * sizeof *at);
    for (int l = 0; l <= c->n; l++) {
        c->h[l] = at;
        c->d[l] = at + rows * c->ld[l];
        at += 2 * rows * c->ld[l];
    }
    return 0;
}

int chain_init(struct chain *c, const char *prefix, int n, const int *dims, bool linear_end,
               const struct model *m, struct error *err)
{
    int64_t rows = m->spec.batch > m->spec.eval_batch ? m->spec.batch : m->spec.eval_batch, widest = 0;
    int workers = team_workers(m->eng.team), rc, groups = 0;

    *c = (struct chain){.kern = m->eng.kern, .dense = c->dense};
    if (n > CHAIN_MOST)
        return error_set(err, PT_ECONFIG, "model.hidden: more than %d layers", CHAIN_MOST);
    c->n = n;
    for (int l = 0; l < n; l++) {
        if ((rc = layer_init(c, l, prefix, dims, linear_end && l == n - 1, m, err)) < 0)
            return rc;
        widest = c->layer[l].ld > widest ? c->layer[l].ld : widest;
        groups += groups_of(&c->layer[l]);
    }
    c->tile = mem_pool_arrays(&c->pool, workers, DENSE_UNITS * widest);
    c->squares = mem_pool_zalloc(&c->pool, groups, sizeof *c->squares);
    if (m->spec.bf16 && n > 0) {
        for (int l = 0; l <= n; l++)
            widest = row_pad(dims[l]) > widest ? row_pad(dims[l]) : widest;
        c->words = bf16_words(m->spec.batch, widest + DENSE_UNITS);
        c->rounded = mem_pool_array(&c->pool, workers * c->words, sizeof *c->rounded);
    }
    if (unit_arrays_init(c, dims, rows) < 0 || c->pool.failed)
        return error_set(err, PT_ENOMEM, "hidden layers: out of memory");
    return 0;
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
        units_draw(&d->units);
    }
}

static struct span row_span(const void *owner, int64_t i, int which)
{
    const struct dense *d = owner;

    (void)i;
    return (struct span){weights_pick(&d->row, which), d->out, d->in, d->ld};
}

static struct span bias_span(const void *owner, int64_t i, int which)
{
    const struct dense *d = owner;

    (void)i;
    return (struct span){weights_pick(&d->bias, which), 1, d->out, d->out};
}

void chain_list(struct chain *c, struct param_list *l)
{
    for (int i = 0; i < c->n; i++) {
        const struct dense *d = &c->layer[i];

        params_add(l, (struct param){d->name, d->out, d->in, d, 1, d->row.m ? 2 : 0, false, row_span});
        params_add(l, (struct param){d->bias_name, d->out, 0, d, 1, d->row.m ? 2 : 0, false, bias_span});
        units_list(&d->units, l);
    }
}

void chain_fini(struct chain *c)
{
    for (int l = 0; l < c->n; l++)
        units_fini(&c->layer[l].units);
    mem_pool_free(&c->pool);
    *c = (struct chain){0};
}

/* Own groups of a layer. */
static int own_groups(const struct worker *w, const struct dense *d, int *end)
{
    int64_t first, last;

    team_range(groups_of(d), w->id, w->count, &first, &last);
    *end = (int)last;
    return (int)first;
}

static int group_end(const struct dense *d, int group)
{
    return (group + 1) * DENSE_UNITS < d->out ? (group + 1) * DENSE_UNITS : d->out;
}

void chain_begin(struct worker *w, struct chain *c)
{
    for (int l = 0; l < c->n && c->rounded; l++) {
        const struct dense *d = &c->layer[l];
        int last, first = own_groups(w, d, &last);

        for (int i = first; i < last; i++)
            bf16_weights_round(&d->rounded, c->kern, d->row.w, i * DENSE_UNITS, group_end(d, i));
    }
}

/* out (rows, ldo) = x (rows, ld) B + bias, x rounded. */
static void product_rounded(const struct worker *w, const struct chain *c, int64_t rows, const float *x,
                            int64_t ld, const uint32_t *b, int64_t pairs, const float *bias, float *out,
                            int64_t ldo)
{
    uint32_t *left = c->rounded + w->id * c->words;

    c->kern->bf16_rows(rows, ld, x, ld, left, ld / 2);
    c->kern->bf16_product(rows, ldo, pairs, left, ld / 2, 1, b, bias, INTO_NEW, out, ldo, NULL);
}

void chain_forward(struct worker *w, struct chain *c, int64_t first, int64_t end, bool training)
{
    team_phase(w, PHASE_HIDDEN);
    for (int l = 0; l < c->n; l++) {
        struct dense *d = &c->layer[l];
        int64_t ld = c->ld[l + 1];

        if (training && c->rounded)
            product_rounded(w, c, end - first, c->h[l] + first * d->ld, d->ld, d->rounded.along, d->ld / 2,
                            d->bias.w, c->h[l + 1] + first * ld, ld);
        else
            c->kern->product_nt(end - first, d->out, d->ld, c->h[l] + first * d->ld, d->ld, d->row.w, d->ld,
                                d->bias.w, c->h[l + 1] + first * ld, ld);
        for (int j = 0; j <= l && c->dense && l < c->n - 1; j++)
            c->kern->add(c->h[l + 1] + first * ld, c->h[j] + first * ld, (end - first) * ld);
        units_forward(&d->units, first, end, c->h[l + 1]);
    }
}

void chain_backward(struct worker *w, struct chain *c, int64_t first, int64_t end)
{
    team_phase(w, PHASE_HIDDEN);
    for (int l = c->n - 1; l >= 0; l--) {
        struct dense *d = &c->layer[l];
        int64_t ld = c->ld[l + 1];

        units_backward(&d->units, first, end, c->d[l + 1], c->h[l + 1]);
        if (c->rounded)
            product_rounded(w, c, end - first, c->d[l + 1] + first * ld, ld, d->rounded.down,
                            bf16_pairs(d->out), NULL, c->d[l] + first * d->ld, d->ld);
        else
            c->kern->product_nn(end - first, d->ld, d->out, c->d[l + 1] + first * ld, ld, 1, d->row.w, d->ld,
                                INTO_NEW, c->d[l] + first * d->ld, d->ld, NULL);
        for (int j = l + 1; j < c->n && c->dense; j++)
            c->kern->add(c->d[l] + first * d->ld, c->d[j] + first * d->ld, (end - first) * d->ld);
    }
}

/* For group_gradient: h of a layer, rounded. */
static void round_layer(const struct worker *w, const struct chain *c, int l, int64_t rows)
{
    if (c->rounded)
        bf16_round_down(c->kern, c->h[l], c->ld[l], c->ld[l], 0, rows, rows, c->rounded + w->id * c->words);
}

/* Gradient of the weight rows of units [o, end), (units, ld) with zeros in the padding, and of their biases.
 */
static void group_gradient(const struct worker *w, const struct chain *c, int l, int o, int end, int64_t rows,
                           float *g, float *gb)
{
    const struct dense *d = &c->layer[l];
    const struct weights *row = &d->row;
    const float *dy = c->d[l + 1] + o;
    struct ahead adam = {{row->w + o * d->ld, row->m + o * d->ld, row->v + o * d->ld},
                         (end - o) * d->ld / ROW_ALIGN,
                         ROW_ALIGN};

    if (c->rounded) {
        int64_t pairs = bf16_pairs(rows);
        uint32_t *h = c->rounded + w->id * c->words, *panel = h + pairs * c->ld[l];

        bf16_round_down(c->kern, dy, c->ld[l + 1], DENSE_UNITS, 0, rows, rows, panel);
        c->kern->bf16_product(end - o, c->ld[l], pairs, panel, 1, ROW_ALIGN, h, NULL, INTO_NEW, g, c->ld[l],
                              &adam);
    } else {
        c->kern->product_nn(end - o, c->ld[l], rows, dy, 1, c->ld[l + 1], c->h[l], c->ld[l], INTO_NEW, g,
                            c->ld[l], &adam);
    }
    memset(gb, 0, DENSE_UNITS * sizeof *gb);
    for (int64_t p = 0; p < rows; p++)
        for (int k = 0; k < end - o; k++)
            gb[k] += dy[p * c->ld[l + 1] + k];
}

/* Gain and offset of a layer are one worker's. */
static bool owns_units(const struct worker *w, int layer)
{
    return layer % w->count == w->id;
}

void chain_measure(struct worker *w, struct chain *c, int64_t rows)
{
    double *squares = c->squares;

    team_phase(w, PHASE_HIDDEN);
    for (int l = 0; l < c->n; squares += groups_of(&c->layer[l]), l++) {
        struct dense *d = &c->layer[l];
        int last, first = own_groups(w, d, &last);

        if (owns_units(w, l))
            units_measure(&d->units, rows);
        round_layer(w, c, l, rows);
        for (int i = first; i < last; i++) {
            float gb[DENSE_UNITS], *g = c->tile[w->id];
            int o = i * DENSE_UNITS, end = group_end(d, i);

            group_gradient(w, c, l, o, end, rows, g, gb);
            squares[i] = c->kern->sum_squares(g, (end - o) * d->ld) + c->kern->sum_squares(gb, end - o);
        }
    }
}

double chain_squared_norm(const struct chain *c)
{
    const double *squares = c->squares;
    double sum = 0.0;

    for (int l = 0; l < c->n; squares += groups_of(&c->layer[l]), l++) {
        for (int i = 0; i < groups_of(&c->layer[l]); i++)
            sum += squares[i];
        sum += c->layer[l].units.squares;
    }
    return sum;
}

void chain_update(struct worker *w, struct chain *c, int64_t rows, const struct adam_step *weight,
                  const struct adam_step *bias, float scale)
{
    team_phase(w, PHASE_HIDDEN);
    for (int l = 0; l < c->n; l++) {
        struct dense *d = &c->layer[l];
        int last, first = own_groups(w, d, &last);

        if (owns_units(w, l))
            units_update(&d->units, rows, bias, scale);
        round_layer(w, c, l, rows);
        for (int i = first; i < last; i++) {
            float gb[DENSE_UNITS], *g = c->tile[w->id];
            int o = i * DENSE_UNITS, end = group_end(d, i);

            group_gradient(w, c, l, o, end, rows, g, gb);
            if (scale != 1.0f) {
                c->kern->scale(g, scale, (end - o) * d->ld);
                c->kern->scale(gb, scale, end - o);
            }
            c->kern->adam(weight, d->row.w + o * d->ld, d->row.m + o * d->ld, d->row.v + o * d->ld, g,
                          (end - o) * d->ld);
            if (c->rounded)
                bf16_weights_round(&d->rounded, c->kern, d->row.w, o, end);
            c->kern->adam(bias, d->bias.w + o, d->bias.m + o, d->bias.v + o, gb, end - o);
        }
    }
}
