/* cli.c - options, messages and configurations for the subcommands. */
#include "cli/cli.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "par/ranks.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_OPTIONS = 32, LONG = 256, HELP_COLUMN = 24 };

int cli_unknown(struct error *err, const char *word, const char *const *known, const char *dashes,
                const char *what, const char *help)
{
    const char *nearest = NULL;
    int best = (int)strnlen(word, 64) / 2 + 1;

    for (; *known; known++) {
        int d = word_distance(word, *known);

        if (d < best) {
            best = d;
            nearest = *known;
        }
    }
    if (nearest)
        return error_set(err, PT_EUSAGE, "%s%.60s: %s; did you mean %s%s?", dashes, word, what, dashes,
                         nearest);
    return error_set(err, PT_EUSAGE, "%s%.60s: %s; `partrain help%s%s` lists them", dashes, word, what,
                     *help ? " " : "", help);
}

/* The key that is meant by an option: train.epochs by --epochs or --train.epochs; NULL: none. */
static const char *key_meant(const char *word)
{
    const char *key;

    for (int i = 0; (key = config_key(i)); i++) {
        const char *last = strchr(key, '.') + 1;
        size_t k = 0;

        while (last[k] && last[k] == (word[k] == '-' ? '_' : word[k]))
            k++;
        if ((!last[k] && !word[k]) || strcmp(word, key) == 0)
            return key;
    }
    return NULL;
}

static int unknown_option(const struct cli_args *a, const struct cli_usage *usage, struct error *err)
{
    const struct cli_option *options = usage->options;
    const char *names[MOST_OPTIONS + 2] = {0};
    char word[64];
    const char *meant;
    int n = 0;

    for (const struct cli_option *o = options; o->name; o++) {
        if (optopt && (optopt == o->letter || optopt == LONG + n)) /* --all=x */
            return error_set(err, PT_EUSAGE, "--%s takes no argument", o->name);
        names[n++] = o->name;
    }
    if (optopt && optopt < LONG)
        return error_set(err, PT_EUSAGE, "-%c: unknown option; `partrain help %s` lists them", optopt,
                         a->argv[0]);
    names[n] = "help";
    snprintf(word, sizeof word, "%.*s", (int)strcspn(a->argv[optind - 1] + 2, "="), a->argv[optind - 1] + 2);
    if (strstr(usage->arguments, "KEY=VALUE") && (meant = key_meant(word)))
        return error_set(err, PT_EUSAGE, "--%s: unknown option; a key is set without dashes: %s=...", word,
                         meant);
    return cli_unknown(err, word, names, "--", "unknown option", a->argv[0]);
}

static int read_whole(const struct cli_option *o, const char *text, int64_t *out, struct error *err)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end)
        return error_set(err, PT_EUSAGE, "--%s: \"%.60s\" is not a whole number", o->name, text);
    if (errno == ERANGE || value < o->low || value > o->high)
        return error_set(err, PT_EUSAGE, "--%s: %.40s is not between %" PRId64 " and %" PRId64, o->name, text,
                         o->low, o->high);
    *out = value;
    return 0;
}

static int read_word(const struct cli_option *o, const char *text, int *out, struct error *err)
{
    char list[64] = "";

    for (int i = 0; o->words[i]; i++) {
        if (strcmp(text, o->words[i]) == 0) {
            *out = i;
            return 0;
        }
        text_append(list, sizeof list, "%s%s", i ? ", " : "", o->words[i]);
    }
    return error_set(err, PT_EUSAGE, "--%s: \"%.60s\" is none of %s", o->name, text, list);
}

static int store(const struct cli_option *o, const char *text, void *request, struct error *err)
{
    void *at = (char *)request + o->at;

    switch (o->kind) {
    case CLI_BOOL:
        *(bool *)at = true;
        return 0;
    case CLI_STRING:
        *(const char **)at = text;
        return 0;
    case CLI_INT64:
        return read_whole(o, text, at, err);
    case CLI_ENUM:
        return read_word(o, text, at, err);
    }
    return 0;
}

/* The table for getopt: option i is LONG + i, or its letter. */
static const struct cli_option *next_option(struct cli_args *a, const struct cli_option *options, int *id)
{
    struct option known[MOST_OPTIONS + 1] = {0};
    char letters[2 * MOST_OPTIONS + 2] = ":";
    size_t used = 1;
    int n = 0;

    for (const struct cli_option *o = options; o->name && n < MOST_OPTIONS; o++, n++) {
        known[n] = (struct option){o->name, o->argument ? 1 : 0, NULL, o->letter ? o->letter : LONG + n};
        if (o->letter)
            letters[used++] = o->letter;
        if (o->letter && o->argument)
            letters[used++] = ':';
    }
    *id = getopt_long(a->argc, a->argv, letters, known, NULL);
    for (int i = 0; i < n; i++)
        if (known[i].val == (*id == ':' ? optopt : *id))
            return &options[i];
    return NULL;
}

int cli_parse(struct cli_args *a, const struct cli_usage *usage, int argc, char **argv, void *request,
              struct error *err)
{
    const struct cli_option *o;
    int id, configs = 0, rc = 0;

