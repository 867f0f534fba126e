/* print.c - a configuration as YAML, and the reference of all keys as Markdown. */
#include "config/options.h"

#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { LINE_WIDTH = 100 };

/* A text that grows in a fixed buffer is not enough for a list of long words, so values are written straight
 * to the stream; `column` counts what stands in the line. */
struct writer {
    FILE *out;
    int column;
};

static void put(struct writer *w, const char *text)
{
    fputs(text, w->out);
    w->column += (int)strlen(text);
}

/* Plain where every YAML reader takes it for the same text; in double quotes elsewhere. */
static bool is_plain(const char *text)
{
    static const char *const taken[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = strlen(text);

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcasecmp(text, taken[i]) == 0)
            return false;
    }
    if (length == 0 || (!strchr(letters, *text) && *text != '/' && strncmp(text, "./", 2) != 0 &&
                        strncmp(text, "../", 3) != 0))
        return false;
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+:")] == 0 &&
           text[length - 1] != ':';
}

static bool needs_escape(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
           (c & 0xfffe) == 0xfffe;
}

static void put_text(struct writer *w, const char *text)
{
    char piece[16];
    uint32_t character;

    if (is_plain(text)) {
        put(w, text);
        return;
    }
    put(w, "\"");
    while (*text) {
        int bytes = utf8_next(text, 4, &character);

        if (bytes == 0) { /* cannot be: option_set has checked it */
            bytes = 1;
            character = '?';
        }
        if (character == '"' || character == '\\')
            snprintf(piece, sizeof piece, "\\%c", (int)character);
        else if (character == '\t')
            strcpy(piece, "\\t");
        else if (needs_escape(character))
            snprintf(piece, sizeof piece, character > 0xffff ? "\\U%08" PRIX32 : "\\u%04" PRIX32, character);
        else
            snprintf(piece, sizeof piece, "%.*s", bytes, text);
        put(w, piece);
        text += bytes;
    }
    put(w, "\"");
}

static void put_list(struct writer *w, const struct config *c, const struct option *o)
{
    const struct int_list *numbers = option_field_const(c, o);
    const struct text_list *words = option_field_const(c, o);
    int n = o->type == OPTION_INTS ? numbers->n : words->n;
    char digits[32];

    put(w, "[");
    for (int i = 0; i < n; i++) {
        if (i)
            put(w, ", ");
        if (o->type == OPTION_INTS) {
            snprintf(digits, sizeof digits, "%" PRId64, numbers->value[i]);
            put(w, digits);
        } else {
            put_text(w, words->value[i]);
        }
    }
    put(w, "]");
}

