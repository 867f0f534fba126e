#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "math/kernels.h"

#include <float.h>

#define MOST 1024

static const char *const path_name[] = {"baseline", "avx2", "avx512"};

/* Calls `check` for every vector path that this machine runs; there is always one. */
static void on_every_path(void (*check)(const struct kernels *k))
{
    int ran = 0;

    for (int i = 0; i < 3; i++) {
        const struct kernels *k;
        struct error err;

        if (kernels_pick(&k, path_name[i], &err) < 0)
            continue;
        assert_string_equal(k->name, path_name[i]);
        check(k);
        ran++;
    }
    assert_true(ran > 0);
}

/* n numbers in [-1, 1), aligned as rows are; for mem_free. */
static float *draw(int64_t n, uint32_t number)
{
    struct rng_stream s = rng_stream(7, RNG_TEST, number, 0);
    float *x = mem_array(n + 1, sizeof *x);

    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(2.0 * rng_next_unit(&s) - 1.0);
    return x;
}

static void assert_bits(const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0)
            fail_msg("element %lld of %lld: %.9g and %.9g", (long long)i, (long long)n, (double)a[i],
                     (double)b[i]);
}

static const int64_t row_floats[] = {16, 32, 48, 64, 80, 112, 128, 144, 208, 240, 512, 1008};
#define ROW_SIZES 12
#define ENTRIES   50
#define ROWS      20

static void check_gather(const struct kernels *k)
{
    float *coef = draw(ENTRIES, 1), out[MOST] __attribute__((aligned(64)));
    int32_t idx[ENTRIES];

    for (int i = 0; i < ENTRIES; i++)
        idx[i] = i * 7 % ROWS;
    for (int l = 0; l < ROW_SIZES; l++) {
        int64_t ld = row_floats[l];
        float *table = draw(ROWS * ld, 2), *start = draw(ld, 3);

        for (int n = 0; n <= ENTRIES; n += n < 9 ? 1 : 41)
            for (int add = 0; add < 2; add++) {
                memcpy(out, start, (size_t)ld * sizeof *out);
                k->gather(out, add, n, idx, coef, table, ld);
                for (int64_t c = 0; c < ld; c++) {
                    double want = add ? (double)start[c] : 0.0;

                    for (int i = 0; i < n; i++)
                        want += (double)coef[i] * (double)table[idx[i] * ld + c];
                    assert_close((double)out[c], want, 0.0, 4e-7 * sqrt(n + 1.0));
                }
            }
        mem_free(table);
        mem_free(start);
    }
    mem_free(coef);
}

static void gather_sums_rows(void **state)
{
    (void)state;
    on_every_path(check_gather);
}

/* What reduce.h promises of a leaf that goes into its sibling. */
static void check_gather_add(const struct kernels *k)
{
    int32_t idx[] = {3, 1, 4, 1, 5, 9};
    float *coef = draw(6, 4), *table = draw(ROWS * 208, 5), *left = draw(208, 6), *leaf = draw(208, 7);

    k->gather(leaf, false, 6, idx, coef, table, 208);
    k->add(leaf, left, 208);
    k->gather(left, true, 6, idx, coef, table, 208);
    assert_bits(left, leaf, 208);
    mem_free(coef);
    mem_free(table);
    mem_free(left);
    mem_free(leaf);
}

static void gather_added_has_the_bits_of_gather_then_add(void **state)
{
    (void)state;
    on_every_path(check_gather_add);
}

static void check_dots(const struct kernels *k)
{
    for (int l = 0; l < ROW_SIZES; l++) {
        int64_t ld = row_floats[l];
        float *table = draw(ROWS * ld, 8), *w = draw(ld, 9), out[ROWS + 1], alone;

        for (int n = 0; n <= ROWS; n++) {
            int32_t idx[ROWS];

            for (int i = 0; i < n; i++)
                idx[i] = (i * 3 + n) % ROWS;
            out[n] = 77.0f;
            k->dots(out, n, idx, w, table, ld);
            assert_true(out[n] == 77.0f);
            for (int i = 0; i < n; i++) {
                double want = 0.0;

                for (int64_t c = 0; c < ld; c++)
                    want += (double)w[c] * (double)table[idx[i] * ld + c];
                assert_close((double)out[i], want, 0.0, 2e-7 * sqrt((double)ld));
                k->dots(&alone, 1, idx + i, w, table, ld); /* a row's bits do not hang on its neighbours */
                assert_bits(&alone, out + i, 1);
            }
        }
        mem_free(table);
        mem_free(w);
    }
}

static void dots_are_products_whatever_stands_beside(void **state)
{
    (void)state;
    on_every_path(check_dots);
}

