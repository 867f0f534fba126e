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

#define FIRST    ((size_t)4 << 20) /* by the first block it is recognised what a text is */
#define TOO_LONG 1                 /* a line */

struct lines {
    const char *shown;             /* borrowed */
    int fd;                        /* owned unless it is stdin; -1: an archive's member */
    struct archive_member *packed; /* owned */
    struct lines_block own;        /* of lines_next */
    struct lines_block rest;       /* read, and not given out: the next block begins with it */
    int64_t size, got;             /* bytes of a plain file, else 0; bytes that were read */
    bool started, ended;
    bool eager;
    int rc; /* of the first failure: there are no blocks behind it */
    struct error failed;
};

static int open_text(struct lines *l, const char *path, const char *member, struct error *err)
{
    enum packing packing = PACKING_NONE;
    struct stat st;

    if (strcmp(path, "-") == 0) {
        l->fd = STDIN_FILENO;
        return 0;
    }
    /* looking at the start of a pipe would take it away */
    if (!member && !(stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
        TRY(archive_packing(&packing, path, err));
    if (packing == PACKING_FOLDER)
        return error_set(err, PT_EDATA, "%s: is an archive of several files, where one text is expected",
                         l->shown);
    if (member || packing == PACKING_FILE)
        return archive_open(&l->packed, path, member, l->shown, err);
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (l->fd < 0)
        return error_set(err, PT_EDATA, "%s: cannot be opened: %s", l->shown, strerror(errno));
    l->size = fstat(l->fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
    (void)posix_fadvise(l->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

int lines_open(struct lines **out, const char *path, const char *member, const char *shown, bool eager,
               struct error *err)
{
    scoped(lines_close) struct lines *l = mem_zalloc(1, sizeof *l);

    TRY(need_memory(l, err));
    *l = (struct lines){.shown = shown, .fd = -1, .eager = eager};
    TRY(open_text(l, path, member, err));
    *out = handed_on(l);
    return 0;
}

/* Up to `room` bytes; l->ended where there are none. */
static int fill(struct lines *l, char *to, size_t room, size_t *filled)
{
    size_t got = 0;
    ssize_t n = 0;

    if (l->packed)
        TRY(archive_read_bytes(l->packed, to, room, &got, &l->failed));
    else if ((n = TEMP_FAILURE_RETRY(read(l->fd, to, room))) < 0)
        return error_set(&l->failed, PT_EDATA, "%s: cannot be read: %s", l->shown, strerror(errno));
    got += (size_t)n;
    *filled += got;
    l->got += (int64_t)got;
    l->ended = got == 0;
    return l->ended && l->got < l->size
               ? error_set(&l->failed, PT_EDATA, "%s: became shorter while it was read", l->shown)
               : 0;
}

static bool reserve(struct lines_block *b, size_t space)
{
    char *text = b->space < space ? mem_resize(b->text, (int64_t)(space + LINES_PAD + 1), 1) : b->text;

    if (!text)
        return false;
    b->text = text;
    b->space = space > b->space ? space : b->space;
    return true;
}

/* Checks the first bytes of the text: byte order mark, UTF-16, another kind of file. */
static int check_start(struct lines *l, char *text, size_t *filled)
{
    l->started = true;
    if (*filled >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        *filled -= 3;
        memmove(text, text + 3, *filled);
    }
    if (*filled >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        return error_set(&l->failed, PT_EDATA, "%s: is UTF-16 text; convert it to UTF-8", l->shown);
    return foreign_refuse(text, *filled, l->shown, &l->failed);
}

/* The part of what is there up to its last newline becomes the block; what is behind it, the start of a line,
 * begins the next one. */
static int read_block(struct lines *l, struct lines_block *b, size_t space)
{
    const char *last = NULL;
    size_t filled = 0;
    int rc = 0;

    space = space > 2 * l->rest.length ? space : 2 * l->rest.length;
    for (; !last; space *= 2) {
        if (!reserve(b, space))
            return need_memory(false, &l->failed);
        if (l->rest.length)
            memcpy(b->text, l->rest.text, filled = l->rest.length);
        l->rest.length = 0;
        while (rc == 0 && !l->ended && filled < space &&
               !(l->eager && memchr(b->text, '\n', filled) && lines_would_wait(l)))
            rc = fill(l, b->text + filled, space - filled, &filled);
        if (rc == 0 && !l->started)
            rc = check_start(l, b->text, &filled);
        if (rc < 0)
            return rc;
        if (l->ended && filled > 0 && b->text[filled - 1] != '\n')
            b->text[filled++] = '\n'; /* the pad has room for it */
        last = memrchr(b->text, '\n', filled);
        if (l->ended && !last)
            return 0;
        if (!last && filled > LINES_LONGEST)
            return TOO_LONG;
    }
    b->length = (size_t)(last + 1 - b->text);
    lines_give_back(l, last + 1, filled - b->length);
    return l->rc;
}

int lines_read(struct lines *l, struct lines_block *b, size_t bytes)
{
    b->length = 0;
    if (l->rc == 0)
        l->rc = read_block(l, b, bytes);
    return l->rc;
}

int lines_next(struct lines *l, int64_t line, const char **begin, const char **end, struct error *err)
{
    int rc = lines_read(l, &l->own, l->started ? LINES_BLOCK : FIRST);

    if (rc == TOO_LONG)
        return error_set(err, PT_EDATA, "%s:%lld: the line is longer than %zu MiB", l->shown,
                         (long long)line + 1, LINES_LONGEST >> 20);
    if (rc < 0 && err)
        *err = l->failed;
    *begin = l->own.text;
    *end = l->own.text + l->own.length;
    return rc;
}

void lines_give_back(struct lines *l, const char *from, size_t bytes)
{
    struct lines_block *rest = &l->rest;

    if (!bytes)
        return;
    if (!reserve(rest, rest->length + bytes)) {
        l->rc = need_memory(false, &l->failed);
        return;
    }
    memmove(rest->text + bytes, rest->text, rest->length);
    memcpy(rest->text, from, bytes);
    rest->length += bytes;
}

bool lines_would_wait(const struct lines *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    return l->fd >= 0 && !l->ended && poll(&p, 1, 0) == 0;
}

bool lines_have_more(const struct lines *l)
{
    return !l->ended || l->rest.length > 0;
}

double lines_ahead(const struct lines *l)
{
    return l->got > 0 && l->got < l->size ? (double)(l->size - l->got) / (double)l->got : 0.0;
}

void lines_close(struct lines *l)
{
    if (!l)
        return;
    if (l->fd > STDIN_FILENO)
        close(l->fd);
    archive_close(l->packed);
    mem_free(l->own.text);
    mem_free(l->rest.text);
    mem_free(l);
}
