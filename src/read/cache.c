/* cache.c - which file of the cache, when one is written, and which go. */
#include "read/cache.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "read/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENDING ".ratings"
#define BLOCK  ((int64_t)1 << 20)
#define DAY    (24 * 3600) /* in seconds */

/* --- the key ------------------------------------------------------------------------------------- */

static void add_text(struct hash *h, const char *text)
{
    uint64_t length = text ? strlen(text) : UINT64_MAX;

    hash_add(h, &length, sizeof length);
    if (text)
        hash_add(h, text, strlen(text));
}

static void add_number(struct hash *h, int64_t number)
{
    hash_add(h, &number, sizeof number);
}

/* Every option of the spec that the result depends on. */
static void add_spec(struct hash *h, const struct ratings_spec *s)
{
    add_text(h, "ratings of partrain " PARTRAIN_VERSION);
    add_number(h, CACHE_VERSION);
    add_number(h, s->format);
    add_number(h, s->columns);
    for (int i = 0; i < s->columns; i++)
        add_text(h, s->column[i]);
    add_text(h, s->delimiter);
    add_number(h, s->header);
    add_number(h, s->bad_lines);
    add_number(h, s->duplicates);
    add_number(h, s->item_key);
    add_number(h, s->binarize);
    hash_add(h, &s->min_rating, sizeof s->min_rating);
    add_number(h, s->min_user_ratings);
    add_number(h, s->min_item_ratings);
    add_number(h, s->want_time);
}

/* The bytes of a regular file; false: it is none, or it cannot be read. */
static bool add_bytes(struct hash *h, const char *path, char *block)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int64_t size = 0;
    struct stat st;
    ssize_t n = -1;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        while ((n = read(fd, block, (size_t)BLOCK)) > 0 || (n < 0 && errno == EINTR)) {
            size += n > 0 ? n : 0;
            hash_add(h, block, n > 0 ? (size_t)n : 0);
        }
    close(fd);
    add_number(h, size);
    return n == 0;
}

/* `before`: a text whose bytes were added last; those of one archive are added once. */
static bool add_source_text(struct hash *h, const struct source_text *t, const struct source_text *before,
                            char *block)
{
    const char *slash = strrchr(t->path, '/');

    add_text(h, slash ? slash + 1 : t->path);
    add_text(h, t->member);
    add_number(h, t->given);
    if (before && strcmp(before->path, t->path) == 0)
        return true;
    return strcmp(t->path, "-") != 0 && add_bytes(h, t->path, block);
}

static bool add_source(struct hash *h, const struct ratings_spec *spec)
{
    struct error ignored = {0}; /* what is wrong here the reader will say */
    struct source *s = NULL;
    char *block = mem_alloc(BLOCK, 1);
    bool done = block && source_find(&s, spec->path, spec->prefer_given == 1, &ignored) == 0;

    if (done) {
        add_number(h, s->n);
        add_number(h, s->finished);
        add_number(h, s->titles_kind);
    }
    for (int64_t k = 0; done && k < s->n; k++)
        done = add_source_text(h, &s->text[k], k ? &s->text[k - 1] : NULL, block);
    if (done && s->titles_kind != TITLES_NONE)
        done = add_source_text(h, &s->titles, s->n ? &s->text[s->n - 1] : NULL, block);
    source_free(s);
    mem_free(block);
    return done;
}

/* false: there is none. */
static bool make_key(char key[33], const struct ratings_spec *spec)
{
    static const char synth[] = RATINGS_SYNTH;
    struct hash *h = hash_new();
    bool done = h != NULL;

    if (!h)
        return false;
    add_spec(h, spec);
    if (strncmp(spec->path, synth, sizeof synth - 1) == 0) {
        add_text(h, spec->path);
        add_number(h, (int64_t)spec->seed);
    } else {
        done = add_source(h, spec);
    }
    hash_hex(h, key);
    hash_free(h);
    return done;
}

/* --- the place ----------------------------------------------------------------------------------- */

/* As the XDG base directory specification has it: a relative path does not count. */
static char *own_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder, *below;

    if (cache && *cache == '/')
        return file_join(cache, "partrain");
    if (!home || *home != '/')
        return NULL;
    below = file_join(home, ".cache");
    folder = below ? file_join(below, "partrain") : NULL;
    mem_free(below);
    return folder;
}

void cache_fini(struct cache *c)
{
    mem_free(c->folder);
    mem_free(c->path);
    c->folder = c->path = NULL;
}

