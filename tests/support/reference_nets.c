/* reference_nets.c - AutoRec, Multi-VAE, Mult-DAE and RecVAE as one chain of dense layers.
 *
 *   x -> encoder -> layers... -> [ sampling -> layers... ] -> code -> decoder -> loss
 *
 * Everything is a dense array of (rows of the minibatch, units). */
#include "reference.h"

#include "base/rng.h"
#include "support.h"

/* One layer: out = f(s), s = W in + b. The encoder's W is stored (in, out), the others' (out, in). */
struct layer {
    struct ref_tensor *w, *b;
    enum activation act;
    bool transposed, bf16; /* bf16: operands of products are rounded */
    int64_t ins, outs;
    const double *in;                 /* (rows, ins) borrowed */
    struct ref_tensor *gain, *offset; /* of layer norm; NULL: there is none */
    const struct layer
        *before;         /* RecVAE: of these, up to this one, units are added to the sums; NULL: none */
    double *ds;          /* (rows, outs) owned: dloss / ds */
    double *s, *a, *out; /* (rows, outs) owned: sums, behind the activation, behind the norm */
};

struct net {
    struct layer layer[40];
    bool bf16;            /* of the decoder */
    int layers, sampling; /* sampling: index of the layer whose output is (mean, log variance); -1: none */
    int64_t rows;
    double *x;              /* (rows, columns) owned: after normalisation and dropout */
    double *z, *eps;        /* (rows, latent) owned: the sample and its noise */
    double *code, *keep;    /* (rows, K) owned: last code after dropout, and what it was multiplied by */
    double *logit, *dlogit; /* (rows, columns) owned: before the output activation */
};

static double *weight_at(struct layer *l, double *base, int64_t o, int64_t i)
{
    return l->transposed ? base + i * l->outs + o : base + o * l->ins + i;
}

/* Mean and deviation of a row. */
static void row_moments(const double *a, int64_t n, double *mean, double *deviation)
{
    *mean = *deviation = 0.0;
    for (int64_t o = 0; o < n; o++)
        *mean += a[o] / (double)n;
    for (int64_t o = 0; o < n; o++)
        *deviation += (a[o] - *mean) * (a[o] - *mean) / (double)n;
    *deviation = sqrt(*deviation + 0.1);
}

static void norm_forward(struct layer *l, int64_t rows)
{
    for (int64_t p = 0; p < rows; p++) {
        const double *a = l->a + p * l->outs;
        double mean, deviation;

        row_moments(a, l->outs, &mean, &deviation);
        for (int64_t o = 0; o < l->outs; o++)
            l->out[p * l->outs + o] =
                l->gain ? l->gain->w[o] * (a[o] - mean) / deviation + l->offset->w[o] : a[o];
    }
}

/* dloss / da of a row from dloss / dout, by the Jacobian of the row. */
static void norm_backward(struct layer *l, int64_t p, const double *dout, double *da)
{
    const double *a = l->a + p * l->outs;
    double mean, d, n = (double)l->outs;

    row_moments(a, l->outs, &mean, &d);
    for (int64_t o = 0; o < l->outs; o++) {
        if (!l->gain) {
            da[o] = dout[o];
            continue;
        }
        l->gain->g[o] += dout[o] * (a[o] - mean) / d;
        l->offset->g[o] += dout[o];
        for (int64_t i = 0; i < l->outs; i++)
            da[i] += dout[o] * l->gain->w[o] *
                     (((o == i) - 1.0 / n) / d - (a[o] - mean) * (a[i] - mean) / (n * d * d * d));
    }
}

/* An operand of a product: in precision bf16 rounded to 8 digits, to nearest even (once to float, as it
 * is). */
static double operand(bool bf16, double x)
{
    int exponent;
    double digits = frexp((double)(float)x, &exponent);

    return bf16 ? ldexp(nearbyint(ldexp(digits, 8)), exponent - 8) : x;
}

static void layer_forward(struct layer *l, const double *in, int64_t rows)
{
    l->in = in;
    l->a = ref_array(rows * l->outs);
    l->ds = ref_array(rows * l->outs);
    l->s = ref_array(rows * l->outs);
    l->out = ref_array(rows * l->outs);
    for (int64_t p = 0; p < rows; p++)
        for (int64_t o = 0; o < l->outs; o++) {
            double s = l->b->w[o];

            for (int64_t i = 0; i < l->ins; i++)
                s += operand(l->bf16, *weight_at(l, l->w->w, o, i)) * operand(l->bf16, in[p * l->ins + i]);
            for (const struct layer *j = l->before; j && j < l; j++)
                s += j->out[p * l->outs + o];
            l->s[p * l->outs + o] = s;
            l->a[p * l->outs + o] = ref_activation(l->act, s);
        }
    norm_forward(l, rows);
}

