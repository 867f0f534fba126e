#include "math/kernels.h"

#include <string.h>

extern const struct kernels kernels_baseline;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;
#endif

bool kernels_bf16_fast(const struct kernels *kern)
{
#if defined(__x86_64__)
    return kern == &kernels_avx512 && __builtin_cpu_supports("avx512bf16");
#else
    (void)kern;
    return false;
#endif
}

int kernels_pick(const struct kernels **out, const char *isa, struct error *err)
{
    bool any = strcmp(isa, "auto") == 0;

#if defined(__x86_64__)
    __builtin_cpu_init();
    if (any || strcmp(isa, "avx512") == 0) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
            *out = &kernels_avx512;
            return 0;
        }
        if (!any)
            return error_set(err, PT_ECONFIG, "run.isa: this processor has no avx512; use auto");
    }
    if (any || strcmp(isa, "avx2") == 0) {
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
            *out = &kernels_avx2;
            return 0;
        }
        if (!any)
            return error_set(err, PT_ECONFIG, "run.isa: this processor has no avx2 with fma; use auto");
    }
#endif
    if (any || strcmp(isa, "baseline") == 0) {
        *out = &kernels_baseline;
        return 0;
    }
    return error_set(err, PT_ECONFIG, "run.isa: '%s' is not a vector path of this machine; use auto", isa);
}