void cache_init(struct cache *c, const struct ratings_spec *spec)
{
    char name[33 + sizeof ENDING];

    *c = (struct cache){0};
    if (!spec->cache || !*spec->cache || strcmp(spec->cache, "off") == 0 || strcmp(spec->path, "-") == 0)
        return;
    c->automatic = strcmp(spec->cache, "auto") == 0;
    c->folder = c->automatic ? own_folder() : mem_strdup(spec->cache);
    if (!c->folder || !make_key(c->key, spec))
        goto none;
    snprintf(name, sizeof name, "%s" ENDING, c->key);
    c->path = file_join(c->folder, name);
    if (c->path)
        return;
none:
    cache_fini(c);
}

/* --- taking -------------------------------------------------------------------------------------- */

/* The longest unused go first. By the day: a new time can wait for a busy disk. */
static void note_use(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && time(NULL) - st.st_mtim.tv_sec > DAY)
        utimensat(AT_FDCWD, path, NULL, 0);
}

struct ratings *cache_take(struct cache *c)
{
    struct ratings *r = NULL;
    struct error err = {0};
    int rc;

    if (!c->path)
        return NULL;
    rc = cache_file_read(&r, c->path, c->key, c->automatic, &err);
    if (rc == 0) {
        note_use(c->path);
        return r;
    }
    if (rc == PT_EFILE)
        snprintf(c->note, sizeof c->note, "%.200s: %.80s; ratings are read anew", c->path, err.text);
    return NULL;
}

/* --- keeping ------------------------------------------------------------------------------------- */

struct kept {
    char name[64];
    int64_t bytes;
    struct timespec used;
};

static int by_age(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;

    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static bool ends_in(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);

    return n >= e && strcmp(name + n - e, ending) == 0;
}

/* The folder's files into *out, for mem_free; what is left of writers that died long ago goes at once. */
static int64_t list(struct kept **out, DIR *d)
{
    struct kept *all = NULL;
    const struct dirent *entry;
    int64_t n = 0;
    struct stat st;

    while ((entry = readdir(d))) {
        bool whole = ends_in(entry->d_name, ENDING);
        struct kept *more;

        if (strlen(entry->d_name) >= sizeof all->name || (!whole && !strstr(entry->d_name, ENDING ".tmp-")) ||
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (!whole) {
            if (time(NULL) - st.st_mtim.tv_sec > DAY)
                unlinkat(dirfd(d), entry->d_name, 0);
            continue;
        }
        more = mem_resize(all, n + 1, sizeof *all);
        if (!more)
            break;
        all = more;
        all[n].bytes = st.st_size;
        all[n].used = st.st_mtim;
        strcpy(all[n++].name, entry->d_name);
    }
    *out = all;
    return n;
}

/* Makes room for `bytes` more. */
static void prune(const char *folder, int64_t bytes)
{
    DIR *d = opendir(folder);
    struct kept *all = NULL;
    int64_t n, sum = bytes;

    if (!d)
        return;
    n = list(&all, d);
    if (n)
        qsort(all, (size_t)n, sizeof *all, by_age);
    for (int64_t i = 0; i < n; i++)
        sum += all[i].bytes;
    for (int64_t i = 0; i < n && sum > CACHE_MOST; i++) {
        unlinkat(dirfd(d), all[i].name, 0);
        sum -= all[i].bytes;
    }
    mem_free(all);
    closedir(d);
}

/* The user's own folder is nobody else's to read. */
static int make_folder(const struct cache *c, struct error *err)
{
    bool fresh = !file_exists(c->folder);
    int rc = file_make_folder(c->folder, err);

    if (rc == 0 && fresh && c->automatic && chmod(c->folder, 0700) < 0)
        return error_set(err, PT_EFILE, "cannot protect %s: %s", c->folder, strerror(errno));
    return rc;
}

static int write_file(const struct cache *c, const struct ratings *r, struct error *err)
{
    int64_t bytes = r->n * (12 + (r->time ? 8 : 0) + (r->given != NULL)); /* names aside */
    int rc;

    if (c->automatic && bytes > CACHE_MOST)
        return 0;
    if ((rc = make_folder(c, err)) < 0)
        return rc;
    if (c->automatic)
        prune(c->folder, bytes);
    return cache_file_write(c->path, c->key, r, err);
}

void cache_keep(struct cache *c, struct ratings *r, const struct ratings_spec *spec)
{
    struct error err = {0};
    char again[33];

    if (c->path && !spec->cache_only_read && (!c->automatic || r->n >= CACHE_SMALL) &&
        make_key(again, spec) && strcmp(again, c->key) == 0 && write_file(c, r, &err) < 0 && !c->automatic &&
        !*c->note)
        snprintf(c->note, sizeof c->note, "run.cache: %.280s", err.text);
    strcpy(r->note, c->note);
}
