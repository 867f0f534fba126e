#include "math/kernels.h"

#include <string.h>

extern const struct kernels kernels_baseline;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2, kernels_avx512, kernels_avx512bf16;
#endif

int kernels_pick(const struct kernels **out, const char *isa, struct error *err)
{
#if defined(__x86_64__)
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
    const struct {
        const struct kernels *kern;
        bool runs; /* on this processor */
    } path[] = {
#if defined(__x86_64__)
        {&kernels_avx512bf16, avx512 && __builtin_cpu_supports("avx512bf16")},
        {&kernels_avx512, avx512},
        {&kernels_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
#endif
        {&kernels_baseline, true},
    };

    for (size_t i = 0; i < sizeof path / sizeof *path; i++)
        if (path[i].runs && (strcmp(isa, "auto") == 0 || strcmp(isa, path[i].kern->name) == 0)) {
            *out = path[i].kern;
            return 0;
        }
    return error_set(err, PT_ECONFIG, "run.isa: this processor cannot run '%s'; use auto", isa);
}
