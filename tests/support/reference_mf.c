/* reference_mf.c - matrix factorisation, rating by rating. */
#include "reference.h"

#include "support.h"

struct rating {
    double *pu, *qi, *bu, *bi; /* weights; biases NULL where there are none */
    int64_t user, item;
    double s;
};

static struct rating look_up(struct reference *ref, int64_t user, int64_t item)
{
    struct ref_tensor *bu = ref_tensor(ref, "user.bias"), *bi = ref_tensor(ref, "item.bias");
    int64_t k = ref->spec.latent;
    struct rating r = {.user = user, .item = item};

    r.pu = ref_tensor(ref, "user.weight")->w + user * k;
    r.qi = ref_tensor(ref, "item.weight")->w + item * k;
    assert_true((bu != NULL) == ref->spec.biases && (bi != NULL) == ref->spec.biases);
    if (bu) {
        r.bu = bu->w + user;
        r.bi = bi->w + item;
        r.s = *r.bu + *r.bi;
    }
    for (int64_t f = 0; f < k; f++)
        r.s += r.pu[f] * r.qi[f];
    return r;
}

static bool ranged(const struct reference *ref)
{
    return ref->spec.range_high > ref->spec.range_low;
}

static double output(const struct reference *ref, double s)
{
    double width = ref->spec.range_high - ref->spec.range_low;

    return ranged(ref) ? ref->spec.range_low + width * ref_activation(ACT_SIGMOID, s) : s;
}

static double slope(const struct reference *ref, double s)
{
    return ranged(ref) ? (ref->spec.range_high - ref->spec.range_low) * ref_slope(ACT_SIGMOID, s) : 1.0;
}

double ref_mf_loss(struct reference *ref, const struct batch *b, bool gradients)
{
    double squares = 0.0, share, rows = (double)b->rows;

    for (int64_t p = 0; p < b->rows; p++) {
        int64_t i = b->example[p];
        struct rating r = look_up(ref, ref->cells->user[i], ref->cells->item[i]);

        squares += pow(output(ref, r.s) - (double)ref->cells->value[i], 2.0);
    }
    if (ref->spec.loss == LOSS_SUM)
        share = 0.5;
    else if (ref->spec.loss == LOSS_EXAMPLE_MEAN)
        share = 0.5 / rows;
    else if (ref->spec.loss == LOSS_COLUMN_MEAN)
        share = 0.5 / (rows * (double)ref->columns);
    else if (ref->spec.loss == LOSS_ROOT)
        share = 0.5 / sqrt(squares); /* of the gradient */
    else
        share = 1.0 / rows;
    for (int64_t p = 0; p < b->rows && gradients; p++) {
        int64_t i = b->example[p], k = ref->spec.latent;
        struct rating r = look_up(ref, ref->cells->user[i], ref->cells->item[i]);
        double e = 2.0 * share * (output(ref, r.s) - (double)ref->cells->value[i]) * slope(ref, r.s);

        for (int64_t f = 0; f < k; f++) {
            ref_tensor(ref, "user.weight")->g[r.user * k + f] += e * r.qi[f];
            ref_tensor(ref, "item.weight")->g[r.item * k + f] += e * r.pu[f];
        }
        if (ref->spec.biases) {
            ref_tensor(ref, "user.bias")->g[r.user] += e;
            ref_tensor(ref, "item.bias")->g[r.item] += e;
        }
    }
    return ref->spec.loss == LOSS_ROOT ? sqrt(squares) : share * squares;
}

void ref_mf_output(struct reference *ref, int64_t user, double *out)
{
    for (int64_t item = 0; item < ref->columns; item++)
        out[item] = output(ref, look_up(ref, user, item).s);
}
