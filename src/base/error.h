/* error.h - how the library reports failure.
 *
 * A function that can fail returns 0 or a negative code and fills *err with one
 * line: what, where, what to do. Control characters in what it quotes become '?'.
 * The library never prints and never exits; the program turns the code into the
 * exit status that error_exit_status() names. */
#pragma once

#include "partrain.h" /* enum pt_code */

#include <stdbool.h>

/* name, value, exit status, meaning */
#define PT_ERRORS(XX)                                                                                        \
    XX(PT_EUSAGE, -1, 2, "wrong use of the program")                                                         \
    XX(PT_ECONFIG, -2, 2, "a configuration is missing or wrong")                                             \
    XX(PT_EDATA, -3, 3, "something is wrong with ratings data")                                              \
    XX(PT_ENOMEM, -4, 4, "not enough memory or another resource")                                            \
    XX(PT_EDIVERGED, -5, 5, "training diverged")                                                             \
    XX(PT_EFILE, -6, 6, "a file of partrain's own is corrupt, or output cannot be written")                  \
    XX(PT_EINTERRUPTED, -7, 130, "interrupted by a signal")                                                  \
    XX(PT_ETERMINATED, -8, 143, "interrupted by SIGTERM")                                                    \
    XX(PT_ECHECK, -9, 1, "an answer of partrain's own did not pass its check")

struct error {
    int code; /* 0 or one of enum pt_code */
    char text[1024];
};

/* Fills *err (which may be NULL) and returns `code`, so that a caller can write
 * `return error_set(err, PT_EDATA, ...)`. A later call overwrites an earlier one. */
int error_set(struct error *err, enum pt_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__
/* The analyzer reads one file at a time, so it does not see that the result is below 0. */
#define error_set(...) (error_set(__VA_ARGS__), -1)
#endif

/* Returns from the function with the code of a call that failed. For functions that have nothing to free, or
 * whose variables are scoped. */
#define TRY(call)                                                                                            \
    do {                                                                                                     \
        int code_ = (call);                                                                                  \
                                                                                                             \
        if (code_ < 0)                                                                                       \
            return code_;                                                                                    \
    } while (0)

/* The same, with "fmt: " in front of the message. */
#define TRY_PREFIXED(err, call, ...)                                                                         \
    do {                                                                                                     \
        int code_ = (call);                                                                                  \
                                                                                                             \
        if (code_ < 0) {                                                                                     \
            error_prefix(err, __VA_ARGS__);                                                                  \
            return code_;                                                                                    \
        }                                                                                                    \
    } while (0)

/* PT_ENOMEM unless memory was had: TRY(need_memory(a && b, err)) where a and b were allocated. */
static inline int need_memory(bool had, struct error *err)
{
    return had ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

/* `scoped(config_free) struct config *c = NULL;` is freed at the end of the block that declares it, unless
 * handed_on(c) gave it to somebody else. SCOPED stands beside each function that is used so. scoped_value is
 * for a function that takes the variable's address. Memory: mem_scoped (base/mem.h). */
#define scoped(free_it)    __attribute__((cleanup(free_it##_scoped)))
#define scoped_value(fini) __attribute__((cleanup(fini)))
#define SCOPED(free_it, type)                                                                                \
    static inline void free_it##_scoped(type **variable)                                                     \
    {                                                                                                        \
        free_it(*variable);                                                                                  \
    }

/* What a variable holds, for its next owner: the variable is NULL then. */
#define handed_on(variable)                                                                                  \
    ({                                                                                                       \
        __typeof__(variable) value_ = (variable);                                                            \
                                                                                                             \
        (variable) = NULL;                                                                                   \
        value_;                                                                                              \
    })

/* Puts "fmt: " in front of err->text; returns err->code. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Calls warn(arg, text) with a line for the user; nothing where `warn` is NULL. */
void warn_printf(void (*warn)(void *arg, const char *text), void *arg, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The exit status that belongs to a code; 0 for 0. */
int error_exit_status(int code);
