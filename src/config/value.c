/* value.c - one option's value: from a document into its field, its default, equality. */
#include "config/options.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_TEXT = 4096 };

/* What a value of the option looks like, for "... where EXPECTED is expected". */
static const char *expected(const struct option *o)
{
    switch (o->type) {
    case OPTION_INT:
        return "a whole number";
    case OPTION_REAL:
        return option_is_time(o) ? "a number or a date such as 2024-01-31" : "a number";
    case OPTION_BOOL:
        return "true or false";
    case OPTION_TEXT:
        return "a text";
    case OPTION_ENUM:
        return "one word";
    case OPTION_INTS:
        return "a whole number or a list of them";
    case OPTION_TEXTS:
        return "a word or a list of them";
    }
    return "";
}

static int wrong_type(const struct option *o, const struct tree *value, struct error *err)
{
    const char *what = expected(o);

    if (value->kind != TREE_SCALAR)
        return error_set(err, PT_ECONFIG, "%s: a %s stands where %s is expected", o->key,
                         value->kind == TREE_LIST ? "list" : "mapping", what);
    if (tree_is_null(value))
        return error_set(err, PT_ECONFIG, "%s: no value; %s is expected", o->key, what);
    if (value->quoted && o->type != OPTION_ENUM)
        return error_set(err, PT_ECONFIG, "%s: %s is a text in quotes, where %s is expected", o->key,
                         show(value->text).text, what);
    return error_set(err, PT_ECONFIG, "%s: %s is not %s", o->key, show(value->text).text, what);
}

/* A number beyond a bound; `low` and `high` are the bounds as text. */
static int out_of_bounds(const struct option *o, const char *text, bool below, const char *low,
                         const char *high, struct error *err)
{
    return error_set(err, PT_ECONFIG, "%s: %.40s is %s %s (allowed: %s to %s)", o->key, text,
                     below ? "below" : "above", below ? low : high, low, high);
}

static int read_whole(const struct option *o, const struct tree *value, int64_t *out, struct error *err)
{
    const char *digits = value->text;
    char low[24], high[24];
    int64_t number;

    if (value->kind != TREE_SCALAR || value->quoted)
        return wrong_type(o, value, err);
    digits += *digits == '-' || *digits == '+';
    if (!*digits || digits[strspn(digits, "0123456789")])
        return wrong_type(o, value, err);
    number =
        strtoll(value->text, NULL, 10); /* of digits alone: too many give the largest or smallest number */
    if (number < o->low || number > o->high) {
        snprintf(low, sizeof low, "%" PRId64, o->low);
        snprintf(high, sizeof high, "%" PRId64, o->high);
        return out_of_bounds(o, value->text, number < o->low, low, high, err);
    }
    *out = number;
    return 0;
}

static int read_real(const struct option *o, const struct tree *value, double *out, struct error *err)
{
    bool scalar = value->kind == TREE_SCALAR;
    char least[40], most[40];
    double number;
    int64_t time;

    if (scalar && option_is_time(o) && date_parse(value->text, strlen(value->text), &time) && time > 0)
        number = (double)time;
    else if (scalar && option_can_be_unset(o) && strcmp(value->text, "unset") == 0)
        number = o->real;
    else if (!scalar || value->quoted || !real_parse(value->text, &number))
        return wrong_type(o, value, err);
    else if (number < o->least || number > o->most) {
        real_format(o->least, least, sizeof least);
        real_format(o->most, most, sizeof most);
        return out_of_bounds(o, value->text, number < o->least, least, most, err);
    }
    *out = number + 0.0; /* no -0 */
    return 0;
}

static int read_bool(const struct option *o, const struct tree *value, bool *out, struct error *err)
{
    static const char *const word[] = {"false", "true", "no", "yes", "off", "on"};

    for (int i = 0; value->kind == TREE_SCALAR && !value->quoted && i < 6; i++) {
        if (strcmp(value->text, word[i]) == 0) {
            *out = i % 2;
            return 0;
        }
    }
    return wrong_type(o, value, err);
}

