/* gemm.h - the door to BLAS. `partrain bench` and `partrain doctor` measure its SGEMM on this machine and
 * compare the program's own rates with it. Every product of training and evaluation is in kernels.h, where an
 * element's bits depend on its own row and column alone.
 *
 * A rate is of one core, so the library must not start threads of its own in a call:
 *
 *   OpenBLAS, OpenMP build    asks OpenMP how many threads there may be: 1 inside a team of two or more, but
 *                             omp_get_max_threads() elsewhere, a team of one included. team_new sets OpenMP's
 *                             count to 1.
 *   OpenBLAS, pthread build   has a count of its own; gemm_init sets it to 1
 *   OpenBLAS, serial build    cannot be called by two threads at once; gemm_init refuses it
 *   BLIS, FlexiBLAS, others   are limited to one thread where they offer a call for that
 *
 * So: team_new, gemm_init, then any product, from any thread. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* Before the first product, outside of a run: limits the library's threads, and makes a warm-up call, so
 * that set-up on first use is not measured. PT_EUSAGE for a library that cannot be used. */
int gemm_init(struct error *err);

/* C (m,n) = A (m,k) B (n,k)^T, row-major; leading dimensions count floats from one row to the next. Every
 * size and leading dimension is from 1 to 2^31 - 1. C overlaps neither A nor B. */
void gemm_nt(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
             float *c, int64_t ldc);

/* The linked library: "OpenBLAS 0.3.21 openmp"; its kernel family: "SkylakeX". "unknown" if the library does
 * not report it. The text belongs to the calling thread and stays until its next call. */
const char *gemm_library(void);
const char *gemm_core(void);

/* OpenBLAS uses kernels without AVX2 on a processor newer than itself: 0.3.21 uses Prescott's on Emerald
 * Rapids, at a fifth of the speed. The result is the kernel family that the user should set in
 * OPENBLAS_CORETYPE, which the library reads before main begins. NULL: the kernels fit, or another library.
 */
const char *gemm_better_core(void);

/* Threads that may call at the same time; with more the library runs out of work areas and the program
 * crashes. 0: unknown. */
int gemm_callers(void);
/* How many of `workers` may call at the same time if the library allows `callers` (0: any number). Callers
 * are spread evenly over the workers; gemm_caller is the number (from 0) of worker `id` among them, or -1. */
int gemm_calling(int workers, int callers);
int gemm_caller(int id, int workers, int callers);

/* Measures how many threads a large product uses when the calling thread asks for one: CPU time of the
 * process over that of the caller, rounded. Call it from serial code. It waits up to 1 s for OpenMP's threads
 * to stop spinning, then takes some hundredths of a second. 0: no memory, or other threads keep running. */
int gemm_measure_threads(void);