static void check_small_loops(const struct kernels *k)
{
    const int64_t n = 1000 / 16 * 16;
    float *x = draw(n, 10), *y = draw(n, 11), *z = draw(n, 11);
    double sum = 0.0;

    k->axpy(z, 0.3f, x, n);
    for (int64_t i = 0; i < n; i++)
        assert_close((double)z[i], (double)0.3f * (double)x[i] + (double)y[i], 2e-7, 3e-8);
    memcpy(z, y, (size_t)n * sizeof *z);
    k->add(z, x, n);
    for (int64_t i = 0; i < n; i++)
        assert_true(z[i] == y[i] + x[i]);
    k->scale(z, 0.7f, n);
    for (int64_t i = 0; i < n; i++)
        assert_true(z[i] == (y[i] + x[i]) * 0.7f);
    for (int64_t len = 0; len < n; len++) {
        assert_close(k->sum_squares(x, len), sum, 1e-14, 0.0);
        sum += (double)x[len] * (double)x[len];
    }
    mem_free(x);
    mem_free(y);
    mem_free(z);
}

static void axpy_add_scale_and_sum_of_squares(void **state)
{
    (void)state;
    on_every_path(check_small_loops);
}

/* ---- Adam ------------------------------------------------------------------------------------------ */

static struct adam_step make_step(int t, double lr, double b1, double b2, double eps, double l2, double decay)
{
    return (struct adam_step){
        .step_size = (float)(lr / (1.0 - pow(b1, t))),
        .root_scale = (float)(1.0 / sqrt(1.0 - pow(b2, t))),
        .eps = (float)eps,
        .beta1 = (float)b1,
        .one_beta1 = (float)(1.0 - b1),
        .beta2 = (float)b2,
        .one_beta2 = (float)(1.0 - b2),
        .keep = (float)(1.0 - lr * decay),
        .l2 = (float)l2,
    };
}

static void check_adam(const struct kernels *k)
{
    const int n = 200, steps = 50;
    float *w = draw(n, 12), *m = mem_zalloc(n, sizeof *m), *v = mem_zalloc(n, sizeof *v);
    double *want = mem_alloc(n, sizeof *want), *dm = mem_zalloc(n, sizeof *dm),
           *dv = mem_zalloc(n, sizeof *dv);

    for (int i = 0; i < n; i++)
        want[i] = (double)w[i];
    for (int t = 1; t <= steps; t++) {
        struct adam_step s = make_step(t, 1e-2, 0.9, 0.99, 1e-5, 0.02, 0.05);
        float *g = draw(n, 100 + (uint32_t)t);

        k->adam(&s, w, m, v, g, n);
        for (int i = 0; i < n; i++) { /* Kingma & Ba, algorithm 1 */
            double gi = (double)g[i] + 0.02 * want[i];

            dm[i] = 0.9 * dm[i] + 0.1 * gi;
            dv[i] = 0.99 * dv[i] + 0.01 * gi * gi;
            want[i] = want[i] * (1.0 - 1e-2 * 0.05) -
                      1e-2 * (dm[i] / (1.0 - pow(0.9, t))) / (sqrt(dv[i] / (1.0 - pow(0.99, t))) + 1e-5);
        }
        mem_free(g);
    }
    for (int i = 0; i < n; i++)
        assert_close((double)w[i], want[i], 1e-5, 2e-6);
    mem_free(w);
    mem_free(m);
    mem_free(v);
    mem_free(want);
    mem_free(dm);
    mem_free(dv);
}

static void adam_is_the_textbook_s(void **state)
{
    (void)state;
    on_every_path(check_adam);
}

/* The update as PyTorch's documentation of Adam (weight_decay: added to the gradient) and AdamW (decoupled)
 * writes it, in double. */
static void check_torch(const struct kernels *k)
{
    static const float g[5] = {0.1f, -0.2f, 0.3f, 1e-4f, 5.0f}, start[5] = {0.5f, -0.25f, 1.0f, 0.0f, -2.0f};
    const double lr = 0.01, b1 = 0.8, b2 = 0.95, eps = 1e-6, decay = 0.1;

    for (int kind = 0; kind < 2; kind++) {
        float w[5], m[5] = {0}, v[5] = {0}, gt[5];
        double theta[5], first[5] = {0}, second[5] = {0};

        for (int i = 0; i < 5; i++)
            theta[i] = (double)(w[i] = start[i]);
        for (int t = 1; t <= 30; t++) {
            struct adam_step s = make_step(t, lr, b1, b2, eps, kind ? 0.0 : decay, kind ? decay : 0.0);

            for (int i = 0; i < 5; i++) {
                double grad;

                gt[i] = g[i] * (1.0f - 0.125f * (float)t);
                grad = (double)gt[i];
                if (kind)
                    theta[i] -= lr * decay * theta[i];
                else
                    grad += decay * theta[i];
                first[i] = b1 * first[i] + (1.0 - b1) * grad;
                second[i] = b2 * second[i] + (1.0 - b2) * grad * grad;
                theta[i] -= lr * first[i] / (1.0 - pow(b1, t)) / (sqrt(second[i] / (1.0 - pow(b2, t))) + eps);
            }
            k->adam(&s, w, m, v, gt, 5);
        }
        for (int i = 0; i < 5; i++)
            assert_close((double)w[i], theta[i], 2e-6, 1e-6);
    }
}

