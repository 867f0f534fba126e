/* Products of numbers rounded to bf16, on each path, against a chain of fused operations in a double loop. */
#include "support.h"

#include "base/float_mode.h"
#include "base/mem.h"
#include "base/rng.h"
#include "math/kernels.h"

#include <float.h>

enum { ROWS = 27, COLUMNS = 96, DEPTH = 80, PATHS = 4 };

static struct kernels path[PATHS];
static int paths;

static float from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The nearer of the two neighbours of 8 digits; between them the even one. */
static float nearest(float x)
{
    uint32_t bits;
    float low, high;
    double below, above;

    memcpy(&bits, &x, sizeof bits);
    if (isnan(x) || isinf(x))
        return x;
    if (fabs((double)x) < (double)FLT_MIN)
        return from_bits(bits & 0x80000000);
    low = from_bits(bits & 0xffff0000);
    high = from_bits((bits & 0xffff0000) + 0x10000);
    below = fabs((double)x - (double)low);
    above = isinf(high) ? 0x1p128 - fabs((double)x) : fabs((double)high - (double)x);
    return below < above || (below == above && !(bits & 0x10000)) ? low : high;
}

static float fused(float a, float b, float c)
{
    float sum = fmaf(a, b, c);

    return fabsf(sum) < FLT_MIN ? copysignf(0.0f, sum) : sum;
}

/* Sizes of training; any number; infinite, none and tiny ones among others. */
static float draw_number(struct rng_stream *s, int kind)
{
    static const float odd[] = {0.0f,    -0.0f,   INFINITY,  -INFINITY, NAN,
                                FLT_MAX, FLT_MIN, 0x1p-130f, -0x1p-149f};
    uint32_t bits = rng_next(s);

    if (kind == 0)
        return (float)(2.0 * rng_next_unit(s) - 1.0);
    if (kind == 1) /* products near the border of what is tiny */
        return ldexpf(1.0f + (float)(bits & 0xffff) * 0x1p-16f, (int)(bits >> 16) % 20 - 75);
    if (kind == 2 && bits % 20 == 0)
        return odd[bits / 20 % (sizeof odd / sizeof *odd)];
    if (bits % 3 == 0)
        bits = (bits & 0xffff0000) | 0x8000; /* in the middle of two */
    return isnan(from_bits(bits)) ? 1.0f : from_bits(bits);
}

static void *room(int64_t words)
{
    void *x = mem_array(words, 4);

    assert_non_null(x);
    memset(x, 0, (size_t)words * 4);
    return x;
}

/* C = A B of any depth k: what is behind k in a row is zero. */
struct product {
    float *a, *b, *c, *want;                   /* (ROWS, DEPTH), (COLUMNS, DEPTH), (ROWS, COLUMNS) */
    float *across, *right;                     /* A and B with k down: (DEPTH, 32), (DEPTH, COLUMNS) */
    uint32_t *rows, *panel, *panels, *by_pair; /* A as rows and as two panels; B from rows and from pairs */
    float bias[COLUMNS] __attribute__((aligned(64)));
};

static struct product product_new(void)
{
    return (struct product){room(ROWS * DEPTH),
                            room(COLUMNS * DEPTH),
                            room(ROWS * COLUMNS),
                            room(ROWS * COLUMNS),
                            room(DEPTH * 32),
                            room(DEPTH * COLUMNS),
                            room(ROWS * DEPTH),
                            room(32 * DEPTH),
                            room(COLUMNS * DEPTH),
                            room(COLUMNS * DEPTH),
                            {0}};
}

static void product_free(struct product *p)
{
    mem_free(p->a), mem_free(p->b), mem_free(p->c), mem_free(p->want), mem_free(p->across),
        mem_free(p->right);
    mem_free(p->rows), mem_free(p->panel), mem_free(p->panels), mem_free(p->by_pair);
}

