/* load.c - a configuration's life: defaults, the file, KEY=VALUE, comparison. */
#include "config/options.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The defaults, or (`from` not NULL) the values of another. */
static int make(struct config **out, const struct config *from, struct error *err)
{
    scoped(config_free) struct config *c = mem_zalloc(1, sizeof *c);

    TRY(need_memory(c, err));
    for (int i = 0; i < option_count; i++)
        TRY(from ? option_copy(c, from, &option_table[i], err)
                 : option_set_default(c, &option_table[i], err));
    *out = handed_on(c);
    return 0;
}

int config_new(struct config **out, struct error *err)
{
    return make(out, NULL, err);
}

int config_copy(struct config **out, const struct config *from, struct error *err)
{
    TRY(make(out, from, err));
    memcpy((*out)->set, from->set, sizeof from->set);
    (*out)->retired = from->retired;
    return 0;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    mem_pool_free(&c->pool);
    mem_free(c);
}

static void mark_given(struct config *c, int i)
{
    c->set[i / 64] |= UINT64_C(1) << (i % 64);
}

static bool is_given(const struct config *c, int i)
{
    return c->set[i / 64] >> (i % 64) & 1;
}

bool config_given(const struct config *c, const char *key)
{
    int i = option_find(key);

    return i >= 0 && is_given(c, i);
}

const char *config_enum_name(const char *key, int value)
{
    int i = option_find(key);
    const struct option *o = i < 0 ? NULL : &option_table[i];

    return o && (o->type == OPTION_ENUM || o->type == OPTION_BOOL) ? option_enum_name(o, value) : NULL;
}

static int unknown_key(const char *key, struct error *err)
{
    const char *near = option_nearest(key);

    if (near)
        return error_set(err, PT_ECONFIG, "%s: unknown key; did you mean %s?", show(key).text, near);
    return error_set(err, PT_ECONFIG, "%s: unknown key; `partrain config --reference` lists them all",
                     show(key).text);
}

/* A walk through a document. */
struct load {
    struct config *c;
    const char *path;
    int line[256]; /* by option: where it was given; 0: not yet */
    struct error *err;
};

static int load_option(struct load *load, int i, const struct tree *value)
{
    const struct option *o = &option_table[i];
    const struct tree *at = value;
    int rc;

    if (load->line[i])
        return tree_fail(load->err, load->path, value->key_line, value->key_column,
                         "%s: given twice, the first time in line %d", o->key, load->line[i]);
    load->line[i] = value->key_line;
    rc = option_set(load->c, o, value, &at, load->err);
    if (rc == PT_ECONFIG) {
        struct error reason = *load->err;

        return tree_fail(load->err, load->path, at->line, at->column, "%s", reason.text);
    }
    if (rc == 0)
        mark_given(load->c, i);
    return rc;
}

static int load_map(struct load *load, const struct tree *map, const char *section);

static int load_entry(struct load *load, const struct tree *entry, const char *section)
{
    char key[128];
    int length = snprintf(key, sizeof key, "%s%s%s", section, *section ? "." : "", entry->key);
    int i = length < (int)sizeof key ? option_find(key) : -1;
    struct error reason;

    if (i >= 0)
        return load_option(load, i, entry);
    if (option_find_retired(key)) {
        load->c->retired = option_find_retired(key);
        return 0;
    }
    if (!*section && strcmp(key, "tune") == 0)
        return entry->kind == TREE_MAP ? 0
                                       : tree_fail(load->err, load->path, entry->key_line, entry->key_column,
                                                   "tune: expected a mapping from keys to the values to try");
    if (!*section && section_find(key)) {
        if (entry->kind == TREE_MAP)
            return load_map(load, entry, key);
        if (tree_is_null(entry)) /* a section whose keys are all commented out */
            return 0;
        return tree_fail(load->err, load->path, entry->line, entry->column,
                         "%s: is a section; expected keys in it, as in `%s: {KEY: VALUE}`", key, key);
    }
    unknown_key(key, &reason);
    return tree_fail(load->err, load->path, entry->key_line, entry->key_column, "%s", reason.text);
}

