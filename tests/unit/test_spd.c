#include "support.h"

#include "base/mem.h"
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

/* The inverse of a (n, n) into out; false: not positive definite. */
static bool invert(double *out, const double *a, int64_t n, const char *isa)
{
    int64_t tiles = spd_tiles(n);
    struct spd s = {.tiles = tiles, .a = mem_array(spd_size(tiles), sizeof *s.a)};
    double *row = mem_array(tiles * SPD_TILE_SIZE, sizeof *row),
           *room = mem_array(SPD_TILE_SIZE, sizeof *room);
    bool positive = true;
    struct error err;

    assert_int_equal(kernels_pick(&s.kern, isa, &err), 0);
    memset(s.a, 0, (size_t)spd_size(tiles) * sizeof *s.a);
    for (int64_t r = 0; r < tiles * SPD_TILE; r++)
        for (int64_t c = 0; c <= r; c++)
            s.a[spd_at(r, c)] = r < n ? a[r * n + c] : (double)(r == c);
    for (int64_t k = 0; k < tiles; k++) {
        for (int64_t i = k; i < tiles; i++)
            spd_subtract(&s, i, k);
        positive &= spd_factor(&s, k, room);
        for (int64_t i = k + 1; i < tiles; i++)
            spd_solve(&s, i, k, room);
    }
    for (int64_t i = 0; i < tiles; i++) {
        for (int64_t j = 0; j < i; j++)
            spd_invert(&s, i, j, row + j * SPD_TILE_SIZE, room);
        spd_keep(&s, i, row);
    }
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c <= r; c++) {
            if (c % SPD_TILE == 0)
                spd_inverse(&s, r / SPD_TILE, c / SPD_TILE, room);
            out[r * n + c] = out[c * n + r] = room[spd_in_tile(r % SPD_TILE, c % SPD_TILE)];
        }
    mem_free(s.a);
    mem_free(row);
    mem_free(room);
    return positive;
}

static void a_matrix_times_its_inverse_is_one(void **state)
{
    static const int64_t sizes[] = {1, 2, 191, 192, 193, 401};
    static const char *const isa[] = {"auto", "baseline"};

    (void)state;
    for (size_t t = 0; t < 2 * sizeof sizes / sizeof *sizes; t++) {
        int64_t n = sizes[t / 2];
        double *a, *inverse;

        if (t % 2 && n != 193) /* the baseline path is slow: two tiles are enough */
            continue;
        a = positive_matrix(n);
        inverse = calloc((size_t)(n * n), sizeof *a);

        assert_true(invert(inverse, a, n, isa[t % 2]));
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0.0;

                for (int64_t k = 0; k < n; k++)
                    sum += a[i * n + k] * inverse[k * n + j];
                assert_close(sum, i == j ? 1.0 : 0.0, 0.0, 1e-8);
            }
        free(a);
        free(inverse);
    }
}

static void a_matrix_that_is_not_positive_is_told(void **state)
{
    int64_t n = 200;
    double *a = positive_matrix(n);

    (void)state;
    a[150 * n + 150] = 0.0;
    assert_false(invert(a, a, n, "auto"));
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_times_its_inverse_is_one),
        cmocka_unit_test(a_matrix_that_is_not_positive_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
