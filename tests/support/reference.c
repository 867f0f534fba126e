#include "reference.h"

#include "support.h"

double *ref_array(int64_t n)
{
    double *x = calloc((size_t)n + 1, sizeof *x);

    assert_non_null(x);
    return x;
}

/* ---- weights ----------------------------------------------------------------------------------------- */

/* All numbers of a parameter, row by row without padding. */
static void read_weights(const struct param *p, double *out)
{
    for (int64_t s = 0; s < p->spans; s++) {
        struct span span = p->span(p->owner, s, 0);

        for (int64_t r = 0; r < span.count; r++)
            for (int64_t k = 0; k < span.length; k++)
                *out++ = (double)span.data[r * span.stride + k];
    }
}

static void add_tensor(struct reference *ref, const struct param *p)
{
    struct ref_tensor *t = &ref->tensor[ref->tensors++];

    t->name = p->name;
    t->rows = p->rows;
    t->cols = p->cols;
    t->n = p->rows * (p->cols ? p->cols : 1);
    t->w = ref_array(t->n);
    t->g = ref_array(t->n);
    t->m = ref_array(t->n);
    t->v = ref_array(t->n);
    t->start = ref_array(t->n);
    read_weights(p, t->w);
    memcpy(t->start, t->w, (size_t)t->n * sizeof *t->w);
}

struct ref_tensor *ref_tensor(struct reference *ref, const char *name)
{
    for (int i = 0; i < ref->tensors; i++)
        if (strcmp(ref->tensor[i].name, name) == 0)
            return &ref->tensor[i];
    return NULL;
}

struct reference *ref_new(const struct model *m, const struct adam_spec *adam, const struct ratings *r,
                          bool binary, int side)
{
    struct reference *ref = calloc(1, sizeof *ref);
    const struct matrix *x = m->eng.train;

    assert_non_null(ref);
    ref->spec = m->spec;
    ref->adam = *adam;
    ref->examples = x->examples;
    ref->columns = x->columns;
    ref->cells = m->eng.cells;
    ref->value = ref_array(x->examples * x->columns);
    ref->has = calloc((size_t)(x->examples * x->columns) + 1, sizeof *ref->has);
    assert_non_null(ref->has);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t at = matrix_example_of(r, side)[i] * x->columns + matrix_column_of(r, side)[i];

        ref->value[at] = binary ? 1.0 : (double)r->value[i];
        ref->has[at] = true;
    }
    for (int i = 0; i < m->params.n; i++)
        add_tensor(ref, &m->params.param[i]);
    if (m->spec.kind == MODEL_RECVAE)
        ref_net_keep_old(ref);
    return ref;
}

void ref_free(struct reference *ref)
{
    for (int i = 0; i < ref->tensors; i++) {
        free(ref->tensor[i].w);
        free(ref->tensor[i].g);
        free(ref->tensor[i].m);
        free(ref->tensor[i].v);
        free(ref->tensor[i].start);
    }
    free(ref->old);
    free(ref->value);
    free(ref->has);
    free(ref);
}

double ref_distance(const struct reference *ref, const struct model *m, const char **worst)
{
    double most = 0.0;

    for (int i = 0; i < ref->tensors; i++) {
        const struct ref_tensor *t = &ref->tensor[i];
        double *ours = ref_array(t->n), apart = 0.0, moved = 0.0, ratio;

        read_weights(&m->params.param[i], ours);
        for (int64_t k = 0; k < t->n; k++) {
            apart += (ours[k] - t->w[k]) * (ours[k] - t->w[k]);
            moved += (t->w[k] - t->start[k]) * (t->w[k] - t->start[k]);
        }
        ratio = apart > 0.0 ? sqrt(apart / moved) : 0.0;
        if (!(ratio <= most)) {
            most = ratio;
            *worst = t->name;
        }
        free(ours);
    }
    return most;
}

/* ---- activations --------------------------------------------------------------------------------------- */

double ref_activation(enum activation f, double x)
{
    switch (f) {
    case ACT_IDENTITY:
        return x;
    case ACT_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case ACT_TANH:
        return tanh(x);
    case ACT_RELU:
        return x > 0.0 ? x : 0.0;
    case ACT_ELU: /* Clevert et al. 2016 */
        return x > 0.0 ? x : exp(x) - 1.0;
    case ACT_SELU: /* Klambauer et al. 2017 */
        return 1.0507009873554805 * (x > 0.0 ? x : 1.6732632423543772 * (exp(x) - 1.0));
    case ACT_SWISH: /* Ramachandran et al. 2017 */
        return x / (1.0 + exp(-x));
    case ACT_GELU: /* Hendrycks and Gimpel 2016 */
        return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    }
    return NAN;
}

double ref_slope(enum activation f, double x)
{
    switch (f) {
    case ACT_IDENTITY:
        return 1.0;
    case ACT_SIGMOID:
        return exp(-x) / pow(1.0 + exp(-x), 2.0);
    case ACT_TANH:
        return 1.0 / pow(cosh(x), 2.0);
    case ACT_RELU:
        return x > 0.0 ? 1.0 : 0.0;
    case ACT_ELU:
        return x > 0.0 ? 1.0 : exp(x);
    case ACT_SELU:
        return 1.0507009873554805 * (x > 0.0 ? 1.0 : 1.6732632423543772 * exp(x));
    case ACT_SWISH:
        return (1.0 + exp(-x) + x * exp(-x)) / pow(1.0 + exp(-x), 2.0);
    case ACT_GELU:
        return 0.5 * (1.0 + erf(x / sqrt(2.0))) + x * exp(-x * x / 2.0) / sqrt(2.0 * M_PI);
    }
    return NAN;
}

