#include "par/openmp.h"

#include "base/mem.h"

#include <omp.h>
#include <sched.h>
#include <stdlib.h>

/* Only LLVM's runtime has it. */
extern int kmp_get_blocktime(void) __attribute__((weak));

int openmp_cpus(int *cpus, int capacity)
{
    int count = 0;

    for (int place = 0; place < omp_get_num_places(); place++) {
        int n = omp_get_place_num_procs(place);
        mem_scoped int *ids = mem_alloc(n, sizeof *ids);

        if (!ids)
            break;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < n; i++, count++)
            if (count < capacity)
                cpus[count] = ids[i];
    }
    return count;
}

void openmp_leave_place(void)
{
    cpu_set_t set[8] = {0}; /* 8192 processors, as Linux */
    int n = openmp_cpus(NULL, 0);
    mem_scoped int *cpus = n > 0 ? mem_alloc(n, sizeof *cpus) : NULL;

    if (!cpus)
        return;
    n = openmp_cpus(cpus, n);
    (void)sched_getaffinity(0, sizeof set, set);
    for (int i = 0; i < n; i++)
        CPU_SET_S((size_t)cpus[i], sizeof set, set);
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
