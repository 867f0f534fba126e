/* Reading whole files, files of lines, folders. */
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_some(int fd, void *data, size_t bytes)
{
    ssize_t n;

    do
        n = read(fd, data, bytes);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Everything that fd gives, at most `limit` bytes, beginning with room for `guess`. */
static int read_all(char **out, size_t *length, int fd, const char *path, size_t guess, size_t limit,
                    enum pt_code code, struct error *err)
{
    size_t room = guess, used = 0;
    mem_scoped char *data = mem_alloc((int64_t)room + 1, 1);

    for (;;) {
        ssize_t n;
        char *more;

        TRY(need_memory(data, err));
        n = read_some(fd, data + used, room + 1 - used); /* one byte more than room shows the end */
        if (n < 0)
            return error_set(err, code, "cannot read %s: %s", path, strerror(errno));
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > limit)
            return error_set(err, code, "%s is larger than %zu bytes, which is the limit here", path, limit);
        if (used <= room)
            continue;
        room = room < limit / 2 ? 2 * room + 4096 : limit;
        more = mem_resize(data, (int64_t)room + 1, 1);
        TRY(need_memory(more, err));
        data = more;
    }
    data[used] = 0;
    *out = handed_on(data);
    *length = used;
    return 0;
}

int file_read(char **out, size_t *length, const char *path, size_t limit, enum pt_code code,
              struct error *err)
{
    size_t guess = limit < 65536 ? limit : 65536;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
    struct stat st;

    if (fd < 0)
        return error_set(err, code, "cannot open %s: %s", path, strerror(errno));
    if (limit > INT64_MAX - 1)
        limit = INT64_MAX - 1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) { /* /proc says 0 and gives more */
        if ((uint64_t)st.st_size > limit) {
            close(fd);
            return error_set(err, code, "%s is larger than %zu bytes, which is the limit here", path, limit);
        }
        if (st.st_size > 0)
            guess = (size_t)st.st_size;
    }
    rc = read_all(out, length, fd, path, guess, limit, code, err);
    close(fd);
    return rc;
}

/* So that a new name outlives a power cut. Best effort: not every file system can. */
static void sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    mem_scoped char *folder = mem_strdup(path);
    int fd;

    if (!folder)
        return;
    folder[slash ? slash - path + (slash == path) : 0] = 0;
    fd = open(*folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)file_sync(fd);
    close(fd);
}

static int append(int fd, const char *data, size_t bytes)
{
    while (bytes) {
        ssize_t n = write(fd, data, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return -1;
        data += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int file_append_line(const char *path, const char *line, struct error *err)
{
    mem_scoped char *text = mem_printf("%s\n", line); /* in one write, so that readers see whole lines */
    struct stat st;
    int fd, rc = 0;

    TRY(need_memory(text, err));
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &st) < 0) {
        rc = error_set(err, PT_EFILE, "cannot open %s: %s", path, strerror(errno));
    } else if (append(fd, text, strlen(text)) < 0) {
        rc = error_set(err, PT_EFILE, "cannot write %s: %s", path, strerror(errno));
        if (S_ISREG(st.st_mode) && ftruncate(fd, st.st_size) < 0)
            error_prefix(err, "half a line may remain");
    } else if (st.st_size == 0) {
        sync_parent(path);
    }
    if (fd >= 0 && close(fd) < 0 && errno != EINTR && rc == 0)
        rc = error_set(err, PT_EFILE, "cannot write %s: %s", path, strerror(errno));
    return rc;
}

int file_flush(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return error_set(err, PT_EFILE, "cannot open %s: %s", path, strerror(errno));
    if (file_sync(fd) < 0 && errno != EINVAL)
        rc = error_set(err, PT_EFILE, "cannot flush %s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

void file_drop_old(const char *path, int n)
{
    for (int i = 1; i <= n; i++) {
        mem_scoped char *old = mem_printf("%s.%d", path, i);

        if (old)
            (void)unlink(old);
    }
}

/* Where line `lines` ends, or the last whole line before it; -1 with errno set. */
static int64_t end_of_lines(int fd, int64_t lines)
{
    char data[16384];
    int64_t at = 0, end = 0;
    ssize_t n;

    while (lines > 0 && (n = read_some(fd, data, sizeof data)) != 0) {
        if (n < 0)
            return -1;
        for (ssize_t i = 0; i < n && lines > 0; i++)
            if (data[i] == '\n') {
                lines--;
                end = at + i + 1;
            }
        at += n;
    }
    return end;
}

int file_keep_lines(const char *path, int64_t lines, struct error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC), rc = 0;
    struct stat st;
    int64_t end;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return error_set(err, PT_EFILE, "cannot open %s: %s", path, strerror(errno));
    end = end_of_lines(fd, lines);
    if (end < 0 || fstat(fd, &st) < 0 || (end != st.st_size && (ftruncate(fd, end) < 0 || file_sync(fd) < 0)))
        rc = error_set(err, PT_EFILE, "cannot shorten %s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

int file_make_folder(const char *path, struct error *err)
{
    size_t length = strlen(path);
    mem_scoped char *part = mem_strdup(path);
    struct stat st;

    TRY(need_memory(part, err));
    for (size_t i = 1; i <= length; i++) {
        char had = part[i];
        int reason;

        if (had != '/' && had)
            continue;
        part[i] = 0;
        reason = mkdir(part, 0777) < 0 ? errno : 0;
        if (!reason)
            sync_parent(part);
        else if (stat(part, &st) < 0)
            return error_set(err, PT_EFILE, "cannot make folder %s: %s", part, strerror(reason));
        else if (!S_ISDIR(st.st_mode))
            return error_set(err, PT_EFILE, "cannot make folder %s: %s is there and is no folder", path,
                             part);
        part[i] = had;
    }
    return 0;
}

bool file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

char *file_join(const char *folder, const char *name)
{
    size_t n = strlen(folder);

    return mem_printf("%s%s%s", folder, n && folder[n - 1] != '/' ? "/" : "", name);
}
