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

#define LAYOUT_PARTS 6

/* Files of one folder; `*` stands for the same in all of them. The first `needed` are there, and perhaps one
 * of the others. */
static const struct layout {
    int needed;
    struct {
        const char *name;
        enum given_part given;
    } part[LAYOUT_PARTS];
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

    return (text_suffix(base, archive_unpacked_length(base), suffixes) || strncmp(base, "part-", 5) == 0) &&
           !is_litter(name) && strncasecmp(base, "readme", 6) != 0 && strncasecmp(base, "license", 7) != 0 &&
           !foreign_by_name(base);
}

/* mv_0000001.txt and so on, of the Netflix Prize. */
static bool is_film(const char *name)
{
    return strncmp(name + folder_length(name), "mv_", 3) == 0;
}

bool published_known_name(const char *name)
{
    static const char *const ends[] = {"u.data", "ratings.dat", ".base", ".test", NULL};

    return text_suffix(name, archive_unpacked_length(name), ends);
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
    const struct listing *in;
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

/* Adds the files of a layout, `stem` in the place of `*`, if all it needs are there; else *missing is the
 * first that is not. Returns how many there are. */
static int64_t match_stem(struct source *s, const struct view *v, const struct layout *l, const char *stem,
                          int length, const char **missing)
{
    int64_t first = s->n, there;

    *missing = NULL;
    for (int k = 0; k < LAYOUT_PARTS && l->part[k].name && s->n - first <= l->needed; k++) {
        const char *form = l->part[k].name, *star = strchr(form, '*'), *text;
        char name[256];

        snprintf(name, sizeof name, "%.*s%.*s%s", (int)strcspn(form, "*"), form, length, stem,
                 star ? star + 1 : "");
        text = find(v, name);
        if (text)
            source_add(s, source_place(s, v->in, text, l->part[k].given));
        else if (k < l->needed && !*missing)
            *missing = form;
    }
    there = s->n - first;
    s->n = *missing ? first : s->n;
    return there;
}

/* The same for any stem: that of the first file which fits. */
static int64_t match_layout(struct source *s, const struct view *v, const struct layout *l,
                            const char **missing)
{
    const char *form = *missing = l->part[0].name, *star = strchr(form, '*');

    if (!star)
        return match_stem(s, v, l, "", 0, missing);
    for (int k = 0; k < v->n && *missing; k++) {
        const char *name = v->name[k], *base = name + v->length;
        size_t before = (size_t)(star - form), behind = strlen(star + 1), n = archive_unpacked_length(base);

        if (n > before + behind && may_be_ratings(name) && strncasecmp(base, form, before) == 0 &&
            text_suffix(base, n, (const char *const[]){star + 1, NULL}))
            match_stem(s, v, l, base + before, (int)(n - before - behind), missing);
    }
    return 0;
}

/* Adds nothing where nothing is known. */
static int match_view(struct source *s, const struct view *v, bool prefer_given, struct error *err)
{
    const char *missing = "", *titles = NULL;

    for (int k = 0; k < LAYOUTS && missing; k++) {
        int l = prefer_given ? given_order[k] : usual_order[k];
        int64_t there = match_layout(s, v, &layouts[l], &missing);

        if (l == FINISHED && missing && there > 1)
            return error_set(err, PT_EDATA,
                             "%s: %.*s%s is missing of a finished split of five files (train.csv, "
                             "validation_tr.csv, validation_te.csv, test_tr.csv, test_te.csv)",
                             v->in->path, v->length, (const char *)v->name[0], missing);
        s->finished |= l == FINISHED && !missing;
    }
    for (int k = 0; !missing && !s->finished && published_titles[k] && !titles; k++)
        if ((titles = find(v, published_titles[k])))
            s->titles = source_place(s, v->in, titles, GIVEN_NONE);
    return 0;
}

/* --- no known layout ----------------------------------------------------------------------------- */

/* Several texts, from `first` on: each with the path that reads it. */
static int refuse_several(const struct source *s, int64_t first, const struct listing *in, struct error *err)
{
    const char *one = s->text[first].shown, *dot = strrchr(one + folder_length(one), '.');
    int64_t count = s->n - first;
    char list[700] = "";
    bool alike = dot && !in->archive;

    for (int64_t k = 0; k < count; k++) {
        const char *shown = s->text[first + k].shown;

        alike = alike && are_parts(one, shown);
        if (k < 6)
            text_append(list, sizeof list - 200, "%sdata.path=%s", k ? ", " : "", shown);
    }
    if (count > 6)
        text_append(list, sizeof list, ", ... (%lld)", (long long)count);
    if (alike)
        text_append(list, sizeof list, "; if they are parts of one: data.path='%.*s*%.20s'",
                    (int)folder_length(one), one, dot);
    return error_set(err, PT_EDATA, "%s: several texts; name the one with the ratings: %s", in->path, list);
}

/* Some files of other programs are zip archives; else what there is of them is named. */
static int refuse_none(const struct listing *in, struct error *err)
{
    const char *foreign = NULL, *program;

    for (int k = 0; k < in->names.count; k++) {
        const char *name = in->names.block[k];

        if (in->archive && (program = foreign_by_member(name)))
            return error_set(err, PT_EDATA, "%s: is %s", in->path, program);
        if (!foreign && !is_litter(name) && foreign_by_name(name))
            foreign = name + folder_length(name);
    }
    return error_set(
        err, PT_EDATA,
        "%s: no ratings here; looked for u.data, ratings.dat, ratings.csv, NAME.base with NAME.test, "
        "train.txt with test.txt, train.csv with validation_tr.csv and so on, or a single text%s%.300s%s",
        in->path, foreign ? "; " : "", foreign ? foreign : "",
        foreign ? " is not read: export it as CSV" : "");
}

/* Nothing known anywhere: the one text there is, if it is one, or all films. */
static int match_only(struct source *s, const struct listing *in, struct error *err)
{
    int64_t first = s->n;
    bool films = true;

    for (int k = 0; k < in->names.count; k++)
        if (may_be_ratings(in->names.block[k])) {
            source_add(s, source_place(s, in, in->names.block[k], GIVEN_NONE));
            films = films && is_film(in->names.block[k]);
        }
    if (s->n == first && !s->pool.failed)
        return refuse_none(in, err);
    return films || s->n - first == 1 ? 0 : refuse_several(s, first, in, err);
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

int published_find(struct source *s, struct listing *in, bool prefer_given, struct error *err)
{
    struct mem_pool *names = &in->names;
    const char *where = NULL;
    int64_t first = s->n;

    if (names->count)
        qsort(names->block, (size_t)names->count, sizeof *names->block, by_folder);
    for (int next, k = 0; k < names->count; k = next) {
        const char *name = names->block[k];
        size_t n = folder_length(name);
        int64_t before = s->n;

        for (next = k + 1; next < names->count; next++)
            if (folder_length(names->block[next]) != n || memcmp(names->block[next], name, n) != 0)
                break;
        if (where && depth(name) > depth(where))
            break;
        TRY(match_view(s, &(struct view){in, &names->block[k], next - k, (int)n}, prefer_given, err));
        if (where && s->n > before)
            return error_set(err, PT_EDATA, "%s: holds several data sets (%s and %s); name the one to read",
                             in->path, s->text[first].shown, s->text[before].shown);
        where = s->n > before ? name : where;
    }
    return where ? 0 : match_only(s, in, err);
}
