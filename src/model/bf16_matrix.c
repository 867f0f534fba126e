#include "model/bf16_matrix.h"

struct bf16_weights bf16_weights_at(uint32_t *at, int64_t rows, int64_t ld)
{
    return (struct bf16_weights){at, at + bf16_words(rows, ld), rows, ld};
}

void bf16_weights_clear(const struct bf16_weights *b)
{
    memset(b->along, 0, (size_t)(2 * bf16_words(b->rows, b->ld)) * sizeof *b->along);
}

void bf16_round_down(const struct kernels *kern, const float *x, int64_t ld, int64_t n, int64_t first,
                     int64_t end, int64_t rows, uint32_t *out)
{
    for (int64_t p = first; p < end; p += 2)
        kern->bf16_pair(n, x + p * ld, p + 1 < end ? x + (p + 1) * ld : NULL, out + p / 2 * ROW_ALIGN,
                        (rows + 1) / 2 * ROW_ALIGN);
}

void bf16_weights_round(const struct bf16_weights *b, const struct kernels *kern, const float *w,
                        int64_t first, int64_t end)
{
    for (int64_t c = first; c < end; c += ROW_ALIGN)
        kern->bf16_panel(end - c < ROW_ALIGN ? end - c : ROW_ALIGN, b->ld, w + c * b->ld, b->ld,
                         b->along + c * b->ld / 2);
    bf16_round_down(kern, w, b->ld, b->ld, first, end, b->rows, b->down);
}
