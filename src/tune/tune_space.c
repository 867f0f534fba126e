/* tune_space.c - the tune: block, and what it draws. */
#include "tune/tune.h"

#include "base/mem.h"
#include "base/real.h"
#include "base/rng.h"
#include "config/tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tune_method_name[] = {"random", "grid", "halving"};

#define MOST_TRIALS 1000000
#define TEXT        512 /* bytes of a value */

struct block {
    const char *path;
    struct tune_spec *spec;
    struct error *err;
};

#define WRONG(r, at, ...) tree_fail((r)->err, (r)->path, (at)->line, (at)->column, "tune: " __VA_ARGS__)

static int read_number(const struct block *r, const struct tree *t, double low, double high, double *out)
{
    char *end;

    if (t->kind == TREE_SCALAR && !t->quoted && *t->text) {
        *out = strtod(t->text, &end);
        if (!*end && isfinite(*out) && *out >= low && *out <= high)
            return 0;
    }
    return WRONG(r, t, "expected a number from %g to %g", low, high);
}

static int read_whole(const struct block *r, const struct tree *t, double low, int64_t *out)
{
    double value = 0.0;

    TRY(read_number(r, t, low, 1e9, &value));
    if (value != floor(value))
        return WRONG(r, t, "expected a whole number");
    *out = (int64_t)value;
    return 0;
}

/* A value as config_set takes it: a scalar as it stands, a list as [a, b]. */
static bool flow(const struct tree *t, char out[TEXT])
{
    size_t used;

    if (t->kind == TREE_SCALAR)
        return snprintf(out, TEXT, "%s", t->text) < TEXT;
    used = (size_t)snprintf(out, TEXT, "[");
    for (int i = 0; t->kind == TREE_LIST && i < t->n && used + 2 < TEXT; i++) {
        if (t->item[i].kind != TREE_SCALAR)
            return false;
        used += (size_t)snprintf(out + used, TEXT - used, "%s%s", i ? ", " : "", t->item[i].text);
    }
    return t->kind == TREE_LIST && used + 2 < TEXT && strcpy(out + used, "]");
}

static int read_choices(const struct block *r, const struct tree *t, struct tune_axis *a)
{
    char text[TEXT];

    if (t->n == 0)
        return WRONG(r, t, "nothing to choose from");
    a->choice = mem_pool_alloc(&r->spec->pool, t->n, sizeof *a->choice);
    for (; a->choice && a->choices < t->n; a->choices++) {
        const struct tree *item = &t->item[a->choices];

        if (!flow(item, text))
            return WRONG(r, item, "expected a value, or a list of values");
        a->choice[a->choices] = mem_pool_add(&r->spec->pool, mem_strdup(text));
    }
    return 0;
}

static bool is_whole(const struct tree *t)
{
    return strspn(t->text, "+-0123456789") == strlen(t->text);
}

static int read_range(const struct block *r, const struct tree *t, struct tune_axis *a)
{
    const struct tree *from = NULL, *to = NULL;
    int64_t points = 0;

    for (int i = 0; i < t->n; i++) {
        const struct tree *x = &t->item[i];

        if (strcmp(x->key, "from") == 0) {
            TRY(read_number(r, from = x, -1e30, 1e30, &a->from));
        } else if (strcmp(x->key, "to") == 0) {
            TRY(read_number(r, to = x, -1e30, 1e30, &a->to));
        } else if (strcmp(x->key, "points") == 0) {
            TRY(read_whole(r, x, 2, &points));
        } else if (strcmp(x->key, "scale") == 0 && x->kind == TREE_SCALAR &&
                   (strcmp(x->text, "log") == 0 || strcmp(x->text, "linear") == 0)) {
            a->logarithmic = strcmp(x->text, "log") == 0;
        } else {
            return WRONG(r, x,
                         "a range is {from: A, to: B}, with scale: log or linear, and points: N in a grid");
        }
    }
    if (!from || !to || a->from >= a->to)
        return WRONG(r, t, "a range needs from and to, the smaller one first");
    if (a->logarithmic && a->from <= 0.0)
        return WRONG(r, from, "a range of scale log is above 0");
    a->whole = is_whole(from) && is_whole(to);
    a->points = points < 10000 ? (int)points : 10000;
    return 0;
}

