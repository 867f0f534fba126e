#include "read/source.h"

#include "base/text.h"
#include "read/foreign.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const published_titles[] = {
    "u.item",       "movies.dat", "movies.csv",  "movies.tsv",   "items.csv",   "items.tsv", "titles.csv",
    "titles.tsv",   "books.csv",  "artists.csv", "artists.dat",  "artists.tsv", "songs.csv", "tracks.csv",
    "products.csv", "games.csv",  "anime.csv",   "articles.csv", NULL};

/* Files of one folder; `*` stands for the same in all of them. The first `needed` are there, and perhaps one
 * of the others. */
static const struct layout {
    int needed;
    struct {
        const char *name;
        enum given_part given;
    } part[6];
} layouts[] = {
    {5,
     {{"train.csv", GIVEN_TRAIN},
      {"validation_tr.csv", GIVEN_VALID_IN},
      {"validation_te.csv", GIVEN_VALID_OUT},
      {"test_tr.csv", GIVEN_TEST_IN},
      {"test_te.csv", GIVEN_TEST_OUT}}},
    {2, {{"*.base", GIVEN_TRAIN}, {"*.test", GIVEN_TEST}}},
    {2,
     {{"train.*", GIVEN_TRAIN},
      {"test.*", GIVEN_TEST},
      {"valid.*", GIVEN_VALID},
      {"validation.*", GIVEN_VALID},
      {"val.*", GIVEN_VALID},
      {"dev.*", GIVEN_VALID}}},
    {1, {{"u.data", GIVEN_NONE}}},
    {1, {{"ratings.dat", GIVEN_NONE}}},
    {1, {{"ratings.csv", GIVEN_NONE}}},
};
enum { FINISHED, LAYOUTS = sizeof layouts / sizeof *layouts };
static const int usual_order[LAYOUTS] = {FINISHED, 3, 4, 5, 1, 2},
                 given_order[LAYOUTS] = {FINISHED, 1, 2, 3, 4, 5};

/* --- names --------------------------------------------------------------------------------------- */

/* Whether the first `length` bytes of a name end with one of these. */
static bool ends_with(const char *name, size_t length, const char *const *suffixes)
{
    for (; *suffixes; suffixes++) {
        size_t s = strlen(*suffixes);

        if (length >= s && strncasecmp(name + length - s, *suffixes, s) == 0)
            return true;
    }
    return false;
}

static size_t folder_length(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? (size_t)(slash + 1 - name) : 0;
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
    static const char *const suffixes[] = {".csv",   ".tsv", ".dat",  ".data",  ".txt",    ".base",
                                           ".inter", ".mtx", ".json", ".jsonl", ".ndjson", NULL};
    const char *base = name + folder_length(name);

    return (ends_with(base, archive_unpacked_length(base), suffixes) || strncmp(base, "part-", 5) == 0) &&
           !is_litter(name) && strncasecmp(base, "readme", 6) != 0 && strncasecmp(base, "license", 7) != 0 &&
           !foreign_by_name(base);
}

bool published_is_film(const char *name)
{
    return may_be_ratings(name) && strncmp(name + folder_length(name), "mv_", 3) == 0;
}

