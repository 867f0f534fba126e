/* Every vector path gives the same bits: each kernel on numbers of all sizes, and the fused operation
 * itself, which the baseline path emulates where the processor has none. */
#include "support.h"
#include "support_numbers.h"

#include "base/float_mode.h"
#include "base/mem.h"
#include "base/rng.h"
#include "math/kernels.h"

#include <float.h>

enum { LD = 208, ROWS = 24, N = ROWS * LD, PATHS = 3 };

static const struct kernels *path[PATHS];
static int paths;

struct inputs {
    float *a, *b, *c, *out; /* (ROWS, LD) */
    int32_t row[ROWS];
};

static float *room(int64_t n)
{
    float *x = mem_array(n, sizeof *x);

    assert_non_null(x);
    memset(x, 0, (size_t)n * sizeof *x);
    return x;
}

static void draw(struct inputs *in, uint32_t number, bool wild)
{
    struct rng_stream s = rng_stream(11, RNG_TEST, number, 0);

    for (int i = 0; i < N; i++) {
        in->a[i] = draw_number(&s, wild);
        in->b[i] = draw_number(&s, wild);
        in->c[i] = draw_number(&s, wild);
        in->out[i] = 0.0f;
    }
    for (int i = 0; i < ROWS; i++)
        in->row[i] = (int32_t)rng_below(rng_next(&s), ROWS);
}

static const struct adam_step step = {.step_size = 1e-3f,
                                      .root_scale = 1.1f,
                                      .eps = 1e-8f,
                                      .beta1 = 0.9f,
                                      .one_beta1 = 0.1f,
                                      .beta2 = 0.999f,
                                      .one_beta2 = 0.001f,
                                      .keep = 0.9999f,
                                      .l2 = 1e-3f};

static void make_squares(float *x)
{
    for (int i = 0; i < N; i++)
        x[i] = fabsf(x[i]) < 1e30f ? fabsf(x[i]) : 1.0f;
}

/* Calls kernel `what` on the inputs; its outputs are in->out and in->a. False: there is none of that
 * number. */
static bool call(const struct kernels *k, int what, struct inputs *in)
{
    static const enum activation acts[] = {ACT_SIGMOID, ACT_TANH, ACT_RELU, ACT_ELU, ACT_SELU};
    struct adam_step steps[20];

    if (what < 5) {
        k->activate(acts[what], in->a, N - 3);
        return true;
    }
    if (what < 10) {
        k->activate_back(acts[what - 5], in->a, in->b, N - 3);
        return true;
    }
    for (int i = 0; i < 20; i++)
        steps[i] = step;
    switch (what) {
    case 10:
        k->gather(in->out, true, ROWS, in->row, in->b, in->a, LD);
        return true;
    case 11:
        for (int n = 1; n < ROWS; n++)
            k->dots(in->out + n * LD, n, in->row, in->b, in->a, LD - 16 * (n % 13));
        return true;
    case 12:
        k->axpy(in->a, in->c[0], in->b, N);
        return true;
    case 13:
        k->add(in->a, in->b, N);
        k->scale(in->a, in->c[1], N);
        return true;
    case 14:
        ((double *)(void *)in->out)[0] = k->sum_squares(in->b, N - 5);
        return true;
    case 15:
        make_squares(in->c);
        k->adam(&step, in->a, in->out, in->c, in->b, N - 5);
        return true;
    case 16:
    case 17:
        make_squares(in->c);
        for (int i = 0; i < 20; i++)
            steps[i].l2 = what == 16 ? 1e-3f : 0.0f;
        k->adam_idle(steps, 20, in->a, in->b, in->c, N - 5);
        return true;
    case 18:
        for (int n = 1; n < ROWS; n++)
            k->exp_row(in->a + n * LD, LD - 9 * n, in->out + 2 * n, in->out + 2 * n + 1);
        return true;
    case 19:
        for (int n = 1; n < ROWS; n++)
            k->exp_stats(in->a + n * LD, LD - 9 * n, in->out + 2 * n, in->out + 2 * n + 1);
        return true;
    case 20:
        k->product_nt(13, 11, LD, in->a, LD, in->b, LD, in->c, in->out, LD);
        return true;
    case 21:
        k->product_nn(13, LD, 11, in->a, 1, LD, in->b, LD, INTO_CHAIN, in->out, LD, NULL);
        return true;
    case 22:
        k->dropout(in->a, LD - 3, 0.3f, 1, 2, 3, 4);
        k->normal(in->out, N - 3, 0.7f, 1, 2, 3, 4);
        return true;
    case 23:
        k->exp_wide(in->b, 3.0f, in->out, N - 3);
        return true;
    default:
        return false;
    }
}

