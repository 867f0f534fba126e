/* print.c - a configuration as YAML, and the reference of all keys as Markdown. */
#include "config/options.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_WIDTH = 100 };

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

static void put_text(FILE *out, const char *text)
{
    uint32_t character;

    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    while (*text) {
        int bytes = utf8_next(text, 4, &character); /* option_set lets no other text in */

        if (character == '"' || character == '\\')
            fprintf(out, "\\%c", (int)character);
        else if (character == '\t')
            fputs("\\t", out);
        else if (needs_escape(character))
            fprintf(out, character > 0xffff ? "\\U%08" PRIX32 : "\\u%04" PRIX32, character);
        else
            fwrite(text, 1, (size_t)bytes, out);
        text += bytes;
    }
    putc('"', out);
}

static void put_list(FILE *out, const struct config *c, const struct option *o)
{
    const struct int_list *numbers = option_field(c, o);
    const struct text_list *words = option_field(c, o);
    int n = o->type == OPTION_INTS ? numbers->n : words->n;

    putc('[', out);
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        if (o->type == OPTION_INTS)
            fprintf(out, "%" PRId64, numbers->value[i]);
        else
            put_text(out, words->value[i]);
    }
    putc(']', out);
}

static void put_value(FILE *out, const struct config *c, const struct option *o)
{
    const void *field = option_field(c, o);
    char digits[64];

    switch (o->type) {
    case OPTION_INT:
        fprintf(out, "%" PRId64, *(const int64_t *)field);
        break;
    case OPTION_REAL:
        real_format(*(const double *)field, digits, sizeof digits);
        fputs(option_can_be_unset(o) && *(const double *)field == o->real ? "unset" : digits, out);
        break;
    case OPTION_BOOL:
        fputs(*(const bool *)field ? "true" : "false", out);
        break;
    case OPTION_TEXT:
        put_text(out, *(char *const *)field);
        break;
    case OPTION_ENUM:
        fputs(option_enum_name(o, *(const int *)field), out);
        break;
    case OPTION_INTS:
    case OPTION_TEXTS:
        put_list(out, c, o);
        break;
    }
}

/* all:      section:
 *             key: value
 * else:     section: {key: value, key: value,
 *                     key: value} */
static int print_section(FILE *out, const struct config *c, const struct section *s, bool all,
                         struct error *err)
{
    int indent = (int)strlen(s->name) + 3, column = 0;

    fprintf(out, all ? "%s:\n" : "%s: {", s->name);
    for (int i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        const char *key = o->key + strlen(s->name) + 1;
        char *value;
        int width;

        if (!option_in_section(o, s) || !(all || option_used(c, o)))
            continue;
        TRY(need_memory((value = config_value(c, i)) != NULL, err));
        width = (int)(strlen(key) + strlen(value)) + 4;
        if (all) {
            fprintf(out, "  %s: %s\n", key, value);
        } else if (!column || column + width > LINE_WIDTH) {
            fprintf(out, "%s%*s%s: %s", column ? ",\n" : "", column ? indent : 0, "", key, value);
            column = indent + width;
        } else {
            fprintf(out, ", %s: %s", key, value);
            column += width;
        }
        free(value);
    }
    fputs(all ? "" : "}\n", out);
    return 0;
}

int config_print(const struct config *c, FILE *out, bool all, struct error *err)
{
    int rc = 0;

    for (int i = 0; i < section_count && rc == 0; i++)
        rc = print_section(out, c, &section_table[i], all, err);
    if (rc == 0 && (fflush(out) != 0 || ferror(out)))
        rc = error_set(err, PT_EFILE, "configuration: cannot be written: %s", strerror(errno));
    return rc;
}

int config_text(const struct config *c, bool all, char **out, struct error *err)
{
    mem_scoped char *text = NULL;
    size_t length;
    FILE *f = open_memstream(&text, &length);
    int rc;

    TRY(need_memory(f, err));
    rc = config_print(c, f, all, err);
    TRY(need_memory(fclose(f) == 0, err));
    if (rc == 0)
        *out = handed_on(text);
    return rc;
}

const char *config_key(int i)
{
    return i < option_count ? option_table[i].key : NULL;
}

char *config_value(const struct config *c, int i)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    put_value(out, c, &option_table[i]);
    return fclose(out) == 0 ? text : NULL;
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

int config_write_reference(FILE *out, struct error *err)
{
    scoped(config_free) struct config *defaults = NULL;

    TRY(config_new(&defaults, err));
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
    for (int i = 0; i < section_count; i++) {
        const struct section *s = &section_table[i];

        fprintf(out, "\n## %s: %s\n\n| key | values | default | meaning |\n| --- | --- | --- | --- |\n",
                s->name, s->help);
        for (int k = 0; k < option_count; k++) {
            const struct option *o = &option_table[k];

            if (!option_in_section(o, s))
                continue;
            fprintf(out, "| `%s` | ", o->key);
            reference_type(out, o);
            fputs(" | ", out);
            if (o->text && !*o->text)
                fputs("empty", out);
            else
                put_value(out, defaults, o);
            fprintf(out, " | %s |\n", o->help);
        }
    }
    return 0;
}
