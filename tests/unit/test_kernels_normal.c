/* Systems of equations of least squares (normal_add, normal_solve) against naive ones in double; one answer
 * on every vector path with fused multiply-add, and wherever the rows are cut. */
#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "math/kernels.h"

#include <string.h>

static const char *const path_name[] = {"baseline", "avx2", "avx512"};
static const int64_t lengths[] = {1, 6, 16, 17, 40, 64, 67, 130};

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

struct problem {
    int64_t length, ld, n;
    float *rows, *root, *system, *room, *right, *x, *packed;
    float result;
};

static void solve(struct problem *p, const struct kernels *k, int64_t length, int64_t n, int64_t cut)
{
    int64_t ld = row_pad(length), size = normal_floats(ld);
    const float *row[200];
    float *zero = mem_array(size, sizeof *zero);

    *p = (struct problem){.length = length, .ld = ld, .n = n, .rows = draw(n + 1, length, 1)};
    p->root = draw(1, n + 1, 2);
    p->system = mem_array(size, sizeof(float));
    p->room = mem_array(normal_room(ld), sizeof(float));
    p->right = mem_array(ld, sizeof(float));
    p->x = mem_array(ld, sizeof(float));
    p->packed = mem_array(n * ld, sizeof(float));
    assert_true(zero && p->system && p->room && p->right && p->x && (p->packed || !n));
    memset(zero, 0, (size_t)size * sizeof *zero);
    memset(p->room, 0, (size_t)normal_room(ld) * sizeof(float));
    memset(p->right, 0, (size_t)ld * sizeof(float));
    for (int64_t t = 0; t < n; t++) {
        row[t] = p->rows + t * ld;
        p->root[t] = 1.5f + p->root[t];
    }
    k->normal_add(ld, cut, row, p->root, p->packed, zero, p->system, p->right);
    k->normal_add(ld, n - cut, row + cut, p->root + cut, p->packed, p->system, p->system, p->right);
    p->result = k->normal_solve(ld, p->system, p->room, 0.7f, p->right, p->x);
    mem_free(zero);
}

static void done(struct problem *p)
{
    mem_free(p->rows);
    mem_free(p->root);
    mem_free(p->system);
    mem_free(p->room);
    mem_free(p->right);
    mem_free(p->x);
    mem_free(p->packed);
}

/* By Gauss's elimination. */
static void check_solution(const struct problem *p)
{
    static double a[130][131];
    int64_t k = p->length;
    double result = 0.0;

    memset(a, 0, sizeof a);
    for (int64_t i = 0; i < k; i++) {
        a[i][i] = 0.7;
        for (int64_t t = 0; t < p->n; t++) {
            double w = (double)p->root[t] * (double)p->root[t], q = (double)p->rows[t * p->ld + i];

            a[i][k] += w * q;
            for (int64_t j = 0; j < k; j++)
                a[i][j] += w * q * (double)p->rows[t * p->ld + j];
        }
    }
    for (int64_t i = 0; i < k; i++)
        assert_close((double)p->right[i], a[i][k], 1e-5, 1e-4);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++) {
            double share = a[j][i] / a[i][i];

            for (int64_t c = i; c <= k && j != i; c++)
                a[j][c] -= share * a[i][c];
        }
    for (int64_t i = 0; i < p->ld; i++) {
        double want = i < k ? a[i][k] / a[i][i] : 0.0;

        assert_close((double)p->x[i], want, 1e-3, i < k ? 1e-4 : 0.0);
        result += (double)p->right[i] * want;
    }
    assert_close((double)p->result, result, 1e-3, 1e-4);
}

static void solves_as_a_naive_one(void **state)
{
    static const int64_t rows[] = {0, 1, 5, 64, 190};
    int ran = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct kernels *k;
        struct error err;

        if (kernels_pick(&k, path_name[i], &err) < 0)
            continue;
        ran++;
        for (int c = 0; c < 8 * 5; c++) {
            struct problem p;

            solve(&p, k, lengths[c / 5], rows[c % 5], 0);
            check_solution(&p);
            done(&p);
        }
    }
    assert_true(ran > 0);
}

static void paths_and_cuts_change_nothing(void **state)
{
    const struct kernels *wide, *k;
    struct error err;

    (void)state;
    assert_int_equal(kernels_pick(&wide, "auto", &err), 0);
    if (kernels_pick(&k, "avx2", &err) < 0)
        k = wide;
    for (int c = 0; c < 8; c++) {
        struct problem p, q;

        solve(&p, wide, lengths[c], 70, 0);
        solve(&q, k, lengths[c], 70, 33);
        assert_memory_equal(p.x, q.x, (size_t)p.ld * sizeof *p.x);
        assert_memory_equal(&p.result, &q.result, sizeof p.result);
        done(&p);
        done(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solves_as_a_naive_one),
        cmocka_unit_test(paths_and_cuts_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
