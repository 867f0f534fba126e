/* range.h - the contiguous run that each of several workers (or ranks) owns. */
#ifndef PAR_RANGE_H
#define PAR_RANGE_H

#include <assert.h>
#include <stdint.h>

/* The contiguous run [first, end) of `n` things that worker `id` of `count` owns: sizes differ by one at
 * most. */
static inline void team_range(int64_t n, int id, int count, int64_t *first, int64_t *end)
{
    int64_t each = n / count, extra = n % count; /* the first `extra` workers get one more */

    assert(n >= 0 && id >= 0 && id < count);
    *first = id * each + (id < extra ? id : extra);
    *end = *first + each + (id < extra);
}

#endif