static void draw(struct product *p, int k, uint32_t number)
{
    struct rng_stream s = rng_stream(13, RNG_TEST, number, 0);
    int kind = (int)(number % 4);

    for (int t = 0; t < DEPTH; t++) {
        for (int i = 0; i < ROWS; i++)
            p->across[t * 32 + i] = p->a[i * DEPTH + t] = t < k ? draw_number(&s, kind) : 0.0f;
        for (int j = 0; j < COLUMNS; j++)
            p->right[t * COLUMNS + j] = p->b[j * DEPTH + t] = t < k ? draw_number(&s, kind) : 0.0f;
    }
    for (int j = 0; j < COLUMNS; j++)
        p->bias[j] = draw_number(&s, 0);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        p->c[i] = draw_number(&s, kind);
}

static void round_operands(const struct kernels *kern, struct product *p, int k)
{
    int pairs = (k + 1) / 2;

    kern->bf16_rows(ROWS, DEPTH, p->a, DEPTH, p->rows, DEPTH / 2);
    for (int j = 0; j < COLUMNS; j += 16)
        kern->bf16_panel(16, DEPTH, p->b + j * DEPTH, DEPTH, p->panels + j * DEPTH / 2);
    for (int t = 0; t < pairs; t++) {
        bool odd = 2 * t + 1 < k;

        kern->bf16_pair(COLUMNS, p->right + 2 * t * COLUMNS, odd ? p->right + (2 * t + 1) * COLUMNS : NULL,
                        p->by_pair + 16 * t, 16 * pairs);
        kern->bf16_pair(32, p->across + 2 * t * 32, odd ? p->across + (2 * t + 1) * 32 : NULL,
                        p->panel + 16 * t, 16 * pairs);
    }
}

static void multiply(struct product *p, int m, int n, int from, int k, bool bias, enum product_into into)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = into == INTO_CHAIN ? p->want[i * COLUMNS + j] : 0.0f;

            for (int t = from; t < k; t += 2) {
                const float *a = p->a + i * DEPTH + t, *b = p->b + j * DEPTH + t;

                sum = fused(nearest(a[1]), nearest(b[1]), sum);
                sum = fused(nearest(a[0]), nearest(b[0]), sum);
            }
            if (into == INTO_SUM)
                sum = p->want[i * COLUMNS + j] + sum;
            p->want[i * COLUMNS + j] = bias ? sum + p->bias[j] : sum;
        }
}

static void same(const float *a, const float *b, int64_t n, const char *name, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i])))
            fail_msg("%s, %s: element %d is %a, not %a", name, what, (int)i, (double)a[i], (double)b[i]);
}

static void each_element_is_a_chain_of_pairs(void **state)
{
    struct product p = product_new();

    (void)state;
    for (uint32_t number = 0; number < 60; number++)
        for (int q = 0; q < paths; q++) {
            int k = 1 + (int)(number * 7 % (DEPTH - 1)), m = 1 + (int)(number * 5 % ROWS),
                pairs = (k + 1) / 2;
            int n = 16 + (int)(number % 6) * 16;
            enum product_into into = (enum product_into)(number / 4 % 3);
            bool bias = number % 2 == 1;

            draw(&p, k, number);
            memcpy(p.want, p.c, ROWS * COLUMNS * sizeof *p.c);
            round_operands(&path[q], &p, k);
            multiply(&p, m, n, 0, k, bias, into);
            path[q].bf16_product(m, n, pairs, p.rows, DEPTH / 2, 1, p.by_pair, bias ? p.bias : NULL, into,
                                 p.c, COLUMNS, NULL);
            same(p.c, p.want, ROWS * COLUMNS, path[q].name, "rows by pairs");
            draw(&p, k, number);
            memcpy(p.want, p.c, ROWS * COLUMNS * sizeof *p.c);
            multiply(&p, m < 16 ? m : 16, n, 0, k, bias, into);
            path[q].bf16_product(m < 16 ? m : 16, n, pairs, p.panel, 1, 16, p.by_pair, bias ? p.bias : NULL,
                                 into, p.c, COLUMNS, NULL);
            same(p.c, p.want, ROWS * COLUMNS, path[q].name, "a panel by pairs");
        }
    product_free(&p);
}

