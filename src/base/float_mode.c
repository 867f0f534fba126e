#include "base/float_mode.h"

#if defined(__SSE__)
#include <xmmintrin.h>

uint64_t float_mode_get(void)
{
    return _mm_getcsr();
}

void float_mode_set(uint64_t mode)
{
    _mm_setcsr((unsigned)mode);
}

uint64_t float_mode_computing(uint64_t mode)
{
    return (mode & ~(uint64_t)0x6000) | 0x8040; /* rounding; flush results, take operands as zero */
}
#elif defined(__aarch64__)
uint64_t float_mode_get(void)
{
    uint64_t mode;

    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}

void float_mode_set(uint64_t mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}

/* Rounding, bits 22 and 23; flush, 24. Off: 0 to 2, which change what is flushed and what NaN is. */
uint64_t float_mode_computing(uint64_t mode)
{
    return (mode & ~(uint64_t)0xc00007) | 1u << 24;
}
#else
uint64_t float_mode_get(void)
{
    return 0;
}

void float_mode_set(uint64_t mode)
{
    (void)mode;
}

uint64_t float_mode_computing(uint64_t mode)
{
    return mode;
}
#endif
