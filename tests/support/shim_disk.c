/* disk.c - an LD_PRELOAD library that makes disks fail, for the crash tests. What happens is chosen by
 * variables; only files whose path begins with $SHIM_FOLDER count.
 *
 *   SHIM_DIE_AT=N      the process is killed inside the write that takes the N-th byte, after part of it
 *   SHIM_DIE_OP=N      the process is killed before the N-th rename, link, unlink or fsync
 *   SHIM_POWER=SEED    with either: the power goes too. What was not flushed by then is lost as a journalling
 *                      file system may lose it: written bytes behind a random point, or zeros in their place;
 *                      and the latest of the changes of names since their folder was flushed
 *   SHIM_FSYNC_FAIL=N  the N-th fsync fails with EIO, and every one behind it
 *   SHIM_REPORT=FILE   at the exit: "BYTES OPERATIONS FSYNCS"
 *
 * For a program that writes from one thread. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MOST       512

struct written { /* a file with bytes that were not flushed */
    dev_t dev;
    ino_t ino;
    int fd; /* a duplicate: names change */
    off_t safe;
};

struct change {                                         /* of a name, since the last flush of a folder */
    char from[PATH_MAX], to[PATH_MAX], saved[PATH_MAX]; /* "" where there is none */
};

static struct written written[MOST];
static struct change change[MOST];
static int writtens, changes;
static long long bytes, operations, fsyncs;
static unsigned long long dice;

static long long number(const char *name)
{
    const char *text = getenv(name);

    return text ? atoll(text) : 0;
}

static unsigned long long draw(unsigned long long n)
{
    dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return n ? (dice >> 33) % n : 0;
}

/* The path of a name relative to `folder`; whether it counts. */
static int locate(char out[PATH_MAX], int folder, const char *name)
{
    const char *root = getenv("SHIM_FOLDER");
    char link[64];
    ssize_t n = 0;

    if (!root)
        return 0;
    if (*name == '/' || folder == AT_FDCWD) {
        if (*name != '/' && !getcwd(out, PATH_MAX))
            return 0;
        n = *name == '/' ? 0 : (ssize_t)strlen(out);
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        n = readlink(link, out, PATH_MAX - 1);
    }
    if (n < 0 || n + strlen(name) + 2 > PATH_MAX)
        return 0;
    if (n)
        out[n++] = '/';
    strcpy(out + n, name);
    return strncmp(out, root, strlen(root)) == 0;
}

static int counts(int fd)
{
    const char *root = getenv("SHIM_FOLDER");
    char link[64], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = root ? readlink(link, path, sizeof path - 1) : 0;
    if (n <= 0)
        return 0;
    path[n] = 0;
    return strncmp(path, root, strlen(root)) == 0 && !strstr(path, "/.lock");
}

static struct written *find(int fd, int make)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    for (int i = 0; i < writtens; i++)
        if (written[i].dev == st.st_dev && written[i].ino == st.st_ino)
            return &written[i];
    if (!make || writtens == MOST)
        return NULL;
    written[writtens] = (struct written){st.st_dev, st.st_ino, fcntl(fd, F_DUPFD_CLOEXEC, 100), st.st_size};
    return &written[writtens++];
}

static void undo(struct change *c)
{
    if (*c->from && rename(c->to, c->from) < 0)
        perror("shim: undo");
    if (!*c->from && !*c->saved)
        unlink(c->to);
    if (*c->saved && rename(c->saved, c->to) < 0)
        perror("shim: undo");
}

static void cut_power(void)
{
    int keep = (int)draw((unsigned long long)changes + 1);

    for (int i = 0; i < writtens; i++) {
        struct written *w = &written[i];
        struct stat st;
        off_t at;

        if (w->fd < 0 || fstat(w->fd, &st) < 0 || st.st_size < w->safe)
            continue;
        at = w->safe + (off_t)draw((unsigned long long)(st.st_size - w->safe) + 1);
        if (ftruncate(w->fd, at) < 0 || (draw(2) && ftruncate(w->fd, st.st_size) < 0))
            perror("shim: truncate");
    }
    while (changes > keep)
        undo(&change[--changes]);
}

