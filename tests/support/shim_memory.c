/* memory.c - an LD_PRELOAD library that makes one allocation fail, for the sweep (tests/long/sweep).
 *
 *   SHIM_FAIL=N     the N-th allocation that counts returns NULL
 *   SHIM_LASTING=1  and so do all that count behind it
 *   SHIM_REPORT=F   at the exit: the number of those that counted
 *
 * Those count that partrain, libyaml, libarchive, jansson or hwloc ask for, also by way of the C library
 * (strdup, fopen), told by who calls malloc. OpenMP's and OpenBLAS's own end the process: they do not
 * count, nor does what the loader and constructors take before main. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

struct range {
    uintptr_t begin, end;
    int counts;
};

static struct range range[128];
static int ranges;
static atomic_llong counted;
static long long fail_at;
static int lasting, ready;

static int add(struct dl_phdr_info *info, size_t size, void *arg)
{
    static const char *const ours[] = {"libyaml", "libarchive", "libjansson", "libhwloc", "libc.so", "libc-"};
    const char *name = strrchr(info->dlpi_name, '/');
    int counts = !*info->dlpi_name; /* the program itself */

    (void)size;
    (void)arg;
    name = name ? name + 1 : info->dlpi_name;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        counts |= strncmp(name, ours[i], strlen(ours[i])) == 0;
    for (int i = 0; i < info->dlpi_phnum && ranges < 128; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];

        if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && counts)
            range[ranges++] = (struct range){info->dlpi_addr + p->p_vaddr,
                                             info->dlpi_addr + p->p_vaddr + p->p_memsz, counts};
    }
    return 0;
}

/* Says in which library a crash lies: the innermost frame that is neither this file's nor the C library's. */
static void crashed(int number)
{
    void *frame[32];
    int n = backtrace(frame, 32);
    Dl_info info;

    for (int i = 1; i < n; i++) {
        const char *name;

        if (!dladdr(frame[i], &info) || !info.dli_fname)
            continue;
        name = strrchr(info.dli_fname, '/');
        name = name ? name + 1 : info.dli_fname;
        if (strncmp(name, "libc.so", 7) == 0 || strstr(name, "shim_memory"))
            continue;
        dprintf(2, "shim: died of signal %d in %s\n", number, name);
        break;
    }
    _exit(128 + number);
}

__attribute__((constructor)) static void start(void)
{
    void *frame[2];
    const char *n = getenv("SHIM_FAIL");

    fail_at = n ? atoll(n) : 0;
    lasting = getenv("SHIM_LASTING") != NULL;
    dl_iterate_phdr(add, NULL);
    backtrace(frame, 2); /* loads what it needs now */
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    ready = 1;
}

static int fails(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    long long n;

    if (!ready)
        return 0;
    for (int i = 0; i < ranges; i++)
        if (at >= range[i].begin && at < range[i].end) {
            n = atomic_fetch_add(&counted, 1) + 1;
            if (fail_at && (n == fail_at || (lasting && n > fail_at))) {
                errno = ENOMEM;
                return 1;
            }
            return 0;
        }
    return 0;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    return fails(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails(CALLER) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
    return fails(CALLER) ? NULL : __libc_realloc(block, size);
}

void *reallocarray(void *block, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes) || fails(CALLER))
        return NULL;
    return __libc_realloc(block, bytes);
}

void *aligned_alloc(size_t align, size_t size)
{
    return fails(CALLER) ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
    if (fails(CALLER))
        return ENOMEM;
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("SHIM_REPORT");
    FILE *f;

    ready = 0;
    f = path ? fopen(path, "w") : NULL;
    if (f) {
        fprintf(f, "%lld\n", (long long)counted);
        fclose(f);
    }
}
