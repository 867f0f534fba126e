/* count_kernels PATH - one call of each kernel of a vector path on a fixed case, each in a function of its
 * own, for callgrind to count the instructions of (tools/count-instructions). Sizes are those of training:
 * rows of 512 floats, a column with 100 ratings, a shard's row of 314 logits. */
#include "base/error.h"
#include "base/mem.h"
#include "math/kernels.h"

#include <stdio.h>

enum { LD = 512, ROWS = 128, RATED = 100, LOGITS = 314, IDLE_STEPS = 8 };

static const struct kernels *kern;
static float *table, *row, *other, *more, *out;
static int32_t rated[RATED];
static float coef[RATED];
static struct adam_step steps[IDLE_STEPS];

/* A case must stay a function, and be called. */
#define CASE(name, call)                                                                                     \
    static __attribute__((noinline)) void case_##name(void)                                                  \
    {                                                                                                        \
        call;                                                                                                \
        __asm__ volatile("" ::: "memory");                                                                   \
    }

static float first, second;
static volatile double sum;
static volatile int64_t reached;
static int32_t places[LD];

CASE(gather, kern->gather(row, false, RATED, rated, coef, table, LD))
CASE(gather_add, kern->gather(row, true, RATED, rated, coef, table, LD))
CASE(dots, kern->dots(coef, RATED, rated, row, table, LD))
CASE(axpy, kern->axpy(row, 0.5f, other, LD))
CASE(add, kern->add(row, other, LD))
CASE(scale, kern->scale(row, 0.99f, LD))
CASE(sum_squares, sum = kern->sum_squares(other, LD))
CASE(adam, kern->adam(steps, table, table + LD, table + 2 * LD, other, LD))
CASE(adam_idle, kern->adam_idle(steps, IDLE_STEPS, table, table + LD, table + 2 * LD, LD))
CASE(sigmoid, kern->activate(ACT_SIGMOID, row, LD))
CASE(sigmoid_back, kern->activate_back(ACT_SIGMOID, row, other, LD))
CASE(tanh, kern->activate(ACT_TANH, row, LD))
CASE(tanh_back, kern->activate_back(ACT_TANH, row, other, LD))
CASE(elu, kern->activate(ACT_ELU, row, LD))
CASE(relu, kern->activate(ACT_RELU, row, LD))
CASE(exp_row, kern->exp_row(more, LOGITS, &first, &second))
CASE(exp_stats, kern->exp_stats(more, LOGITS, &first, &second))
CASE(above_threshold, reached = kern->above_threshold(more, LOGITS, 1.9f, places))
CASE(dropout, kern->dropout(row, LD, 0.5f, 1, 2, 3, 4))
CASE(normal, kern->normal(row, LD, 0.1f, 1, 2, 3, 4))
/* 24 rows against 50 others; 16 rows of a gradient over 100 terms. */
CASE(product_nt, kern->product_nt(24, 50, LD, table, LD, table + 50 * LD, LD, NULL, out, 64))
CASE(product_nn, kern->product_nn(16, LD, 100, table, 1, LD, table, LD, INTO_NEW, out, LD, NULL))

static void fill(void)
{
    for (int64_t i = 0; i < ROWS * LD; i++)
        table[i] = 0.01f + 1e-4f * (float)(i % 89);
    for (int i = 0; i < LD; i++) {
        row[i] = 0.02f * (float)(i % 53 - 26);
        other[i] = 0.03f * (float)(i % 31) / 31.0f;
        more[i] = 0.1f * (float)(i % 41 - 20);
    }
    for (int i = 0; i < RATED; i++) {
        rated[i] = i * 7 % ROWS;
        coef[i] = 0.1f * (float)(i % 9 - 4);
    }
    for (int i = 0; i < IDLE_STEPS; i++)
        steps[i] = (struct adam_step){.step_size = 1e-3f,
                                      .root_scale = 1.0f,
                                      .eps = 1e-8f,
                                      .beta1 = 0.9f,
                                      .one_beta1 = 0.1f,
                                      .beta2 = 0.999f,
                                      .one_beta2 = 0.001f,
                                      .keep = 1.0f,
                                      .l2 = 1e-4f};
}

int main(int argc, char **argv)
{
    static void (*const cases[])(void) = {
        case_gather,      case_gather_add,   case_dots,
        case_axpy,        case_add,          case_scale,
        case_sum_squares, case_adam,         case_adam_idle,
        case_sigmoid,     case_sigmoid_back, case_tanh,
        case_tanh_back,   case_elu,          case_relu,
        case_exp_row,     case_exp_stats,    case_above_threshold,
        case_dropout,     case_normal,       case_product_nt,
        case_product_nn,
    };
    struct error err = {0};

    if (argc != 2 || kernels_pick(&kern, argv[1], &err) < 0) {
        fprintf(stderr, "count_kernels: %s\n", argc != 2 ? "usage: count_kernels PATH" : err.text);
        return 2;
    }
    table = mem_array(ROWS * LD, sizeof(float));
    row = mem_array(LD, sizeof(float));
    other = mem_array(LD, sizeof(float));
    more = mem_array(LD, sizeof(float));
    out = mem_array(16 * LD, sizeof(float));
    if (!table || !row || !other || !more || !out)
        return 4;
    /* From the same numbers each, so that neither order nor neighbours matter. */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill();
        cases[i]();
    }
    mem_free(table);
    mem_free(row);
    mem_free(other);
    mem_free(more);
    mem_free(out);
    return 0;
}
