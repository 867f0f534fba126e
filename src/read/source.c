#include "read/source.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fts.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The text, freed with the source; "" where there is no memory, which source_find tells at its end. */
static char *keep(struct source *s, char *text)
{
    char *kept = mem_pool_add(&s->pool, text);

    return kept ? kept : s->none;
}
#define print(s, ...) keep(s, mem_printf(__VA_ARGS__))

/* A file, or a member of an archive. */
static struct source_text make_text(struct source *s, const char *path, const char *member,
                                    enum given_part given)
{
    struct source_text t = {.path = print(s, "%s", path),
                            .member = member ? print(s, "%s", member) : NULL,
                            .shown = print(s, "%s%s%s", strcmp(path, "-") == 0 ? "stdin" : path,
                                           member ? "/" : "", member ? member : ""),
                            .given = given,
                            .known_name = published_known_name(member ? member : path)};

    replace_controls(t.shown, !utf8_valid(t.shown, strlen(t.shown)));
    return t;
}

void source_add(struct source *s, struct source_text t)
{
    struct source_text *more = mem_resize(s->text, s->n + 1, sizeof *more);

    s->pool.failed |= !more;
    s->text = more ? more : s->text;
    if (more)
        s->text[s->n++] = t;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* --- a folder or an archive ---------------------------------------------------------------------- */

/* Files of a folder and of those in it, without hidden ones. What cannot be read below the top is passed
 * over. */
static int list_folder(struct mem_pool *out, const char *path, struct error *err)
{
    char *const top[] = {(char *)path, NULL};
    size_t n = strlen(path), prefix = n + (n && path[n - 1] != '/');
    FTS *tree = fts_open(top, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry = NULL;
    int rc = 0;

    while (rc == 0 && tree && (errno = 0, entry = fts_read(tree))) {
        if (entry->fts_level == 0 && entry->fts_info == FTS_DNR)
            rc = error_set(err, PT_EDATA, "%s: cannot be listed: %s", path, strerror(entry->fts_errno));
        else if (entry->fts_level > 0 && (entry->fts_name[0] == '.' || entry->fts_level > 1) &&
                 entry->fts_info == FTS_D)
            fts_set(tree, entry, FTS_SKIP);
        else if (entry->fts_info == FTS_F && entry->fts_name[0] != '.')
            rc = need_memory(mem_pool_add(out, mem_strdup(entry->fts_path + prefix)), err);
    }
    if (rc == 0 && (!tree || errno))
        rc = error_set(err, errno == ENOMEM ? PT_ENOMEM : PT_EDATA, "%s: cannot be listed: %s", path,
                       strerror(errno));
    if (tree)
        fts_close(tree);
    return rc;
}

struct source_text source_place(struct source *s, const struct listing *in, const char *name,
                                enum given_part given)
{
    bool joined = *in->path && in->path[strlen(in->path) - 1] == '/';

    return in->archive ? make_text(s, in->path, name, given)
                       : make_text(s, print(s, "%s%s%s", in->path, joined ? "" : "/", name), NULL, given);
}

static int find_in_folder(struct source *s, const char *path, bool archive, bool prefer_given,
                          struct error *err)
{
    struct listing in = {path, archive, {0}};
    int rc = archive ? archive_list(&in.names, path, err) : list_folder(&in.names, path, err);

    if (rc == 0)
        rc = published_find(s, &in, prefer_given, err);
    mem_pool_free(&in.names);
    return rc;
}

/* --- single files -------------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Titles that lie beside a file. */
static void find_titles(struct source *s, const char *path)
{
    const char *slash = strrchr(path, '/');

    for (int k = 0; published_titles[k] && !s->titles.path; k++) {
        const char *beside =
            print(s, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, published_titles[k]);

        if (is_file(beside) && strcmp(beside, path) != 0)
            s->titles = make_text(s, beside, NULL, GIVEN_NONE);
    }
}

/* "u1" where u1.base and u1.test lie and no folder is called so, or "u1.base" with its u1.test where a given
 * split is wanted. */
static bool find_pair(struct source *s, const char *path, bool prefer_given)
{
    size_t n = strlen(path);
    bool named = n > 5 && strcmp(path + n - 5, ".base") == 0;
    int stem = (int)(named ? n - 5 : n);
    const char *base = print(s, "%.*s.base", stem, path), *test = print(s, "%.*s.test", stem, path);
    struct stat st;

    if ((named ? !prefer_given : stat(path, &st) == 0) || !is_file(base) || !is_file(test))
        return false;
    source_add(s, make_text(s, base, NULL, GIVEN_TRAIN));
    source_add(s, make_text(s, test, NULL, GIVEN_TEST));
    find_titles(s, base);
    return true;
}

/* Part files, in the order of their names' bytes whatever the locale. */
static int find_glob(struct source *s, const char *path, struct error *err)
{
    glob_t g;
    int got = glob(path, GLOB_NOSORT, NULL, &g);

    if (got == GLOB_NOMATCH)
        return error_set(err, PT_EDATA, "%s: no file matches", path);
    if (got != 0)
        return error_set(err, got == GLOB_NOSPACE ? PT_ENOMEM : PT_EDATA,
                         "%s: cannot list the files that match", path);
    qsort(g.gl_pathv, g.gl_pathc, sizeof *g.gl_pathv, by_name);
    for (size_t k = 0; k < g.gl_pathc; k++)
        if (is_file(g.gl_pathv[k]))
            source_add(s, make_text(s, g.gl_pathv[k], NULL, GIVEN_NONE));
    globfree(&g);
    if (s->n == 0)
        return error_set(err, PT_EDATA, "%s: only folders match", path);
    find_titles(s, s->text[0].path);
    return 0;
}

/* ARCHIVE/MEMBER: 1 where the path goes through a file that is an archive. */
static int find_member(struct source *s, const char *path, struct error *err)
{
    enum packing packing;
    char *archive = print(s, "%s", path), *slash = strrchr(archive, '/'), list[500] = "";
    scoped_value(mem_pool_free) struct mem_pool names = {0};

    for (; slash && slash > archive; slash = strrchr(archive, '/')) {
        *slash = 0;
        if (is_file(archive))
            break;
    }
    if (!slash || slash == archive || archive_packing(&packing, archive, err) < 0 ||
        packing != PACKING_FOLDER)
        return 0;
    TRY(archive_list(&names, archive, err));
    for (int k = 0; k < names.count; k++) {
        const char *name = names.block[k], *plain = strncmp(name, "./", 2) == 0 ? name + 2 : name;

        if (strcmp(plain, path + (slash + 1 - archive)) == 0) {
            source_add(s, make_text(s, archive, name, GIVEN_NONE));
            return 1;
        }
        text_append(list, sizeof list, "%s%s", k ? ", " : "", name);
    }
    return error_set(err, PT_EDATA, "%s: the archive has no such member; it has: %s", path, list);
}

static int find_any(struct source *s, const char *path, bool prefer_given, struct error *err)
{
    enum packing packing = PACKING_NONE;
    struct stat st;
    int rc, code;

    if (strcmp(path, "-") == 0) {
        source_add(s, make_text(s, path, NULL, GIVEN_NONE));
        return 0;
    }
    if (find_pair(s, path, prefer_given))
        return 0;
    if (stat(path, &st) < 0) {
        code = errno;
        if (code == ENOTDIR && (rc = find_member(s, path, err)) != 0)
            return rc < 0 ? rc : 0;
        if (code == ENOENT && strpbrk(path, "*?["))
            return find_glob(s, path, err);
        return error_set(err, PT_EDATA, "%s: %s", path,
                         code == ENOENT ? "there is no such file or folder" : strerror(code));
    }
    if (S_ISREG(st.st_mode))
        TRY(archive_packing(&packing, path, err));
    if (S_ISDIR(st.st_mode) || packing == PACKING_FOLDER)
        return find_in_folder(s, path, packing == PACKING_FOLDER, prefer_given, err);
    source_add(s, make_text(s, path, NULL, GIVEN_NONE));
    find_titles(s, path);
    return 0;
}

/* The texts of one path, or of one path for each part. */
static int find_parts(struct source *s, const struct ratings_spec *spec, struct error *err)
{
    const char *path[] = {spec->path, spec->valid_path, spec->test_path};
    bool parts = (path[1] && *path[1]) || (path[2] && *path[2]);

    if (!*spec->path)
        return error_set(err, PT_ECONFIG,
                         "data.path is not set: a file, a folder, an archive, a glob, -, or synth:NAME");
    for (int p = 0; p < 3; p++) {
        int64_t first = s->n;

        if (path[p] && *path[p])
            TRY(find_any(s, path[p], !parts && spec->prefer_given == 1, err));
        for (int64_t k = first; k < s->n && parts; k++)
            s->text[k].given = p == 0 ? GIVEN_TRAIN : p == 1 ? GIVEN_VALID : GIVEN_TEST;
    }
    return 0;
}

int source_find(struct source **out, const struct ratings_spec *spec, struct error *err)
{
    scoped(source_free) struct source *s = mem_zalloc(1, sizeof *s);

    TRY(need_memory(s, err));
    TRY(find_parts(s, spec, err));
    TRY(need_memory(!s->pool.failed, err));
    *out = handed_on(s);
    return 0;
}

void source_free(struct source *s)
{
    if (!s)
        return;
    mem_free(s->text);
    mem_pool_free(&s->pool);
    mem_free(s);
}
