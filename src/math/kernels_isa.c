/* kernels_isa.c - the table of a vector path. */
#include "math/kernels_isa.h"

#if defined(__AVX512F__)
/* ISA(bf16_product), compiled with the instructions of AVX512_BF16: the same bits. */
void bf16_product_avx512bf16(int64_t m, int64_t n, int64_t pairs, const uint32_t *a, int64_t row,
                             int64_t column, const uint32_t *b, const float *bias, enum product_into into,
                             float *c, int64_t ldc, const struct ahead *ahead);

static void pick_product(int64_t m, int64_t n, int64_t pairs, const uint32_t *a, int64_t row, int64_t column,
                         const uint32_t *b, const float *bias, enum product_into into, float *c, int64_t ldc,
                         const struct ahead *ahead)
{
    if (__builtin_cpu_supports("avx512bf16"))
        bf16_product_avx512bf16(m, n, pairs, a, row, column, b, bias, into, c, ldc, ahead);
    else
        ISA(bf16_product)(m, n, pairs, a, row, column, b, bias, into, c, ldc, ahead);
}
#else
#define pick_product ISA(bf16_product)
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
    .exp_row = ISA(exp_row),
    .exp_stats = ISA(exp_stats),
    .above_threshold = ISA(above_threshold),
    .product_nt = ISA(product_nt),
    .product_nn = ISA(product_nn),
    .bf16_rows = ISA(bf16_rows),
    .bf16_pair = ISA(bf16_pair),
    .bf16_panel = ISA(bf16_panel),
    .bf16_product = pick_product,
    .tile_product = ISA(tile_product),
    .dropout = ISA(dropout),
    .normal = ISA(normal),
};
