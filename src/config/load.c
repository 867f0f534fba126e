/* load.c - a configuration's life: defaults, the file, KEY=VALUE, comparison. */
#include "config/options.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The defaults, or (`from` not NULL) the values of another. */
static int make(struct config **out, const struct config *from, struct error *err)
{
    struct config *c = mem_zalloc(1, sizeof *c);
    int rc = c ? 0 : error_set(err, PT_ENOMEM, "configuration: out of memory");

    for (int i = 0; i < option_count() && rc == 0; i++)
        rc = from ? option_copy(c, from, option_at(i), err) : option_set_default(c, option_at(i), err);
    if (rc < 0) {
        config_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

int config_new(struct config **out, struct error *err)
{
    return make(out, NULL, err);
}

int config_copy(struct config **out, const struct config *from, struct error *err)
{
    int rc = make(out, from, err);

    if (rc == 0) {
        memcpy((*out)->set, from->set, sizeof from->set);
        (*out)->retired = from->retired;
    }
    return rc;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (int i = 0; i < option_count(); i++)
        option_clear(c, option_at(i));
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
    const struct option *o = i < 0 ? NULL : option_at(i);

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

/* A walk through a document: what has been seen, and where. */
struct load {
    struct config *c;
    const char *path;
    int line[256]; /* by option: where it was given; 0: not yet */
    struct error *err;
};

static int place_error(struct load *load, int line, int column)
{
    char reason[sizeof load->err->text];

    if (!load->err || load->err->code == PT_ENOMEM)
        return load->err ? load->err->code : PT_ECONFIG;
    memcpy(reason, load->err->text, sizeof reason);
    return tree_fail(load->err, load->err->code, load->path, line, column, reason);
}

static int load_option(struct load *load, int i, const struct tree *value)
{
    const struct option *o = option_at(i);
    const struct tree *at = value;
    int rc;

    if (load->line[i]) {
        error_set(load->err, PT_ECONFIG, "%s: given twice, the first time in line %d", o->key, load->line[i]);
        return place_error(load, value->key_line, value->key_column);
    }
    load->line[i] = value->key_line;
    rc = option_set(load->c, o, value, &at, load->err);
    if (rc < 0) {
        place_error(load, at->line, at->column);
        return rc;
    }
    mark_given(load->c, i);
    return 0;
}

static bool seen_before(const struct tree *map, int i)
{
    for (int j = 0; j < i; j++) {
        if (strcmp(map->item[j].key, map->item[i].key) == 0)
            return true;
    }
    return false;
}

static int load_map(struct load *load, const struct tree *map, const char *section);

static int load_entry(struct load *load, const struct tree *entry, const char *section)
{
    char key[128];
    int i, length = snprintf(key, sizeof key, "%s%s%s", section, *section ? "." : "", entry->key);

    i = length < (int)sizeof key ? option_find(key) : -1;
    if (i >= 0)
        return load_option(load, i, entry);
    if (option_find_retired(key)) {
        load->c->retired = option_find_retired(key);
        return 0;
    }
    if (!*section && strcmp(key, "tune") == 0) {
        if (entry->kind == TREE_MAP)
            return 0;
        error_set(load->err, PT_ECONFIG, "tune: expected a mapping from keys to the values to try");
    } else if (!*section && section_find(key)) {
        if (entry->kind == TREE_MAP)
            return load_map(load, entry, key);
        if (tree_is_null(entry)) /* a section whose keys are all commented out */
            return 0;
        error_set(load->err, PT_ECONFIG, "%s: is a section; expected keys in it, as in `%s: {KEY: VALUE}`",
                  key, key);
        place_error(load, entry->line, entry->column);
        return PT_ECONFIG;
    } else {
        unknown_key(key, load->err);
    }
    place_error(load, entry->key_line, entry->key_column);
    return PT_ECONFIG;
}

static int load_map(struct load *load, const struct tree *map, const char *section)
{
    for (int i = 0; i < map->n; i++) {
        int rc;

        if (seen_before(map, i) && option_find(map->item[i].key) < 0 &&
            (section_find(map->item[i].key) || strcmp(map->item[i].key, "tune") == 0)) {
            error_set(load->err, PT_ECONFIG, "%s: given twice; join the two", map->item[i].key);
            place_error(load, map->item[i].key_line, map->item[i].key_column);
            return PT_ECONFIG;
        }
        rc = load_entry(load, &map->item[i], section);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_tree(struct config *c, const struct tree *root, const char *path, struct error *err)
{
    struct error own = {0};
    struct load load = {.c = c, .path = path, .err = err ? err : &own};

    if (tree_is_null(root) || (root->kind == TREE_MAP && root->n == 0))
        return tree_fail(err, PT_ECONFIG, path, root->line, root->column,
                         "empty; give at least model.kind and data.path");
    if (root->kind != TREE_MAP)
        return tree_fail(err, PT_ECONFIG, path, root->line, root->column,
                         "expected sections with keys in them, as in `model: {kind: multivae}`");
    return load_map(&load, root, "");
}

int config_load(struct config *c, const char *path, struct error *err)
{
    struct tree *root = NULL;
    int rc = tree_read(&root, path, err);

    if (rc == 0)
        rc = load_tree(c, root, path, err);
    tree_free(root);
    return rc;
}

int config_load_text(struct config *c, const char *text, size_t length, const char *name, struct error *err)
{
    struct tree *root = NULL;
    int rc = tree_parse(&root, text, length, name, err);

    if (rc == 0)
        rc = load_tree(c, root, name, err);
    tree_free(root);
    return rc;
}

static int set_option(struct config *c, int i, char *value, struct error *err)
{
    const struct option *o = option_at(i);
    struct tree raw = {.text = value, .quoted = o->type == OPTION_TEXT || o->type == OPTION_TEXTS};
    struct tree *root = NULL;
    const struct tree *at;
    int rc;

    if (!*value || (o->type == OPTION_TEXT && *value != '"' && *value != '\''))
        return option_set(c, o, &raw, &at, err);
    rc = tree_parse(&root, value, strlen(value), NULL, err);
    if (rc < 0) {
        if (err && rc == PT_ECONFIG)
            error_prefix(err, "%s", o->key);
        return rc;
    }
    rc = option_set(c, o, root, &at, err);
    tree_free(root);
    return rc;
}

int config_set(struct config *c, const char *assignment, struct error *err)
{
    const char *equals = strchr(assignment, '=');
    char *key;
    int i, rc;

    if (!equals || equals == assignment)
        return error_set(err, PT_EUSAGE, "%s: expected KEY=VALUE", show(assignment).text);
    key = mem_strdup(assignment);
    if (!key)
        return error_set(err, PT_ENOMEM, "configuration: out of memory");
    key[equals - assignment] = 0;
    i = option_find(key);
    if (i >= 0)
        rc = set_option(c, i, key + (equals - assignment) + 1, err);
    else if (option_find_retired(key))
        c->retired = option_find_retired(key), rc = 0;
    else if (section_find(key))
        rc = error_set(err, PT_ECONFIG, "%s: is a section; name a key in it, as in %s.KEY=VALUE", key, key);
    else
        rc = unknown_key(key, err);
    if (rc == 0 && i >= 0)
        mark_given(c, i);
    mem_free(key);
    return rc;
}

int config_setf(struct config *c, struct error *err, const char *fmt, ...)
{
    char *assignment;
    va_list args;
    int rc;

    va_start(args, fmt);
    rc = vasprintf(&assignment, fmt, args);
    va_end(args);
    if (rc < 0)
        return error_set(err, PT_ENOMEM, "out of memory");
    rc = config_set(c, assignment, err);
    free(assignment);
    return rc;
}

const char *config_next_unused(const struct config *c, int *at)
{
    struct config *defaults = NULL;
    const char *key = NULL;

    if (config_new(&defaults, NULL) < 0) /* no memory: no note */
        return NULL;
    for (; *at < option_count() && !key; (*at)++) {
        const struct option *o = option_at(*at);

        if (is_given(c, *at) && !option_used(c, o) && !option_equal(c, defaults, o))
            key = o->key;
    }
    config_free(defaults);
    return key;
}

const char *config_resume_conflict(const struct config *a, const struct config *b)
{
    for (int i = 0; i < option_count(); i++) {
        const char *key = option_at(i)->key;

        if (strcmp(key, "train.epochs") != 0 && strncmp(key, "run.", 4) != 0 &&
            strcmp(key, "eval.untrained") != 0 && /* its default has changed; no weight hangs on it */
            !option_equal(a, b, option_at(i)))
            return key;
    }
    return NULL;
}