bool published_known_name(const char *name)
{
    static const char *const ends[] = {"u.data", "ratings.dat", ".base", ".test", NULL};

    return ends_with(name, archive_unpacked_length(name), ends);
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

/* The files of one folder. */
struct view {
    void *const *name; /* (n) */
    int n, length;     /* of the folder's own name */
};

/* The file of this name in the folder, packed where it is not there plain. */
static const char *find(const struct view *v, const char *wanted)
{
    const char *packed = NULL;
    size_t w = strlen(wanted);

    for (int k = 0; k < v->n; k++) {
        const char *name = v->name[k], *base = name + v->length;

        if (is_litter(name) || strncasecmp(base, wanted, w) != 0)
            continue;
        if (!base[w])
            return name;
        if (!packed && archive_unpacked_length(base) == w)
            packed = name;
    }
    return packed;
}

/* Whether the files of a layout are there, `stem` in the place of `*`. */
static bool match_stem(struct published_match *m, const struct view *v, const struct layout *l,
                       const char *stem, int length)
{
    *m = (struct published_match){.finished = l == &layouts[FINISHED]};
    for (int k = 0; k < PUBLISHED_TEXTS + 1 && l->part[k].name && m->texts <= l->needed; k++) {
        const char *form = l->part[k].name, *star = strchr(form, '*'), *text;
        char name[256];

        snprintf(name, sizeof name, "%.*s%.*s%s", (int)strcspn(form, "*"), form, length, stem,
                 star ? star + 1 : "");
        text = find(v, name);
        if (text) {
            m->text[m->texts] = text;
            m->given[m->texts++] = l->part[k].given;
        } else if (k < l->needed && !m->missing) {
            m->missing = form;
        }
    }
    return !m->missing;
}

/* The same for any stem: that of the first file which fits. */
static bool match_layout(struct published_match *m, const struct view *v, const struct layout *l)
{
    const char *form = l->part[0].name, *star = strchr(form, '*');

    if (!star)
        return match_stem(m, v, l, "", 0);
    for (int k = 0; k < v->n; k++) {
        const char *name = v->name[k], *base = name + v->length;
        size_t before = (size_t)(star - form), behind = strlen(star + 1), n = archive_unpacked_length(base);

        if (n > before + behind && may_be_ratings(name) && strncasecmp(base, form, before) == 0 &&
            ends_with(base, n, (const char *const[]){star + 1, NULL}) &&
            match_stem(m, v, l, base + before, (int)(n - before - behind)))
            return true;
    }
    return false;
}

/* 1: found, 0: nothing known here. */
static int match_view(struct published_match *m, const struct view *v, bool prefer_given, const char *shown,
                      struct error *err)
{
    bool found = false;

    for (int k = 0; k < LAYOUTS && !found; k++) {
        int l = prefer_given ? given_order[k] : usual_order[k];

        found = match_layout(m, v, &layouts[l]);
        if (l == FINISHED && !found && m->texts > 1)
            return error_set(err, PT_EDATA,
                             "%s: %.*s%s is missing of a finished split of five files (train.csv, "
                             "validation_tr.csv, validation_te.csv, test_tr.csv, test_te.csv)",
                             shown, v->length, (const char *)v->name[0], m->missing);
    }
    for (int k = 0; found && !m->finished && published_titles[k] && !m->titles; k++) {
        m->titles = find(v, published_titles[k]);
        for (int t = 0; t < m->texts && m->titles; t++)
            m->titles = m->titles == m->text[t] ? NULL : m->titles;
    }
    return found;
}

/* --- no known layout ----------------------------------------------------------------------------- */

/* Several texts: each with the path that reads it. */
static int refuse_several(const struct mem_pool *names, bool archive, const char *shown, struct error *err)
{
    int folder = (int)strlen(shown) - (shown[0] && shown[strlen(shown) - 1] == '/');
    char list[700] = "";
    const char *one = NULL;
    bool alike = true;
    int64_t count = 0;

    for (int k = 0; k < names->count; k++) {
        const char *name = names->block[k];

        if (!may_be_ratings(name))
            continue;
        one = one ? one : name;
        alike = alike && are_parts(one, name);
        if (count++ < 6)
            text_append(list, sizeof list - 200, "%sdata.path=%.*s/%s", count > 1 ? ", " : "", folder, shown,
                        name);
    }
    if (count > 6)
        text_append(list, sizeof list, ", ... (%lld)", (long long)count);
    if (alike && !archive && strrchr(one, '.'))
        text_append(list, sizeof list, "; if they are parts of one: data.path='%.*s/%.*s*%.20s'", folder,
                    shown, (int)folder_length(one), one, strrchr(one, '.'));
    return error_set(err, PT_EDATA, "%s: several texts; name the one with the ratings: %s", shown, list);
}

/* Some files of other programs are zip archives; else what there is of them is named. */
static int refuse_none(const struct mem_pool *names, bool archive, const char *shown, struct error *err)
{
    const char *foreign = NULL, *program;

    for (int k = 0; k < names->count; k++) {
        const char *name = names->block[k];

        if (archive && (program = foreign_by_member(name)))
            return error_set(err, PT_EDATA, "%s: is %s", shown, program);
        if (!foreign && !is_litter(name) && foreign_by_name(name))
            foreign = name + folder_length(name);
    }
    return error_set(
        err, PT_EDATA,
        "%s: no ratings here; looked for u.data, ratings.dat, ratings.csv, NAME.base with NAME.test, "
        "train.txt with test.txt, train.csv with validation_tr.csv and so on, or a single text%s%.300s%s",
        shown, foreign ? "; " : "", foreign ? foreign : "", foreign ? " is not read: export it as CSV" : "");
}

/* Nothing known anywhere: the one text there is, if it is one, or all films. */
static int match_only(struct published_match *m, const struct mem_pool *names, bool archive,
                      const char *shown, struct error *err)
{
    const char *one = NULL;
    int64_t texts = 0, films = 0;

    for (int k = 0; k < names->count; k++)
        if (may_be_ratings(names->block[k])) {
            one = names->block[k];
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

static int by_folder(const void *a, const void *b)
{
    const char *one = *(char *const *)a, *other = *(char *const *)b;
    size_t n = folder_length(one), m = folder_length(other);
    int order = depth(one) - depth(other);

    order = order ? order : memcmp(one, other, n < m ? n : m);
    return order ? order : n != m ? (n > m) - (n < m) : strcmp(one, other);
}

int published_match(struct published_match *out, struct mem_pool *names, bool prefer_given, bool archive,
                    const char *shown, struct error *err)
{
    struct published_match m;
    const char *where = NULL;

    if (names->count)
        qsort(names->block, (size_t)names->count, sizeof *names->block, by_folder);
    for (int next, k = 0; k < names->count; k = next) {
        const char *name = names->block[k];
        size_t n = folder_length(name);
        int rc;

        for (next = k + 1; next < names->count; next++)
            if (folder_length(names->block[next]) != n || memcmp(names->block[next], name, n) != 0)
                break;
        if (where && depth(name) > depth(where))
            break;
        TRY(rc =
                match_view(&m, &(struct view){&names->block[k], next - k, (int)n}, prefer_given, shown, err));
        if (rc && where)
            return error_set(err, PT_EDATA, "%s: holds several data sets (%s and %s); name the one to read",
                             shown, out->text[0], m.text[0]);
        if (rc) {
            *out = m;
            where = name;
        }
    }
    return where ? 0 : match_only(out, names, archive, shown, err);
}