static void die(void)
{
    if (getenv("SHIM_POWER")) {
        unsetenv("SHIM_FOLDER");
        dice = (unsigned long long)number("SHIM_POWER") * 2654435761ULL + 1;
        cut_power();
    }
    raise(SIGKILL);
}

static void operation(void)
{
    if (++operations == number("SHIM_DIE_OP"))
        die();
}

/* `to` is about to be replaced or removed: a second name keeps it for undo(). */
static struct change *note(const char *from, const char *to)
{
    static int serial;
    struct change *c;
    char *slash;

    if (!getenv("SHIM_POWER") || changes == MOST)
        return NULL;
    c = &change[changes++];
    memset(c, 0, sizeof *c);
    strcpy(c->from, from);
    strcpy(c->to, to);
    strcpy(c->saved, to);
    slash = strrchr(c->saved, '/');
    snprintf(slash, sizeof c->saved - (size_t)(slash - c->saved), "/.shim-%d-%d", (int)getpid(), serial++);
    if (NEXT(linkat)(AT_FDCWD, to, AT_FDCWD, c->saved, 0) < 0)
        *c->saved = 0;
    return c;
}

static void flushed_names(void)
{
    while (changes > 0)
        if (*change[--changes].saved)
            NEXT(unlink)(change[changes].saved);
}

static ssize_t put(int fd, const void *data, size_t n, off_t offset, int at)
{
    long long die_at = number("SHIM_DIE_AT");
    int counted = counts(fd), last = 0;
    ssize_t done;

    if (counted) {
        if (getenv("SHIM_POWER"))
            find(fd, 1);
        if (die_at && bytes + (long long)n >= die_at) {
            n = (size_t)(die_at - bytes);
            last = 1;
        }
    }
    done = at ? NEXT(pwrite)(fd, data, n, offset) : NEXT(write)(fd, data, n);
    if (counted && done > 0)
        bytes += done;
    if (last)
        die();
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
    return put(fd, data, n, offset, 1);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t offset)
{
    return put(fd, data, n, offset, 1);
}

ssize_t write(int fd, const void *data, size_t n)
{
    return put(fd, data, n, 0, 0);
}

int fsync(int fd)
{
    struct stat st;
    struct written *w;

    if (!counts(fd))
        return NEXT(fsync)(fd);
    operation();
    if (number("SHIM_FSYNC_FAIL") && ++fsyncs >= number("SHIM_FSYNC_FAIL")) {
        errno = EIO;
        return -1;
    }
    if (!number("SHIM_FSYNC_FAIL"))
        fsyncs++;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        flushed_names();
    else if ((w = find(fd, 0)))
        w->safe = st.st_size;
    return 0; /* nothing here needs the real thing, and it is slow */
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];
    struct change *c = NULL;
    int rc;

    if (locate(a, from_folder, from) && locate(b, to_folder, to)) {
        operation();
        if (access(a, F_OK) == 0)
            c = note(a, b);
    }
    rc = NEXT(renameat)(from_folder, from, to_folder, to);
    if (rc < 0 && c)
        changes--;
    return rc;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    char a[PATH_MAX];
    int rc;

    if (locate(a, to_folder, to))
        operation();
    rc = NEXT(linkat)(from_folder, from, to_folder, to, flags);
    if (rc == 0 && getenv("SHIM_POWER") && getenv("SHIM_FOLDER") && changes < MOST) {
        struct change *c = &change[changes++];

        memset(c, 0, sizeof *c);
        strcpy(c->to, a);
    }
    return rc;
}

int unlinkat(int folder, const char *name, int flags)
{
    char a[PATH_MAX];
    struct change *c = NULL;
    int rc;

    if (locate(a, folder, name) && access(a, F_OK) == 0) {
        operation();
        c = note("", a);
    }
    rc = NEXT(unlinkat)(folder, name, flags);
    if (rc < 0 && c)
        changes--;
    return rc;
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("SHIM_REPORT");
    FILE *f = path ? fopen(path, "w") : NULL;

    flushed_names();
    if (f) {
        fprintf(f, "%lld %lld %lld\n", bytes, operations, fsyncs);
        fclose(f);
    }
}
