#include "read/source.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "read/archive.h"
#include "read/published.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void fini_text(struct source_text *t)
{
    mem_free(t->path);
    mem_free(t->member);
    mem_free(t->shown);
}

void source_free(struct source *s)
{
    if (!s)
        return;
    for (int64_t k = 0; k < s->n; k++)
        fini_text(&s->text[k]);
    mem_free(s->text);
    fini_text(&s->titles);
    mem_free(s);
}

static int fill_text(struct source_text *t, const char *path, const char *member, enum given_part given,
                     struct error *err)
{
    const char *name = strcmp(path, "-") == 0 ? "stdin" : path;

    t->given = given;
    t->known_name = published_known_name(member ? member : path);
    t->path = mem_strdup(path);
    t->member = member ? mem_strdup(member) : NULL;
    t->shown = mem_alloc((int64_t)(strlen(name) + (member ? strlen(member) : 0) + 2), 1);
    if (!t->path || (member && !t->member) || !t->shown)
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    strcpy(t->shown, name);
    if (member)
        strcat(strcat(t->shown, "/"), member);
    replace_controls(t->shown, !utf8_valid(t->shown, strlen(t->shown)));
    return 0;
}

static int add_text(struct source *s, const char *path, const char *member, enum given_part given,
                    struct error *err)
{
    struct source_text *more = mem_resize(s->text, s->n + 1, sizeof *more);

    if (!more)
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    s->text = more;
    s->text[s->n] = (struct source_text){0};
    return fill_text(&s->text[s->n++], path, member, given, err);
}

/* --- a folder or an archive ---------------------------------------------------------------------- */

/* Adds what published_match found: member names of the archive `path`, or files below the folder `path`. */
static int add_match(struct source *s, const char *path, bool archive, const struct published_match *m,
                     struct error *err)
{
    int rc = 0;

    for (int k = 0; k < m->texts && rc == 0; k++) {
        char *file = archive ? NULL : file_join(path, m->text[k]);

        if (archive)
            rc = add_text(s, path, m->text[k], m->given[k], err);
        else if (file)
            rc = add_text(s, file, NULL, m->given[k], err);
        else
            rc = error_set(err, PT_ENOMEM, "%s: out of memory", path);
        mem_free(file);
    }
    if (rc == 0 && m->titles) {
        char *file = archive ? NULL : file_join(path, m->titles);

        if (archive || file)
            rc = fill_text(&s->titles, archive ? path : file, archive ? m->titles : NULL, GIVEN_NONE, err);
        else
            rc = error_set(err, PT_ENOMEM, "%s: out of memory", path);
        mem_free(file);
    }
    s->finished = m->finished;
    return rc;
}

static int find_in_folder(struct source *s, const char *path, bool archive, bool prefer_given,
                          struct error *err)
{
    struct published_match match;
    char **names = NULL;
    int64_t n = 0;
    int rc = archive ? archive_list(&names, &n, path, err) : published_of_folder(&names, &n, path, err);

    if (rc == 0)
        rc = published_match(&match, names, n, prefer_given, archive, path, err);
    for (int64_t k = 0; rc == 0 && match.all && k < n; k++) {
        struct published_match one = {.text = {names[k]}, .texts = published_is_film(names[k])};

        rc = add_match(s, path, archive, &one, err);
    }
    if (rc == 0)
        rc = add_match(s, path, archive, &match, err);
    archive_free_names(names, n);
    return rc;
}

/* --- single files -------------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Titles that lie beside a file. */
static int find_titles(struct source *s, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/'), *name;
    size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
    int rc = 0;

    for (int k = 0; (name = published_titles(k)) && !s->titles.path && rc == 0; k++) {
        char *beside = mem_alloc((int64_t)(folder + strlen(name) + 1), 1);

        if (!beside)
            return error_set(err, PT_ENOMEM, "%s: out of memory", path);
        memcpy(beside, path, folder);
        strcpy(beside + folder, name);
        if (is_file(beside) && strcmp(beside, path) != 0)
            rc = fill_text(&s->titles, beside, NULL, GIVEN_NONE, err);
        mem_free(beside);
    }
    return rc;
}

/* path + from -> path + to, in new memory. */
static char *replace_end(const char *path, const char *from, const char *to)
{
    size_t keep = strlen(path) - strlen(from);
    char *fresh = mem_alloc((int64_t)(keep + strlen(to) + 1), 1);

    if (fresh) {
        memcpy(fresh, path, keep);
        strcpy(fresh + keep, to);
    }
    return fresh;
}

