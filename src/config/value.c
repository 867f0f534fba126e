/* value.c - one option's value: from a document into its field, its default, equality. */
#include "config/options.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/words.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_TEXT = 4096, LONGEST_LIST = 64 };

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

static int out_of_memory(const struct option *o, struct error *err)
{
    return error_set(err, PT_ENOMEM, "%s: out of memory", o->key);
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

static int read_whole(const struct option *o, const struct tree *value, int64_t *out, struct error *err)
{
    const char *digits = value->text, *shown = value->text;
    char *end;

    if (value->kind != TREE_SCALAR || value->quoted || tree_is_null(value))
        return wrong_type(o, value, err);
    digits += *digits == '-' || *digits == '+';
    if (!*digits || digits[strspn(digits, "0123456789")])
        return wrong_type(o, value, err);
    errno = 0;
    *out = strtoll(value->text, &end, 10);
    if (*out < o->low || (errno == ERANGE && *shown == '-'))
        return error_set(err, PT_ECONFIG,
                         "%s: %.40s is below %" PRId64 " (allowed: %" PRId64 " to %" PRId64 ")", o->key,
                         shown, o->low, o->low, o->high);
    if (*out > o->high || errno == ERANGE)
        return error_set(err, PT_ECONFIG,
                         "%s: %.40s is above %" PRId64 " (allowed: %" PRId64 " to %" PRId64 ")", o->key,
                         shown, o->high, o->low, o->high);
    return 0;
}

static int read_real(const struct option *o, const struct tree *value, double *out, struct error *err)
{
    char least[40], most[40];
    int64_t time;

    if (value->kind == TREE_SCALAR && option_is_time(o) &&
        date_parse(value->text, strlen(value->text), &time) && time > 0) {
        *out = (double)time;
        return 0;
    }
    if (value->kind == TREE_SCALAR && option_can_be_unset(o) && strcmp(value->text, "unset") == 0) {
        *out = o->real;
        return 0;
    }
    if (value->kind != TREE_SCALAR || value->quoted || !real_parse(value->text, out))
        return wrong_type(o, value, err);
    real_format(o->least, least, sizeof least);
    real_format(o->most, most, sizeof most);
    if (*out < o->least)
        return error_set(err, PT_ECONFIG, "%s: %.40s is below %s (allowed: %s to %s)", o->key, value->text,
                         least, least, most);
    if (*out > o->most)
        return error_set(err, PT_ECONFIG, "%s: %.40s is above %s (allowed: %s to %s)", o->key, value->text,
                         most, least, most);
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
        if (strlen(value->text) > 2 && strstr(name, value->text))
            d = 1;
        if (d < best && d < (int)strlen(name)) {
            best = d;
            nearest = name;
        }
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", name);
    }
    return error_set(err, PT_ECONFIG, "%s: %s is none of %s%s%s%s", o->key, show(value->text).text, known,
                     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static int check_text(const struct option *o, const char *text, struct error *err)
{
    if (strlen(text) > LONGEST_TEXT)
        return error_set(err, PT_ECONFIG, "%s: longer than %d bytes", o->key, LONGEST_TEXT);
    if (!utf8_valid(text, strlen(text))) /* what is printed as YAML has to be */
        return error_set(err, PT_ECONFIG, "%s: %s is not UTF-8", o->key, show(text).text);
    return 0;
}

static int set_text(struct config *c, const struct option *o, const struct tree *value, struct error *err)
{
    char **field = option_field(c, o), *copy;
    int rc;

    if (value->kind != TREE_SCALAR || tree_is_null(value))
        return wrong_type(o, value, err);
    rc = check_text(o, value->text, err);
    if (rc < 0)
        return rc;
    copy = mem_strdup(value->text);
    if (!copy)
        return out_of_memory(o, err);
    mem_free(*field);
    *field = copy;
    return 0;
}

int option_set_number(struct int_list *field, const int64_t *value, int n, struct error *err)
{
    int64_t *copy = mem_alloc(n ? n : 1, sizeof *copy);

    if (!copy)
        return error_set(err, PT_ENOMEM, "configuration: out of memory");
    memcpy(copy, value, (size_t)n * sizeof *copy);
    mem_free(field->value);
    field->value = copy;
    field->n = n;
    return 0;
}

static void free_words(struct text_list *list)
{
    for (int i = 0; i < list->n; i++)
        mem_free(list->value[i]);
    mem_free(list->value);
    *list = (struct text_list){0};
}

int option_set_words(struct text_list *field, const char *const *word, int n, struct error *err)
{
    struct text_list made = {0, mem_zalloc(n ? n : 1, sizeof *made.value)};

    for (int i = 0; made.value && i < n; i++) {
        made.value[i] = mem_strdup(word[i]);
        if (!made.value[i])
            break;
        made.n++;
    }
    if (!made.value || made.n < n) {
        free_words(&made);
        return error_set(err, PT_ENOMEM, "configuration: out of memory");
    }
    free_words(field);
    *field = made;
    return 0;
}

/* "600, 200" as the list [600, 200]: plain words between commas or blanks, which `text` is cut into. */
static int cut_words(const struct option *o, char *text, struct tree *item, int *n, const struct tree *from,
                     struct error *err)
{
    char *rest = NULL;

    *n = 0;
    for (char *word = strtok_r(text, ", \t", &rest); word; word = strtok_r(NULL, ", \t", &rest)) {
        if (*n == LONGEST_LIST)
            return error_set(err, PT_ECONFIG, "%s: more than %d entries", o->key, LONGEST_LIST);
        item[(*n)++] =
            (struct tree){.text = word, .quoted = from->quoted, .line = from->line, .column = from->column};
    }
    return 0;
}

static int set_items(struct config *c, const struct option *o, const struct tree *item, int n,
                     const struct tree **at, struct error *err)
{
    int64_t number[LONGEST_LIST];
    const char *word[LONGEST_LIST];
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++) {
        if (at)
            *at = &item[i];
        if (o->type == OPTION_INTS) {
            rc = read_whole(o, &item[i], &number[i], err);
        } else if (item[i].kind != TREE_SCALAR || tree_is_null(&item[i]) || !*item[i].text) {
            rc = error_set(err, PT_ECONFIG, "%s: entry %d of the list is not a word", o->key, i + 1);
        } else {
            word[i] = item[i].text;
            rc = check_text(o, word[i], err);
        }
    }
    if (rc < 0)
        return rc;
    return o->type == OPTION_INTS ? option_set_number(option_field(c, o), number, n, err)
                                  : option_set_words(option_field(c, o), word, n, err);
}

static int set_list(struct config *c, const struct option *o, const struct tree *value,
                    const struct tree **at, struct error *err)
{
    struct tree item[LONGEST_LIST];
    char *text;
    int rc, n;

    if (value->kind == TREE_LIST && value->n > LONGEST_LIST)
        return error_set(err, PT_ECONFIG, "%s: more than %d entries", o->key, LONGEST_LIST);
    if (value->kind == TREE_LIST)
        return set_items(c, o, value->item, value->n, at, err);
    if (value->kind == TREE_MAP || tree_is_null(value) || (o->type == OPTION_INTS && value->quoted))
        return wrong_type(o, value, err);
    text = mem_strdup(value->text);
    if (!text)
        return out_of_memory(o, err);
    rc = cut_words(o, text, item, &n, value, err);
    if (rc == 0)
        rc = set_items(c, o, item, n, NULL, err);
    mem_free(text);
    return rc;
}

int option_set(struct config *c, const struct option *o, const struct tree *value, const struct tree **at,
               struct error *err)
{
    union {
        int64_t whole;
        double real;
        bool flag;
        int index;
    } v;
    int rc = 0;

    *at = value;
    switch (o->type) {
    case OPTION_INT:
        rc = read_whole(o, value, &v.whole, err);
        if (rc == 0)
            *(int64_t *)option_field(c, o) = v.whole;
        return rc;
    case OPTION_REAL:
        rc = read_real(o, value, &v.real, err);
        if (rc == 0)
            *(double *)option_field(c, o) = v.real + 0.0; /* no -0 */
        return rc;
    case OPTION_BOOL:
        rc = read_bool(o, value, &v.flag, err);
        if (rc == 0)
            *(bool *)option_field(c, o) = v.flag;
        return rc;
    case OPTION_ENUM:
        rc = read_enum(o, value, &v.index, err);
        if (rc == 0)
            *(int *)option_field(c, o) = v.index;
        return rc;
    case OPTION_TEXT:
        return set_text(c, o, value, err);
    case OPTION_INTS:
    case OPTION_TEXTS:
        return set_list(c, o, value, at, err);
    }
    return rc;
}

int option_set_default(struct config *c, const struct option *o, struct error *err)
{
    struct tree text = {.quoted = o->type != OPTION_INTS};
    const struct tree *at;
    int rc;

    switch (o->type) {
    case OPTION_INT:
        *(int64_t *)option_field(c, o) = o->whole;
        return 0;
    case OPTION_REAL:
        *(double *)option_field(c, o) = o->real;
        return 0;
    case OPTION_BOOL:
        *(bool *)option_field(c, o) = o->whole != 0;
        return 0;
    case OPTION_ENUM:
        *(int *)option_field(c, o) = (int)o->whole;
        return 0;
    default:
        text.text = mem_strdup(o->text);
        if (!text.text)
            return out_of_memory(o, err);
        rc = option_set(c, o, &text, &at, err);
        mem_free(text.text);
        return rc;
    }
}

int option_copy(struct config *to, const struct config *from, const struct option *o, struct error *err)
{
    void *field = option_field(to, o);
    const void *value = option_field_const(from, o);
    const struct int_list *numbers = value;
    const struct text_list *words = value;

    switch (o->type) {
    case OPTION_INT:
        *(int64_t *)field = *(const int64_t *)value;
        return 0;
    case OPTION_REAL:
        *(double *)field = *(const double *)value;
        return 0;
    case OPTION_BOOL:
        *(bool *)field = *(const bool *)value;
        return 0;
    case OPTION_ENUM:
        *(int *)field = *(const int *)value;
        return 0;
    case OPTION_TEXT:
        *(char **)field = mem_strdup(*(char *const *)value);
        return *(char **)field ? 0 : out_of_memory(o, err);
    case OPTION_INTS:
        return option_set_number(field, numbers->value, numbers->n, err);
    case OPTION_TEXTS:
        return option_set_words(field, (const char *const *)words->value, words->n, err);
    }
    return 0;
}

void option_clear(struct config *c, const struct option *o)
{
    if (o->type == OPTION_TEXT) {
        mem_free(*(char **)option_field(c, o));
    } else if (o->type == OPTION_INTS) {
        mem_free(((struct int_list *)option_field(c, o))->value);
    } else if (o->type == OPTION_TEXTS) {
        free_words(option_field(c, o));
    }
}

static bool lists_equal(const struct text_list *a, const struct text_list *b)
{
    if (a->n != b->n)
        return false;
    for (int i = 0; i < a->n; i++) {
        if (strcmp(a->value[i], b->value[i]) != 0)
            return false;
    }
    return true;
}

bool option_equal(const struct config *a, const struct config *b, const struct option *o)
{
    const void *x = option_field_const(a, o), *y = option_field_const(b, o);

    switch (o->type) {
    case OPTION_INT:
        return *(const int64_t *)x == *(const int64_t *)y;
    case OPTION_REAL:
        return *(const double *)x == *(const double *)y;
    case OPTION_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case OPTION_ENUM:
        return *(const int *)x == *(const int *)y;
    case OPTION_TEXT:
        return strcmp(*(char *const *)x, *(char *const *)y) == 0;
    case OPTION_INTS: {
        const struct int_list *p = x, *q = y;

        return p->n == q->n && memcmp(p->value, q->value, (size_t)p->n * sizeof *p->value) == 0;
    }
    case OPTION_TEXTS:
        return lists_equal(x, y);
    }
    return false;
}
