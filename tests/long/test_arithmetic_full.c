/* Every vector path's fused operation and Adam's division, on 10^8 cases each, against the processor's
 * own. */
#include "support.h"
#include "support_numbers.h"

#include "base/float_mode.h"
#include "base/mem.h"
#include "math/kernels.h"

#include <float.h>

enum { N = 4096, CALLS = 24415, PATHS = 3 }; /* 100,003,840 cases */

static const struct kernels *path[PATHS];
static int paths;

static float *room(void)
{
    float *x = mem_array(N, sizeof *x);

    assert_non_null(x);
    return x;
}

/* What is flushed to zero, or came from that, is another test's (test_kernels_paths.c). */
static bool is_plain(float a, float x, float y, float want)
{
    return fabsf(want) >= 2.0f * FLT_MIN && fabsf(a) >= FLT_MIN && fabsf(x) >= FLT_MIN && fabsf(y) >= FLT_MIN;
}

static void products_and_sums_are_fused(void **state)
{
    struct rng_stream s = rng_stream(21, RNG_TEST, 1, 0);
    float *x = room(), *y = room(), *out = room(), *want = room();
    int64_t plain = 0;

    (void)state;
    for (int call = 0; call < CALLS; call++) {
        float a = draw_number(&s, true), hard;

        if (call % 2)
            draw_hard(&s, &a, x, y);
        for (int i = 0; i < N; i++) {
            if (call % 2) {
                draw_hard(&s, &hard, x + i, y + i);
                y[i] = i % 5 ? y[i] : i % 2 ? -(a * x[i]) : nextafterf(-(a * x[i]), 1.0f);
            } else {
                x[i] = draw_number(&s, true);
                y[i] = draw_number(&s, true);
            }
            want[i] = fmaf(a, x[i], y[i]);
            plain += is_plain(a, x[i], y[i], want[i]);
        }
        for (int p = 0; p < paths; p++) {
            memcpy(out, y, N * sizeof *out);
            path[p]->axpy(out, a, x, N);
            for (int i = 0; i < N; i++)
                if (out[i] != want[i] && is_plain(a, x[i], y[i], want[i]))
                    fail_msg("%s: %a * %a + %a is %a, not %a", path[p]->name, (double)a, (double)x[i],
                             (double)y[i], (double)out[i], (double)want[i]);
        }
    }
    printf("fused: %d cases, %lld not near the border of flushing\n", CALLS * N, (long long)plain);
    assert_true(plain > CALLS * (int64_t)N / 2);
    mem_free(x), mem_free(y), mem_free(out), mem_free(want);
}

/* A moment, as large and as small as they come, or with a mantissa of ones or zeros. */
static float draw_moment(struct rng_stream *s, int low, int high)
{
    uint32_t bits = rng_next(s), kind = bits >> 29;
    float mantissa = 1.0f + 0x1p-23f * (float)(kind == 0   ? 0x7fffff - (bits & 3)
                                               : kind == 1 ? (bits & 3)
                                                           : (bits & 0x7fffff));

    return ldexpf(mantissa, low + (int)rng_below(rng_next(s), (uint32_t)(high - low)));
}

/* Of a weight 0 that Adam moves by one step of size 1 the quotient is left: m / (sqrt(v) + eps). Quotients
 * down to the border of flushing, 2^-126. */
static void adam_divides(void **state)
{
    struct adam_step step = {
        .step_size = 1.0f, .root_scale = 1.0f, .one_beta1 = 1.0f, .beta2 = 1.0f, .keep = 1.0f};
    struct rng_stream s = rng_stream(22, RNG_TEST, 1, 0);
    float *w = room(), *m = room(), *v = room(), *g = room(), *want = room(), *square = room();

    (void)state;
    for (int call = 0; call < CALLS; call++) {
        step.eps = call % 3 ? 1e-8f : draw_moment(&s, -40, 0);
        for (int i = 0; i < N; i++) {
            float moment = draw_moment(&s, -111, call % 4 ? 10 : -80);

            g[i] = i % 2 ? -moment : moment;
            square[i] = i % 16 ? draw_moment(&s, -111, 30) : 0.0f;
            want[i] = -(g[i] / (sqrtf(square[i]) + step.eps));
        }
        for (int p = 0; p < paths; p++) {
            memset(w, 0, N * sizeof *w);
            memset(m, 0, N * sizeof *m);
            memcpy(v, square, N * sizeof *v);
            path[p]->adam(&step, w, m, v, g, N);
            for (int i = 0; i < N; i++)
                if (w[i] != want[i])
                    fail_msg("%s: %a / (root of %a + %a) is %a, not %a", path[p]->name, (double)g[i],
                             (double)square[i], (double)step.eps, (double)-w[i], (double)-want[i]);
        }
    }
    printf("divided: %d cases\n", CALLS * N);
    mem_free(w), mem_free(m), mem_free(v), mem_free(g), mem_free(want), mem_free(square);
}

int main(void)
{
    static const char *const names[PATHS] = {"baseline", "avx2", "avx512"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_sums_are_fused),
        cmocka_unit_test(adam_divides),
    };
    struct error err;

    for (int i = 0; i < PATHS; i++)
        if (kernels_pick(&path[paths], names[i], &err) == 0)
            paths++;
    float_mode_set(float_mode_computing(float_mode_get()));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
