/* timing.h - monotonic time, and the median of some times. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Seconds since a fixed moment in the past; never runs backwards. Callable from any thread. */
double clock_now(void);
/* Seconds of a clock of <time.h>, such as CLOCK_PROCESS_CPUTIME_ID. */
double clock_seconds(clockid_t clock);
/* Of an even number, the mean of the two in the middle. Sorts x; n > 0. */
double median(double *x, int64_t n);