/* Panels from rows, and a chain that goes on from C at an even element. */
static void a_product_is_cut_between_pairs(void **state)
{
    struct product p = product_new();

    (void)state;
    for (uint32_t number = 0; number < 24; number++)
        for (int q = 0; q < paths; q++) {
            int cut = 2 * (int)(number % 30);

            draw(&p, DEPTH - 1, number);
            round_operands(&path[q], &p, DEPTH - 1);
            multiply(&p, ROWS, COLUMNS, 0, DEPTH, false, INTO_NEW);
            path[q].bf16_product(ROWS, COLUMNS, DEPTH / 2, p.rows, DEPTH / 2, 1, p.panels, NULL, INTO_NEW,
                                 p.c, COLUMNS, NULL);
            same(p.c, p.want, ROWS * COLUMNS, path[q].name, "panels");
            for (int j = 0; j < COLUMNS; j += 16) {
                const uint32_t *b = p.by_pair + j * DEPTH / 2;

                path[q].bf16_product(ROWS, 16, cut / 2, p.rows, DEPTH / 2, 1, b, NULL, INTO_NEW, p.c + j,
                                     COLUMNS, NULL);
                path[q].bf16_product(ROWS, 16, (DEPTH - cut) / 2, p.rows + cut / 2, DEPTH / 2, 1, b + 8 * cut,
                                     NULL, INTO_CHAIN, p.c + j, COLUMNS, NULL);
            }
            same(p.c, p.want, ROWS * COLUMNS, path[q].name, "two parts");
        }
    product_free(&p);
}

static void numbers_are_rounded_to_nearest_even(void **state)
{
    float x[16] __attribute__((aligned(64))), want, have;
    uint32_t out[16] __attribute__((aligned(64)));
    struct rng_stream s = rng_stream(14, RNG_TEST, 0, 0);

    (void)state;
    for (int i = 0; i < 200000; i++)
        for (int q = 0; q < paths; q++) {
            for (int j = 0; j < 16; j++)
                x[j] = draw_number(&s, 2 + i % 2);
            path[q].bf16_rows(1, 16, x, 16, out, 8);
            for (int j = 0; j < 16; j++) {
                have = from_bits(j % 2 ? out[j / 2] & 0xffff0000 : out[j / 2] << 16);
                want = nearest(x[j]);
                same(&have, &want, 1, path[q].name, "rounded");
            }
        }
}

#if defined(__x86_64__)
void bf16_rows_avx512(int64_t m, int64_t n, const float *x, int64_t ldx, uint32_t *out, int64_t ld);
void bf16_pair_avx512(int64_t n, const float *even, const float *odd, uint32_t *out, int64_t panel);
void bf16_panel_avx512(int64_t m, int64_t n, const float *x, int64_t ld, uint32_t *out);
void bf16_product_avx512(int64_t m, int64_t n, int64_t pairs, const uint32_t *a, int64_t row, int64_t column,
                         const uint32_t *b, const float *bias, enum product_into into, float *c, int64_t ldc,
                         const struct ahead *ahead);
#endif

int main(void)
{
    static const char *const name[] = {"avx512", "avx2", "baseline"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_element_is_a_chain_of_pairs),
        cmocka_unit_test(a_product_is_cut_between_pairs),
        cmocka_unit_test(numbers_are_rounded_to_nearest_even),
    };

    for (int i = 0; i < 3; i++) {
        const struct kernels *kern;
        struct error err;

        if (kernels_pick(&kern, name[i], &err) == 0)
            path[paths++] = *kern;
    }
#if defined(__x86_64__)
    if (strcmp(path[0].name, "avx512") == 0) { /* as where the processor has no AVX512_BF16 */
        path[paths] = path[0];
        path[paths].name = "avx512 by fused operations";
        path[paths].bf16_rows = bf16_rows_avx512;
        path[paths].bf16_pair = bf16_pair_avx512;
        path[paths].bf16_panel = bf16_panel_avx512;
        path[paths++].bf16_product = bf16_product_avx512;
    }
#endif
    float_mode_set(float_mode_computing(float_mode_get()));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