/* bf16 in bfloat16: its letters in their order, from the first one to the last. */
static bool is_spelt_within(const char *name, const char *text)
{
    const char *last = text + strlen(text) - 1;

    if (*name != *text || name[strlen(name) - 1] != *last)
        return false;
    for (; *text; text++)
        name += *name == *text;
    return !*name;
}

static int read_enum(const struct option *o, const struct tree *value, int *out, struct error *err)
{
    char known[256] = "";
    const char *name, *nearest = NULL;
    int best = 4;

    if (value->kind != TREE_SCALAR || tree_is_null(value))
        return wrong_type(o, value, err);
    for (int i = 0; (name = option_enum_name(o, i)); i++) {
        int d = word_distance(value->text, name);

        if (d == 0) {
            *out = i;
            return 0;
        }
        if (strlen(value->text) > 2 && (strstr(name, value->text) || is_spelt_within(name, value->text)))
            d = 1;
        if (d < best && d < (int)strlen(name)) {
            best = d;
            nearest = name;
        }
        text_append(known, sizeof known, "%s%s", i ? ", " : "", name);
    }
    return error_set(err, PT_ECONFIG, "%s: %s is none of %s%s%s%s", o->key, show(value->text).text, known,
                     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* The text into a field, in the configuration's memory. */
static int keep_text(struct config *c, const struct option *o, char **field, const char *text,
                     struct error *err)
{
    char *copy;

    if (strlen(text) > LONGEST_TEXT)
        return error_set(err, PT_ECONFIG, "%s: longer than %d bytes", o->key, LONGEST_TEXT);
    if (!utf8_valid(text, strlen(text))) /* what is printed as YAML has to be */
        return error_set(err, PT_ECONFIG, "%s: %s is not UTF-8", o->key, show(text).text);
    copy = mem_pool_add(&c->pool, mem_strdup(text));
    TRY(need_memory(copy, err));
    *field = copy;
    return 0;
}

static int set_items(struct config *c, const struct option *o, const struct tree *item, int n,
                     const struct tree **at, struct error *err)
{
    struct int_list numbers = {.n = n};
    struct text_list words = {.n = n};

    for (int i = 0; i < n; i++) {
        if (at)
            *at = &item[i];
        if (o->type == OPTION_INTS)
            TRY(read_whole(o, &item[i], &numbers.value[i], err));
        else if (item[i].kind != TREE_SCALAR || tree_is_null(&item[i]) || !*item[i].text)
            return error_set(err, PT_ECONFIG, "%s: entry %d of the list is not a word", o->key, i + 1);
        else
            TRY(keep_text(c, o, &words.value[i], item[i].text, err));
    }
    if (o->type == OPTION_INTS)
        *(struct int_list *)option_field(c, o) = numbers;
    else
        *(struct text_list *)option_field(c, o) = words;
    return 0;
}

/* "600, 200" as the list [600, 200]: plain words between commas or blanks. */
static int split_words(struct config *c, const struct option *o, const char *words, const struct tree *from,
                       struct error *err)
{
    struct tree item[CONFIG_LIST];
    mem_scoped char *text = mem_strdup(words);
    char *rest = NULL;
    int n = 0;

    TRY(need_memory(text, err));
    for (char *word = strtok_r(text, ", \t", &rest); word; word = strtok_r(NULL, ", \t", &rest)) {
        if (n == CONFIG_LIST)
            return error_set(err, PT_ECONFIG, "%s: more than %d entries", o->key, CONFIG_LIST);
        item[n++] = (struct tree){.text = word, .quoted = from->quoted};
    }
    return set_items(c, o, item, n, NULL, err);
}

static int set_list(struct config *c, const struct option *o, const struct tree *value,
                    const struct tree **at, struct error *err)
{
    if (value->kind == TREE_LIST && value->n > CONFIG_LIST)
        return error_set(err, PT_ECONFIG, "%s: more than %d entries", o->key, CONFIG_LIST);
    if (value->kind == TREE_LIST)
        return set_items(c, o, value->item, value->n, at, err);
    if (value->kind == TREE_MAP || tree_is_null(value) || (o->type == OPTION_INTS && value->quoted))
        return wrong_type(o, value, err);
    return split_words(c, o, value->text, value, err);
}

int option_set(struct config *c, const struct option *o, const struct tree *value, const struct tree **at,
               struct error *err)
{
    void *field = option_field(c, o);

    *at = value;
    switch (o->type) {
    case OPTION_INT:
        return read_whole(o, value, field, err);
    case OPTION_REAL:
        return read_real(o, value, field, err);
    case OPTION_BOOL:
        return read_bool(o, value, field, err);
    case OPTION_ENUM:
        return read_enum(o, value, field, err);
    case OPTION_TEXT:
        return value->kind != TREE_SCALAR || tree_is_null(value) ? wrong_type(o, value, err)
                                                                 : keep_text(c, o, field, value->text, err);
    case OPTION_INTS:
    case OPTION_TEXTS:
        return set_list(c, o, value, at, err);
    }
    return 0;
}

int option_set_text(struct config *c, int i, const char *value, struct error *err)
{
    const struct option *o = &option_table[i];
    struct tree raw = {.text = (char *)value, .quoted = o->type == OPTION_TEXT || o->type == OPTION_TEXTS};
    scoped(tree_free) struct tree *root = NULL;
    const struct tree *at;
    int rc;

    if (!*value || (o->type == OPTION_TEXT && *value != '"' && *value != '\''))
        return option_set(c, o, &raw, &at, err);
    rc = tree_parse(&root, value, strlen(value), NULL, err);
    if (rc == PT_ECONFIG)
        error_prefix(err, "%s", o->key);
    TRY(rc);
    return option_set(c, o, root, &at, err);
}

int option_set_default(struct config *c, const struct option *o, struct error *err)
{
    struct tree text = {.text = (char *)o->text, .quoted = o->type != OPTION_INTS};
    void *field = option_field(c, o);
    const struct tree *at;

    switch (o->type) {
    case OPTION_INT:
        *(int64_t *)field = o->whole;
        return 0;
    case OPTION_REAL:
        *(double *)field = o->real;
        return 0;
    case OPTION_BOOL:
        *(bool *)field = o->whole != 0;
        return 0;
    case OPTION_ENUM:
        *(int *)field = (int)o->whole;
        return 0;
    default:
        return option_set(c, o, &text, &at, err);
    }
}

int option_copy(struct config *to, const struct config *from, const struct option *o, struct error *err)
{
    const void *value = option_field(from, o);
    const struct text_list *words = value;
    struct text_list *copies = option_field(to, o);

    if (o->type == OPTION_TEXT)
        return keep_text(to, o, option_field(to, o), *(char *const *)value, err);
    memcpy(option_field(to, o), value, o->size);
    for (int i = 0; o->type == OPTION_TEXTS && i < words->n; i++)
        TRY(keep_text(to, o, &copies->value[i], words->value[i], err));
    return 0;
}

bool option_equal(const struct config *a, const struct config *b, const struct option *o)
{
    const void *x = option_field(a, o), *y = option_field(b, o);
    const struct int_list *p = x, *q = y;
    const struct text_list *v = x, *w = y;
    bool equal = true;

    switch (o->type) {
    case OPTION_TEXT:
        return strcmp(*(char *const *)x, *(char *const *)y) == 0;
    case OPTION_INTS:
        return p->n == q->n && memcmp(p->value, q->value, (size_t)p->n * sizeof *p->value) == 0;
    case OPTION_TEXTS:
        for (int i = 0; i < v->n && equal; i++)
            equal = i < w->n && strcmp(v->value[i], w->value[i]) == 0;
        return equal && v->n == w->n;
    default:
        return memcmp(x, y, o->size) == 0;
    }
}
