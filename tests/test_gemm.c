#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "math/gemm.h"
#include "par/team.h"

typedef void product(int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                     const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

static void fill(float *x, int64_t count, uint32_t position)
{
    struct rng_stream s = rng_stream(7, RNG_TEST, 0, position);

    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(2.0 * rng_next_unit(&s) - 1.0);
}

/* One product against sums in double; what lies between the rows must stay as it is. */
static void check(product *fn, bool tb, int64_t m, int64_t n, int64_t k, float alpha, float beta, int64_t pad)
{
    int64_t lda = k + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
    int64_t na = m * lda, nb = (tb ? n : k) * ldb, nc = m * ldc;
    float *a = mem_array(na, sizeof *a), *b = mem_array(nb, sizeof *b), *c = mem_array(nc, sizeof *c);
    float *old = mem_array(nc, sizeof *old);

    assert_true(a && b && c && old);
    fill(a, na, 1);
    fill(b, nb, 2);
    fill(c, nc, 3);
    memcpy(old, c, (size_t)nc * sizeof *c);
    fn(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0;

            for (int64_t l = 0; l < k; l++)
                sum += (double)a[i * lda + l] * (double)(tb ? b[j * ldb + l] : b[l * ldb + j]);
            assert_close(c[i * ldc + j], (double)alpha * sum + (double)beta * (double)old[i * ldc + j], 1e-5,
                         1e-6 * (double)(k + 1));
        }
        for (int64_t j = n; j < ldc; j++)
            assert_true(c[i * ldc + j] == old[i * ldc + j]);
    }
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(old);
}

static void products_equal_naive_sums(void **state)
{
    static const int64_t sizes[][3] = {{1, 1, 1},   {1, 7, 3},     {5, 1, 9},     {3, 4, 5},    {17, 33, 65},
                                       {64, 48, 1}, {31, 130, 20}, {100, 257, 7}, {129, 65, 40}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t *s = sizes[i];

        for (int64_t pad = 0; pad <= 3; pad += 3) {
            check(gemm_nt, true, s[0], s[1], s[2], 1.0f, 0.0f, pad);
            check(gemm_nt, true, s[0], s[1], s[2], -0.5f, 1.0f, pad);
            check(gemm_nn, false, s[0], s[1], s[2], 1.0f, 0.0f, pad);
            check(gemm_nn, false, s[0], s[1], s[2], 2.0f, 0.25f, pad);
        }
    }
}

static void beta_zero_does_not_read_c(void **state)
{
    float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 0, 0, 1, 0}, c[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        c[i] = NAN;
    gemm_nt(2, 2, 3, 1.0f, a, 3, b, 3, 0.0f, c, 2);
    assert_true(c[0] == 1 && c[1] == 2 && c[2] == 4 && c[3] == 5);
}

static void product_over_no_terms_is_beta_c(void **state)
{
    float a[1] = {1}, c[6] = {1, 2, 3, 4, NAN, 6};

    (void)state;
    gemm_nn(2, 2, 0, 1.0f, a, 1, a, 2, 0.5f, c, 3);
    assert_true(c[0] == 0.5f && c[1] == 1.0f && c[2] == 3.0f && c[3] == 2.0f && isnan(c[4]) && c[5] == 6.0f);
    gemm_nt(2, 2, 0, 1.0f, a, 1, a, 1, 0.0f, c, 3);
    assert_true(c[0] == 0.0f && c[1] == 0.0f && c[2] == 3.0f && c[3] == 0.0f && c[4] == 0.0f && c[5] == 6.0f);
}

static void empty_result_touches_nothing(void **state)
{
    (void)state;
    gemm_nt(0, 5, 3, 1.0f, NULL, 3, NULL, 3, 0.0f, NULL, 5);
    gemm_nn(4, 0, 3, 1.0f, NULL, 3, NULL, 1, 0.0f, NULL, 1);
    gemm_nn(0, 0, 0, 1.0f, NULL, 1, NULL, 1, 0.0f, NULL, 1);
}

