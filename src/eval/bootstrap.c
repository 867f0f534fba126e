#include "eval/bootstrap.h"

#include "base/mem.h"
#include "base/order.h"
#include "base/rng.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { POSITION_USERS, POSITION_SIGNS };

static int check_values(const double *value, const double *weight, int64_t n, struct error *err)
{
    if (n < 2)
        return error_set(err, PT_EDATA, "bootstrap: %" PRId64 " users with a figure, needs at least 2", n);
    assert(n <= UINT32_MAX);
    for (int64_t u = 0; u < n; u++) {
        assert(!weight || weight[u] > 0);
        (void)weight; /* without assertions nothing else looks at it */
        if (!isfinite(value[u]))
            return error_set(err, PT_EDATA, "bootstrap: the figure of user %" PRId64 " is %g", u, value[u]);
    }
    return 0;
}

static double sum(const double *x, int64_t n)
{
    double total = 0;

    for (int64_t i = 0; i < n; i++)
        total += x[i];
    return total;
}

/* By linearisation (the delta method): how far F moves when one user's value and weight do. Without
 * weights this is the standard deviation over sqrt(n). */
static double standard_error(const double *value, const double *weight, int64_t n, double figure,
                             double total_weight)
{
    double squares = 0;

    for (int64_t u = 0; u < n; u++) {
        double off = value[u] - figure * (weight ? weight[u] : 1);

        squares += off * off;
    }
    return sqrt(squares * (double)n / (double)(n - 1)) / total_weight;
}

/* The figure of resample r. */
static double draw_figure(const double *value, const double *weight, int64_t n, uint64_t seed, int r)
{
    double values = 0, weights = 0;

    for (int64_t first = 0; first < n; first += 4) {
        struct rng4 draw =
            rng_philox(seed, RNG_BOOTSTRAP, (uint64_t)r, POSITION_USERS, (uint32_t)(first / 4));
        int count = n - first < 4 ? (int)(n - first) : 4;

        for (int i = 0; i < count; i++) {
            uint32_t u = rng_below(draw.word[i], (uint32_t)n);

            values += value[u];
            weights += weight ? weight[u] : 1;
        }
    }
    return values / weights;
}

/* Share `at` of the way through sorted[0 .. n), straight lines between neighbours. */
static double quantile(const double *sorted, int n, double at)
{
    double place = at * (n - 1);
    int below = (int)place;

    if (below >= n - 1)
        return sorted[n - 1];
    return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

/* `scratch` holds spec->resamples numbers. */
static void figure_of(struct bootstrap_figure *out, const double *value, const double *weight, int64_t n,
                      const struct bootstrap_spec *spec, double *scratch)
{
    double total_weight = weight ? sum(weight, n) : (double)n, tail = (1 - spec->level) / 2;

    assert(spec->resamples >= 100 && spec->level > 0 && spec->level < 1);
    out->users = n;
    out->value = sum(value, n) / total_weight;
    out->standard_error = standard_error(value, weight, n, out->value, total_weight);
    for (int r = 0; r < spec->resamples; r++)
        scratch[r] = draw_figure(value, weight, n, spec->seed, r);
    qsort(scratch, (size_t)spec->resamples, sizeof *scratch, compare_double);
    out->low = quantile(scratch, spec->resamples, tail);
    out->high = quantile(scratch, spec->resamples, 1 - tail);
}

/* The sum of x with the signs of permutation r. */
static double flip_signs(const double *x, int64_t n, uint64_t seed, int r)
{
    double total = 0;

    for (int64_t first = 0; first < n; first += 128) {
        struct rng4 draw =
            rng_philox(seed, RNG_BOOTSTRAP, (uint64_t)r, POSITION_SIGNS, (uint32_t)(first / 128));
        int count = n - first < 128 ? (int)(n - first) : 128;

        for (int i = 0; i < count; i++)
            total += draw.word[i / 32] >> (i % 32) & 1 ? -x[first + i] : x[first + i];
    }
    return total;
}

/* If the models were equal, each user's difference could have either sign: the share of random signs with
 * which the sum is at least as far from 0 as observed. The observed signs count as one draw, so the share
 * is never 0. Sums that differ by rounding alone are equal. */
static double sign_flip_p(const double *x, int64_t n, const struct bootstrap_spec *spec)
{
    double observed = fabs(sum(x, n)), slack = 0;
    int as_far = 1;

    for (int64_t u = 0; u < n; u++)
        slack += fabs(x[u]);
    slack *= 1e-12;
    for (int r = 0; r < spec->resamples; r++)
        as_far += fabs(flip_signs(x, n, spec->seed, r)) >= observed - slack;
    return as_far / (spec->resamples + 1.0);
}

int bootstrap_figure(struct bootstrap_figure *out, const double *value, const double *weight, int64_t n,
                     const struct bootstrap_spec *spec, struct error *err)
{
    mem_scoped double *scratch = NULL;

    TRY(check_values(value, weight, n, err));
    scratch = mem_alloc(spec->resamples, sizeof *scratch);
    TRY(need_memory(scratch, err));
    figure_of(out, value, weight, n, spec, scratch);
    return 0;
}

int bootstrap_difference(struct bootstrap_difference *out, const double *a, const double *b,
                         const double *weight, int64_t n, const struct bootstrap_spec *spec,
                         struct error *err)
{
    mem_scoped double *scratch = NULL, *difference = NULL;

    TRY(check_values(a, weight, n, err));
    TRY(check_values(b, weight, n, err));
    scratch = mem_alloc(spec->resamples, sizeof *scratch);
    difference = mem_alloc(n, sizeof *difference);
    TRY(need_memory(scratch && difference, err));
    for (int64_t u = 0; u < n; u++)
        difference[u] = a[u] - b[u];
    figure_of(&out->a, a, weight, n, spec, scratch);
    figure_of(&out->b, b, weight, n, spec, scratch);
    figure_of(&out->difference, difference, weight, n, spec, scratch);
    out->p = sign_flip_p(difference, n, spec);
    return 0;
}
