/* clock.h - monotonic time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Seconds since a fixed moment in the past; never runs backwards. Callable from any thread. */
double clock_now(void);

#endif
