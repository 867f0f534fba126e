#include "read/published.h"

#include "base/mem.h"
#include "read/archive.h"
#include "read/foreign.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MOST_NAMES   100000
#define MOST_FOLDERS 1000

/* --- listing ------------------------------------------------------------------------------------- */

struct listing {
    char **name; /* owned by the caller of published_of_folder */
    int64_t n, space;
};

static int add(struct listing *l, const char *prefix, const char *name, const char *path, struct error *err)
{
    size_t length = strlen(prefix) + strlen(name) + 1;

    if (l->n == MOST_NAMES)
        return error_set(err, PT_EDATA, "%s: more than %d files; name the one with the ratings", path,
                         MOST_NAMES);
    if (l->n == l->space) {
        char **more = mem_resize(l->name, 2 * l->space + 16, sizeof *more);

        if (!more)
            return error_set(err, PT_ENOMEM, "%s: out of memory for its list of files", path);
        l->name = more;
        l->space = 2 * l->space + 16;
    }
    l->name[l->n] = mem_alloc((int64_t)length, 1);
    if (!l->name[l->n])
        return error_set(err, PT_ENOMEM, "%s: out of memory for its list of files", path);
    snprintf(l->name[l->n++], length, "%s%s", prefix, name);
    return 0;
}

/* Files of one folder, and of those in it while depth > 0; what cannot be looked at below the top is passed
 * over. */
