#include "read/archive.h"

#include "base/mem.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBARCHIVE_NEEDS ((int64_t)4 << 20)
#define BLOCK_BYTES      ((size_t)1 << 18)
#define FREE_BYTES       ((int64_t)256 << 20) /* unpacked size below which no ratio is suspicious */
#define MOST_RATIO       200
#define MOST_BYTES       ((int64_t)1 << 40)
#define MOST_MEMBERS     100000

struct archive_member {
    struct archive *archive; /* owned */
    struct archive *inner;   /* owned: unpacks what a member packs itself (x.csv.gz); or NULL */
    const char *shown;       /* borrowed: for messages */
    int64_t packed, unpacked, passed;
    char block[BLOCK_BYTES]; /* bytes for `inner` */
};

/* By the suffix of its name; NULL: none. */
static const char *find_suffix(const char *path)
{
    static const char *const suffixes[] = {".gz",  ".zst", ".xz",  ".bz2", ".lz4",
                                           ".zip", ".tar", ".tgz", NULL};

    return text_suffix(path, strlen(path), suffixes);
}

size_t archive_unpacked_length(const char *name)
{
    const char *suffix = find_suffix(name);

    return strlen(name) - (suffix && suffix[1] != 't' && strcmp(suffix, ".zip") != 0 ? strlen(suffix) : 0);
}

static int fail_read(struct archive *a, const char *path, struct error *err)
{
    const char *text = archive_error_string(a);

    /* Its own number is not always set; the callers have cleared errno. */
    if (archive_errno(a) == ENOMEM || errno == ENOMEM)
        return error_set(err, PT_ENOMEM, "%s: out of memory while unpacking", path);
    return error_set(err, PT_EDATA, "%s: cannot be unpacked: %s", path,
                     text ? text : "corrupt, cut off or encrypted");
}

/* NULL: no memory. */
static struct archive *new_archive(bool folders, bool raw)
{
    /* libarchive ends the process where one of its strings finds no memory. */
    struct archive *a = mem_available(LIBARCHIVE_NEEDS) ? archive_read_new() : NULL;

    errno = 0;
    /* ARCHIVE_WARN: a filter needs another program, as some do. */
    if (a && (archive_read_support_filter_all(a) < ARCHIVE_WARN ||
              (folders && archive_read_support_format_zip(a) < ARCHIVE_WARN) ||
              (folders && archive_read_support_format_tar(a) < ARCHIVE_WARN) ||
              (raw && archive_read_support_format_empty(a) < ARCHIVE_WARN) ||
              (raw && archive_read_support_format_raw(a) < ARCHIVE_WARN))) {
        archive_read_free(a);
        return NULL;
    }
    return a;
}

/* Passing over members of a compressed tar unpacks them, so the limits hold there as well. */
static int check_size(const struct archive_member *m, struct error *err)
{
    int64_t unpacked = m->unpacked > 0 ? m->unpacked : archive_filter_bytes(m->archive, 0);

    if (unpacked > MOST_BYTES || (unpacked > FREE_BYTES && unpacked / MOST_RATIO > m->packed))
        return error_set(
            err, PT_EDATA,
            "%s: stopped after %lld bytes out of %lld: more than %d times its size; unpack it by hand if "
            "that is right",
            m->shown, (long long)unpacked, (long long)m->packed, MOST_RATIO);
    return 0;
}

/* `raw`: what is no archive counts as one member. */
static int open_any(struct archive_member **out, const char *path, const char *shown, bool raw,
                    struct error *err)
{
    struct archive_member *m = *out = mem_zalloc(1, sizeof *m);
    struct stat st;

    TRY(need_memory(m && (m->archive = new_archive(true, raw)), err));
    m->shown = shown;
    m->packed = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    return archive_read_open_filename(m->archive, path, BLOCK_BYTES) == ARCHIVE_OK
               ? 0
               : fail_read(m->archive, shown, err);
}

/* 1: the next regular file, and its name, which is UTF-8 in any locale: libarchive would lose what the C
 * locale cannot hold. 0: there is none. */
