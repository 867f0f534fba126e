#include "read/published.h"

#include "read/foreign.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MOST_FOLDERS 1000

static const char *const all_ratings[] = {"u.data", "ratings.dat", "ratings.csv"};

static const char *const titles[] = {
    "u.item",       "movies.dat", "movies.csv",  "movies.tsv",   "items.csv",   "items.tsv", "titles.csv",
    "titles.tsv",   "books.csv",  "artists.csv", "artists.dat",  "artists.tsv", "songs.csv", "tracks.csv",
    "products.csv", "games.csv",  "anime.csv",   "articles.csv", NULL};

struct part {
    const char *name;
    enum given_part given;
};
static const struct part finished_split[PUBLISHED_TEXTS] = {
    {"train.csv", GIVEN_TRAIN},
    {"validation_tr.csv", GIVEN_VALID_IN},
    {"validation_te.csv", GIVEN_VALID_OUT},
    {"test_tr.csv", GIVEN_TEST_IN},
    {"test_te.csv", GIVEN_TEST_OUT},
};
static const struct part own_split[] = {
    /* with an ending each; one name for validation at most */
    {"train", GIVEN_TRAIN},      {"test", GIVEN_TEST}, {"valid", GIVEN_VALID},
    {"validation", GIVEN_VALID}, {"val", GIVEN_VALID}, {"dev", GIVEN_VALID},
};

/* --- names --------------------------------------------------------------------------------------- */

/* The first `length` bytes of a name have this suffix. */
static bool ends_with(const char *name, size_t length, const char *suffix)
{
    size_t s = strlen(suffix);

    return length >= s && strncasecmp(name + length - s, suffix, s) == 0;
}

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

static bool may_be_ratings(const char *name)
{
    static const char *const suffixes[] = {".csv",   ".tsv", ".dat",  ".data",  ".txt",
                                           ".inter", ".mtx", ".json", ".jsonl", ".ndjson"};
    const char *base = name + folder_length(name);
    size_t n = archive_unpacked_length(base);

    for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++)
        if (n > strlen(suffixes[s]) && ends_with(base, n, suffixes[s]))
            return !is_litter(name) && strncasecmp(base, "readme", 6) != 0 &&
                   strncasecmp(base, "license", 7) != 0;
    return false;
}

bool published_is_film(const char *name)
{
    return may_be_ratings(name) && strncmp(name + folder_length(name), "mv_", 3) == 0;
}

bool published_known_name(const char *name)
{
    static const char *const ends[] = {"u.data", "ratings.dat", ".base", ".test"};
    size_t n = archive_unpacked_length(name);

    for (size_t e = 0; e < sizeof ends / sizeof *ends; e++)
        if (ends_with(name, n, ends[e]))
            return true;
    return false;
}

const char *published_titles(int k)
{
    return titles[k];
}

/* Two texts that may be parts of one set: names that are alike but for their digits. */
static bool are_parts(const char *one, const char *other)
{
    do {
        while (isdigit((unsigned char)*one))
            one++;
        while (isdigit((unsigned char)*other))
            other++;
        if (*one != *other++)
            return false;
    } while (*one++);
    return true;
}

/* --- a folder ------------------------------------------------------------------------------------ */

struct view {
    const struct file_names *names;
    const char *folder; /* the folder that is searched: its name's length bytes */
    size_t length;
};

/* The file of this name in the folder, packed where it is not there plain. */
static const char *find(const struct view *v, const char *wanted)
{
    const char *packed = NULL;
    size_t w = strlen(wanted);

    for (int64_t k = 0; k < v->names->n; k++) {
        const char *name = v->names->name[k], *base = name + v->length;

        if (!in_folder(name, v->folder, v->length) || is_litter(name) || strncasecmp(base, wanted, w) != 0)
            continue;
        if (!base[w])
            return name;
        if (!packed && archive_unpacked_length(base) == w)
            packed = name;
    }
    return packed;
}

static bool add(struct published_match *m, const char *text, enum given_part given)
{
    if (text) {
        m->text[m->texts] = text;
        m->given[m->texts++] = given;
    }
    return text != NULL;
}

/* Liang's five files: all of them, or an error that names the first that is missing. */
static int match_finished(struct published_match *m, const struct view *v, const char *shown,
                          struct error *err)
{
    const char *missing = NULL;

    for (int k = 0; k < PUBLISHED_TEXTS; k++)
        if (!add(m, find(v, finished_split[k].name), finished_split[k].given) && !missing)
            missing = finished_split[k].name;
    m->finished = m->texts == PUBLISHED_TEXTS;
    if (m->texts < 2 || m->finished)
        return m->finished;
    return error_set(err, PT_EDATA,
                     "%s: %.*s%s is missing of a finished split of five files (train.csv, validation_tr.csv, "
                     "validation_te.csv, test_tr.csv, test_te.csv)",
                     shown, (int)v->length, v->folder, missing);
}

/* The first X.base with its X.test; else train.txt, test.txt and perhaps valid.txt, as LightGCN and others
 * split. */