static int list(struct listing *l, const char *path, const char *prefix, int depth, struct error *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return errno == ENOMEM
                   ? error_set(err, PT_ENOMEM, "%s: out of memory", path)
                   : (*prefix ? 0
                              : error_set(err, PT_EDATA, "%s: cannot be listed: %s", path, strerror(errno)));
    while (rc == 0 && (entry = readdir(dir))) {
        char below[4096], inner[512];
        struct stat st;

        if (entry->d_name[0] == '.' ||
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= (int)sizeof below ||
            stat(below, &st) < 0)
            continue;
        if (S_ISREG(st.st_mode))
            rc = add(l, prefix, entry->d_name, path, err);
        else if (S_ISDIR(st.st_mode) && depth > 0 &&
                 snprintf(inner, sizeof inner, "%s%s/", prefix, entry->d_name) < (int)sizeof inner)
            rc = list(l, below, inner, depth - 1, err);
    }
    closedir(dir);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int published_of_folder(char ***names, int64_t *count, const char *path, struct error *err)
{
    struct listing l = {0};
    int rc = list(&l, path, "", 1, err);

    if (rc < 0) {
        archive_free_names(l.name, l.n);
        return rc;
    }
    if (l.n)
        qsort(l.name, (size_t)l.n, sizeof *l.name, by_name); /* the order of a folder is the file system's */
    *names = l.name;
    *count = l.n;
    return 0;
}

/* --- knowing ------------------------------------------------------------------------------------- */

/* The forms, in the order they are looked for. */
static const char *const forms[] = {"u.data", "ratings.dat", "ratings.csv"};

static const char *const titles[] = {
    "u.item",       "movies.dat", "movies.csv",  "movies.tsv",   "items.csv",   "items.tsv", "titles.csv",
    "titles.tsv",   "books.csv",  "artists.csv", "artists.dat",  "artists.tsv", "songs.csv", "tracks.csv",
    "products.csv", "games.csv",  "anime.csv",   "articles.csv", NULL};

static const struct finished {
    const char *name;
    enum given_part given;
} finished_split[PUBLISHED_TEXTS] = {
    {"train.csv", GIVEN_TRAIN},
    {"validation_tr.csv", GIVEN_VALID_IN},
    {"validation_te.csv", GIVEN_VALID_OUT},
    {"test_tr.csv", GIVEN_TEST_IN},
    {"test_te.csv", GIVEN_TEST_OUT},
};

static const char *const packed_suffixes[] = {"", ".gz", ".zst", ".xz", ".bz2", ".lz4"};

static size_t folder_length(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? (size_t)(slash + 1 - name) : 0;
}

static bool in_folder(const char *name, const char *folder, size_t length)
{
    return folder_length(name) == length && memcmp(name, folder, length) == 0;
}

/* Not part of a data set: hidden files and what macOS puts into its archives. The "./" that tar puts before
 * names (tar -C folder .) hides nothing. */
static bool is_litter(const char *name)
{
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    return name[0] == '.' || strstr(name, "/.") || strncmp(name, "__MACOSX/", 9) == 0;
}

struct view {
    char *const *name;
    int64_t n;
    const char *folder; /* the folder that is looked at: its name's length bytes */
    size_t length;
};

/* The file of this name in the folder, packed or not. */
static const char *find(const struct view *v, const char *wanted)
{
    for (size_t s = 0; s < sizeof packed_suffixes / sizeof *packed_suffixes; s++)
        for (int64_t k = 0; k < v->n; k++) {
            const char *base = v->name[k] + v->length;
            size_t w = strlen(wanted);

            if (in_folder(v->name[k], v->folder, v->length) && !is_litter(v->name[k]) &&
                strncasecmp(base, wanted, w) == 0 && strcmp(base + w, packed_suffixes[s]) == 0)
                return v->name[k];
        }
    return NULL;
}

/* Liang's five files: all of them, or an error that names the first that is missing. */
static int match_finished(struct published_match *m, const struct view *v, const char *shown,
                          struct error *err)
{
    int there = 0, missing = -1;

    for (int k = 0; k < PUBLISHED_TEXTS; k++) {
        m->text[k] = find(v, finished_split[k].name);
        m->given[k] = finished_split[k].given;
        if (m->text[k])
            there++;
        else if (missing < 0)
            missing = k;
    }
    if (there == PUBLISHED_TEXTS) {
        m->texts = PUBLISHED_TEXTS;
        m->finished = true;
        return 1;
    }
    if (there >= 2)
        return error_set(err, PT_EDATA,
                         "%s: %.*s%s is missing of a finished split of five files (train.csv, "
                         "validation_tr.csv, validation_te.csv, test_tr.csv, test_te.csv)",
                         shown, (int)v->length, v->folder, finished_split[missing].name);
    return 0;
}

/* The first X.base with its X.test. */
static bool match_pair(struct published_match *m, const struct view *v)
{
    for (int64_t k = 0; k < v->n; k++) {
        const char *name = v->name[k] + v->length, *dot = strrchr(name, '.');
        char test[256];

        if (!in_folder(v->name[k], v->folder, v->length) || is_litter(v->name[k]) || !dot ||
            strcmp(dot, ".base") != 0 ||
            snprintf(test, sizeof test, "%.*s.test", (int)(dot - name), name) >= (int)sizeof test)
            continue;
        m->text[1] = find(v, test);
        if (!m->text[1])
            continue;
        m->text[0] = v->name[k];
        m->given[0] = GIVEN_TRAIN;
        m->given[1] = GIVEN_TEST;
        m->texts = 2;
        return true;
    }
    return false;
}

static bool match_form(struct published_match *m, const struct view *v)
{
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        if ((m->text[0] = find(v, forms[f]))) {
            m->given[0] = GIVEN_NONE;
            m->texts = 1;
            return true;
        }
    return false;
}

/* train.txt, test.txt and perhaps valid.txt, as LightGCN and others split. */
static bool match_parts(struct published_match *m, const struct view *v)
{
    static const char *const ends[] = {".txt", ".csv", ".tsv", ".dat", ".inter", ".jsonl", ".json"};
    static const char *const valid[] = {"valid", "validation", "val", "dev"};
    char name[64];

    for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
        snprintf(name, sizeof name, "train%s", ends[e]);
        m->text[0] = find(v, name);
        snprintf(name, sizeof name, "test%s", ends[e]);
        m->text[1] = find(v, name);
        if (!m->text[0] || !m->text[1])
            continue;
        m->given[0] = GIVEN_TRAIN;
        m->given[1] = GIVEN_TEST;
        m->texts = 2;
        for (size_t k = 0; k < 4 && m->texts == 2; k++) {
            snprintf(name, sizeof name, "%s%s", valid[k], ends[e]);
            if ((m->text[2] = find(v, name))) {
                m->given[2] = GIVEN_VALID;
                m->texts = 3;
            }
        }
        return true;
    }
    return false;
}

static void match_titles(struct published_match *m, const struct view *v)
{
    for (int k = 0; titles[k] && !m->titles; k++) {
        m->titles = find(v, titles[k]);
        for (int t = 0; t < m->texts && m->titles; t++)
            if (m->titles == m->text[t])
                m->titles = NULL;
    }
}

