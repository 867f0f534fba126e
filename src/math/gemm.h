/* gemm.h - the door to BLAS: products of row-major float matrices with leading dimensions.
 *
 * Bits of a product are a function of its shape, its contents (wherever they lie) and the kernel family of
 * the core (gemm_core), as long as one thread does all of it. That is what gemm_init and team_new see to:
 *
 *   OpenBLAS, OpenMP build    asks OpenMP how many threads there may be: 1 inside a team of two or more, but
 *                             omp_get_max_threads() elsewhere, a team of one included, and then cuts
 *                             large products differently. team_new sets OpenMP's count to 1.
 *   OpenBLAS, pthread build   has a count of its own; gemm_init sets it to 1
 *   OpenBLAS, serial build    gives wrong results when two threads call it at once; gemm_init refuses it
 *   BLIS, FlexiBLAS, others   are limited to one thread where they offer a call for that
 *
 * So: team_new first (it calls gemm_init), then any product. Callable from any thread then. */
#ifndef MATH_GEMM_H
#define MATH_GEMM_H

#include "base/error.h"

#include <stdint.h>

/* Once before the first product, outside of any team: limits the library's threads, makes a warm-up call (so
 * that its first-use set-up does not happen inside a run). PT_EUSAGE for a library that cannot be used. */
int gemm_init(struct error *err);

/* C (m,n) = alpha op(A) op(B) + beta C. Leading dimensions count floats from one row to the next.
 * Nothing happens where m or n is 0; where k is 0, C = beta C. With beta 0, C is not read.
 * Every size and leading dimension is below 2^31. C overlaps neither A nor B. */
void gemm_nt(int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
             int64_t ldb, float beta, float *c, int64_t ldc); /* A (m,k), B (n,k): C = A B^T */
void gemm_nn(int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
             int64_t ldb, float beta, float *c, int64_t ldc); /* A (m,k), B (k,n): C = A B */

/* What was linked: "OpenBLAS 0.3.21 openmp"; its kernel family: "SkylakeX". "unknown" where the library does
 * not say. The text belongs to the calling thread and stays until its next call. */
const char *gemm_library(void);
const char *gemm_core(void);

/* OpenBLAS takes kernels of the time before AVX2 for a processor that is younger than itself (0.3.21 those of
 * Prescott for Emerald Rapids: a fifth of the speed). Then: the family that OPENBLAS_CORETYPE should name,
 * for the library reads it before main begins. NULL: all is well, or another library. */
const char *gemm_better_core(void);

/* Threads that may call at the same time before the library runs out of work areas; 0: it does not say. */
int gemm_callers(void);

/* Measures how many threads a large product uses when the calling thread asks for one: CPU time of the
 * process over that of the caller, rounded. For serial code; waits (1 s at most) for OpenMP's threads to stop
 * spinning, and takes some hundredths of a second. 0: no memory, or other threads do not rest. */
int gemm_measure_threads(void);

/* Measured rate of C (m,n) = A (m,k) B (n,k)^T on the calling thread, in FLOP/s (2 m n k a product): the best
 * product of about `seconds`. `scratch` holds gemm_rate_floats(m, n, k) floats, which are overwritten; the
 * call allocates nothing, so all workers of a team can make it at once. */
int64_t gemm_rate_floats(int64_t m, int64_t n, int64_t k);
double gemm_rate(float *scratch, int64_t m, int64_t n, int64_t k, double seconds);

#endif
