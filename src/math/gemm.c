/* gemm.c - the only file that includes cblas.h. Calls that one BLAS has and another lacks are weak
 * symbols: absent, they are null, and the program links with OpenBLAS, BLIS and FlexiBLAS alike. */
#include "math/gemm.h"

#include "base/mem.h"
#include "base/timing.h"
#include "math/kernels.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* OpenBLAS */
extern int openblas_get_parallel(void) __attribute__((weak)); /* 0 serial, 1 pthread, 2 OpenMP */
extern char *openblas_get_config(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));
/* BLIS: its integers are 64 bits wide where its CBLAS interface is not */
extern void bli_thread_set_num_threads(int64_t threads) __attribute__((weak));
extern char *bli_info_get_version_str(void) __attribute__((weak));
extern int bli_arch_query_id(void) __attribute__((weak));
extern const char *bli_arch_string(int id) __attribute__((weak));
/* FlexiBLAS */
extern void flexiblas_set_num_threads(int threads) __attribute__((weak));
extern int flexiblas_current_backend(char *name, size_t length) __attribute__((weak));

static void limit_threads(void)
{
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
    if (bli_thread_set_num_threads)
        bli_thread_set_num_threads(1);
    if (flexiblas_set_num_threads)
        flexiblas_set_num_threads(1);
}

int gemm_init(struct error *err)
{
    /* Large enough to take the way of large products, which has work areas to set up. */
    enum { SIZE = 192 };
    float *a;

    if (openblas_get_parallel && openblas_get_parallel() == 0 && !flexiblas_set_num_threads)
        return error_set(err, PT_EUSAGE,
                         "BLAS: this is the serial build of OpenBLAS, which several threads cannot call at a "
                         "time; install the OpenMP build (Debian, Ubuntu: libopenblas0-openmp; Fedora: "
                         "openblas-openmp) and remove or outrank the serial one");
    limit_threads();
    a = mem_zalloc(3 * SIZE * SIZE, sizeof *a);
    if (!a)
        return error_set(err, PT_ENOMEM, "BLAS: no memory for a first product");
    gemm_nt(SIZE, SIZE, SIZE, a, SIZE, a + SIZE * SIZE, SIZE, a + 2 * SIZE * SIZE, SIZE);
    mem_free(a);
    return 0;
}

void gemm_nt(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
             float *c, int64_t ldc)
{
    assert(m > 0 && n > 0 && k > 0);
    assert(m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX &&
           ldc <= INT_MAX);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1.0f, a, (int)lda, b,
                (int)ldb, 0.0f, c, (int)ldc);
}

const char *gemm_library(void)
{
    static _Thread_local char text[96];
    char name[48] = "", version[32] = "";

    if (flexiblas_current_backend) {
        if (flexiblas_current_backend(name, sizeof name) <= 0)
            snprintf(name, sizeof name, "unknown");
        snprintf(text, sizeof text, "FlexiBLAS on %s", name);
    } else if (openblas_get_config && openblas_get_parallel) {
        static const char *const builds[] = {"serial", "pthread", "openmp"};
        int build = openblas_get_parallel();

        /* "OpenBLAS 0.3.21 DYNAMIC_ARCH ..." */
        if (sscanf(openblas_get_config(), "%*s %31s", version) != 1)
            snprintf(version, sizeof version, "of unknown version");
        snprintf(text, sizeof text, "OpenBLAS %s %s", version, build >= 0 && build <= 2 ? builds[build] : "");
    } else if (bli_info_get_version_str) {
        snprintf(text, sizeof text, "BLIS %.60s", bli_info_get_version_str());
    } else {
        snprintf(text, sizeof text, "unknown");
    }
    return text;
}

const char *gemm_core(void)
{
    if (openblas_get_corename)
        return openblas_get_corename();
    if (bli_arch_query_id && bli_arch_string)
        return bli_arch_string(bli_arch_query_id());
    return "unknown";
}

const char *gemm_better_core(void)
{
    static const char *const old[] = {
        "Katmai", "Coppermine",  "Northwood", "Prescott",  "Banias",     "Atom",       "Core2",
        "Penryn", "Dunnington",  "Nehalem",   "Athlon",    "Opteron",    "Barcelona",  "Opteron_SSE3",
        "Nano",   "Sandybridge", "Bobcat",    "Bulldozer", "Piledriver", "Steamroller"};
    const struct kernels *own;

    if (!openblas_get_corename || kernels_pick(&own, "auto", NULL) < 0 || strcmp(own->name, "baseline") == 0)
        return NULL;
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        if (strcmp(openblas_get_corename(), old[i]) == 0)
            return strcmp(own->name, "avx512") == 0 ? "SkylakeX" : "Haswell";
    return NULL;
}

int gemm_callers(void)
{
    const char *found = openblas_get_config ? strstr(openblas_get_config(), "MAX_THREADS=") : NULL;

    return found ? atoi(found + strlen("MAX_THREADS=")) : 0;
}

int gemm_calling(int workers, int callers)
{
    return callers > 0 && callers < workers ? callers : workers;
}

int gemm_caller(int id, int workers, int callers)
{
    int64_t n = gemm_calling(workers, callers), number = id * n / workers;

    return (id + 1) * n / workers > number ? (int)number : -1;
}

struct cpu_times {
    double process, caller;
};

static struct cpu_times cpu_times(void)
{
    return (struct cpu_times){clock_seconds(CLOCK_PROCESS_CPUTIME_ID),
                              clock_seconds(CLOCK_THREAD_CPUTIME_ID)};
}

/* CPU time of the process over that of the calling thread. */
static double threads_since(struct cpu_times begin)
{
    struct cpu_times end = cpu_times();

    return end.caller > begin.caller ? (end.process - begin.process) / (end.caller - begin.caller) : 1.0;
}

/* Waits until idle OpenMP threads sleep: after a run they spin for a while (LLVM's for 200 ms). */
static bool wait_until_idle(void)
{
    double start = clock_now();

    while (clock_now() - start < 1.0) {
        struct cpu_times begin = cpu_times();
        double round = clock_now();

        while (clock_now() - round < 0.01)
            ;
        if (threads_since(begin) < 1.1)
            return true;
    }
    return false;
}

int gemm_measure_threads(void)
{
    enum { SIZE = 768 };
    float *a = mem_zalloc(3 * SIZE * SIZE, sizeof *a);
    struct cpu_times begin;
    double start;

    if (!a)
        return 0;
    if (!wait_until_idle()) {
        mem_free(a);
        return 0;
    }
    begin = cpu_times();
    start = clock_now();
    do {
        gemm_nt(SIZE, SIZE, SIZE, a, SIZE, a + SIZE * SIZE, SIZE, a + 2 * SIZE * SIZE, SIZE);
    } while (clock_now() - start < 0.04);
    mem_free(a);
    return (int)lround(threads_since(begin));
}
