/* float_mode.h - the floating-point unit's control word of a thread.
 *
 * Every thread that computes rounds to nearest, flushes tiny results to zero and takes tiny operands as
 * zero: that is part of the one answer (docs/one-answer.md), and spares the time that denormals cost. */
#pragma once

#include <stdint.h>

uint64_t float_mode_get(void);
void float_mode_set(uint64_t mode);
/* The mode that computing threads have, with what else `mode` says. */
uint64_t float_mode_computing(uint64_t mode);