/* dout (rows, outs): dloss / dout. Returns dloss / din, for free. */
static double *layer_backward(struct layer *l, const double *dout, int64_t rows)
{
    double *din = ref_array(rows * l->ins);
    double *da = ref_array(rows * l->outs);

    for (int64_t p = 0; p < rows; p++) {
        norm_backward(l, p, dout + p * l->outs, da + p * l->outs);
        for (int64_t o = 0; o < l->outs; o++) {
            double ds = l->ds[p * l->outs + o] =
                da[p * l->outs + o] * ref_slope(l->act, l->s[p * l->outs + o]);

            l->b->g[o] += ds;
            ds = operand(l->bf16, ds);
            for (int64_t i = 0; i < l->ins; i++) {
                *weight_at(l, l->w->g, o, i) += ds * operand(l->bf16, l->in[p * l->ins + i]);
                din[p * l->ins + i] += ds * operand(l->bf16, *weight_at(l, l->w->w, o, i));
            }
        }
    }
    free(da);
    return din;
}

static bool dropped(const struct reference *ref, enum rng_purpose purpose, uint64_t step, int64_t p,
                    int64_t k, double rate)
{
    struct rng4 r = rng_philox(ref->spec.seed, purpose, step, (uint32_t)p, (uint32_t)(k / 4));

    return (double)r.word[k % 4] < floor((double)(float)rate * 4294967296.0);
}

/* `b` NULL: one example, without dropout. */
static void make_inputs(struct reference *ref, struct net *n, const int64_t *example, const struct batch *b)
{
    double rate = ref->spec.input_dropout;

    n->x = ref_array(n->rows * ref->columns);
    for (int64_t p = 0; p < n->rows; p++) {
        const double *value = ref->value + example[p] * ref->columns;
        double norm = 0.0;

        for (int64_t c = 0; c < ref->columns; c++)
            norm += value[c] * value[c];
        norm = ref->spec.normalize_input && norm > 0.0 ? sqrt(norm) : 1.0;
        for (int64_t c = 0; c < ref->columns; c++) {
            double x = value[c] / norm;

            if (b && rate > 0.0 && (!ref->turn || b->in_epoch < ref->turn))
                x = dropped(ref, RNG_INPUT_DROPOUT, b->step, p, c, rate) ? 0.0 : x / (1.0 - rate);
            n->x[p * ref->columns + c] = x;
        }
    }
}

static void add_norm(struct reference *ref, struct layer *l, const char *prefix)
{
    char name[96];

    snprintf(name, sizeof name, "%s.norm.weight", prefix);
    l->gain = ref_tensor(ref, name);
    snprintf(name, sizeof name, "%s.norm.bias", prefix);
    l->offset = ref_tensor(ref, name);
}

static void add_layer(struct reference *ref, struct net *n, const char *prefix, int number, enum activation f)
{
    struct layer *l = &n->layer[n->layers++];
    char name[64];

    snprintf(name, sizeof name, "%s.%d.weight", prefix, number);
    l->w = ref_tensor(ref, name);
    snprintf(name, sizeof name, "%s.%d.bias", prefix, number);
    l->b = ref_tensor(ref, name);
    assert_true(l->w && l->b);
    snprintf(name, sizeof name, "%s.%d", prefix, number);
    add_norm(ref, l, name);
    l->act = f;
    l->outs = l->w->rows;
    l->ins = l->w->cols;
}

static void add_layers(struct reference *ref, struct net *n, const char *prefix, int count, bool linear_end)
{
    for (int i = 0; i < count; i++)
        add_layer(ref, n, prefix, i, linear_end && i == count - 1 ? ACT_IDENTITY : ref->spec.activation);
}