static int next_member(struct archive_member *m, const char **name, struct error *err)
{
    struct archive_entry *entry;

    do {
        locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), old = uselocale(utf8);
        int got = archive_read_next_header(m->archive, &entry);
        bool good = got == ARCHIVE_OK || got == ARCHIVE_WARN;

        *name = good ? archive_entry_pathname_utf8(entry) : NULL;
        if (good && !*name)
            *name = archive_entry_pathname(entry);
        uselocale(old);
        if (utf8)
            freelocale(utf8);
        if (!good)
            return got == ARCHIVE_EOF ? 0 : fail_read(m->archive, m->shown, err);
        if (++m->passed > MOST_MEMBERS)
            return error_set(err, PT_EDATA, "%s: more than %d members; unpack it and name the file", m->shown,
                             MOST_MEMBERS);
        TRY(check_size(m, err));
    } while (!*name || archive_entry_filetype(entry) != AE_IFREG);
    return 1;
}

int archive_packing(enum packing *out, const char *path, struct error *err)
{
    scoped(archive_close) struct archive_member *m = NULL;
    const char *name, *suffix = find_suffix(path);
    int there, format;

    if (access(path, R_OK) < 0)
        return error_set(err, PT_EDATA, "%s: cannot be opened: %s", path, strerror(errno));
    TRY(open_any(&m, path, path, true, err));
    TRY(there = next_member(m, &name, err));
    format = archive_format(m->archive);
    there |= (format & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP; /* of no files, too */
    *out = there && format != ARCHIVE_FORMAT_RAW                       ? PACKING_FOLDER
           : archive_filter_code(m->archive, 0) != ARCHIVE_FILTER_NONE ? PACKING_FILE
                                                                       : PACKING_NONE;
    return *out == PACKING_NONE && suffix
               ? error_set(err, PT_EDATA, "%s: is not a %s file (%s)", path, suffix,
                           m->packed ? "its first bytes are another's" : "it is empty")
               : 0;
}

int archive_list(struct mem_pool *out, const char *path, struct error *err)
{
    scoped(archive_close) struct archive_member *m = NULL;
    const char *name;
    int rc;

    TRY(open_any(&m, path, path, false, err));
    while ((rc = next_member(m, &name, err)) > 0)
        TRY(need_memory(mem_pool_add(out, mem_strdup(name)), err));
    return rc;
}

/* What `inner` reads: the member's bytes. */
static la_ssize_t read_packed(struct archive *inner, void *member, const void **bytes)
{
    struct archive_member *m = member;
    la_ssize_t n = archive_read_data(m->archive, m->block, BLOCK_BYTES);

    *bytes = m->block;
    if (n < 0)
        archive_copy_error(inner, m->archive);
    return n < 0 ? ARCHIVE_FATAL : n;
}

static int open_inner(struct archive_member *m, struct error *err)
{
    struct archive_entry *entry;
    int got;

    m->inner = new_archive(false, true);
    TRY(need_memory(m->inner, err));
    got = archive_read_open(m->inner, m, NULL, read_packed, NULL);
    if (got == ARCHIVE_OK)
        got = archive_read_next_header(m->inner, &entry);
    if (got == ARCHIVE_OK || got == ARCHIVE_WARN)
        return 0;
    if (got != ARCHIVE_EOF)
        return fail_read(m->inner, m->shown, err);
    archive_read_free(m->inner); /* an empty text */
    m->inner = NULL;
    return 0;
}

int archive_open(struct archive_member **out, const char *path, const char *member, const char *shown,
                 struct error *err)
{
    scoped(archive_close) struct archive_member *m = NULL;
    const char *name;
    int rc;

    TRY(open_any(&m, path, shown, !member, err));
    do {
        TRY(rc = next_member(m, &name, err));
    } while (rc > 0 && member && strcmp(name, member) != 0);
    if (rc == 0)
        return error_set(err, PT_EDATA, "%s: has no member %s", path, member ? member : "at all");
    if (member)
        TRY(open_inner(m, err));
    *out = handed_on(m);
    return 0;
}

int archive_read_bytes(struct archive_member *m, void *to, size_t space, size_t *got, struct error *err)
{
    struct archive *from = m->inner ? m->inner : m->archive;
    la_ssize_t n;

    errno = 0;
    n = archive_read_data(from, to, space);
    if (n < 0)
        return fail_read(from, m->shown, err);
    *got = (size_t)n;
    m->unpacked += n;
    return check_size(m, err);
}

void archive_close(struct archive_member *m)
{
    if (!m)
        return;
    if (m->inner)
        archive_read_free(m->inner);
    if (m->archive)
        archive_read_free(m->archive);
    mem_free(m);
}