/* "u1" where u1.base and u1.test lie, or "u1.base" with its u1.test where a given split is wanted. */
static int find_pair(struct source *s, const char *path, bool prefer_given, bool *found, struct error *err)
{
    size_t n = strlen(path);
    bool named = n > 5 && strcmp(path + n - 5, ".base") == 0;
    char *base, *test;
    int rc = 0;

    *found = false;
    if (named && !prefer_given)
        return 0;
    base = replace_end(path, named ? ".base" : "", ".base");
    test = replace_end(path, named ? ".base" : "", ".test");
    if (!base || !test) {
        rc = error_set(err, PT_ENOMEM, "%s: out of memory", path);
    } else if (is_file(base) && is_file(test)) {
        *found = true;
        rc = add_text(s, base, NULL, GIVEN_TRAIN, err);
        if (rc == 0)
            rc = add_text(s, test, NULL, GIVEN_TEST, err);
        if (rc == 0)
            rc = find_titles(s, base, err);
    }
    mem_free(base);
    mem_free(test);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Part files, in the order of their names' bytes whatever the locale. */
static int find_glob(struct source *s, const char *path, struct error *err)
{
    glob_t g;
    int got = glob(path, GLOB_NOSORT, NULL, &g), rc = 0;

    if (got == GLOB_NOMATCH)
        return error_set(err, PT_EDATA, "%s: no file matches", path);
    if (got != 0)
        return error_set(err, got == GLOB_NOSPACE ? PT_ENOMEM : PT_EDATA,
                         "%s: cannot list the files that match", path);
    qsort(g.gl_pathv, g.gl_pathc, sizeof *g.gl_pathv, by_name);
    for (size_t k = 0; k < g.gl_pathc && rc == 0; k++)
        if (is_file(g.gl_pathv[k]))
            rc = add_text(s, g.gl_pathv[k], NULL, GIVEN_NONE, err);
    if (rc == 0 && s->n == 0)
        rc = error_set(err, PT_EDATA, "%s: only folders match", path);
    if (rc == 0)
        rc = find_titles(s, s->text[0].path, err);
    globfree(&g);
    return rc;
}

static int find_file(struct source *s, const char *path, const struct stat *st, bool prefer_given,
                     struct error *err)
{
    enum packing packing = PACKING_NONE;
    int rc;

    if (S_ISREG(st->st_mode)) {
        rc = archive_packing(&packing, path, err);
        if (rc < 0)
            return rc;
    }
    if (packing == PACKING_FOLDER)
        return find_in_folder(s, path, true, prefer_given, err);
    rc = add_text(s, path, NULL, GIVEN_NONE, err);
    return rc < 0 ? rc : find_titles(s, path, err);
}

/* ARCHIVE/MEMBER: 1 where the path goes through a file that is an archive. */
static int find_member(struct source *s, const char *path, struct error *err)
{
    enum packing packing;
    char *archive = mem_strdup(path), **names = NULL;
    int64_t n = 0, found = -1;
    size_t used = 0;
    char list[500] = "";
    struct stat st;
    int rc = 0;

    if (!archive)
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    for (char *slash = strrchr(archive, '/'); slash && slash > archive && rc == 0;
         slash = strrchr(archive, '/')) {
        *slash = 0;
        if (stat(archive, &st) < 0)
            continue;
        if (!S_ISREG(st.st_mode) || archive_packing(&packing, archive, err) < 0 || packing != PACKING_FOLDER)
            break;
        if ((rc = archive_list(&names, &n, archive, err)) < 0)
            break;
        for (int64_t k = 0; k < n; k++) {
            const char *name = strncmp(names[k], "./", 2) == 0 ? names[k] + 2 : names[k];

            found = strcmp(name, path + (slash + 1 - archive)) == 0 ? k : found;
            if (used < sizeof list - 1)
                used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", k ? ", " : "", names[k]);
        }
        rc = found >= 0
                 ? add_text(s, archive, names[found], GIVEN_NONE, err)
                 : error_set(err, PT_EDATA, "%s: the archive has no such member; it has: %s", path, list);
        rc = rc < 0 ? rc : 1;
        break;
    }
    archive_free_names(names, n);
    mem_free(archive);
    return rc;
}

static int find_any(struct source *s, const char *path, bool prefer_given, struct error *err)
{
    struct stat st;
    bool found;
    int rc, code;

    if (strcmp(path, "-") == 0)
        return add_text(s, path, NULL, GIVEN_NONE, err);
    rc = find_pair(s, path, prefer_given, &found, err);
    if (rc == 0 && found && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        snprintf(
            s->chosen, sizeof s->chosen,
            "%.100s and its test file were read, not the folder of that name, which wants a / at its end",
            s->text[0].shown);
    if (rc < 0 || found)
        return rc;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? find_in_folder(s, path, false, prefer_given, err)
                                   : find_file(s, path, &st, prefer_given, err);
    code = errno;
    if (code == ENOTDIR && (rc = find_member(s, path, err)) != 0)
        return rc < 0 ? rc : 0;
    if (code == ENOENT && strpbrk(path, "*?["))
        return find_glob(s, path, err);
    return error_set(err, PT_EDATA, "%s: %s", path,
                     code == ENOENT ? "there is no such file or folder" : strerror(code));
}

/* The texts of another path are of this part. */
static int find_part(struct source *s, const char *path, enum given_part given, struct error *err)
{
    int64_t first = s->n;
    int rc = path && *path ? find_any(s, path, false, err) : 0;

    for (int64_t k = first; k < s->n && rc == 0; k++)
        s->text[k].given = given;
    return rc;
}

int source_find(struct source **out, const struct ratings_spec *spec, struct error *err)
{
    bool parts = (spec->valid_path && *spec->valid_path) || (spec->test_path && *spec->test_path);
    struct source *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return error_set(err, PT_ENOMEM, "%s: out of memory", spec->path);
    if (!*spec->path)
        rc = error_set(err, PT_ECONFIG,
                       "data.path is not set: a file, a folder, an archive, a glob, -, or synth:NAME");
    else if (parts)
        rc = find_part(s, spec->path, GIVEN_TRAIN, err);
    else
        rc = find_any(s, spec->path, spec->prefer_given == 1, err);
    if (rc == 0 && parts && (rc = find_part(s, spec->valid_path, GIVEN_VALID, err)) == 0)
        rc = find_part(s, spec->test_path, GIVEN_TEST, err);
    if (rc < 0) {
        source_free(s);
        return rc;
    }
    *out = s;
    return 0;
}
