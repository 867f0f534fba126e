/* The products of small matrices against naive ones in double, at every place that tiles can end; and the
 * bits of an element, which must not know of the cut that a worker or a microbatch makes. */
#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "math/kernels.h"

static const char *const path_name[] = {"baseline", "avx2", "avx512"};
static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 11, 13, 17, 18, 19, 36, 50, 67, 130};
#define SIZES 16

static void on_every_path(void (*check)(const struct kernels *k))
{
    int ran = 0;

    for (int i = 0; i < 3; i++) {
        const struct kernels *k;
        struct error err;

        if (kernels_pick(&k, path_name[i], &err) < 0)
            continue;
        check(k);
        ran++;
    }
    assert_true(ran > 0);
}

/* (rows, ld) numbers in [-1, 1), zeros behind the length. */
static float *draw(int64_t rows, int64_t length, uint32_t number)
{
    int64_t ld = row_pad(length);
    struct rng_stream s = rng_stream(11, RNG_TEST, number, 0);
    float *x = mem_array(rows * ld, sizeof *x);

    assert_non_null(x);
    for (int64_t i = 0; i < rows * ld; i++)
        x[i] = i % ld < length ? (float)(2.0 * rng_next_unit(&s) - 1.0) : 0.0f;
    return x;
}

static void check_nt(const struct kernels *k)
{
    for (int c = 0; c < SIZES * SIZES; c++) {
        int64_t m = sizes[c / SIZES], n = sizes[c % SIZES], t = sizes[(c * 5 + 3) % SIZES], ld = row_pad(t);
        float *a = draw(m, t, 1), *b = draw(n, t, 2), *bias = draw(1, n, 3), *out = draw(m, n, 4);
        int64_t ldc = row_pad(n);

        k->product_nt(m, n, ld, a, ld, b, ld, c % 2 ? bias : NULL, out, ldc);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < ldc; j++) {
                double want = c % 2 && j < n ? (double)bias[j] : 0.0;

                for (int64_t u = 0; u < t && j < n; u++)
                    want += (double)a[i * ld + u] * (double)b[j * ld + u];
                assert_close((double)out[i * ldc + j], want, 0.0, j < n ? 3e-7 * (double)(t + 1) : 0.0);
            }
        mem_free(a);
        mem_free(b);
        mem_free(bias);
        mem_free(out);
    }
}

/* A as it lies and transposed, into C in every way, with and without memory to fetch. */
static void check_nn(const struct kernels *k)
{
    for (int c = 0; c < SIZES * SIZES; c++) {
        int64_t m = sizes[c / SIZES], n = sizes[c % SIZES], t = sizes[(c * 7 + 2) % SIZES], ld = row_pad(n);
        enum product_into into = (enum product_into)(c / 2 % 3);
        bool turned = c % 2;
        int64_t lda = row_pad(turned ? m : t), row = turned ? 1 : lda, column = turned ? lda : 1;
        float *a = turned ? draw(t, m, 1) : draw(m, t, 1), *b = draw(t, n, 2), *out = draw(m, n, 3);
        float *before = draw(m, n, 3);
        struct ahead ahead = {{b, a, out}, m * ld / 16, ROW_ALIGN};

        k->product_nn(m, ld, t, a, row, column, b, ld, into, out, ld, c % 5 ? &ahead : NULL);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < ld; j++) {
                double want = into != INTO_NEW ? (double)before[i * ld + j] : 0.0;

                for (int64_t u = 0; u < t; u++)
                    want += (double)a[i * row + u * column] * (double)b[u * ld + j];
                assert_close((double)out[i * ld + j], want, 0.0, j < n ? 3e-7 * (double)(t + 1) : 0.0);
            }
        mem_free(a);
        mem_free(b);
        mem_free(out);
        mem_free(before);
    }
}

/* Rows cut anywhere, columns cut anywhere (nt) or between cache lines (nn), terms cut with INTO_CHAIN: equal
 * bits; and INTO_SUM is the sum of two products. */
