/* folder.c - a run's folder as a whole: a temporary one, and a copy. */
#include "api/api.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/run_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_IN_MEMORY ((uint64_t)4 << 30) /* containers have 64 MiB there, a model more than that */

static bool memory_has_room(const char *path)
{
    struct statvfs s;

    return access(path, W_OK | X_OK) == 0 && statvfs(path, &s) == 0 &&
           (uint64_t)s.f_bavail * s.f_frsize >= ROOM_IN_MEMORY;
}

/* The lock of a temporary folder, held by whoever made it: so a folder that a killed process left is
 * known. */
#define OWNER ".owner"

static void remove_files(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    (void)rmdir(folder);
}

/* Removes our folders in `where` that nobody holds any more. */
static void remove_left(const char *where)
{
    DIR *d = opendir(where);
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        mem_scoped char *folder = NULL, *owner = NULL;
        struct stat s;
        int lock;

        if (strncmp(e->d_name, "partrain-", 9) != 0 || strlen(e->d_name) != 15 ||
            !(folder = file_join(where, e->d_name)) || !(owner = file_join(folder, OWNER)) ||
            lstat(folder, &s) < 0 || !S_ISDIR(s.st_mode) || s.st_uid != geteuid() ||
            (lock = open(owner, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) < 0)
            continue;
        /* without a name it was another process's to remove, and its folder's name may be anyone's by now */
        if (flock(lock, LOCK_EX | LOCK_NB) == 0 && fstat(lock, &s) == 0 && s.st_nlink == 1)
            remove_files(folder);
        close(lock);
    }
    if (d)
        closedir(d);
}

/* The lock file has its name when it is held. On a file system without locks it does not get it, and the
 * folder of a killed process stays. */
static int hold(const char *folder)
{
    mem_scoped char *unnamed = file_join(folder, OWNER ".new"), *owner = file_join(folder, OWNER);
    int lock = unnamed && owner ? open(unnamed, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 && rename(unnamed, owner) != 0) {
        close(lock);
        lock = -1;
    }
    return lock;
}

char *api_temporary_folder(int *lock, struct error *err)
{
    const char *said = getenv("TMPDIR");
    const char *where = memory_has_room("/dev/shm") ? "/dev/shm" : said && *said ? said : "/tmp";
    char *folder = mem_printf("%s/partrain-XXXXXX", where);
    bool made;

    if (need_memory(folder, err) < 0)
        return NULL;
    remove_left(where);
    made = mkdtemp(folder) != NULL;
    if (!made || (*lock = hold(folder)) < 0) {
        (void)error_set(err, PT_EFILE,
                        "%s: a temporary folder cannot be made: %s; TMPDIR names another place", where,
                        strerror(errno));
        if (made)
            remove_files(folder);
        mem_free(folder);
        folder = NULL;
    }
    return folder;
}

void api_remove_folder(const char *folder, int lock)
{
    remove_files(folder);
    close(lock);
}

static int copy_all(int fd, const char *from, const char *to, struct error *err)
{
    enum { PIECE = 1 << 20 };
    scoped(file_abandon) struct file_writer *w = NULL;
    mem_scoped char *piece = mem_alloc(PIECE, 1);
    ssize_t got;

    TRY(need_memory(piece, err));
    TRY(file_create(&w, to, err));
    while ((got = read(fd, piece, PIECE)) > 0)
        file_write(w, piece, (size_t)got);
    if (got < 0)
        return error_set(err, PT_EFILE, "%s: cannot be read: %s", from, strerror(errno));
    return file_commit(handed_on(w), err);
}

/* A file that is not there is left out. */
static int copy_file(const char *from, const char *to, struct error *err)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return errno == ENOENT ? 0
                               : error_set(err, PT_EFILE, "%s: cannot be read: %s", from, strerror(errno));
    rc = copy_all(fd, from, to, err);
    close(fd);
    return rc;
}

/* The summary comes last: the run is done if it is there. */
int api_copy_folder(const char *from, const char *to, struct error *err)
{
    static const char *const names[] = {RUN_CONFIG, RUN_ITEMS,      RUN_USERS,  RUN_METRICS,
                                        RUN_MODEL,  RUN_CHECKPOINT, RUN_SUMMARY};

    TRY(file_make_folder(to, err));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mem_scoped char *a = file_join(from, names[i]), *b = file_join(to, names[i]);

        TRY(need_memory(a && b, err));
        if (i == 0 && file_exists(b))
            return error_set(err, PT_EUSAGE, "%s: there is a run in this folder; use another", to);
        TRY(copy_file(a, b, err));
    }
    return 0;
}