    *a = (struct cli_args){.argc = argc, .argv = argv};
    optind = 0; /* a new parse, also where getopt stood inside a word */
    opterr = 0;
    while (rc == 0 && (o = next_option(a, usage->options, &id))) {
        if (id == ':' && o->letter)
            return error_set(err, PT_EUSAGE, "-%c (--%s): %s is missing", o->letter, o->name, o->argument);
        if (id == ':')
            return error_set(err, PT_EUSAGE, "--%s: %s is missing", o->name, o->argument);
        if (id == 'c' && configs++)
            return error_set(
                err, PT_EUSAGE,
                "-c is given twice; one configuration is read, and KEY=VALUE changes what is in it");
        rc = store(o, optarg, request, err);
    }
    a->rest = optind;
    return rc == 0 && id == '?' ? unknown_option(a, usage, err) : rc;
}

/* The configuration of that name beside the program, for free; NULL: there is none. */
static char *installed_conf(const char *file)
{
    mem_scoped char *program = realpath("/proc/self/exe", NULL), *path = NULL;
    const char *name = strrchr(file, '/');
    char *slash = program ? strrchr(program, '/') : NULL;

    name = name ? name + 1 : file;
    if (!*name || !slash)
        return NULL;
    *slash = '\0';
    path = mem_printf("%s/../share/partrain/conf/%s", program, name);
    return path ? realpath(path, NULL) : NULL;
}

int cli_name_installed(int rc, const char *file, struct error *err)
{
    mem_scoped char *there = rc != PT_ECONFIG || file_exists(file) ? NULL : installed_conf(file);
    char text[sizeof err->text];

    if (!there)
        return rc;
    strcpy(text, err->text);
    return error_set(err, PT_ECONFIG, "%.600s; an installed one is %s", text, there);
}

int cli_set(struct config *c, char **assignment, int n, struct error *err)
{
    for (int i = 0; i < n; i++) {
        for (const struct command *other = cli_commands; other->name; other++)
            if (strcmp(assignment[i], other->name) == 0)
                return error_set(err, PT_EUSAGE, "%s: a command is the first word: partrain %s ...",
                                 other->name, other->name);
        TRY(config_set(c, assignment[i], err));
    }
    if (c->retired && ranks_self().id == 0)
        cli_message("note: %s has no effect any more; leave it out", c->retired);
    return 0;
}

int cli_load(struct config **out, const char *file, char **assignment, int n, struct error *err)
{
    scoped(config_free) struct config *c = NULL;

    TRY(config_new(&c, err));
    if (file)
        TRY(cli_name_installed(config_load(c, file, err), file, err));
    TRY(cli_set(c, assignment, n, err));
    *out = handed_on(c);
    return 0;
}

int cli_config(struct config **out, const char *file, char **assignment, int n, struct error *err)
{
    scoped(config_free) struct config *c = NULL;

    TRY(cli_load(&c, file, assignment, n, err));
    TRY(config_check(c, err));
    *out = handed_on(c);
    return 0;
}

int cli_words(char ***out, int *n, const struct cli_args *a, int64_t threads, char word[32],
              struct error *err)
{
    *n = a->argc - a->rest;
    *out = mem_alloc(*n + 2, sizeof **out);
    TRY(need_memory(*out, err));
    for (int i = 0; i < *n; i++)
        (*out)[i] = a->argv[a->rest + i];
    snprintf(word, 32, "run.threads=%" PRId64, threads);
    if (threads)
        (*out)[(*n)++] = word;
    return 0;
}

void cli_note_unused(const struct config *c)
{
    const char *key;
    int at = 0;

    while ((key = config_next_unused(c, &at)))
        cli_message("note: %s is given and has no effect on this %s configuration", key,
                    config_enum_name("model.kind", c->model_kind));
}

void cli_message(const char *fmt, ...)
{
    char text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
    fprintf(stderr, "partrain: %s\n", text);
}

void cli_warn(void *arg, const char *text)
{
    (void)arg;
    cli_message("%s", text);
}

void cli_date(int64_t time, char out[32])
{
    time_t t = (time_t)time;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%d", &tm))
        snprintf(out, 32, "%" PRId64, time);
}

int cli_print_json(FILE *out, struct json *j, struct error *err)
{
    char *text = json_text(j, true);

    json_free(j);
    TRY(need_memory(text, err));
    fprintf(out, "%s\n", text);
    mem_free(text);
    return 0;
}

void cli_print_usage(FILE *out, const char *name, const struct cli_usage *usage)
{
    fprintf(out, "usage: partrain %s %s\n\n%s\n", name, usage->arguments, usage->text);
    for (const struct cli_option *o = usage->options; o->name; o++) {
        int width =
            o->letter ? fprintf(out, "  -%c, --%s", o->letter, o->name) : fprintf(out, "  --%s", o->name);

        if (o->argument)
            width += fprintf(out, " %s", o->argument);
        fprintf(out, "%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", o->help);
    }
    fprintf(out, "  -h, --help%*sthis text\n", HELP_COLUMN - 12, "");
}

int cli_leave_ranks(int rc, struct error *err)
{
    struct ranks ranks = ranks_self();

    if (rc < 0 && rc != PT_EINTERRUPTED && rc != PT_ETERMINATED && ranks.count > 1) {
        if (ranks.id)
            sleep(2);
        cli_message("rank %d of %d: %s", ranks.id, ranks.count, err->text);
        ranks_abort(error_exit_status(rc));
    }
    if (ranks.id)
        *err->text = '\0';
    ranks_stop();
    return rc;
}
