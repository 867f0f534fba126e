/* kernels_isa.c - the table of a vector path. */
#include "math/kernels_isa.h"

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
    .tile_product = ISA(tile_product),
    .dropout = ISA(dropout),
    .normal = ISA(normal),
};