/* The layers that the papers describe, by the engine's names. */
static void build(struct reference *ref, struct net *n)
{
    const struct model_spec *s = &ref->spec;
    bool vae = s->kind == MODEL_MULTIVAE || s->kind == MODEL_RECVAE;
    int mirrored = s->decoder == DECODER_LINEAR ? 0 : s->hiddens;
    struct layer *enc = &n->layer[0];

    n->sampling = -1;
    *enc = (struct layer){.w = ref_tensor(ref, "encoder.weight"),
                          .b = ref_tensor(ref, "encoder.bias"),
                          .act = vae && s->hiddens == 0 ? ACT_IDENTITY : s->activation,
                          .transposed = true};
    assert_true(enc->w && enc->b);
    add_norm(ref, enc, "encoder");
    enc->ins = enc->w->rows;
    enc->outs = enc->w->cols;
    n->layers = 1;
    if (s->kind == MODEL_AUTOREC)
        add_layers(ref, n, "hidden", s->hiddens - 1, false);
    if (s->kind == MODEL_MULTIDAE)
        add_layers(ref, n, "hidden", s->hiddens + mirrored, false);
    if (vae) {
        add_layers(ref, n, "inference", s->hiddens, true);
        n->sampling = n->layers - 1;
        for (int l = 1; l < n->sampling && s->kind == MODEL_RECVAE; l++)
            n->layer[l].before = n->layer;
        add_layers(ref, n, "generator", mirrored, false);
    }
}

static double anneal(const struct reference *ref, const struct batch *b)
{
    double beta = ref->spec.kl_weight;

    if (ref->spec.kl_anneal_steps > 0)
        beta = fmin(beta, (double)b->step / (double)ref->spec.kl_anneal_steps);
    return beta;
}

/* Of a row's KL term. */
static double row_beta(const struct reference *ref, const struct batch *b, int64_t p)
{
    double clicks = 0.0;

    if (ref->spec.kl_per_click == 0.0)
        return anneal(ref, b);
    for (int64_t c = 0; c < ref->columns; c++)
        clicks += ref->has[b->example[p] * ref->columns + c];
    return ref->spec.kl_per_click * clicks;
}

/* log of .15 N(z; 0, 1) + .75 N(z; m', exp(s')) + .1 N(z; 0, exp(10)); *slope: its derivative. */
static double log_prior(const double *old, int64_t k, int64_t latent, double z, double *slope)
{
    double weight[] = {0.15, 0.75, 0.1}, mean[] = {0.0, old[k], 0.0},
           variance[] = {1.0, exp(old[latent + k]), exp(10.0)};
    double sum = 0.0, along = 0.0;

    for (int i = 0; i < 3; i++) {
        double away = z - mean[i],
               density = weight[i] * exp(-away * away / (2.0 * variance[i])) / sqrt(2.0 * M_PI * variance[i]);

        sum += density;
        along -= density * away / variance[i];
    }
    *slope = along / sum;
    return log(sum);
}

/* Of a unit of a row. */
static double kl_term(const struct reference *ref, struct net *n, const double *ms, const struct batch *b,
                      int64_t p, int64_t k)
{
    int64_t latent = ref->spec.latent;
    double m = ms[p * 2 * latent + k], s = ms[p * 2 * latent + latent + k], z = n->z[p * latent + k], slope;

    if (ref->spec.kind == MODEL_MULTIVAE)
        return 0.5 * (exp(s) + m * m - 1.0 - s);
    return -0.5 * (log(2.0 * M_PI) + s + (z - m) * (z - m) / exp(s)) -
           log_prior(ref->old + b->example[p] * 2 * latent, k, latent, z, &slope);
}

/* z = m + exp(s / 2) eps; returns the mean over the rows of beta KL(q || prior). */
static double draw_sample(struct reference *ref, struct net *n, const double *ms, const struct batch *b)
{
    int64_t latent = ref->spec.latent;
    double kl = 0.0;

    n->z = ref_array(n->rows * latent);
    n->eps = ref_array(n->rows * latent);
    for (int64_t p = 0; p < n->rows; p++)
        for (int64_t k = 0; k < latent; k++) {
            double m = ms[p * 2 * latent + k], s = ms[p * 2 * latent + latent + k], normal[2] = {0.0, 0.0};

            if (b) {
                struct rng4 r =
                    rng_philox(ref->spec.seed, RNG_NOISE, b->step, (uint32_t)p, (uint32_t)(k / 4));

                rng_normal2(r.word[k % 4 / 2 * 2], r.word[k % 4 / 2 * 2 + 1], normal);
            }
            n->eps[p * latent + k] = ref->spec.noise_std * normal[k % 2];
            n->z[p * latent + k] = m + exp(s / 2.0) * n->eps[p * latent + k];
            kl += b ? row_beta(ref, b, p) * kl_term(ref, n, ms, b, p, k) : 0.0;
        }
    return kl / (double)n->rows;
}

