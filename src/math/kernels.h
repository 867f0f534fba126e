/* kernels.h - the loops over floats, once per vector path.
 *
 * A row is `ld` floats, 64-byte aligned, ld a multiple of 16; the floats behind a row's length
 * are zero and stay zero, so kernels run over whole rows without a tail. The arguments
 * alone give the order of every sum: bits depend on the vector path, never on the caller.
 * They write only their outputs; callable from any thread. Naive twins: tests/unit/test_kernels.c. */
#pragma once

#include "base/choices.h"
#include "base/error.h"
#include "math/adam.h"

#include <stdbool.h>
#include <stdint.h>

#define ROW_ALIGN 16 /* floats: a cache line */

static inline int64_t row_pad(int64_t n)
{
    return (n + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
}

/* Whether the slope of f does not follow from its value: swish and gelu fall and rise. */
static inline bool activation_keeps_input(enum activation f)
{
    return f == ACT_SWISH || f == ACT_GELU;
}

/* Memory to prefetch: three arrays of `lines` cache lines each, `stride` floats from one to the next. */
struct ahead {
    const float *at[3];
    int64_t lines, stride;
};

/* How a product of matrices is stored in C. */
enum product_into {
    INTO_NEW,   /* C = A B */
    INTO_CHAIN, /* the chain of sums goes on from C: the same bits as one product over both parts */
    INTO_SUM,   /* C = C + (A B): the same bits as a sum of two products */
};

/* Floats of the upper half of a symmetric (ld, ld) matrix: for each 16 columns a panel of the rows down to
 * its last one, row-major; panel c begins at normal_floats(16 c). */
static inline int64_t normal_floats(int64_t ld)
{
    return ld * (ld + ROW_ALIGN) / 2;
}

/* Room that normal_solve needs, in floats. */
static inline int64_t normal_room(int64_t ld)
{
    return normal_floats(ld) + (ld + 1) * ROW_ALIGN;
}

/* A rating of a block: its user and item, numbered within the block, in one word (user << shift | item). */
struct sgd_rating {
    uint32_t at;
    float value;
};

/* Rows of one side of a block. `square` sums up the mean squares of a row's gradients, `bias_square` the
 * squares of its bias's: AdaGrad's step size is lr / sqrt of them. */
struct sgd_rows {
    float *row, *bias;
    const float *mean;    /* of each bias's penalty: biases are pulled towards it */
    const float *penalty; /* of a row, for each of its ratings */
    float *square, *bias_square;
};

struct sgd_block {
    const struct sgd_rating *rating; /* (n) in the order of use */
    int64_t n;
    int shift;
    struct sgd_rows user, item;
    int64_t ld;
    float per_unit; /* 1 / length of a row */
    float lr, penalty_bias;
    float low, range; /* of the output; range 0: the output is the score itself */
};

struct kernels {
    const char *name; /* "avx512", "avx2", "baseline" */
    bool bf16_fast;   /* products in bf16 are faster than in float: the processor has instructions for them */

    /* out = sum_i coef[i] * row(idx[i]) of table (*, ld), i ascending; `add`: added to out,
     * which n = 0 leaves unchanged. */
    void (*gather)(float *out, bool add, int64_t n, const int32_t *idx, const float *coef, const float *table,
                   int64_t ld);
    /* out[i] = row(idx[i]) . w for i < n. */
    void (*dots)(float *out, int64_t n, const int32_t *idx, const float *w, const float *table, int64_t ld);
    /* y += a x, n floats (n a multiple of 16). */
    void (*axpy)(float *y, float a, const float *x, int64_t n);
    void (*add)(float *y, const float *x, int64_t n);
    void (*scale)(float *x, float a, int64_t n);
    /* Sum of squares, in double. */
    double (*sum_squares)(const float *x, int64_t n);

    /* One Adam step of n elements with gradient g. */
    void (*adam)(const struct adam_step *s, float *w, float *m, float *v, const float *g, int64_t n);
    /* `count` consecutive steps without a gradient (l2 still applies): the same bits as `count`
     * calls of adam with g = 0. */
    void (*adam_idle)(const struct adam_step *s, int64_t count, float *w, float *m, float *v, int64_t n);

    /* A gradient step for each rating of the block, one after the other:
     *     g = (out - value) dout/dscore        p -= rate (g q + penalty p), q likewise
     *                                          bias -= rate (g + penalty_bias (bias - mean))
     * Returns the sum of (out - value)^2 before each step. Sums over a row: 16 lanes and a tree. */
    double (*sgd)(const struct sgd_block *b);

    /* Least squares: system = from + sum over n rows of weight row row^T, right += sum of weight row; root:
     * of each weight, or NULL where all are 1. A chain each, in the order of the rows. packed: room for (n,
     * ld). */
    void (*normal_add)(int64_t ld, int64_t n, const float *const *row, const float *root, float *packed,
                       const float *from, float *system, float *right);
    /* Solves (system + penalty I) x = right; returns right . x. Overwrites the system. room: normal_room
     * floats, zero before the first call. */
    float (*normal_solve)(int64_t ld, float *system, float *room, float penalty, const float *right,
                          float *x);

    /* y = f(x) in place; and dy *= f'(x) given f(x), or x where activation_keeps_input(f). */
    void (*activate)(enum activation f, float *y, int64_t n);
    void (*activate_back)(enum activation f, float *dy, const float *y, int64_t n);

    /* Layer norm of a padded row of n: scaled = (y - mean) / sqrt(variance + eps), y = gain scaled + offset.
     * Returns 1 / sqrt(variance + eps). */
    float (*norm)(float *y, float *scaled, int64_t n, const float *gain, const float *offset, float eps);
    /* From the gradient with respect to the row behind norm to that with respect to the row before it; scaled
     * becomes the gradient with respect to gain. inverse: what norm returned. */
    void (*norm_back)(float *dy, float *scaled, int64_t n, const float *gain, float inverse);

    /* RecVAE's latent units (model/multivae.h) from means and log variances m and old (2 n each) and from
     * normal numbers, which become noise = exp(s / 2) eps: z = m + noise. Returns the sum of
     * log q(z) - log p(z); slope = -dlog p / dz. */
    double (*sample_mixture)(int64_t n, const float *m, const float *old, float *noise, float *z,
                             float *slope);

    /* out_i = exp(factor x_i), in double (real_exp) and rounded once. */
    void (*exp_wide)(const float *x, float factor, float *out, int64_t n);
    /* x_i = exp(x_i - max); the maximum and the sum of the results (any n). */
    void (*exp_row)(float *x, int64_t n, float *max, float *sum);
    /* The same max and sum; x is unchanged. */
    void (*exp_stats)(const float *x, int64_t n, float *max, float *sum);

    /* Stores every i < n with x[i] >= bar, ascending, in at (n); returns their number. NaN is never above. */
    int64_t (*above_threshold)(const float *x, int64_t n, float bar, int32_t *at);

    /* Products of matrices. An element's bits do not depend on the other elements of the call, so a
     * product can be cut anywhere.
     * C (m, n) = A (m, k) B (n, k)^T + bias: rows of A and B are padded (k a multiple of 16, zeros behind
     * their length); bias (n) may be NULL. */
    void (*product_nt)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                       int64_t ldb, const float *bias, float *c, int64_t ldc);
    /* A (m, k) B (k, n) into C (m, n); element (i, t) of A is a[i * row + t * column]. Rows of B and C are
     * padded (n a multiple of 16). `ahead` (may be NULL) is prefetched into the second cache. */
    void (*product_nn)(int64_t m, int64_t n, int64_t k, const float *a, int64_t row, int64_t column,
                       const float *b, int64_t ldb, enum product_into into, float *c, int64_t ldc,
                       const struct ahead *ahead);

    /* Products of numbers rounded to bf16 (nearest even; tiny ones are zero), with sums in float. A word
     * holds two neighbours along k: a pair, the even one in its lower half; without a last odd one, a zero.
     * A pair is (2 t, 2 t + 1), counted from the operand's first element. Each element of C is one chain
     * over the pairs, c = fma(even, even', fma(odd, odd', c)), so its bits do not depend on other elements:
     * C can be cut anywhere, and k in front of any even element (INTO_CHAIN). Layouts of k / 2 pairs t:
     *     rows     word (i, t) at i * ld + t                             a left operand
     *     panels   word (t, j) at j / 16 * 16 * pairs + 16 t + j % 16    a right operand; a panel of it is
     *                                                                    a left one (row 1, column 16)
     * bf16_rows: x (m, ldx) to rows; k runs along them, its length n a multiple of 16.
     * bf16_pair: two rows of n to one pair t of panels: k runs down x. out: word (t, 0); panel = 16 pairs.
     * bf16_panel: m <= 16 rows of x to a panel; k runs along them, n a multiple of 16. Missing rows are zero.
     * bf16_product: C (m, n) = A B + bias, n a multiple of 16, panels of B `pairs` long; word (i, t) of A is
     * a[i * row + t * column]; bias (n) may be NULL. `ahead`: as for product_nn. */
    void (*bf16_rows)(int64_t m, int64_t n, const float *x, int64_t ldx, uint32_t *out, int64_t ld);
    void (*bf16_pair)(int64_t n, const float *even, const float *odd, uint32_t *out, int64_t panel);
    void (*bf16_panel)(int64_t m, int64_t n, const float *x, int64_t ld, uint32_t *out);
    void (*bf16_product)(int64_t m, int64_t n, int64_t pairs, const uint32_t *a, int64_t row, int64_t column,
                         const uint32_t *b, const float *bias, enum product_into into, float *c, int64_t ldc,
                         const struct ahead *ahead);

    /* C += sign A B^T, tiles of math/spd.h. */
    void (*tile_product)(double *c, const double *a, const double *b, double sign);

    /* y_i = keep ? y_i / (1 - rate) : 0; unit i of the row drops where word i of the stream
     * (seed, purpose, step, position) is below rate * 2^32. n is the row's length without padding. */
    void (*dropout)(float *y, int64_t n, float rate, uint64_t seed, int purpose, uint64_t step,
                    uint32_t position);
    /* x_i = 0 where dropout drops unit first + column[i] of row position[i]. */
    void (*drop_at)(float *x, int64_t n, const int32_t *column, const int32_t *position, uint32_t first,
                    float rate, uint64_t seed, int purpose, uint64_t step);
    /* out[i] = std * normal number i of the stream, i < n (Box-Muller on float polynomials, |value| < 6). */
    void (*normal)(float *out, int64_t n, float std, uint64_t seed, int purpose, uint64_t step,
                   uint32_t position);
};

/* isa: "auto", or a path's name. PT_ECONFIG where this processor cannot run it. */
int kernels_pick(const struct kernels **out, const char *isa, struct error *err);