/* ---- a step ---- */

double ref_loss(struct reference *ref, const struct batch *b, bool gradients)
{
    for (int i = 0; i < ref->tensors && gradients; i++)
        memset(ref->tensor[i].g, 0, (size_t)ref->tensor[i].n * sizeof(double));
    return ref->spec.kind == MODEL_MF ? ref_mf_loss(ref, b, gradients) : ref_net_loss(ref, b, gradients);
}

void ref_output(struct reference *ref, int64_t example, double *out)
{
    if (ref->spec.kind == MODEL_MF)
        ref_mf_output(ref, example, out);
    else
        ref_net_output(ref, example, out);
}

/* recvae: encoder and decoder take turns. */
static bool moves(const struct reference *ref, const struct ref_tensor *t, const struct batch *b)
{
    return !ref->turn || (strncmp(t->name, "decoder.", 8) == 0) == (b->in_epoch >= ref->turn);
}

/* The number of Adam's step, from 1. */
static double step_number(const struct reference *ref, const struct batch *b, int64_t epoch)
{
    if (!ref->turn)
        return (double)b->step + 1.0;
    return b->in_epoch < ref->turn
               ? (double)(epoch * ref->turn + b->in_epoch) + 1.0
               : (double)(epoch * (ref->steps - ref->turn) + b->in_epoch - ref->turn) + 1.0;
}

static void clip(struct reference *ref, const struct batch *b)
{
    double sum = 0.0, factor;

    for (int i = 0; i < ref->tensors; i++)
        for (int64_t k = 0; k < ref->tensor[i].n && moves(ref, &ref->tensor[i], b); k++)
            sum += ref->tensor[i].g[k] * ref->tensor[i].g[k];
    factor = sqrt(sum) > ref->spec.clip_norm ? ref->spec.clip_norm / sqrt(sum) : 1.0;
    for (int i = 0; i < ref->tensors; i++)
        for (int64_t k = 0; k < ref->tensor[i].n; k++)
            ref->tensor[i].g[k] *= factor;
}

static double half_cosine(double s, double e, double p)
{
    return s + (1.0 + cos(M_PI * (1.0 - p))) * (e - s) / 2.0;
}

static void schedule(const struct adam_spec *a, int64_t epoch, double share, double *lr, double *beta1)
{
    *lr = a->lr;
    *beta1 = a->beta1;
    if (a->schedule == SCHEDULE_STEP)
        *lr = a->lr * pow(a->lr_decay, (double)(epoch / a->lr_step));
    if (a->schedule == SCHEDULE_EXPONENTIAL)
        *lr = a->lr * pow(a->lr_decay, (double)epoch);
    if (a->schedule == SCHEDULE_COSINE)
        *lr = half_cosine(a->lr, 0.0, share);
    if (a->schedule == SCHEDULE_ONE_CYCLE && share < 0.25) {
        *lr = half_cosine(a->lr / 25.0, a->lr, share / 0.25);
        *beta1 = half_cosine(a->momentum_high, a->momentum_low, share / 0.25);
    }
    if (a->schedule == SCHEDULE_ONE_CYCLE && share >= 0.25) {
        *lr = half_cosine(a->lr, a->lr / 1e5, (share - 0.25) / 0.75);
        *beta1 = half_cosine(a->momentum_low, a->momentum_high, (share - 0.25) / 0.75);
    }
}

double ref_step(struct reference *ref, const struct batch *b, int64_t epoch, int64_t total)
{
    const struct adam_spec *a = &ref->adam;
    double loss = ref_loss(ref, b, true), t = step_number(ref, b, epoch), lr, beta1;

    if (ref->spec.clip_norm > 0.0)
        clip(ref, b);
    schedule(a, epoch, (double)b->step / (double)total, &lr, &beta1);
    for (int i = 0; i < ref->tensors; i++) {
        struct ref_tensor *p = &ref->tensor[i];
        bool decays = p->cols > 0 || a->decay_biases;

        for (int64_t k = 0; k < p->n && moves(ref, p, b); k++) {
            double g = p->g[k] + (decays ? a->l2 * p->w[k] : 0.0);

            p->m[k] = beta1 * p->m[k] + (1.0 - beta1) * g;
            p->v[k] = a->beta2 * p->v[k] + (1.0 - a->beta2) * g * g;
            if (decays)
                p->w[k] -= lr * a->weight_decay * p->w[k];
            p->w[k] -=
                lr * (p->m[k] / (1.0 - pow(beta1, t))) / (sqrt(p->v[k] / (1.0 - pow(a->beta2, t))) + a->eps);
        }
    }
    if (ref->turn && b->in_epoch + 1 == ref->turn)
        ref_net_keep_old(ref);
    return loss;
}