/* Everything up to the logits. Returns the KL term. */
static double net_forward(struct reference *ref, struct net *n, const int64_t *example, int64_t rows,
                          const struct batch *b)
{
    struct ref_tensor *w = ref_tensor(ref, "decoder.weight"), *bias = ref_tensor(ref, "decoder.bias");
    const double *in;
    double kl = 0.0;

    n->rows = rows;
    build(ref, n);
    make_inputs(ref, n, example, b);
    in = n->x;
    n->bf16 = b && ref->spec.bf16 && ref->spec.kind != MODEL_AUTOREC;
    for (int l = 0; l < n->layers; l++) {
        n->layer[l].bf16 = b && ref->spec.bf16 && l > 0;
        layer_forward(&n->layer[l], in, rows);
        in = n->layer[l].out;
        if (l == n->sampling) {
            kl = draw_sample(ref, n, in, b);
            in = n->z;
        }
    }
    n->code = ref_array(rows * w->cols);
    n->keep = ref_array(rows * w->cols);
    for (int64_t p = 0; p < rows; p++)
        for (int64_t k = 0; k < w->cols; k++) {
            double rate = b ? ref->spec.dropout : 0.0;
            bool drop = rate > 0.0 && dropped(ref, RNG_DROPOUT, b->step, p, k, rate);

            n->keep[p * w->cols + k] = drop ? 0.0 : 1.0 / (1.0 - rate);
            n->code[p * w->cols + k] = in[p * w->cols + k] * n->keep[p * w->cols + k];
        }
    n->logit = ref_array(rows * ref->columns);
    n->dlogit = ref_array(rows * ref->columns);
    for (int64_t p = 0; p < rows; p++)
        for (int64_t c = 0; c < ref->columns; c++) {
            double s = bias->w[c];

            for (int64_t k = 0; k < w->cols; k++)
                s += operand(n->bf16, w->w[c * w->cols + k]) * operand(n->bf16, n->code[p * w->cols + k]);
            n->logit[p * ref->columns + c] = s;
        }
    return kl;
}

static void net_fini(struct net *n)
{
    for (int l = 0; l < n->layers; l++) {
        free(n->layer[l].s);
        free(n->layer[l].a);
        free(n->layer[l].ds);
        free(n->layer[l].out);
    }
    free(n->x);
    free(n->z);
    free(n->eps);
    free(n->code);
    free(n->keep);
    free(n->logit);
    free(n->dlogit);
}

/* -1/B sum_p sum_c x_pc log softmax(l_p)_c, and its gradient. */
static double multinomial_loss(struct reference *ref, struct net *n, const int64_t *example)
{
    double loss = 0.0;

    for (int64_t p = 0; p < n->rows; p++) {
        const double *x = ref->value + example[p] * ref->columns, *l = n->logit + p * ref->columns;
        double sum = 0.0, count = 0.0;

        for (int64_t c = 0; c < ref->columns; c++) {
            sum += exp(l[c]);
            count += x[c];
        }
        for (int64_t c = 0; c < ref->columns; c++) {
            loss -= x[c] * (l[c] - log(sum));
            n->dlogit[p * ref->columns + c] = (count * exp(l[c]) / sum - x[c]) / (double)n->rows;
        }
    }
    return loss / (double)n->rows;
}

/* The losses of model.h over observed cells. A cell's error counts with `weight`: loss = sum weight e^2, but
 * for the root. */
static double rating_loss(struct reference *ref, struct net *n, const int64_t *example)
{
    double *weight = ref_array(n->rows), loss = 0.0, cells = 0.0, with_cells = 0.0, root;

    for (int64_t p = 0; p < n->rows; p++) {
        for (int64_t c = 0; c < ref->columns; c++)
            weight[p] += ref->has[example[p] * ref->columns + c];
        cells += weight[p];
        with_cells += weight[p] > 0.0;
    }
    for (int64_t p = 0; p < n->rows; p++) {
        if (ref->spec.loss == LOSS_SUM)
            weight[p] = 0.5;
        else if (ref->spec.loss == LOSS_EXAMPLE_MEAN)
            weight[p] = 0.5 / (double)n->rows;
        else if (ref->spec.loss == LOSS_ROW_MEAN)
            weight[p] = 1.0 / (with_cells * weight[p]);
        else if (ref->spec.loss == LOSS_CELL_MEAN)
            weight[p] = 1.0 / cells;
        else if (ref->spec.loss == LOSS_COLUMN_MEAN)
            weight[p] = 0.5 / ((double)n->rows * (double)ref->columns);
        else
            weight[p] = 1.0;
        for (int64_t c = 0; c < ref->columns; c++) {
            int64_t at = example[p] * ref->columns + c;
            double s = n->logit[p * ref->columns + c],
                   e = ref_activation(ref->spec.output, s) - ref->value[at];

            if (!ref->has[at])
                continue;
            loss += weight[p] * e * e;
            n->dlogit[p * ref->columns + c] = 2.0 * weight[p] * e * ref_slope(ref->spec.output, s);
        }
    }
    free(weight);
    if (ref->spec.loss != LOSS_ROOT)
        return loss;
    root = sqrt(loss);
    for (int64_t i = 0; i < n->rows * ref->columns && root > 0.0; i++)
        n->dlogit[i] /= 2.0 * root;
    return root;
}

