/* openmp.h - facts about the OpenMP runtime and its environment variables. Starts no thread. */
#ifndef PAR_OPENMP_H
#define PAR_OPENMP_H

/* The processors in OpenMP's places (OMP_PLACES, OMP_PROC_BIND), by OS index: fills at most `capacity` of
 * them and returns how many there are; 0: OpenMP binds nothing. */
int openmp_cpus(int *cpus, int capacity);
/* Where OpenMP's places rule, OpenMP bound the calling thread to the first of them, and a program that it
 * starts or turns into would have no others: lets it have all of them. Else nothing happens. */
void openmp_leave_place(void);

/* The OpenMP runtime that is at work: "libgomp", "libomp". */
const char *openmp_runtime(void);
enum { OPENMP_MOST = 4096 }; /* workers that may be asked for */

/* The first number of OMP_NUM_THREADS; 0: it is not set, or none from 1 to OPENMP_MOST. */
int openmp_asked_threads(void);
/* Threads that OpenMP allows (OMP_THREAD_LIMIT). */
int openmp_thread_limit(void);

#endif
