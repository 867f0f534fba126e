/* kernels_isa.c - the table of a vector path. */
#include "math/kernels_isa.h"

const struct kernels JOIN(kernels_, KERNEL_PATH);
const struct kernels JOIN(kernels_, KERNEL_PATH) = {
    .name = TEXT(KERNEL_PATH),
    .gather = PATH(gather),
    .dots = PATH(dots),
    .axpy = PATH(axpy),
    .add = PATH(add),
    .scale = PATH(scale),
    .sum_squares = PATH(sum_squares),
    .adam = PATH(adam),
    .adam_idle = PATH(adam_idle),
    .activate = PATH(activate),
    .activate_back = PATH(activate_back),
    .exp_row = PATH(exp_row),
    .exp_stats = PATH(exp_stats),
    .reach = PATH(reach),
    .product_nt = PATH(product_nt),
    .product_nn = PATH(product_nn),
    .dropout = PATH(dropout),
    .normal = PATH(normal),
};
