/* fuzz.h - what the fuzz targets share. A target is one function that takes any bytes; libFuzzer drives it
 * (PARTRAIN_FUZZ), or replay.c with the files of its corpus (ctest). It must come back whatever the bytes
 * are: errors are fine, crashes, leaks and broken promises (FUZZ_CHECK) are not. */
#pragma once

#include "base/error.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(what)                                                                                     \
    do {                                                                                                     \
        if (!(what)) {                                                                                       \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                               \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A failure has one of our codes and says something, on one line, without control characters. */
static inline void fuzz_error(int rc, const struct error *err)
{
    if (rc >= 0)
        return;
    FUZZ_CHECK(*err->text && err->code == rc);
    for (const char *at = err->text; *at; at++)
        FUZZ_CHECK((unsigned char)*at >= 32 && *at != 127);
}

/* The bytes as a file, always the same one: its path. */
static inline const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}