static int load_map(struct load *load, const struct tree *map, const char *section)
{
    for (int i = 0; i < map->n; i++) {
        const struct tree *entry = &map->item[i];
        bool block = section_find(entry->key) || strcmp(entry->key, "tune") == 0;

        for (int j = 0; block && j < i; j++)
            if (strcmp(map->item[j].key, entry->key) == 0)
                return tree_fail(load->err, load->path, entry->key_line, entry->key_column,
                                 "%s: given twice; join the two", entry->key);
        TRY(load_entry(load, entry, section));
    }
    return 0;
}

static int load_tree(struct config *c, const struct tree *root, const char *path, struct error *err)
{
    struct error own = {0};
    struct load load = {.c = c, .path = path, .err = err ? err : &own};

    if (tree_is_null(root) || (root->kind == TREE_MAP && root->n == 0))
        return tree_fail(err, path, root->line, root->column,
                         "empty; give at least model.kind and data.path");
    if (root->kind != TREE_MAP)
        return tree_fail(err, path, root->line, root->column,
                         "expected sections with keys in them, as in `model: {kind: multivae}`");
    return load_map(&load, root, "");
}

int config_load(struct config *c, const char *path, struct error *err)
{
    scoped(tree_free) struct tree *root = NULL;

    TRY(tree_read(&root, path, err));
    return load_tree(c, root, path, err);
}

int config_load_text(struct config *c, const char *text, size_t length, const char *name, struct error *err)
{
    scoped(tree_free) struct tree *root = NULL;

    TRY(tree_parse(&root, text, length, name, err));
    return load_tree(c, root, name, err);
}

/* A key alone, or what is meant as the path of a configuration or of ratings. */
static int no_value(const char *word, struct error *err)
{
    size_t length = strlen(word);

    if (option_find(word) >= 0)
        return error_set(err, PT_EUSAGE, "%s: expected KEY=VALUE: %s=...", show(word).text, word);
    if (length > 5 && (strcmp(word + length - 5, ".yaml") == 0 || strcmp(word + length - 4, ".yml") == 0))
        return error_set(err, PT_EUSAGE, "%s: expected KEY=VALUE; a configuration is read by -c %s",
                         show(word).text, word);
    if (file_exists(word))
        return error_set(err, PT_EUSAGE, "%s: expected KEY=VALUE; if these are the ratings: data.path=%s",
                         show(word).text, word);
    return error_set(err, PT_EUSAGE, "%s: expected KEY=VALUE, as in data.path=FILE", show(word).text);
}

int config_set(struct config *c, const char *assignment, struct error *err)
{
    const char *equals = strchr(assignment, '=');
    mem_scoped char *key = mem_strdup(assignment);
    int i;

    if (!equals || equals == assignment)
        return no_value(assignment, err);
    TRY(need_memory(key, err));
    key[equals - assignment] = 0;
    i = option_find(key);
    if (i >= 0) {
        TRY(option_set_text(c, i, equals + 1, err));
        mark_given(c, i);
    } else if (option_find_retired(key)) {
        c->retired = option_find_retired(key);
    } else if (section_find(key)) {
        return error_set(err, PT_ECONFIG, "%s: is a section; name a key in it, as in %s.KEY=VALUE", key, key);
    } else {
        return unknown_key(key, err);
    }
    return 0;
}

int config_setf(struct config *c, struct error *err, const char *fmt, ...)
{
    mem_scoped char *assignment = NULL;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vasprintf(&assignment, fmt, args);
    va_end(args);
    TRY(need_memory(n >= 0, err));
    return config_set(c, assignment, err);
}

const char *config_next_unused(const struct config *c, int *at)
{
    scoped(config_free) struct config *defaults = NULL;
    const char *key = NULL;

    if (config_new(&defaults, NULL) < 0) /* no memory: no note */
        return NULL;
    for (; *at < option_count && !key; (*at)++) {
        const struct option *o = &option_table[*at];

        if (is_given(c, *at) && !option_used(c, o) && !option_equal(c, defaults, o))
            key = o->key;
    }
    return key;
}

const char *config_resume_conflict(const struct config *a, const struct config *b)
{
    for (int i = 0; i < option_count; i++) {
        const char *key = option_table[i].key;

        if (strcmp(key, "train.epochs") != 0 && strncmp(key, "run.", 4) != 0 &&
            strcmp(key, "eval.untrained") != 0 && /* its default has changed; no weight hangs on it */
            !option_equal(a, b, &option_table[i]))
            return key;
    }
    return NULL;
}
