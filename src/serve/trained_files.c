#include "serve/trained_files.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/run_files.h"

#include <errno.h>
#include <string.h>

/* "runs/a/model.safetensors" is "runs/a". */
static int name_files(struct trained_files *f, const char *folder, struct error *err)
{
    const char *slash = strrchr(folder, '/');

    f->folder = mem_strdup(folder);
    if (f->folder && strcmp(slash ? slash + 1 : folder, RUN_MODEL) == 0)
        strcpy(f->folder + (slash ? slash - folder : 0), slash ? "" : ".");
    f->path = f->folder ? file_join(f->folder, RUN_MODEL) : NULL;
    return f->path ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

static int read_config(struct trained_files *f, char *const *override, int n, struct error *err)
{
    const char *text = tensors_meta(f->tensors, "config");
    int rc;

    if (!text)
        return error_set(err, PT_EFILE, "%s: it has no configuration; is it a model that partrain saved?",
                         f->path);
    if ((rc = config_new(&f->config, err)) < 0 ||
        (rc = config_load_text(f->config, text, strlen(text), f->path, err)) < 0)
        return rc;
    f->config->retired = NULL; /* it had its effect in training */
    for (int i = 0; i < n && rc == 0; i++)
        rc = config_set(f->config, override[i], err);
    return rc < 0 ? rc : config_check_use(f->config, err);
}

static int read_ids(const struct trained_files *f, const char *name, struct idtable **out, char ***title,
                    struct error *err)
{
    char *path = file_join(f->folder, name);
    int rc = path ? run_ids_read(out, title, path, err) : error_set(err, PT_ENOMEM, "out of memory");

    mem_free(path);
    return rc;
}

int trained_files_open(struct trained_files *out, const char *folder, char *const *override, int n,
                       struct error *err)
{
    const char *digest;
    int rc;

    *out = (struct trained_files){0};
    if ((rc = name_files(out, folder, err)) < 0)
        return rc;
    if (!file_exists(out->path) && errno != EACCES)
        return error_set(err, PT_EUSAGE, "%s: there is no model in this folder; train one with --out %s",
                         out->folder, out->folder);
    if ((rc = tensors_open(&out->tensors, out->path, err)) < 0 ||
        (rc = read_config(out, override, n, err)) < 0 ||
        (rc = run_facts_read(&out->facts, out->tensors, out->path, err)) < 0 ||
        (rc = read_ids(out, RUN_ITEMS, &out->items, &out->title, err)) < 0)
        return rc;
    digest = tensors_meta(out->tensors, "data_digest");
    if (digest && !(out->digest = mem_strdup(digest)))
        return error_set(err, PT_ENOMEM, "out of memory");
    return read_ids(out, RUN_USERS, &out->users, NULL, err);
}

void trained_files_close(struct trained_files *f)
{
    run_ids_free_titles(f->title, f->items ? idtable_count(f->items) : 0);
    idtable_free(f->items);
    idtable_free(f->users);
    config_free(f->config);
    tensors_close(f->tensors);
    mem_free(f->digest);
    mem_free(f->path);
    mem_free(f->folder);
    *f = (struct trained_files){0};
}

int trained_files_untrained(uint8_t **out, const struct trained_files *f, const char *key, int64_t n,
                            struct error *err)
{
    int rc = run_facts_rows(out, f->tensors, f->path, key, n, err);

    if (rc < 0 || *out)
        return rc;
    *out = mem_zalloc(n, 1);
    return *out ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}
