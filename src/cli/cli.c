/* cli.c - options, messages and configurations for the subcommands. */
#include "cli/cli.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "par/ranks.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_OPTIONS = 32, HELP_COLUMN = 24 };

void cli_args_init(struct cli_args *a, const struct cli_usage *usage, int argc, char **argv)
{
    *a = (struct cli_args){.usage = usage, .argc = argc, .argv = argv, .rest = argc};
    optind = 0; /* a new parse, also where getopt stood inside a word */
    opterr = 0;
}

const char *cli_nearest(const char *word, const char *const *known)
{
    const char *nearest = NULL;
    int best = (int)strnlen(word, 64) / 2 + 1;

    for (; *known; known++) {
        int d = config_word_distance(word, *known);

        if (d < best) {
            best = d;
            nearest = *known;
        }
    }
    return nearest;
}

static int unknown_option(const struct cli_args *a, struct error *err)
{
    const char *names[MOST_OPTIONS + 2] = {0}, *near;
    char word[64];
    int n = 0;

    if (optopt && optopt < 256) {
        for (const struct cli_option *o = a->usage->options; o->name; o++) {
            if (o->id == optopt) /* --all=x */
                return error_set(err, PT_EUSAGE, "--%s takes no argument", o->name);
        }
        return error_set(err, PT_EUSAGE, "-%c: unknown option; `partrain help %s` lists them", optopt,
                         a->argv[0]);
    }
    for (const struct cli_option *o = a->usage->options; o->name; o++) {
        if (optopt && o->id == optopt)
            return error_set(err, PT_EUSAGE, "--%s takes no argument", o->name);
        names[n++] = o->name;
    }
    names[n] = "help";
    snprintf(word, sizeof word, "%.*s", (int)strcspn(a->argv[optind - 1] + 2, "="), a->argv[optind - 1] + 2);
    near = cli_nearest(word, names);
    if (near)
        return error_set(err, PT_EUSAGE, "--%s: unknown option; did you mean --%s?", word, near);
    return error_set(err, PT_EUSAGE, "--%s: unknown option; `partrain help %s` lists them", word, a->argv[0]);
}

static int missing_argument(const struct cli_args *a, struct error *err)
{
    for (const struct cli_option *o = a->usage->options; o->name; o++) {
        if (o->id == optopt && o->id < 256)
            return error_set(err, PT_EUSAGE, "-%c (--%s): %s is missing", o->id, o->name, o->argument);
        if (o->id == optopt)
            return error_set(err, PT_EUSAGE, "--%s: %s is missing", o->name, o->argument);
    }
    return error_set(err, PT_EUSAGE, "an option's argument is missing");
}

int cli_next(struct cli_args *a, struct error *err)
{
    struct option known[MOST_OPTIONS + 1] = {0};
    char letters[2 * MOST_OPTIONS + 2] = ":";
    size_t used = 1;
    int n = 0, id;

    for (const struct cli_option *o = a->usage->options; o->name && n < MOST_OPTIONS; o++, n++) {
        known[n] = (struct option){.name = o->name, .has_arg = o->argument ? 1 : 0, .val = o->id};
        if (o->id < 256)
            letters[used++] = (char)o->id;
        if (o->id < 256 && o->argument)
            letters[used++] = ':';
    }
    letters[used] = 0;
    id = getopt_long(a->argc, a->argv, letters, known, NULL);
    if (id == '?')
        return unknown_option(a, err);
    if (id == ':')
        return missing_argument(a, err);
    if (id == 'c' && a->configs++)
        return error_set(err, PT_EUSAGE,
                         "-c is given twice; one configuration is read, and KEY=VALUE changes what is in it");
    a->value = optarg;
    a->rest = optind;
    return id < 0 ? 0 : id;
}

int cli_whole(const struct cli_args *a, const char *option, int64_t low, int64_t high, int64_t *out,
              struct error *err)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(a->value, &end, 10);
    if (end == a->value || *end)
        return error_set(err, PT_EUSAGE, "%s: \"%.60s\" is not a whole number", option, a->value);
    if (errno == ERANGE || value < low || value > high)
        return error_set(err, PT_EUSAGE, "%s: %.40s is not between %" PRId64 " and %" PRId64, option,
                         a->value, low, high);
    *out = value;
    return 0;
}

int cli_word(const struct cli_args *a, const char *option, const char *const *names, int *out,
             struct error *err)
{
    char list[64] = "";

    for (int i = 0; names[i]; i++) {
        if (strcmp(a->value, names[i]) == 0) {
            *out = i;
            return 0;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", names[i]);
    }
    return error_set(err, PT_EUSAGE, "%s: \"%.60s\" is none of %s", option, a->value, list);
}

/* The configuration of that name beside the program, for free; NULL: there is none. */
static char *installed_conf(const char *file)
{
    char *program = realpath("/proc/self/exe", NULL), *path = NULL, *plain, *slash = NULL;
    const char *name = strrchr(file, '/');

    name = name ? name + 1 : file;
    if (*name && program && (slash = strrchr(program, '/'))) {
        *slash = '\0';
        if (asprintf(&path, "%s/../share/partrain/conf/%s", program, name) < 0)
            path = NULL;
    }
    plain = path ? realpath(path, NULL) : NULL;
    free(path);
    free(program);
    return plain;
}

int cli_name_installed(int rc, const char *file, struct error *err)
{
    char text[sizeof err->text], *there;

    if (rc != PT_ECONFIG || file_exists(file) || !(there = installed_conf(file)))
        return rc;
    strcpy(text, err->text);
    error_set(err, PT_ECONFIG, "%.600s; an installed one is %s", text, there);
    free(there);
    return rc;
}

int cli_assign(struct config *c, char **assignment, int n, struct error *err)
{
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++)
        rc = config_set(c, assignment[i], err);
    if (rc == 0)
        cli_note_retired(c);
    return rc < 0 ? rc : config_check(c, err);
}

int cli_config(struct config **out, const char *file, char **assignment, int n, struct error *err)
{
    struct config *c = NULL;
    int rc = config_new(&c, err);

    if (rc == 0 && file)
        rc = cli_name_installed(config_load(c, file, err), file, err);
    if (rc == 0)
        rc = cli_assign(c, assignment, n, err);
    if (rc < 0) {
        config_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void cli_note_retired(const struct config *c)
{
    if (c->retired && ranks_self().id == 0)
        cli_message("note: %s has no effect any more; leave it out", c->retired);
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

int cli_print_json(FILE *out, struct json *j, struct error *err)
{
    char *text = json_text(j, true);

    json_free(j);
    if (!text)
        return error_set(err, PT_ENOMEM, "out of memory");
    fprintf(out, "%s\n", text);
    mem_free(text);
    return 0;
}

void cli_print_usage(FILE *out, const char *name, const struct cli_usage *usage)
{
    fprintf(out, "usage: partrain %s %s\n\n%s\n", name, usage->arguments, usage->text);
    for (const struct cli_option *o = usage->options; o->name; o++) {
        int width =
            o->id < 256 ? fprintf(out, "  -%c, --%s", o->id, o->name) : fprintf(out, "  --%s", o->name);

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
