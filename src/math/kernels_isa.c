/* kernels_isa.c - the table of a vector path. */
#include "math/kernels_isa.h"

#define ENTRY(name) .name = ISA(name),

extern const struct kernels JOIN(kernels_, KERNEL_ISA);
const struct kernels JOIN(kernels_, KERNEL_ISA) = {.name = TEXT(KERNEL_ISA),
                                                   KERNELS(ENTRY) BF16_KERNELS(ENTRY)};

#if defined(__AVX512F__)
#define DECLARE_BF16(name) __typeof__(*((struct kernels *)0)->name) name##_avx512bf16;
#define ENTRY_BF16(name)   .name = name##_avx512bf16,
BF16_KERNELS(DECLARE_BF16)

/* The same bits on a processor with AVX512_BF16. */
extern const struct kernels kernels_avx512bf16;
const struct kernels kernels_avx512bf16 = {
    .name = TEXT(KERNEL_ISA), .bf16_fast = true, KERNELS(ENTRY) BF16_KERNELS(ENTRY_BF16)};
#endif
