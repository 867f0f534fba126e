#include "base/error.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef error_set /* see error.h */

#define XX(name, value, status, text) _Static_assert(name == (value), "partrain.h has another value");
PT_ERRORS(XX)
#undef XX

int error_set(struct error *err, enum pt_code code, const char *fmt, ...)
{
    if (err) {
        va_list args;

        err->code = code;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, args);
        va_end(args);
        replace_controls(err->text, false); /* messages quote file names and contents */
    }
    return code;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
    char old[sizeof err->text];
    va_list args;
    int used;

    if (!err)
        return 0;
    memcpy(old, err->text, sizeof old);
    va_start(args, fmt);
    used = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->text)
        snprintf(err->text + used, sizeof err->text - (size_t)used, ": %.*s",
                 (int)(sizeof old - (size_t)used - 3), old);
    replace_controls(err->text, false);
    return err->code;
}

void warn_printf(void (*warn)(void *arg, const char *text), void *arg, const char *fmt, ...)
{
    char text[4608]; /* room for a path */
    va_list args;

    if (!warn)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    warn(arg, text);
}

int error_exit_status(int code)
{
    switch (code) {
#define XX(name, value, status, text)                                                                        \
    case name:                                                                                               \
        return status;
        PT_ERRORS(XX)
#undef XX
    default:
        return 0;
    }
}
