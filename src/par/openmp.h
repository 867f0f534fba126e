/* openmp.h - facts about the OpenMP runtime and its environment variables. Starts no thread. */
#pragma once

#include <sched.h>

enum { OPENMP_CPUS = 8192 }; /* as Linux */

/* Adds the processors in OpenMP's places (OMP_PLACES, OMP_PROC_BIND) to a set of OPENMP_CPUS, by OS index,
 * and returns their number; 0: OpenMP binds nothing. */
int openmp_add_cpus(cpu_set_t *set);
/* With OMP_PLACES or OMP_PROC_BIND, OpenMP has bound the calling thread to the first place, and a program
 * that it starts would inherit that. Binds the thread to all places instead. Else nothing happens. */
void openmp_leave_place(void);

/* The OpenMP runtime in use: "libgomp", "libomp". */
const char *openmp_runtime(void);
enum { OPENMP_MOST = 4096 }; /* workers that may be asked for */

/* The first number of OMP_NUM_THREADS; 0: not set, or not in 1 to OPENMP_MOST. */
int openmp_asked_threads(void);
/* Threads that OpenMP allows (OMP_THREAD_LIMIT). */
int openmp_thread_limit(void);
