/* The writer: all that could leave an incomplete file. Plain reads and line files are in file_read.c. */
#include "base/file.h"

#include "base/mem.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 20)
#define PIECE  ((size_t)1 << 30) /* write(2) takes a little less than 2 GiB at once */

struct file_writer {
    int folder, fd; /* the folder is open from the start: what is renamed and flushed is what was looked at */
    char *path;     /* as given, for messages; owned */
    char *name;     /* in the folder; owned */
    char *temp;     /* likewise; owned, and NULL while there is no such file */
    char *buffer;   /* BUFFER bytes; owned */
    size_t used;    /* of the buffer */
    FILE *stream;   /* borrowed: it all goes there, and there is no file; NULL: a file */
    int64_t flushed;  /* bytes in the file */
    int old;          /* earlier versions that stay */
    struct error err; /* the first failure */
};

static int fail(struct file_writer *w, const char *what)
{
    if (!w->err.code)
        error_set(&w->err, PT_EFILE, "cannot %s %s: %s", what, w->path, strerror(errno));
    return -1;
}

/* All of it, at `offset`: write(2) may take less, or be interrupted by a signal. */
static int write_at(struct file_writer *w, const char *data, size_t bytes, int64_t offset)
{
    if (w->stream) {
        fwrite(data, 1, bytes, w->stream);
        return 0;
    }
    while (bytes) {
        ssize_t n = pwrite(w->fd, data, bytes < PIECE ? bytes : PIECE, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return fail(w, "write");
        data += n;
        bytes -= (size_t)n;
        offset += n;
    }
    return 0;
}

static int flush(struct file_writer *w)
{
    if (write_at(w, w->buffer, w->used, w->flushed) < 0)
        return -1;
    w->flushed += (int64_t)w->used;
    w->used = 0;
    return 0;
}

int file_sync(int fd)
{
    int rc;

    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* The real name of `path`, for mem_free: through links, so that the file and not the link is replaced. */
static int resolve(char **out, const char *path, struct error *err)
{
    char real[PATH_MAX];
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && stat(path, &st) == 0) {
        if (!realpath(path, real))
            return error_set(err, PT_EFILE, "cannot create %s: %s", path, strerror(errno));
        *out = mem_strdup(real);
    } else {
        *out = mem_strdup(path);
    }
    TRY(need_memory(*out, err));
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return error_set(err, PT_EFILE, "cannot create %s: it is %s", path,
                         S_ISDIR(st.st_mode) ? "a folder" : "there already, and not a regular file");
    return 0;
}

static int open_folder(struct file_writer *w, const char *real)
{
    const char *slash = strrchr(real, '/');
    mem_scoped char *folder = mem_strdup(real);

    w->name = mem_strdup(slash ? slash + 1 : real);
    if (!folder || !w->name)
        return error_set(&w->err, PT_ENOMEM, "%s: out of memory", w->path);
    if (!*w->name)
        return error_set(&w->err, PT_EFILE, "cannot create %s: it names no file", w->path);
    folder[slash ? slash - real + (slash == real) : 0] = 0;
    w->folder = open(*folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return w->folder < 0 ? fail(w, "create") : 0;
}

static int open_temp(struct file_writer *w)
{
    mem_scoped char *temp = mem_printf("%s.tmp-%ld", w->name, (long)getpid());

    w->buffer = mem_alloc((int64_t)BUFFER, 1);
    if (!temp || !w->buffer)
        return error_set(&w->err, PT_ENOMEM, "%s: out of memory", w->path);
    /* A leftover of a dead process with our number goes; O_EXCL then follows no link and shares no file. */
    unlinkat(w->folder, temp, 0);
    w->fd = openat(w->folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd < 0)
        return fail(w, "create");
    w->temp = handed_on(temp);
    return 0;
}

int file_create(struct file_writer **out, const char *path, struct error *err)
{
    scoped(file_abandon) struct file_writer *w = mem_zalloc(1, sizeof *w);
    mem_scoped char *real = NULL;

    if (w)
        *w = (struct file_writer){.folder = -1, .fd = -1, .path = mem_strdup(path)};
    TRY(need_memory(w && w->path, err));
    TRY(resolve(&real, path, err));
    if (open_folder(w, real) < 0 || open_temp(w) < 0)
        return error_set(err, (enum pt_code)w->err.code, "%s", w->err.text);
    *out = handed_on(w);
    return 0;
}

int file_to_stream(struct file_writer **out, FILE *stream, struct error *err)
{
    scoped(file_abandon) struct file_writer *w = mem_zalloc(1, sizeof *w);

    TRY(need_memory(w, err));
    *w = (struct file_writer){.folder = -1, .fd = -1, .stream = stream, .buffer = mem_alloc(BUFFER, 1)};
    TRY(need_memory(w->buffer, err));
    *out = handed_on(w);
    return 0;
}

void file_write(struct file_writer *w, const void *data, size_t bytes)
{
    if (w->err.code || !bytes)
        return;
    if (bytes > BUFFER - w->used && flush(w) < 0)
        return;
    if (bytes >= BUFFER) { /* large blocks go out as they are */
        if (write_at(w, data, bytes, w->flushed) == 0)
            w->flushed += (int64_t)bytes;
        return;
    }
    memcpy(w->buffer + w->used, data, bytes);
    w->used += bytes;
}

void file_printf(struct file_writer *w, const char *fmt, ...)
{
    va_list args;
    size_t room = BUFFER - w->used;
    int n;

    if (w->err.code)
        return;
    va_start(args, fmt);
    n = vsnprintf(w->buffer + w->used, room, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= room) { /* once more with the whole buffer */
        if (flush(w) < 0)
            return;
        va_start(args, fmt);
        n = vsnprintf(w->buffer, BUFFER, fmt, args);
        va_end(args);
        if (n >= 0 && (size_t)n >= BUFFER) {
            error_set(&w->err, PT_EFILE, "cannot write %s: a line of %d bytes is too long", w->path, n);
            return;
        }
    }
    if (n < 0)
        fail(w, "write");
    else
        w->used += (size_t)n;
}

void file_patch(struct file_writer *w, int64_t offset, const void *data, size_t bytes)
{
    if (w->err.code || flush(w) < 0)
        return;
    assert(offset >= 0 && (int64_t)bytes <= w->flushed - offset);
    write_at(w, data, bytes, offset);
}

void file_keep_old(struct file_writer *w, int n)
{
    w->old = n;
}

/* NAME.i - 1 becomes NAME.i from the last down; NAME.1 a second name of NAME. */
static int shift_old(struct file_writer *w)
{
    if (faccessat(w->folder, w->name, F_OK, 0) < 0)
        return 0; /* nothing to keep, and what is kept stays */
    for (int i = w->old; i > 0; i--) {
        mem_scoped char *from = i > 1 ? mem_printf("%s.%d", w->name, i - 1) : mem_strdup(w->name);
        mem_scoped char *to = mem_printf("%s.%d", w->name, i);

        if (!from || !to)
            return error_set(&w->err, PT_ENOMEM, "%s: out of memory", w->path);
        if (i == 1 && unlinkat(w->folder, to, 0) < 0 && errno != ENOENT)
            return fail(w, "keep the version before");
        if (i == 1 && linkat(w->folder, from, w->folder, to, 0) == 0)
            return 0;
        if (renameat(w->folder, from, w->folder, to) < 0 && errno != ENOENT)
            return fail(w, "keep the version before");
    }
    return 0;
}

int file_commit(struct file_writer *w, struct error *err)
{
    int rc = 0;

    if (w->stream && flush(w) == 0) {
        file_abandon(w);
        return 0;
    }
    if (!w->err.code && flush(w) == 0 && file_sync(w->fd) < 0)
        fail(w, "flush");
    if (!w->err.code) {
        int closed = close(w->fd);

        w->fd = -1;
        if (closed < 0 && errno != EINTR)
            fail(w, "close");
    }
    if (!w->err.code && w->old)
        shift_old(w);
    if (!w->err.code && renameat(w->folder, w->temp, w->folder, w->name) < 0)
        fail(w, "replace");
    if (!w->err.code) {
        mem_free(w->temp);
        w->temp = NULL;
        /* EINVAL: a file system that cannot flush folders has nothing to flush. */
        if (file_sync(w->folder) < 0 && errno != EINVAL)
            error_set(&w->err, PT_EFILE, "%s is written, but its folder cannot be flushed: %s", w->path,
                      strerror(errno));
    }
    if (w->err.code)
        rc = error_set(err, (enum pt_code)w->err.code, "%s", w->err.text);
    file_abandon(w);
    return rc;
}

int file_write_text(const char *path, const char *text, struct error *err)
{
    struct file_writer *w;

    TRY(file_create(&w, path, err));
    file_write(w, text, strlen(text));
    return file_commit(w, err);
}

void file_abandon(struct file_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    if (w->temp)
        unlinkat(w->folder, w->temp, 0);
    if (w->folder >= 0)
        close(w->folder);
    mem_free(w->buffer);
    mem_free(w->temp);
    mem_free(w->name);
    mem_free(w->path);
    mem_free(w);
}

static bool is_leftover(const char *name)
{
    const char *tail = strrchr(name, '-');

    return tail && tail - name > 4 && strncmp(tail - 4, ".tmp", 4) == 0 && tail[1] &&
           tail[1 + strspn(tail + 1, "0123456789")] == 0;
}

int file_sweep(const char *folder, struct error *err)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    struct stat st;
    int rc = 0;

    if (!d)
        return error_set(err, errno == ENOMEM ? PT_ENOMEM : PT_EFILE, "cannot read folder %s: %s", folder,
                         strerror(errno));
    while (rc == 0 && (entry = readdir(d)))
        if (is_leftover(entry->d_name) && fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
            rc = error_set(err, PT_EFILE, "cannot remove %s/%s, which an interrupted run left: %s", folder,
                           entry->d_name, strerror(errno));
    closedir(d);
    return rc;
}
