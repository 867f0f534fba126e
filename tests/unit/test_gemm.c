#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "math/gemm.h"
#include "par/team.h"

static void fill(float *x, int64_t count, uint32_t position)
{
    struct rng_stream s = rng_stream(7, RNG_TEST, 0, position);

    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(2.0 * rng_next_unit(&s) - 1.0);
}

/* One product against sums in double; what lies between the rows must stay as it is, and what C was is not
 * read. */
static void check(int64_t m, int64_t n, int64_t k, int64_t pad)
{
    int64_t lda = k + pad, ldb = k + pad, ldc = n + pad, na = m * lda, nb = n * ldb, nc = m * ldc;
    float *a = mem_array(na, sizeof *a), *b = mem_array(nb, sizeof *b), *c = mem_array(nc, sizeof *c);

    assert_true(a && b && c);
    fill(a, na, 1);
    fill(b, nb, 2);
    for (int64_t i = 0; i < nc; i++)
        c[i] = NAN;
    gemm_nt(m, n, k, a, lda, b, ldb, c, ldc);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0;

            for (int64_t l = 0; l < k; l++)
                sum += (double)a[i * lda + l] * (double)b[j * ldb + l];
            assert_close(c[i * ldc + j], sum, 1e-5, 1e-6 * (double)(k + 1));
        }
        for (int64_t j = n; j < ldc; j++)
            assert_true(isnan(c[i * ldc + j]));
    }
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

static void products_equal_naive_sums(void **state)
{
    static const int64_t sizes[][3] = {{1, 1, 1},   {1, 7, 3},     {5, 1, 9},     {3, 4, 5},    {17, 33, 65},
                                       {64, 48, 1}, {31, 130, 20}, {100, 257, 7}, {129, 65, 40}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int64_t pad = 0; pad <= 3; pad += 3)
            check(sizes[i][0], sizes[i][1], sizes[i][2], pad);
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
        gemm_nt(M, N, K, s->a, K, s->b + i * N * K, K, s->c + i * M * N, N);
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
    assert_int_equal(gemm_init(NULL), 0);
    for (int64_t i = 0; i < BLOCKS; i++)
        gemm_nt(M, N, K, a, K, b + i * N * K, K, want + i * M * N, N); /* outside of a run */
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
    assert_int_equal(gemm_init(NULL), 0);
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

static void callers_are_limited_and_spread_over_the_workers(void **state)
{
    static const int cases[][2] = {{200, 64}, {65, 64}, {64, 64},    {3, 64},
                                   {7, 2},    {5, 1},   {4096, 128}, {9, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int workers = cases[i][0], callers = cases[i][1], calling = gemm_calling(workers, callers), seen = 0;

        assert_int_equal(calling, callers == 0 || workers < callers ? workers : callers);
        for (int id = 0; id < workers; id++) {
            int number = gemm_caller(id, workers, callers);

            if (number < 0)
                continue;
            assert_int_equal(number, seen++);
            assert_true((int64_t)number * workers / calling <= id && id <= (number + 1) * workers / calling);
        }
        assert_int_equal(seen, calling);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_naive_sums),
        cmocka_unit_test(bits_are_equal_for_any_team),
        cmocka_unit_test(calls_use_one_thread),
        cmocka_unit_test(library_says_who_it_is),
        cmocka_unit_test(callers_are_limited_and_spread_over_the_workers),
    };

    return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