static bool match_parts(struct published_match *m, const struct view *v)
{
    static const char *const ends[] = {".txt", ".csv", ".tsv", ".dat", ".inter", ".jsonl", ".json"};
    char name[256];

    for (int64_t k = 0; k < v->names->n; k++) {
        const char *base = v->names->name[k], *file = base + v->length, *dot = strrchr(base, '.');

        if (in_folder(base, v->folder, v->length) && !is_litter(base) && dot && strcmp(dot, ".base") == 0 &&
            snprintf(name, sizeof name, "%.*s.test", (int)(dot - file), file) < (int)sizeof name &&
            find(v, name))
            return add(m, base, GIVEN_TRAIN) && add(m, find(v, name), GIVEN_TEST);
    }
    for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
        m->texts = 0;
        for (int k = 0; k < (int)(sizeof own_split / sizeof *own_split); k++) {
            snprintf(name, sizeof name, "%s%s", own_split[k].name, ends[e]);
            if (m->texts == (k < 2 ? k : 2))
                add(m, find(v, name), own_split[k].given);
        }
        if (m->texts >= 2)
            return true;
    }
    m->texts = 0;
    return false;
}

static bool match_all_ratings(struct published_match *m, const struct view *v)
{
    for (size_t k = 0; k < sizeof all_ratings / sizeof *all_ratings; k++)
        if (add(m, find(v, all_ratings[k]), GIVEN_NONE))
            return true;
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
    m->texts = 0;
    if (!(prefer_given && match_parts(m, v)) && !match_all_ratings(m, v) && !match_parts(m, v))
        return 0;
    match_titles(m, v);
    return 1;
}

/* --- no known layout ----------------------------------------------------------------------------- */

/* Several texts: each with the path that reads it. */
static int refuse_several(const struct file_names *names, bool archive, const char *shown, struct error *err)
{
    int folder = (int)strlen(shown) - (shown[0] && shown[strlen(shown) - 1] == '/');
    char list[700] = "", parts[200] = "";
    const char *one = NULL;
    bool alike = true;
    int64_t count = 0;
    size_t used = 0;

    for (int64_t k = 0; k < names->n; k++) {
        const char *name = names->name[k];

        if (!may_be_ratings(name))
            continue;
        one = one ? one : name;
        alike = alike && are_parts(one, name);
        if (count++ < 6 && used < sizeof list - 1)
            used += (size_t)snprintf(list + used, sizeof list - used, "%sdata.path=%.*s/%s",
                                     count > 1 ? ", " : "", folder, shown, name);
    }
    if (count > 6 && used < sizeof list - 24)
        snprintf(list + used, sizeof list - used, ", ... (%lld)", (long long)count);
    if (alike && !archive && strrchr(one, '.'))
        snprintf(parts, sizeof parts, "; if they are parts of one: data.path='%.*s/%.*s*%.20s'", folder,
                 shown, (int)folder_length(one), one, strrchr(one, '.'));
    return error_set(err, PT_EDATA, "%s: several texts; name the one with the ratings: %s%s", shown, list,
                     parts);
}

/* Some files of other programs are zip archives; else what there is of them is named. */
static int refuse_none(const struct file_names *names, bool archive, const char *shown, struct error *err)
{
    const char *foreign = NULL;
    int64_t arrays = 0;

    for (int64_t k = 0; k < names->n; k++) {
        const char *name = names->name[k], *program = archive ? foreign_by_member(name) : NULL;

        if (program)
            return error_set(err, PT_EDATA, "%s: is %s, which is not read; export its sheet as CSV", shown,
                             program);
        arrays += ends_with(name, strlen(name), ".npy");
        if (!foreign && !is_litter(name) && foreign_by_name(name))
            foreign = name + folder_length(name);
    }
    if (archive && arrays && arrays == names->n)
        return error_set(err, PT_EDATA,
                         "%s: is a NumPy archive (.npz), which is not read; write user, item, rating as CSV",
                         shown);
    return error_set(
        err, PT_EDATA,
        "%s: no ratings here; looked for u.data, ratings.dat, ratings.csv, NAME.base with NAME.test, "
        "train.txt with test.txt, train.csv with validation_tr.csv and so on, or a single text%s%.300s%s",
        shown, foreign ? "; " : "", foreign ? foreign : "", foreign ? " is not read: export it as CSV" : "");
}

/* Nothing known anywhere: the one text there is, if it is one, or all films. */
static int match_only(struct published_match *m, const struct file_names *names, bool archive,
                      const char *shown, struct error *err)
{
    const char *one = NULL;
    int64_t texts = 0, films = 0;

    for (int64_t k = 0; k < names->n; k++)
        if (may_be_ratings(names->name[k])) {
            one = names->name[k];
            texts++;
            films += published_is_film(one);
        }
    *m = (struct published_match){.text = {one}, .texts = texts == 1, .films = texts > 1 && films == texts};
    if (m->texts || m->films)
        return 0;
    return texts ? refuse_several(names, archive, shown, err) : refuse_none(names, archive, shown, err);
}

static int depth(const char *name)
{
    int slashes = 0;

    for (; *name; name++)
        slashes += *name == '/';
    return slashes;
}

int published_match(struct published_match *out, const struct file_names *names, bool prefer_given,
                    bool archive, const char *shown, struct error *err)
{
    struct published_match found = {0}, m;
    const char *where = NULL;
    int looked = 0, rc;

    for (int level = 0; level < 16 && !where; level++)
        for (int64_t k = 0; k < names->n; k++) {
            const char *name = names->name[k];
            struct view v = {names, name, folder_length(name)};

            if (depth(name) != level || is_litter(name) || (where && in_folder(where, name, v.length)) ||
                (k > 0 && in_folder(names->name[k - 1], name, v.length))) /* seen already */
                continue;
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
            where = name;
        }
    *out = found;
    return where ? 0 : match_only(out, names, archive, shown, err);
}