static void put_value(struct writer *w, const struct config *c, const struct option *o)
{
    const void *field = option_field_const(c, o);
    char digits[64];

    switch (o->type) {
    case OPTION_INT:
        snprintf(digits, sizeof digits, "%" PRId64, *(const int64_t *)field);
        put(w, digits);
        break;
    case OPTION_REAL:
        real_format(*(const double *)field, digits, sizeof digits);
        put(w, option_can_be_unset(o) && *(const double *)field == o->real ? "unset" : digits);
        break;
    case OPTION_BOOL:
        put(w, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_TEXT:
        put_text(w, *(char *const *)field);
        break;
    case OPTION_ENUM:
        put(w, option_enum_name(o, *(const int *)field));
        break;
    case OPTION_INTS:
    case OPTION_TEXTS:
        put_list(w, c, o);
        break;
    }
}

static int value_width(const struct config *c, const struct option *o)
{
    const struct text_list *words = option_field_const(c, o);
    int width = (int)strlen(o->key) + 16;

    if (o->type == OPTION_TEXT)
        width += (int)strlen(*(char *const *)option_field_const(c, o));
    for (int i = 0; o->type == OPTION_TEXTS && i < words->n; i++)
        width += (int)strlen(words->value[i]);
    return width;
}

/* section:
 *   key: value */
static void print_block(struct writer *w, const struct config *c, const struct section *s)
{
    fprintf(w->out, "%s:\n", s->name);
    for (int i = 0; i < option_count(); i++) {
        const struct option *o = option_at(i);

        if (!option_in_section(o, s))
            continue;
        fprintf(w->out, "  %s: ", o->key + strlen(s->name) + 1);
        put_value(w, c, o);
        fputc('\n', w->out);
    }
}

/* section: {key: value, key: value,
 *           key: value} */
static void print_flow(struct writer *w, const struct config *c, const struct section *s)
{
    int indent = (int)strlen(s->name) + 3;
    bool first = true;

    w->column = 0;
    put(w, s->name);
    put(w, ": {");
    for (int i = 0; i < option_count(); i++) {
        const struct option *o = option_at(i);

        if (!option_in_section(o, s) || !option_used(c, o))
            continue;
        if (!first && w->column + value_width(c, o) - indent > LINE_WIDTH) {
            fprintf(w->out, ",\n%*s", indent, "");
            w->column = indent;
        } else if (!first) {
            put(w, ", ");
        }
        put(w, o->key + strlen(s->name) + 1);
        put(w, ": ");
        put_value(w, c, o);
        first = false;
    }
    fputs("}\n", w->out);
}

int config_print(const struct config *c, FILE *out, bool all, struct error *err)
{
    struct writer w = {.out = out};

    for (int i = 0; i < section_count(); i++) {
        if (all)
            print_block(&w, c, section_at(i));
        else
            print_flow(&w, c, section_at(i));
    }
    if (fflush(out) != 0 || ferror(out))
        return error_set(err, PT_EFILE, "configuration: cannot be written: %s", strerror(errno));
    return 0;
}

const char *config_key(int i)
{
    return i < option_count() ? option_at(i)->key : NULL;
}

char *config_value(const struct config *c, int i)
{
    char *text = NULL;
    size_t length;
    struct writer w = {.out = open_memstream(&text, &length)};

    if (!w.out)
        return NULL;
    put_value(&w, c, option_at(i));
    fclose(w.out);
    return text;
}

static void reference_type(FILE *out, const struct option *o)
{
    char low[64], high[64];
    const char *name;

    switch (o->type) {
    case OPTION_INT:
    case OPTION_INTS:
        fprintf(out, "%s, %" PRId64 " to %" PRId64, o->type == OPTION_INT ? "whole number" : "whole numbers",
                o->low, o->high);
        break;
    case OPTION_REAL:
        real_format(o->least, low, sizeof low);
        real_format(o->most, high, sizeof high);
        fprintf(out, "number, %s to %s%s", low, high, option_can_be_unset(o) ? ", or `unset`" : "");
        break;
    case OPTION_BOOL:
        fputs("`true`, `false`", out);
        break;
    case OPTION_TEXT:
        fputs("text", out);
        break;
    case OPTION_TEXTS:
        fputs("words", out);
        break;
    case OPTION_ENUM:
        for (int i = 0; (name = option_enum_name(o, i)); i++)
            fprintf(out, "%s`%s`", i ? ", " : "", name);
        break;
    }
}

static void reference_default(FILE *out, const struct option *o)
{
    char digits[64];

    switch (o->type) {
    case OPTION_INT:
        fprintf(out, "%" PRId64, o->whole);
        break;
    case OPTION_REAL:
        real_format(o->real, digits, sizeof digits);
        fputs(option_can_be_unset(o) ? "unset" : digits, out);
        break;
    case OPTION_BOOL:
    case OPTION_ENUM:
        fputs(option_enum_name(o, (int)o->whole), out);
        break;
    default:
        fputs(*o->text ? o->text : "empty", out);
        break;
    }
}

void config_write_reference(FILE *out)
{
    fputs("# Configuration\n\n"
          "Made by `partrain config --reference` from `src/config/options.def`; edit that, not this.\n\n"
          "A configuration is one YAML file. Keys stand in sections or dotted, as you like:\n\n"
          "```yaml\n"
          "model: {kind: multivae, hidden: [600]}\n"
          "data:\n"
          "  path: ml-1m\n"
          "train.epochs: 100\n"
          "```\n\n"
          "`KEY=VALUE` on the command line overrides the file: `partrain train -c FILE train.lr=0.002 "
          "model.hidden=[600,200]`.\n"
          "A single value may stand for a list of one, and words for a list may be parted by commas. A text "
          "on the command\n"
          "line is taken as it stands. `partrain config -c FILE` prints what is in force; `--all` adds what "
          "the model at hand\n"
          "does not use. An unknown key, a key given twice, a wrong type and a value out of bounds are "
          "errors that name\n"
          "file, line and column.\n",
          out);
    for (int i = 0; i < section_count(); i++) {
        const struct section *s = section_at(i);

        fprintf(out, "\n## %s: %s\n\n| key | values | default | meaning |\n| --- | --- | --- | --- |\n",
                s->name, s->help);
        for (int k = 0; k < option_count(); k++) {
            const struct option *o = option_at(k);

            if (!option_in_section(o, s))
                continue;
            fprintf(out, "| `%s` | ", o->key);
            reference_type(out, o);
            fputs(" | ", out);
            reference_default(out, o);
            fprintf(out, " | %s |\n", o->help);
        }
    }
}