/* Keys that change the data, the validation part or the metric: figures could not be compared. */
static bool may_vary(const char *key)
{
    static const char *const refused[] = {
        "data.",       "split.",           "eval.",      "run.", "model.kind", "train.monitor",
        "train.refit", "train.eval_every", "train.init", NULL};

    for (int i = 0; refused[i]; i++)
        if (strncmp(key, refused[i], strlen(refused[i])) == 0 &&
            (refused[i][strlen(refused[i]) - 1] == '.' || strcmp(key, refused[i]) == 0))
            return false;
    return true;
}

static int add_axis(const struct block *r, const char *section, const struct tree *t)
{
    struct tune_spec *s = r->spec;
    struct tune_axis *more = mem_resize(s->axis, s->axes + 1, sizeof *more), *a;
    char key[128];

    TRY(need_memory(more, r->err));
    s->axis = more;
    a = &more[s->axes++];
    *a = (struct tune_axis){.line = t->line, .column = t->column};
    snprintf(key, sizeof key, "%s%s%s", section, *section ? "." : "", t->key);
    a->key = mem_pool_add(&s->pool, mem_strdup(key));
    TRY(need_memory(!s->pool.failed, r->err));
    if (!may_vary(key))
        return WRONG(r, t, "%s cannot be searched: its values could not be compared on one validation part",
                     key);
    for (int i = 0; i + 1 < s->axes; i++)
        if (strcmp(s->axis[i].key, key) == 0)
            return WRONG(r, t, "%s stands twice", key);
    return t->kind == TREE_LIST ? read_choices(r, t, a) : read_range(r, t, a);
}

/* {from: ..., to: ...} is a range, another mapping a section. */
static bool is_section(const struct tree *t)
{
    if (t->kind != TREE_MAP || strchr(t->key, '.'))
        return false;
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->item[i].key, "from") == 0)
            return false;
    return true;
}

/* A key with its values, or a section of them. */
static int read_axes(const struct block *r, const char *section, const struct tree *t)
{
    for (int i = 0; i < t->n; i++) {
        const struct tree *x = &t->item[i];

        if (x->kind == TREE_SCALAR)
            return WRONG(r, x, "expected a list of values, or a range {from: A, to: B}");
        TRY(!*section && is_section(x) ? read_axes(r, x->key, x) : add_axis(r, section, x));
    }
    return 0;
}

static int read_method(const struct block *r, const struct tree *t)
{
    for (int i = 0; t->kind == TREE_SCALAR && i < 3; i++)
        if (strcmp(t->text, tune_method_name[i]) == 0) {
            r->spec->method = (enum tune_method)i;
            return 0;
        }
    return WRONG(r, t, "method: \"%.40s\" is none of random, grid, halving",
                 t->kind == TREE_SCALAR ? t->text : "...");
}

static int read_entry(const struct block *r, const struct tree *t)
{
    struct tune_spec *s = r->spec;

    if (strcmp(t->key, "method") == 0)
        return read_method(r, t);
    if (strcmp(t->key, "trials") == 0)
        return read_whole(r, t, 1, &s->trials);
    if (strcmp(t->key, "seed") == 0)
        return read_whole(r, t, 0, &s->seed);
    if (strcmp(t->key, "minutes") == 0)
        return read_number(r, t, 0, 1e7, &s->minutes);
    if (strcmp(t->key, "min_epochs") == 0)
        return read_whole(r, t, 1, &s->min_epochs);
    if (strcmp(t->key, "eta") == 0)
        return read_whole(r, t, 2, &s->eta);
    if (strcmp(t->key, "space") == 0)
        return t->kind == TREE_MAP && t->n ? read_axes(r, "", t)
                                           : WRONG(r, t, "space is a mapping from keys to the values to try");
    return tree_fail(r->err, r->path, t->key_line, t->key_column,
                     "tune: \"%.40s\" is none of method, trials, seed, minutes, min_epochs, eta, space",
                     t->key);
}

