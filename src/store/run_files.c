#include "store/run_files.h"

#include "base/mem.h"
#include "base/text.h"
#include "data/ratings.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void run_drop_weights(const char *folder)
{
    static const char *const name[] = {RUN_CHECKPOINT, RUN_MODEL};

    for (int i = 0; i < 2; i++) {
        mem_scoped char *path = file_join(folder, name[i]);

        if (path) {
            (void)unlink(path);
            file_drop_old(path, RUN_VERSIONS);
        }
    }
}

/* ---- configuration ---- */

const char *run_folders_near(const char *folder, char *out, size_t size)
{
    mem_scoped char *pattern = file_join(*folder ? folder : ".", "*/" RUN_CONFIG);
    glob_t found;

    *out = '\0';
    if (!pattern || glob(pattern, 0, NULL, &found) != 0)
        return out;
    for (size_t i = 0; i < found.gl_pathc && i < 3; i++)
        text_append(out, size, "%s%.*s", i ? ", " : "; there are runs in ",
                    (int)(strlen(found.gl_pathv[i]) - sizeof RUN_CONFIG), found.gl_pathv[i]);
    if (found.gl_pathc > 3)
        text_append(out, size, " and %zu more", found.gl_pathc - 3);
    globfree(&found);
    return out;
}

int run_folder_check(const char *folder, struct error *err)
{
    char above[4096], near[512], *slash;
    struct stat s;

    if (stat(folder, &s) == 0 ? S_ISDIR(s.st_mode) : errno != ENOENT)
        return 0;
    snprintf(above, sizeof above, "%s", folder);
    for (slash = above + strlen(above); slash > above + 1 && slash[-1] == '/';)
        *--slash = '\0';
    slash = strrchr(above, '/');
    above[slash ? slash - above + (slash == above) : 0] = '\0';
    return error_set(err, PT_EUSAGE, "%s: %s; name a run's folder (train --out)%s", folder,
                     file_exists(folder) ? "a file" : "there is no such folder",
                     run_folders_near(above, near, sizeof near));
}

int run_config_read(struct config **out, const char *folder, struct error *err)
{
    mem_scoped char *path = file_join(folder, RUN_CONFIG);
    scoped(config_free) struct config *c = NULL;
    char near[512];
    int rc;

    TRY(need_memory(path, err));
    TRY(run_folder_check(folder, err));
    if (!file_exists(path) && errno != EACCES)
        return error_set(err, PT_EUSAGE, "%s: no " RUN_CONFIG " in it; name a run's folder (train --out)%s",
                         folder, run_folders_near(folder, near, sizeof near));
    TRY(config_new(&c, err));
    rc = config_load(c, path, err);
    if (rc == PT_ECONFIG) /* a file of our own, not the user's */
        rc = err->code = PT_EFILE;
    TRY(rc);
    c->retired = NULL; /* the user has not just given it */
    *out = handed_on(c);
    return 0;
}

int run_config_write(const struct config *c, const char *path, struct error *err)
{
    mem_scoped char *text = NULL;

    TRY(config_text(c, true, &text, err));
    return file_write_text(path, text, err);
}

/* ---- ids ---- */

void run_ids_put(struct file_writer *w, const char *text)
{
    for (; *text; text++)
        if (*text == '\t')
            file_write(w, "\\t", 2);
        else if (*text == '\n')
            file_write(w, "\\n", 2);
        else if (*text == '\r')
            file_write(w, "\\r", 2);
        else if (*text == '\\')
            file_write(w, "\\\\", 2);
        else
            file_write(w, text, 1);
}

int run_ids_write(const char *path, const struct idtable *ids, char **title, struct error *err)
{
    struct file_writer *w;

    TRY(file_create(&w, path, err));
    for (int64_t i = 0; i < idtable_count(ids); i++) {
        run_ids_put(w, idtable_name(ids, i));
        if (title && title[i]) {
            file_write(w, "\t", 1);
            run_ids_put(w, title[i]);
        }
        file_write(w, "\n", 1);
    }
    return file_commit(w, err);
}

/* Undoes run_ids_put in place; returns the length. */
static size_t unescape(char *text, size_t length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '\\' && i + 1 < length) {
            c = text[++i];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        text[used++] = c;
    }
    return used;
}

void run_ids_free_titles(char **title, int64_t n)
{
    for (int64_t i = 0; title && i < n; i++)
        mem_free(title[i]);
    mem_free(title);
}

/* One line of a table: [text, text + length). */
static int put_id(struct idtable *ids, char ***title, int64_t *room, char *text, size_t length,
                  const char *path, struct error *err)
{
    char *tab = memchr(text, '\t', length);
    size_t name = unescape(text, tab ? (size_t)(tab - text) : length);
    int64_t n = idtable_count(ids), row = idtable_put(ids, text, name);

    TRY(need_memory(row >= 0, err));
    if (row < n)
        return error_set(err, PT_EFILE, "%s: line %" PRId64 ": the id of line %" PRId64 " again", path, n + 1,
                         row + 1);
    if (!title)
        return 0;
    if (n == *room) {
        char **grown = mem_resize(*title, 2 * n + 64, sizeof *grown);

        TRY(need_memory(grown, err));
        *title = grown;
        *room = 2 * n + 64;
    }
    (*title)[n] = NULL;
    if (tab && tab + 1 < text + length) {
        tab[1 + unescape(tab + 1, (size_t)(text + length - tab - 1))] = '\0';
        (*title)[n] = mem_strdup(tab + 1);
        TRY(need_memory((*title)[n], err));
    }
    return 0;
}

int run_ids_read(struct idtable **out, char ***title, const char *folder, const char *name, struct error *err)
{
    scoped(idtable_free) struct idtable *ids = idtable_new();
    mem_scoped char *path = file_join(folder, name), *text = NULL;
    char **titles = NULL, *end;
    int64_t room = 0;
    size_t length = 0;
    int rc = 0;

    TRY(need_memory(ids && path, err));
    TRY(file_read(&text, &length, path, SIZE_MAX / 4, PT_EFILE, err));
    for (char *at = text; rc == 0 && at < text + length; at = end + 1) {
        end = memchr(at, '\n', (size_t)(text + length - at));
        if (!end) {
            rc = error_set(err, PT_EFILE, "%s: its last line has no end; the file is not whole", path);
            break;
        }
        rc = put_id(ids, title ? &titles : NULL, &room, at, (size_t)(end - at), path, err);
    }
    if (rc < 0) {
        run_ids_free_titles(titles, idtable_count(ids) < room ? idtable_count(ids) : room);
        return rc;
    }
    *out = handed_on(ids);
    if (title)
        *title = titles;
    return 0;
}

void run_prefix_ratings_error(struct error *err, const char *path, const char *what, const char *others)
{
    bool lost =
        *path != '/' && strncmp(path, RATINGS_SYNTH, strlen(RATINGS_SYNTH)) != 0 && !file_exists(path);

    error_prefix(err, "%s%s (%s)", what, lost ? ", relative to the folder in which it was trained" : "",
                 others);
}