static void adam_follows_pytorch_s_formulas(void **state)
{
    (void)state;
    on_every_path(check_torch);
}

static void check_adam_idle(const struct kernels *k)
{
    static const int64_t length[] = {1, 5, 16, 31, 64, 100, 208};
    struct adam_step s[40];

    for (int decay = 0; decay < 4; decay++) {
        for (int t = 0; t < 40; t++)
            s[t] = make_step(t + 3, 1e-3, 0.9, 0.999, 1e-8, decay & 1 ? 0.01 : 0.0, decay & 2 ? 0.1 : 0.0);
        for (int l = 0; l < 7; l++) {
            int64_t n = length[l];
            float *w = draw(n, 20), *m = draw(n, 21), *v = draw(n, 22), *zero = mem_zalloc(n, sizeof *zero);
            float *w2 = draw(n, 20), *m2 = draw(n, 21), *v2 = draw(n, 22);

            for (int64_t i = 0; i < n; i++)
                v[i] = v2[i] = v[i] * v[i];
            k->adam_idle(s, 40, w, m, v, n);
            for (int t = 0; t < 40; t++)
                k->adam(s + t, w2, m2, v2, zero, n);
            assert_bits(w, w2, n);
            assert_bits(m, m2, n);
            assert_bits(v, v2, n);
            mem_free(w);
            mem_free(m);
            mem_free(v);
            mem_free(w2);
            mem_free(m2);
            mem_free(v2);
            mem_free(zero);
        }
    }
}

static void deferred_adam_has_the_bits_of_stepwise(void **state)
{
    (void)state;
    on_every_path(check_adam_idle);
}

/* Every element alone, in the vector part or in the tail: one answer. */
static void check_adam_places(const struct kernels *k)
{
    struct adam_step s = make_step(4, 1e-3, 0.9, 0.999, 1e-8, 0.01, 0.1);

    for (int64_t n = 1; n < 70; n += 3) {
        float *w = draw(n, 23), *m = draw(n, 24), *v = draw(n, 25), *g = draw(n, 26);
        float *w1 = draw(n, 23), *m1 = draw(n, 24), *v1 = draw(n, 25);

        for (int64_t i = 0; i < n; i++)
            v[i] = v1[i] = v[i] * v[i];
        k->adam(&s, w, m, v, g, n);
        for (int64_t i = 0; i < n; i++)
            k->adam(&s, w1 + i, m1 + i, v1 + i, g + i, 1);
        assert_bits(w, w1, n);
        assert_bits(m, m1, n);
        assert_bits(v, v1, n);
        mem_free(w);
        mem_free(m);
        mem_free(v);
        mem_free(g);
        mem_free(w1);
        mem_free(m1);
        mem_free(v1);
    }
}

static void adam_has_the_same_bits_wherever_an_element_stands(void **state)
{
    (void)state;
    on_every_path(check_adam_places);
}

static void unknown_path_is_refused(void **state)
{
    const struct kernels *k = NULL;
    struct error err;

    (void)state;
    assert_int_equal(kernels_pick(&k, "sse9", &err), PT_ECONFIG);
    assert_int_equal(kernels_pick(&k, "auto", &err), 0);
    assert_non_null(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather_sums_rows),
        cmocka_unit_test(gather_added_has_the_bits_of_gather_then_add),
        cmocka_unit_test(dots_are_products_whatever_stands_beside),
        cmocka_unit_test(axpy_add_scale_and_sum_of_squares),
        cmocka_unit_test(adam_is_the_textbook_s),
        cmocka_unit_test(adam_follows_pytorch_s_formulas),
        cmocka_unit_test(deferred_adam_has_the_bits_of_stepwise),
        cmocka_unit_test(adam_has_the_same_bits_wherever_an_element_stands),
        cmocka_unit_test(unknown_path_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
