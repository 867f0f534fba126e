/* openmp.h - facts about the OpenMP runtime and its environment variables. Starts no thread. */
#pragma once

/* The processors in OpenMP's places (OMP_PLACES, OMP_PROC_BIND), by OS index. Stores at most `capacity` of
 * them and returns their number; 0: OpenMP binds nothing. */
int openmp_cpus(int *cpus, int capacity);
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
