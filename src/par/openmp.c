#include "par/openmp.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>

/* Only LLVM's runtime has it. */
extern int kmp_get_blocktime(void) __attribute__((weak));

int openmp_add_cpus(cpu_set_t *set)
{
    int count = 0, id[OPENMP_CPUS];

    for (int place = 0; place < omp_get_num_places(); place++) {
        int n = omp_get_place_num_procs(place);

        assert(n <= OPENMP_CPUS);
        omp_get_place_proc_ids(place, id);
        for (int i = 0; i < n; i++)
            CPU_SET_S((size_t)id[i], OPENMP_CPUS / 8, set);
        count += n;
    }
    return count;
}

void openmp_leave_place(void)
{
    cpu_set_t set[OPENMP_CPUS / CPU_SETSIZE] = {0};

    (void)sched_getaffinity(0, sizeof set, set);
    if (openmp_add_cpus(set) > 0)
        (void)sched_setaffinity(0, sizeof set, set); /* where it may not, what follows has one place */
}

const char *openmp_runtime(void)
{
    return kmp_get_blocktime ? "libomp" : "libgomp";
}

int openmp_asked_threads(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    long n = text ? strtol(text, NULL, 10) : 0; /* "8" or, by level of nesting, "8,2" */

    return n >= 1 && n <= OPENMP_MOST ? (int)n : 0;
}

int openmp_thread_limit(void)
{
    return omp_get_thread_limit();
}
