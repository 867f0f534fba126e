/* median.h - the median of some numbers. */
#ifndef BASE_MEDIAN_H
#define BASE_MEDIAN_H

#include <stdint.h>

/* Of an even number, the mean of the two in the middle. Sorts x; n > 0. */
double median(double *x, int64_t n);

#endif
