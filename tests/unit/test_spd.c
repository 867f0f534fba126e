#include "support.h"

#include "base/mem.h"
#include "math/gemm.h"
#include "math/spd.h"

/* X^T X + I of small whole numbers. */
static double *positive_matrix(int64_t n)
{
    double *a = calloc((size_t)(n * n), sizeof *a);

    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t k = 0; k < 7; k++)
                a[i * n + j] += (double)((i * 5 + k * 3) % 11) * (double)((j * 5 + k * 3) % 11);
    for (int64_t i = 0; i < n; i++)
        a[i * n + i] += 1.0 + (double)(i % 3);
    return a;
}

/* In place; false: not positive definite. */
static bool factor(double *a, int64_t n)
{
    int64_t tiles = spd_tiles(n);
    bool positive = true;

    for (int64_t k = 0; k < tiles; k++) {
        for (int64_t i = k; i < tiles; i++)
            spd_subtract(a, n, i, k);
        positive &= spd_factor(a, n, k);
        for (int64_t i = k + 1; i < tiles; i++)
            spd_solve(a, n, i, k);
    }
    return positive;
}

static void a_matrix_times_its_inverse_is_one(void **state)
{
    static const int64_t sizes[] = {1, 2, 127, 128, 129, 256, 300, 401};

    (void)state;
    for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
        int64_t n = sizes[t];
        double *a = positive_matrix(n), *l = positive_matrix(n),
               *inverse = calloc((size_t)(n * n), sizeof *a);
        double *column = calloc((size_t)((n + SPD_TILE) * SPD_TILE), sizeof *column);

        assert_true(factor(l, n));
        for (int64_t c = 0; c < spd_tiles(n); c++) {
            spd_inverse_column(l, n, c, column);
            for (int64_t r = c * SPD_TILE; r < n; r++)
                for (int64_t k = c * SPD_TILE; k < n && k < (c + 1) * SPD_TILE; k++)
                    inverse[r * n + k] = inverse[k * n + r] =
                        column[(r - c * SPD_TILE) * SPD_TILE + k - c * SPD_TILE];
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0.0;

                for (int64_t k = 0; k < n; k++)
                    sum += a[i * n + k] * inverse[k * n + j];
                assert_close(sum, i == j ? 1.0 : 0.0, 0.0, 1e-8);
            }
        free(a);
        free(l);
        free(inverse);
        free(column);
    }
}

static void a_matrix_that_is_not_positive_is_told(void **state)
{
    int64_t n = 200;
    double *a = positive_matrix(n);

    (void)state;
    a[150 * n + 150] = 0.0;
    assert_false(factor(a, n));
    free(a);
}

static int start(void **state)
{
    struct error err;

    (void)state;
    return gemm_init(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_times_its_inverse_is_one),
        cmocka_unit_test(a_matrix_that_is_not_positive_is_told),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
