/* advice_text.c - a candidate of an advice as a configuration file. */
#include "setup/advice.h"

#include <stdio.h>
#include <string.h>

/* A value as YAML: a list, or a text in quotes where it needs them. */
static void put_value(FILE *f, const char *key, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    bool list = strcmp(key, "data.columns") == 0 || strcmp(key, "eval.metrics") == 0;

    if (*value == '[' || *value == '"' || (*value && value[strspn(value, plain)] == '\0')) {
        fputs(value, f);
    } else if (list) {
        fprintf(f, "[%s]", value);
    } else {
        putc('"', f);
        for (; *value; value++)
            fprintf(f, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
        putc('"', f);
    }
}

static void put_setting(FILE *f, const char *key, const char *value, const char *reason)
{
    int width = (int)(strlen(key) + strlen(value)) + 2, gap = width < 30 ? 32 - width : 2;

    fprintf(f, "%s: ", key);
    put_value(f, key, value);
    if (*reason)
        fprintf(f, "%*s# %s", gap, "", reason);
    putc('\n', f);
}

static void put_given(FILE *f, char **given, int n)
{
    char key[64];

    for (int i = 0; i < n; i++) {
        size_t length = strcspn(given[i], "=");

        snprintf(key, sizeof key, "%.*s", (int)length, given[i]);
        put_setting(f, key, given[i] + length + (given[i][length] == '='), "as given");
    }
}

int advice_text(char **out, size_t *length, const struct advice *a, int candidate, const char *path,
                char **given, int n_given, struct error *err)
{
    const struct advice_list *list[] = {&a->candidate[candidate].own, &a->common};
    FILE *f = open_memstream(out, length);

    TRY(need_memory(f, err));
    put_setting(f, "data.path", path, "");
    for (int l = 0; l < 2; l++)
        for (int i = 0; i < list[l]->n; i++)
            put_setting(f, list[l]->setting[i].key, list[l]->setting[i].value, list[l]->setting[i].reason);
    put_given(f, given, n_given);
    return need_memory(fclose(f) == 0, err);
}