static int read_block(const struct block *r, const struct tree *block)
{
    struct tune_spec *s = r->spec;

    if (block->kind != TREE_MAP)
        return WRONG(r, block, "expected a mapping");
    for (int i = 0; i < block->n; i++)
        TRY(read_entry(r, &block->item[i]));
    TRY(need_memory(!s->pool.failed, r->err));
    if (s->axes == 0)
        return WRONG(r, block, "there is no space: of which keys to try which values");
    if (s->method != TUNE_GRID && s->trials == 0)
        return WRONG(r, block, "how many trials? trials: N");
    if (s->method == TUNE_GRID && s->trials)
        return WRONG(r, block, "a grid has as many trials as there are combinations: leave out trials");
    if (s->trials > MOST_TRIALS)
        return WRONG(r, block, "more than a million trials");
    for (int i = 0; i < s->axes && s->method == TUNE_GRID; i++)
        if (!s->axis[i].choice && !s->axis[i].points)
            return WRONG(r, &s->axis[i], "in a grid a range says how many values to try: points: N");
    if (s->method == TUNE_GRID && tune_grid_size(s) < 0)
        return WRONG(r, block, "the grid has more than a million combinations");
    return 0;
}

int tune_spec_read(struct tune_spec **out, const char *path, struct error *err)
{
    scoped(tree_free) struct tree *tree = NULL;
    scoped(tune_spec_free) struct tune_spec *spec = mem_zalloc(1, sizeof *spec);
    struct block r = {path, spec, err};
    const struct tree *block = NULL;

    TRY(need_memory(spec, err));
    TRY(tree_read(&tree, path, err));
    spec->seed = 1;
    spec->eta = 3;
    for (int i = 0; tree->kind == TREE_MAP && i < tree->n; i++)
        if (strcmp(tree->item[i].key, "tune") == 0)
            block = &tree->item[i];
    if (!block)
        return error_set(err, PT_ECONFIG, "%s: there is no tune: block, which says what to try", path);
    TRY(read_block(&r, block));
    *out = handed_on(spec);
    return 0;
}

void tune_spec_free(struct tune_spec *s)
{
    if (!s)
        return;
    mem_pool_free(&s->pool);
    mem_free(s->axis);
    mem_free(s);
}

/* The point at share u in [0, 1] of a range, with the digits that a person would write. */
static void range_text(const struct tune_axis *a, double u, char out[TEXT])
{
    double value = a->logarithmic ? real_exp(real_log(a->from) + u * (real_log(a->to) - real_log(a->from)))
                                  : a->from + u * (a->to - a->from);

    if (a->whole)
        snprintf(out, TEXT, "%lld", llround(value));
    else
        snprintf(out, TEXT, "%.4g", value);
}

/* 53 bits of trial and axis: no draw depends on another axis or trial. */
static double draw_unit(const struct tune_spec *s, int64_t id, int axis)
{
    struct rng4 w = rng_philox((uint64_t)s->seed, RNG_TUNE, (uint64_t)id, (uint32_t)axis, 0);

    return ((double)(w.word[0] >> 5) * 67108864.0 + (double)(w.word[1] >> 6)) * 0x1p-53;
}

static int64_t axis_size(const struct tune_axis *a)
{
    return a->choice ? a->choices : a->points;
}

int64_t tune_grid_size(const struct tune_spec *s)
{
    int64_t n = 1;

    for (int i = 0; i < s->axes && n <= MOST_TRIALS; i++)
        n *= axis_size(&s->axis[i]);
    return n <= MOST_TRIALS ? n : -1;
}

void tune_draw(const struct tune_spec *s, int64_t id, char **value, struct mem_pool *pool)
{
    bool grid = s->method == TUNE_GRID;
    int64_t rest = id - 1; /* of a grid: the last axis goes round fastest */

    for (int i = s->axes - 1; i >= 0; i--) {
        const struct tune_axis *a = &s->axis[i];
        int64_t size = axis_size(a), at = grid ? rest % size : 0;
        double u = !grid ? draw_unit(s, id, i) : size > 1 ? (double)at / (double)(size - 1) : 0.0;
        char text[TEXT];

        if (a->choice)
            snprintf(text, sizeof text, "%s", a->choice[grid ? at : (int64_t)(u * a->choices)]);
        else
            range_text(a, u, text);
        value[i] = mem_pool_add(pool, mem_strdup(text));
        rest /= grid ? size : 1;
    }
}
