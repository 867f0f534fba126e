/* kernels_sgd.c - stochastic gradient descent on the ratings of a block, one after the other. */
#include "math/kernels_functions.h"

#define AHEAD 4 /* ratings */

/* Both rows take their step from the rows as they were; the mean squares of the gradients are added up. */
INLINE void step_rows(const struct sgd_block *b, float *p, float *q, float d, float penalty_p,
                      float penalty_q, float rate_p, float rate_q, float *square_p, float *square_q)
{
    const vec dv = splat(d), lp = splat(penalty_p), lq = splat(penalty_q);
    const vec up = splat(-rate_p), uq = splat(-rate_q);
    vec sum_p[PARTS], sum_q[PARTS];

    UNROLL for (int i = 0; i < PARTS; i++) sum_p[i] = sum_q[i] = splat(0.0f);
    for (int64_t k = 0; k < b->ld; k += ROW_ALIGN)
        UNROLL for (int i = 0; i < PARTS; i++)
        {
            vec *pv = (vec *)(p + k + i * LANES), *qv = (vec *)(q + k + i * LANES);
            vec gp = fma_vec(dv, *qv, lp * *pv), gq = fma_vec(dv, *pv, lq * *qv);

            sum_p[i] = fma_vec(gp, gp, sum_p[i]);
            sum_q[i] = fma_vec(gq, gq, sum_q[i]);
            *pv = fma_vec(up, gp, *pv);
            *qv = fma_vec(uq, gq, *qv);
        }
    *square_p = FMA(row_sum(sum_p), b->per_unit, *square_p);
    *square_q = FMA(row_sum(sum_q), b->per_unit, *square_q);
}

INLINE void step_bias(const struct sgd_block *b, float *bias, float mean, float d, float rate, float *square)
{
    float g = FMA(b->penalty_bias, *bias - mean, d);

    *bias = FMA(-rate, g, *bias);
    *square = FMA(g, g, *square);
}

INLINE void ask_for(const struct sgd_block *b, const struct sgd_rating *r)
{
    const float *p = b->user.row + (int64_t)(r->at >> b->shift) * b->ld;
    const float *q = b->item.row + (int64_t)(r->at & ((1u << b->shift) - 1)) * b->ld;

    for (int64_t k = 0; k < b->ld; k += ROW_ALIGN) {
        __builtin_prefetch(p + k, 1);
        __builtin_prefetch(q + k, 1);
    }
}

double ISA(sgd)(const struct sgd_block *b)
{
    double squares = 0.0;

    for (int64_t i = 0; i < b->n; i++) {
        const struct sgd_rating *r = &b->rating[i];
        int64_t u = r->at >> b->shift, c = r->at & ((1u << b->shift) - 1);
        float *p = b->user.row + u * b->ld, *q = b->item.row + c * b->ld;
        float rate[4] = {b->user.square[u], b->item.square[c], b->user.bias_square[u],
                         b->item.bias_square[c]};
        float out, slope = 1.0f, e;

        if (i + AHEAD < b->n)
            ask_for(b, r + AHEAD);
        out = row_dot(p, q, b->ld) + (b->user.bias[u] + b->item.bias[c]);
        if (b->range > 0.0f) {
            float s = sigmoid_element(out);

            out = FMA(b->range, s, b->low);
            slope = b->range * (s * (1.0f - s));
        }
        e = out - r->value;
        squares += (double)e * (double)e;
        e *= slope;
        UNROLL for (int j = 0; j < 4; j++) rate[j] = b->lr / __builtin_sqrtf(rate[j]);
        step_rows(b, p, q, e, b->user.penalty[u], b->item.penalty[c], rate[0], rate[1], b->user.square + u,
                  b->item.square + c);
        step_bias(b, b->user.bias + u, b->user.mean[u], e, rate[2], b->user.bias_square + u);
        step_bias(b, b->item.bias + c, b->item.mean[c], e, rate[3], b->item.bias_square + c);
    }
    return squares;
}