/* The trap: OpenBLAS opens its own team in a team of one, and cuts a product of a shard's full size
 * otherwise. */
enum { M = 500, N = 628, K = 200, BLOCKS = 5 };

struct blocks {
    const float *a, *b;
    float *c; /* (BLOCKS, M, N) */
};

static void multiply_own_blocks(struct worker *w, void *arg)
{
    struct blocks *s = arg;
    int64_t first, end;

    team_range(BLOCKS, w->id, w->count, &first, &end);
    for (int64_t i = first; i < end; i++)
        gemm_nt(M, N, K, 1.0f, s->a, K, s->b + i * N * K, K, 0.0f, s->c + i * M * N, N);
}

static void bits_are_equal_for_any_team(void **state)
{
    static const int counts[] = {1, 2, 3, 5, 8};
    float *a = mem_array(M * K, sizeof *a), *b = mem_array((int64_t)BLOCKS * N * K, sizeof *b);
    float *c = mem_array((int64_t)BLOCKS * M * N, sizeof *c),
          *want = mem_array((int64_t)BLOCKS * M * N, sizeof *want);
    struct team *team;
    struct blocks s = {a, b, want};

    (void)state;
    assert_true(a && b && c && want);
    fill(a, M * K, 1);
    fill(b, (int64_t)BLOCKS * N * K, 2);
    assert_int_equal(team_new(&team, 1, NULL, BIND_NONE, NULL), 0);
    for (int64_t i = 0; i < BLOCKS; i++)
        gemm_nt(M, N, K, 1.0f, a, K, b + i * N * K, K, 0.0f, want + i * M * N, N); /* outside of a run */
    team_free(team);
    s.c = c;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_int_equal(team_new(&team, counts[i], NULL, BIND_NONE, NULL), 0);
        memset(c, 0xff, sizeof *c * BLOCKS * M * N);
        team_run(team, multiply_own_blocks, &s);
        assert_memory_equal(c, want, sizeof *c * BLOCKS * M * N);
        team_free(team);
    }
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(want);
}

/* Fails where the library's own threads are not held back and there are processors for them. */
static void calls_use_one_thread(void **state)
{
    struct team *team;

    (void)state;
    assert_int_equal(team_new(&team, 1, NULL, BIND_NONE, NULL), 0);
    assert_int_equal(gemm_measure_threads(), 1);
    team_free(team);
}

static void library_says_who_it_is(void **state)
{
    (void)state;
    assert_true(strlen(gemm_library()) > 3);
    assert_true(strlen(gemm_core()) > 2);
    if (strncmp(gemm_library(), "OpenBLAS", 8) == 0) {
        assert_true(strstr(gemm_library(), " openmp") || strstr(gemm_library(), " pthread"));
        assert_true(gemm_callers() > 0);
    }
}

static void rate_is_measured(void **state)
{
    float *scratch = mem_array(gemm_rate_floats(64, 96, 128), sizeof *scratch);
    double rate;

    (void)state;
    assert_non_null(scratch);
    assert_int_equal(gemm_rate_floats(64, 96, 128), 64 * 128 + 96 * 128 + 64 * 96);
    rate = gemm_rate(scratch, 64, 96, 128, 0.01);
    assert_true(rate > 1e7 && rate < 1e13);
    /* the last row of C: sum over 128 of products below .48^2 */
    assert_true(fabsf(scratch[gemm_rate_floats(64, 96, 128) - 1]) < 128 * 0.24f);
    mem_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_naive_sums),       cmocka_unit_test(beta_zero_does_not_read_c),
        cmocka_unit_test(product_over_no_terms_is_beta_c), cmocka_unit_test(empty_result_touches_nothing),
        cmocka_unit_test(bits_are_equal_for_any_team),     cmocka_unit_test(calls_use_one_thread),
        cmocka_unit_test(library_says_who_it_is),          cmocka_unit_test(rate_is_measured),
    };

    return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
