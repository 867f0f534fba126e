/* kernels_isa.c - the table of a vector path. */
#include "math/kernels_isa.h"

#if defined(__AVX512F__)
/* A function that is compiled once more with the instructions of AVX512_BF16: the same bits. */
#define PICKED(name, parameters, arguments)                                                                  \
    void name##_avx512bf16 parameters;                                                                       \
    static void picked_##name parameters                                                                     \
    {                                                                                                        \
        if (__builtin_cpu_supports("avx512bf16"))                                                            \
            name##_avx512bf16 arguments;                                                                     \
        else                                                                                                 \
            ISA(name) arguments;                                                                             \
    }

PICKED(bf16_rows, (int64_t m, int64_t n, const float *x, int64_t ldx, uint32_t *out, int64_t ld),
       (m, n, x, ldx, out, ld))
PICKED(bf16_pair, (int64_t n, const float *even, const float *odd, uint32_t *out, int64_t panel),
       (n, even, odd, out, panel))
PICKED(bf16_panel, (int64_t m, int64_t n, const float *x, int64_t ld, uint32_t *out), (m, n, x, ld, out))
PICKED(bf16_product,
       (int64_t m, int64_t n, int64_t pairs, const uint32_t *a, int64_t row, int64_t column,
        const uint32_t *b, const float *bias, enum product_into into, float *c, int64_t ldc,
        const struct ahead *ahead),
       (m, n, pairs, a, row, column, b, bias, into, c, ldc, ahead))
#define BF16(name) picked_##name
#else
#define BF16(name) ISA(name)
#endif

const struct kernels JOIN(kernels_, KERNEL_ISA);
const struct kernels JOIN(kernels_, KERNEL_ISA) = {
    .name = TEXT(KERNEL_ISA),
    .gather = ISA(gather),
    .dots = ISA(dots),
    .axpy = ISA(axpy),
    .add = ISA(add),
    .scale = ISA(scale),
    .sum_squares = ISA(sum_squares),
    .adam = ISA(adam),
    .adam_idle = ISA(adam_idle),
    .sgd = ISA(sgd),
    .normal_add = ISA(normal_add),
    .normal_solve = ISA(normal_solve),
    .activate = ISA(activate),
    .activate_back = ISA(activate_back),
    .norm = ISA(norm),
    .norm_back = ISA(norm_back),
    .sample_mixture = ISA(sample_mixture),
    .exp_wide = ISA(exp_wide),
    .exp_row = ISA(exp_row),
    .exp_stats = ISA(exp_stats),
    .above_threshold = ISA(above_threshold),
    .product_nt = ISA(product_nt),
    .product_nn = ISA(product_nn),
    .bf16_rows = BF16(bf16_rows),
    .bf16_pair = BF16(bf16_pair),
    .bf16_panel = BF16(bf16_panel),
    .bf16_product = BF16(bf16_product),
    .tile_product = ISA(tile_product),
    .dropout = ISA(dropout),
    .drop_at = ISA(drop_at),
    .normal = ISA(normal),
};