/* From dz to the gradients of mean and log variance. */
static double *sample_backward(struct reference *ref, struct net *n, const double *dz, const struct batch *b)
{
    int64_t latent = ref->spec.latent;
    const double *ms = n->layer[n->sampling].out;
    double *d = ref_array(n->rows * 2 * latent);

    for (int64_t p = 0; p < n->rows; p++) {
        double beta = row_beta(ref, b, p);

        for (int64_t k = 0; k < latent; k++) {
            double m = ms[p * 2 * latent + k], s = ms[p * 2 * latent + latent + k], g = dz[p * latent + k];

            if (ref->old) { /* z moves with m and s; log q(z) falls by 1/2 with s alone */
                double slope;

                log_prior(ref->old + b->example[p] * 2 * latent, k, latent, n->z[p * latent + k], &slope);
                g -= beta * slope / (double)n->rows;
                d[p * 2 * latent + k] = g;
                d[p * 2 * latent + latent + k] =
                    g * n->eps[p * latent + k] * exp(s / 2.0) / 2.0 - beta * 0.5 / (double)n->rows;
                continue;
            }
            d[p * 2 * latent + k] = g + beta * m / (double)n->rows;
            d[p * 2 * latent + latent + k] = g * n->eps[p * latent + k] * exp(s / 2.0) / 2.0 +
                                             beta * 0.5 * (exp(s) - 1.0) / (double)n->rows;
        }
    }
    return d;
}

static void net_backward(struct reference *ref, struct net *n, const struct batch *b)
{
    struct ref_tensor *w = ref_tensor(ref, "decoder.weight"), *bias = ref_tensor(ref, "decoder.bias");
    double *d = ref_array(n->rows * w->cols);

    for (int64_t p = 0; p < n->rows; p++)
        for (int64_t c = 0; c < ref->columns; c++) {
            double dl = n->dlogit[p * ref->columns + c];

            bias->g[c] += dl;
            dl = operand(n->bf16, dl);
            for (int64_t k = 0; k < w->cols; k++) {
                w->g[c * w->cols + k] += dl * operand(n->bf16, n->code[p * w->cols + k]);
                d[p * w->cols + k] += dl * operand(n->bf16, w->w[c * w->cols + k]) * n->keep[p * w->cols + k];
            }
        }
    for (int l = n->layers - 1; l >= 0; l--) {
        double *before = d;

        if (l == n->sampling) {
            d = sample_backward(ref, n, before, b);
            free(before);
            before = d;
        }
        for (int j = l + 1; j < n->sampling && n->layer[j].before; j++)
            for (int64_t i = 0; i < n->rows * n->layer[j].outs; i++)
                before[i] += n->layer[j].ds[i];
        d = layer_backward(&n->layer[l], before, n->rows);
        free(before);
    }
    free(d);
}

void ref_net_keep_old(struct reference *ref)
{
    int64_t width = 2 * ref->spec.latent;

    free(ref->old);
    ref->old = ref_array(ref->examples * width);
    for (int64_t e = 0; e < ref->examples; e++) {
        struct net n = {0};

        net_forward(ref, &n, &e, 1, NULL);
        memcpy(ref->old + e * width, n.layer[n.sampling].out, (size_t)width * sizeof(double));
        net_fini(&n);
    }
}

double ref_net_loss(struct reference *ref, const struct batch *b, bool gradients)
{
    struct net n = {0};
    double kl = net_forward(ref, &n, b->example, b->rows, b), loss;

    loss = ref->spec.kind == MODEL_AUTOREC ? rating_loss(ref, &n, b->example)
                                           : multinomial_loss(ref, &n, b->example) + kl;
    if (gradients)
        net_backward(ref, &n, b);
    net_fini(&n);
    return loss;
}

void ref_net_output(struct reference *ref, int64_t example, double *out)
{
    struct net n = {0};

    net_forward(ref, &n, &example, 1, NULL);
    for (int64_t c = 0; c < ref->columns; c++)
        out[c] = ref->spec.kind == MODEL_AUTOREC ? ref_activation(ref->spec.output, n.logit[c]) : n.logit[c];
    net_fini(&n);
}