/* 1: found, 0: nothing known here. */
static int match_view(struct published_match *m, const struct view *v, bool prefer_given, const char *shown,
                      struct error *err)
{
    int rc;

    *m = (struct published_match){0};
    rc = match_finished(m, v, shown, err);
    if (rc != 0)
        return rc;
    *m = (struct published_match){0};
    if ((prefer_given && (match_pair(m, v) || match_parts(m, v))) || match_form(m, v) || match_pair(m, v) ||
        match_parts(m, v)) {
        match_titles(m, v);
        return 1;
    }
    return 0;
}

static bool has_text_suffix(const char *name)
{
    static const char *const suffixes[] = {".csv",   ".tsv", ".dat",  ".data",  ".txt",
                                           ".inter", ".mtx", ".json", ".jsonl", ".ndjson"};
    size_t n = strlen(name);

    for (size_t p = 0; p < sizeof packed_suffixes / sizeof *packed_suffixes; p++)
        for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++) {
            size_t a = strlen(suffixes[s]), b = strlen(packed_suffixes[p]);

            if (n > a + b && strncasecmp(name + n - a - b, suffixes[s], a) == 0 &&
                strcmp(name + n - b, packed_suffixes[p]) == 0)
                return true;
        }
    return false;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);

    return n > s && strcasecmp(name + n - s, suffix) == 0;
}

/* Two texts that may be parts of one set: names that are alike but for their digits. */
static bool are_parts(const char *one, const char *other)
{
    for (; *one || *other; one++, other++) {
        while (*one >= '0' && *one <= '9')
            one++;
        while (*other >= '0' && *other <= '9')
            other++;
        if (*one != *other)
            return false;
        if (!*one)
            break;
    }
    return true;
}

/* What else there is, of other programs, for the message that there are no ratings; NULL: nothing. */
static const char *find_foreign(char *const *names, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (!is_litter(names[k]) && foreign_by_name(names[k]))
            return names[k];
    return NULL;
}

/* Some files of other programs are zip archives. */
static int refuse_foreign(char *const *names, int64_t n, const char *shown, struct error *err)
{
    int64_t arrays = 0;

    for (int64_t k = 0; k < n; k++) {
        const char *what = strcmp(names[k], "xl/workbook.xml") == 0 ? "an Excel workbook (.xlsx)"
                           : strcmp(names[k], "content.xml") == 0   ? "an OpenDocument file"
                                                                    : NULL;

        if (what)
            return error_set(err, PT_EDATA, "%s: is %s, which is not read; export its sheet as CSV", shown,
                             what);
        arrays += has_suffix(names[k], ".npy");
    }
    if (n && arrays == n)
        return error_set(err, PT_EDATA,
                         "%s: is a NumPy archive (.npz), which is not read; write user, item, rating as CSV",
                         shown);
    return 0;
}

static bool may_be_ratings(const char *name)
{
    const char *base = name + folder_length(name);

    return !is_litter(name) && has_text_suffix(base) && strncasecmp(base, "readme", 6) != 0 &&
           strncasecmp(base, "license", 7) != 0;
}

/* mv_0000001.txt and so on, of the Netflix Prize. */
static bool all_are_films(char *const *names, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (may_be_ratings(names[k]) && strncmp(names[k] + folder_length(names[k]), "mv_", 3) != 0)
            return false;
    return true;
}

/* Several texts: each with the path that reads it. */
static int refuse_several(char *const *names, int64_t n, bool archive, const char *shown, struct error *err)
{
    int folder = (int)strlen(shown) - (shown[0] && shown[strlen(shown) - 1] == '/');
    const char *one = NULL;
    char list[700] = "", parts[200] = "";
    size_t used = 0;
    int64_t count = 0;
    bool alike = true;

    for (int64_t k = 0; k < n; k++) {
        if (!may_be_ratings(names[k]))
            continue;
        alike = alike && (!one || are_parts(one, names[k]));
        one = one ? one : names[k];
        if (count++ < 6 && used < sizeof list - 1)
            used += (size_t)snprintf(list + used, sizeof list - used, "%sdata.path=%.*s/%s",
                                     count > 1 ? ", " : "", folder, shown, names[k]);
    }
    if (count > 6 && used < sizeof list - 24)
        snprintf(list + used, sizeof list - used, ", ... (%lld)", (long long)count);
    if (alike && !archive && strrchr(one, '.'))
        snprintf(parts, sizeof parts, "; if they are parts of one: data.path='%.*s/%.*s*%.20s'", folder,
                 shown, (int)folder_length(one), one, strrchr(one, '.'));
    return error_set(err, PT_EDATA, "%s: several texts; name the one with the ratings: %s%s", shown, list,
                     parts);
}