static void check_cuts(const struct kernels *k)
{
    enum { M = 41, N = 160, T = 96 };
    float *a = draw(M, T, 1), *b = draw(N, T, 2), *right = draw(T, N, 3), *bias = draw(1, N, 4);
    float *nt = draw(M, N, 5), *nn = draw(M, N, 5), *cut = draw(M, N, 5), *second = draw(M, N, 5);

    k->product_nt(M, N, T, a, T, b, T, bias, nt, N);
    k->product_nn(M, N, T, a, T, 1, right, N, INTO_NEW, nn, N, NULL);
    for (int at = 1; at < M; at++) {
        int64_t column = at * 3, line = at % 10 * 16;

        k->product_nt(at, column, T, a, T, b, T, bias, cut, N);
        k->product_nt(at, N - column, T, a, T, b + column * T, T, bias + column, cut + column, N);
        k->product_nt(M - at, N, T, a + at * T, T, b, T, bias, cut + at * N, N);
        assert_memory_equal(cut, nt, sizeof *nt * M * N);

        k->product_nn(at, line, T, a, T, 1, right, N, INTO_NEW, cut, N, NULL);
        k->product_nn(at, N - line, T, a, T, 1, right + line, N, INTO_NEW, cut + line, N, NULL);
        k->product_nn(M - at, N, at, a + at * T, T, 1, right, N, INTO_NEW, cut + at * N, N, NULL);
        k->product_nn(M - at, N, T - at, a + at * T + at, T, 1, right + at * N, N, INTO_CHAIN, cut + at * N,
                      N, NULL);
        assert_memory_equal(cut, nn, sizeof *nn * M * N);

        k->product_nn(M, N, at, a, T, 1, right, N, INTO_NEW, cut, N, NULL);
        k->product_nn(M, N, T - at, a + at, T, 1, right + at * N, N, INTO_NEW, second, N, NULL);
        k->add(second, cut, M * N);
        k->product_nn(M, N, T - at, a + at, T, 1, right + at * N, N, INTO_SUM, cut, N, NULL);
        assert_memory_equal(cut, second, sizeof *cut * M * N);
    }
    mem_free(second);
    mem_free(a);
    mem_free(b);
    mem_free(right);
    mem_free(bias);
    mem_free(nt);
    mem_free(nn);
    mem_free(cut);
}

static void nothing_to_sum(void **state)
{
    const struct kernels *k;
    struct error err;
    float a[16] = {0}, b[16] = {0}, bias[16] = {7.0f}, c[16] __attribute__((aligned(64))) = {5.0f};

    (void)state;
    assert_int_equal(kernels_pick(&k, "auto", &err), 0);
    k->product_nn(1, 16, 0, a, 1, 1, b, 16, INTO_CHAIN, c, 16, NULL);
    assert_true(c[0] == 5.0f);
    k->product_nn(1, 16, 0, a, 1, 1, b, 16, INTO_SUM, c, 16, NULL);
    assert_true(c[0] == 5.0f);
    k->product_nn(1, 16, 0, a, 1, 1, b, 16, INTO_NEW, c, 16, NULL);
    assert_true(c[0] == 0.0f);
    k->product_nt(1, 1, 0, a, 16, b, 16, bias, c, 16);
    assert_true(c[0] == 7.0f);
    k->product_nt(0, 1, 16, a, 16, b, 16, bias, c, 16);
    k->product_nt(1, 0, 16, a, 16, b, 16, bias, c, 16);
    assert_true(c[0] == 7.0f);
}

static void rows_by_rows(void **state)
{
    (void)state;
    on_every_path(check_nt);
}

static void rows_by_columns(void **state)
{
    (void)state;
    on_every_path(check_nn);
}

static void cuts_change_no_bit(void **state)
{
    (void)state;
    on_every_path(check_cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_by_rows),
        cmocka_unit_test(rows_by_columns),
        cmocka_unit_test(cuts_change_no_bit),
        cmocka_unit_test(nothing_to_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