/* A number is not one: which bits it has then is the processor's own. */
static void same(const float *a, const float *b, const char *name, int what, uint32_t number)
{
    for (int i = 0; i < N; i++) {
        uint32_t x, y;

        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        if (x != y && !(isnan(a[i]) && isnan(b[i])))
            fail_msg("kernel %d, case %u, element %d: %s has %08x, %s %08x", what, number, i, path[0]->name,
                     x, name, y);
    }
}

static void every_kernel_has_the_same_bits(void **state)
{
    struct inputs one = {room(N), room(N), room(N), room(N), {0}},
                  other = {room(N), room(N), room(N), room(N), {0}};

    (void)state;
    for (int what = 0; what < 24; what++)
        for (uint32_t number = 0; number < 40; number++)
            for (int p = 1; p < paths; p++) {
                draw(&one, number, number % 2 == 1);
                draw(&other, number, number % 2 == 1);
                assert_true(call(path[0], what, &one) && call(path[p], what, &other));
                same(one.out, other.out, path[p]->name, what, number);
                same(one.a, other.a, path[p]->name, what, number);
                same(one.b, other.b, path[p]->name, what, number);
                same(one.c, other.c, path[p]->name, what, number);
            }
    assert_false(call(path[0], 24, &one));
    mem_free(one.a), mem_free(one.b), mem_free(one.c), mem_free(one.out);
    mem_free(other.a), mem_free(other.b), mem_free(other.c), mem_free(other.out);
}

/* y + a x, rounded once, in the whole range; against the C library's, which is exact. */
static void products_and_sums_are_fused(void **state)
{
    struct rng_stream s = rng_stream(12, RNG_TEST, 1, 0);
    float x[16] __attribute__((aligned(64))), y[16] __attribute__((aligned(64)));

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        float a, left, right, want;

        if (i % 2) {
            draw_hard(&s, &a, &left, &right);
        } else {
            a = draw_number(&s, true);
            left = draw_number(&s, true);
            right = draw_number(&s, true);
        }
        want = fmaf(a, left, right);
        if (!(fabsf(want) >= 2.0f * FLT_MIN && fabsf(a) >= FLT_MIN && fabsf(left) >= FLT_MIN &&
              fabsf(right) >= FLT_MIN))
            continue; /* what is flushed: the test above */
        for (int p = 0; p < paths; p++) {
            for (int j = 0; j < 16; j++) {
                x[j] = left;
                y[j] = right;
            }
            path[p]->axpy(y, a, x, 16);
            if (y[0] != want || y[15] != want)
                fail_msg("%s: %a * %a + %a is %a, not %a", path[p]->name, (double)a, (double)left,
                         (double)right, (double)y[0], (double)want);
        }
    }
}

/* A moment that decays is 0 well before the processor would make it so; until then no step of it is lost. */
static void moments_end_before_the_border(void **state)
{
    (void)state;
    for (int p = 0; p < paths; p++) {
        float w[16] __attribute__((aligned(64))) = {0}, m[16] __attribute__((aligned(64))) = {1.0f, -1.0f},
                    v[16] __attribute__((aligned(64))) = {1.0f, 1.0f, 0x1p-111f, 0x1.fffffep-112f},
                    zero[16] __attribute__((aligned(64))) = {0};
        struct adam_step s = {.eps = 1e-8f, .beta1 = 0.9f, .beta2 = 1.0f, .keep = 1.0f};
        float want = 1.0f;

        for (int t = 0; t < 1000; t++) {
            path[p]->adam(&s, w, m, v, zero, 16);
            want *= 0.9f;
            want = want < 0x1p-111f ? 0.0f : want;
            assert_true(m[0] == want && m[1] == -want);
        }
        assert_true(want == 0.0f && v[2] == 0x1p-111f && v[3] == 0.0f);
        m[0] = v[0] = NAN; /* is told, not cut */
        path[p]->adam(&s, w, m, v, zero, 16);
        assert_true(isnan(m[0]) && isnan(v[0]) && isnan(w[0]));
    }
}

/* A thread that computes rounds to nearest and flushes, whatever it did before. */
static void the_mode_is_set(void **state)
{
    volatile float tiny = FLT_MIN, half = 0.5f;
    uint64_t before = float_mode_get();

    (void)state;
    float_mode_set(float_mode_computing(before));
    assert_true(tiny * half == 0.0f);
    float_mode_set(before);
}

int main(void)
{
    static const char *const name[PATHS] = {"avx512", "avx2", "baseline"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_has_the_same_bits),
        cmocka_unit_test(products_and_sums_are_fused),
        cmocka_unit_test(moments_end_before_the_border),
        cmocka_unit_test(the_mode_is_set),
    };

    for (int i = 0; i < PATHS; i++) {
        struct error err;

        if (kernels_pick(&path[paths], name[i], &err) == 0)
            paths++;
    }
    float_mode_set(float_mode_computing(float_mode_get()));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