/* Nothing known anywhere: the one text there is, if it is one. */
static int match_only(struct published_match *m, char *const *names, int64_t n, bool archive,
                      const char *shown, struct error *err)
{
    const char *one = NULL, *foreign;
    int64_t texts = 0, rc;

    for (int64_t k = 0; k < n; k++)
        if (may_be_ratings(names[k])) {
            one = names[k];
            texts++;
        }
    if (texts == 1) {
        *m = (struct published_match){.text = {one}, .texts = 1};
        return 0;
    }
    if (texts > 1 && all_are_films(names, n)) {
        *m = (struct published_match){.all = true};
        return 0;
    }
    if (texts > 1)
        return refuse_several(names, n, archive, shown, err);
    if (archive && (rc = refuse_foreign(names, n, shown, err)) < 0)
        return (int)rc;
    foreign = find_foreign(names, n);
    return error_set(
        err, PT_EDATA,
        "%s: no ratings here; looked for u.data, ratings.dat, ratings.csv, NAME.base with NAME.test, "
        "train.txt with test.txt, train.csv with validation_tr.csv and so on, or a single text%s%.300s%s",
        shown, foreign ? "; " : "", foreign ? foreign + folder_length(foreign) : "",
        foreign ? " is not read: export it as CSV" : "");
}

static int depth(const char *name)
{
    int slashes = 0;

    for (; *name; name++)
        slashes += *name == '/';
    return slashes;
}

bool published_is_film(const char *name)
{
    return may_be_ratings(name) && strncmp(name + folder_length(name), "mv_", 3) == 0;
}

int published_match(struct published_match *out, char *const *names, int64_t n, bool prefer_given,
                    bool archive, const char *shown, struct error *err)
{
    struct published_match found = {0}, m;
    const char *where = NULL;
    int deepest = 0, looked = 0, rc;

    for (int64_t k = 0; k < n; k++)
        deepest = depth(names[k]) > deepest ? depth(names[k]) : deepest;
    for (int level = 0; level <= deepest && level < 16; level++) {
        for (int64_t k = 0; k < n; k++) {
            struct view v = {names, n, names[k], folder_length(names[k])};

            if (depth(names[k]) != level || is_litter(names[k]) ||
                (where && in_folder(where, v.folder, v.length)))
                continue;
            if (k > 0 && in_folder(names[k - 1], v.folder, v.length))
                continue; /* looked at already */
            if (++looked > MOST_FOLDERS)
                return error_set(err, PT_EDATA, "%s: more than %d folders; name the file with the ratings",
                                 shown, MOST_FOLDERS);
            rc = match_view(&m, &v, prefer_given, shown, err);
            if (rc < 0)
                return rc;
            if (rc == 0)
                continue;
            if (where)
                return error_set(err, PT_EDATA,
                                 "%s: holds several data sets (%s and %s); name the one to read", shown,
                                 found.text[0], m.text[0]);
            found = m;
            where = names[k];
        }
        if (where) {
            *out = found;
            return 0;
        }
    }
    return match_only(out, names, n, archive, shown, err);
}

bool published_known_name(const char *name)
{
    static const char *const ends[] = {"u.data", "ratings.dat", ".base", ".test"};
    size_t n = strlen(name);

    for (size_t p = 0; p < sizeof packed_suffixes / sizeof *packed_suffixes; p++)
        for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
            size_t a = strlen(ends[e]), b = strlen(packed_suffixes[p]);

            if (n >= a + b && strncasecmp(name + n - a - b, ends[e], a) == 0 &&
                strcmp(name + n - b, packed_suffixes[p]) == 0)
                return true;
        }
    return false;
}

const char *published_titles(int k)
{
    return titles[k];
}
