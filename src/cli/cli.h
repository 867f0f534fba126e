/* cli.h - shared by the subcommands: options, configurations, messages.
 *
 * A subcommand gets argv with its own name first. It writes data to stdout and messages to stderr, and
 * reports failure by returning a code with a message in *err: main prints "partrain: message" and turns the
 * code into the exit status. It does not call exit().
 *
 * A command's options are a table of `struct cli_option`, each with the member of its own `struct request`
 * that it sets (src/cli/cmd_config.c is a short one). */
#pragma once

#include "base/error.h"
#include "config/config.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json;

struct cli_option {
    const char *name;     /* "config" for --config; NULL ends the list */
    char letter;          /* 'c' for -c; 0: none */
    const char *argument; /* what the help calls it; NULL: takes none */
    const char *help;
    enum { CLI_BOOL, CLI_STRING, CLI_INT64, CLI_ENUM } kind; /* of the member that it sets */
    size_t at;                                               /* of the member in the struct request */
    int64_t low, high;
    const char *const *words; /* ended by NULL */
};

/* Which member of the command's `struct request` an option sets: a bool; a const char *, borrowed from argv;
 * an int64_t within bounds; an int, the number of a word in a list. */
#define CLI_FLAG(member) .kind = CLI_BOOL, .at = offsetof(struct request, member)
#define CLI_TEXT(member) .kind = CLI_STRING, .at = offsetof(struct request, member)
#define CLI_WHOLE(member, min, max)                                                                          \
    .kind = CLI_INT64, .at = offsetof(struct request, member), .low = min, .high = max
#define CLI_WORD(member, list) .kind = CLI_ENUM, .at = offsetof(struct request, member), .words = list

struct cli_usage {
    const char *arguments; /* "[-c FILE] [KEY=VALUE ...]" */
    const char *text;      /* what it does, some lines, each ended by a newline */
    const struct cli_option *options;
};

struct cli_args {
    int argc;
    char **argv; /* getopt moves the options to the front */
    int rest;    /* index of the first word that is no option */
};

/* Reads all options into `request`. Options may stand anywhere; "--" ends them. PT_EUSAGE for an unknown
 * option (with the nearest), a missing or wrong argument, -c twice. One parse at a time (getopt keeps its
 * place in globals). */
int cli_parse(struct cli_args *a, const struct cli_usage *usage, int argc, char **argv, void *request,
              struct error *err);

/* Adds to the message about a missing configuration the path of an installed one of the same name
 * (../share/partrain/conf), if there is one. Returns rc. */
int cli_name_installed(int rc, const char *file, struct error *err);

/* Defaults, then FILE (NULL: none), then the KEY=VALUE words, with a note on a key that has no effect any
 * more. Freed by config_free. */
int cli_load(struct config **out, const char *file, char **assignment, int n, struct error *err);
/* The same, checked; the KEY=VALUE words alone. */
int cli_config(struct config **out, const char *file, char **assignment, int n, struct error *err);
int cli_set(struct config *c, char **assignment, int n, struct error *err);
/* The words behind the options as KEY=VALUE, and behind them `word`, which --threads N fills with
 * run.threads=N (0: not given). (*n, and room for one more) borrowed, for mem_free. PT_ENOMEM. */
int cli_words(char ***out, int *n, const struct cli_args *a, int64_t threads, char word[32],
              struct error *err);

/* A note for each key that was given and that the model at hand does not use. */
void cli_note_unused(const struct config *c);

/* Ends one rank of several (ranks_start) with its result; alone it does nothing. An error may be this rank's
 * alone while the others wait for it, so it ends them all. Rank 0 prints first: most errors are the same
 * everywhere. Returns rc. */
int cli_leave_ranks(int rc, struct error *err);

/* "s" behind any number but 1. */
static inline const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* "partrain: text" on stderr: one line, control characters shown as '?'. */
void cli_message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, for what calls back; arg is not looked at. */
void cli_warn(void *arg, const char *text);

/* "2000-04-25" (UTC) of seconds since 1970. */
void cli_date(int64_t time, char out[32]);

/* The text of j and a newline on `out`; j is freed. */
int cli_print_json(FILE *out, struct json *j, struct error *err);

/* Prints `partrain help NAME`. */
void cli_print_usage(FILE *out, const char *name, const struct cli_usage *usage);

/* The exit statuses, for help and manual. */
#define CLI_EXIT_STATUS                                                                                      \
    "0 done; 1 weights differ by threads (bench); 2 wrong use or configuration;\n"                           \
    "3 wrong ratings data; 4 not enough memory or another resource; 5 divergence;\n"                         \
    "6 a corrupt file of partrain's own, or output not written; 130, 143 interrupted.\n"

/* PT_EUSAGE: a word that is none of `known` (ended by NULL), with the nearest of them, `dashes` before both;
 * else where they are listed: `partrain help HELP`. */
int cli_unknown(struct error *err, const char *word, const char *const *known, const char *dashes,
                const char *what, const char *help);

/* ---- signals.c: during `train`, `tune`, `start` and `bench`; the default folder of a run ---- */

/* From here on Ctrl-C and SIGTERM set a flag, and SIGUSR1 is counted. A second Ctrl-C or SIGTERM, half a
 * second later or more, ends the program at once. */
void signals_install(void);
/* The signal that came, or 0; how often SIGUSR1 came. */
const volatile sig_atomic_t *signals_stop(void);
const volatile sig_atomic_t *signals_saves(void);
/* rc, or for a run that SIGTERM interrupted PT_ETERMINATED. */
int signals_end(int rc, struct error *err);

/* UNDER/NAME-TIME, which does not exist yet; NAME from the configuration's file (NULL: partrain). For
 * free; NULL: no memory. */
char *run_folder_default(const char *under, const char *file);

/* ---- process.c ---- */

/* Runs argv[0] with `in` (NULL: ours) as its input. Its messages go where ours go, with `quiet` nowhere; it
 * ends when this process is stopped. Returns its status as of waitpid(), -1: not started. *text, for
 * mem_free: what it printed, at most 64 MiB; NULL: nothing. */
int process_run(char *const *argv, FILE *in, bool quiet, char **text);

bool gnuplot_found(void);
/* What gnuplot prints for a script, which is closed; for mem_free. NULL: it failed, or is not there. */
char *gnuplot_run(FILE *script);

/* ---- manual.c: man pages and shell completions, from the tables behind --help ---- */

/* The man page of a command, in roff; NULL: of the program. false: there is no such command. */
bool manual_man(FILE *out, const char *name);
/* For bash, zsh or fish; false: another word. */
bool manual_completion(FILE *out, const char *shell);

/* ---- the commands ---- */

struct command {
    const char *name, *help;
    int (*run)(int argc, char **argv, struct error *err);
    const struct cli_usage *usage;
};

extern const struct command cli_commands[];          /* ended by a name of NULL */
const struct command *cli_command(const char *name); /* NULL: there is none */

#define COMMAND(name, help)                                                                                  \
    int cmd_##name(int argc, char **argv, struct error *err);                                                \
    extern const struct cli_usage cmd_##name##_usage;
#include "cli/commands.def"
#undef COMMAND
