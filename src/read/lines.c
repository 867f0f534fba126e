#include "read/lines.h"

#include "base/mem.h"
#include "read/archive.h"
#include "read/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)4 << 20)

struct lines {
    const char *shown;             /* borrowed */
    int fd;                        /* owned unless it is stdin; -1: an archive's member */
    struct archive_member *packed; /* owned */
    char *buffer;                  /* (space + LINES_PAD + 1) owned */
    size_t space, filled;
    size_t given; /* bytes of the block that was given out last */
    bool started, ended;
    bool kept; /* what is there is not enough */
    bool eager;
};

static int open_text(struct lines *l, const char *path, const char *member, struct error *err)
{
    enum packing packing = PACKING_NONE;
    struct stat st;
    int rc;

    if (strcmp(path, "-") == 0) {
        l->fd = STDIN_FILENO;
        return 0;
    }
    /* looking at the start of a pipe would take it away */
    if (!member && !(stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) &&
        (rc = archive_packing(&packing, path, err)) < 0)
        return rc;
    if (packing == PACKING_FOLDER)
        return error_set(err, PT_EDATA, "%s: is an archive of several files, where one text is expected",
                         l->shown);
    if (member || packing == PACKING_FILE)
        return archive_open(&l->packed, path, member, l->shown, err);
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (l->fd < 0)
        return error_set(err, PT_EDATA, "%s: cannot be opened: %s", l->shown, strerror(errno));
    (void)posix_fadvise(l->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

int lines_open(struct lines **out, const char *path, const char *member, const char *shown, struct error *err)
{
    struct lines *l = mem_zalloc(1, sizeof *l);
    int rc;

    if (!l)
        return error_set(err, PT_ENOMEM, "%s: out of memory", shown);
    *l = (struct lines){.shown = shown, .fd = -1, .space = BLOCK};
    l->buffer = mem_alloc((int64_t)(l->space + LINES_PAD + 1), 1);
    rc = l->buffer ? open_text(l, path, member, err) : error_set(err, PT_ENOMEM, "%s: out of memory", shown);
    if (rc < 0)
        lines_close(l);
    else
        *out = l;
    return rc;
}

/* More bytes behind what is there; l->ended where there are none. */
static int fill(struct lines *l, struct error *err)
{
    size_t got = 0, room = l->space - l->filled;

    ssize_t n = -1;
    int rc = l->packed ? archive_read_bytes(l->packed, l->buffer + l->filled, room, &got, err) : 0;

    if (rc < 0)
        return rc;
    while (!l->packed && (n = read(l->fd, l->buffer + l->filled, room)) < 0)
        if (errno != EINTR)
            return error_set(err, PT_EDATA, "%s: cannot be read: %s", l->shown, strerror(errno));
    got = l->packed ? got : (size_t)n;
    l->filled += got;
    l->ended = got == 0;
    return 0;
}

static int grow(struct lines *l, int64_t line, struct error *err)
{
    size_t space = 2 * l->space;
    char *buffer;

    if (l->filled > LINES_LONGEST)
        return error_set(err, PT_EDATA, "%s:%lld: the line is longer than %zu MiB", l->shown,
                         (long long)line + 1, LINES_LONGEST >> 20);
    buffer = mem_resize(l->buffer, (int64_t)(space + LINES_PAD + 1), 1);
    if (!buffer)
        return error_set(err, PT_ENOMEM, "%s: out of memory for a long line", l->shown);
    l->buffer = buffer;
    l->space = space;
    return 0;
}

/* Checks the first bytes of the text: byte order mark, UTF-16, packed file. */
static int check_start(struct lines *l, struct error *err)
{
    l->started = true;
    if (l->filled >= 3 && memcmp(l->buffer, "\xEF\xBB\xBF", 3) == 0) {
        l->filled -= 3;
        memmove(l->buffer, l->buffer + 3, l->filled);
        return 0;
    }
    if (l->filled >= 2 && (memcmp(l->buffer, "\xFF\xFE", 2) == 0 || memcmp(l->buffer, "\xFE\xFF", 2) == 0))
        return error_set(err, PT_EDATA, "%s: is UTF-16 text; convert it to UTF-8", l->shown);
    if (archive_is_packed(l->buffer, l->filled))
        return error_set(err, PT_EDATA, "%s: is packed data; unpack it, or give its path", l->shown);
    return foreign_refuse(l->buffer, l->filled, l->shown, err);
}

/* The part of the buffer up to its last newline becomes the block; what is behind it, the start of a line,
 * is moved to the front at the next call. */
int lines_next(struct lines *l, int64_t line, const char **begin, const char **end, struct error *err)
{
    bool grown = !l->kept || l->filled - l->given < l->space; /* what is kept is not enough */
    const char *last = NULL;
    int rc = 0;

    l->filled -= l->given;
    memmove(l->buffer, l->buffer + l->given, l->filled);
    l->given = 0;
    l->kept = false;
    while (!last && rc == 0) {
        if (!grown)
            rc = grow(l, line, err);
        grown = false;
        while (rc == 0 && !l->ended && l->filled < l->space &&
               !(l->eager && memchr(l->buffer, '\n', l->filled) && lines_would_wait(l)))
            rc = fill(l, err);
        if (rc == 0 && !l->started)
            rc = check_start(l, err);
        if (rc < 0)
            return rc;
        if (l->ended && l->filled > 0 && l->buffer[l->filled - 1] != '\n')
            l->buffer[l->filled++] = '\n'; /* the pad has room for it */
        last = memrchr(l->buffer, '\n', l->filled);
        if (l->ended)
            break;
    }
    l->given = last ? (size_t)(last + 1 - l->buffer) : 0;
    *begin = l->buffer;
    *end = l->buffer + l->given;
    return 0;
}

void lines_set_eager(struct lines *l)
{
    l->eager = true;
}

bool lines_would_wait(const struct lines *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    return l->fd >= 0 && !l->ended && poll(&p, 1, 0) == 0;
}

bool lines_keep(struct lines *l, const char *from)
{
    l->kept = !l->ended;
    if (l->kept)
        l->given = (size_t)(from - l->buffer);
    return l->kept;
}

void lines_close(struct lines *l)
{
    if (!l)
        return;
    if (l->fd > STDIN_FILENO)
        close(l->fd);
    archive_close(l->packed);
    mem_free(l->buffer);
    mem_free(l);
}
