/* cli.h - what the subcommands share.
 *
 * A subcommand gets argv with its own name first. It writes data to stdout and messages to stderr, and
 * reports failure by returning a code with a message in *err: main prints "partrain: message" and turns the
 * code into the exit status. It does not call exit().
 *
 *   enum { FILE_OPTION = 'c', OUT_OPTION = 256 };
 *   static const struct cli_option options[] = {
 *       {"config", 'c', "FILE", "the configuration"}, {"out", OUT_OPTION, "DIR", "folder for the run"}, {0}};
 *   const struct cli_usage cmd_train_usage = {"[-c FILE] [KEY=VALUE ...]", "text", options};
 *
 *   struct cli_args args;
 *   cli_args_init(&args, &cmd_train_usage, argc, argv);
 *   while ((option = cli_next(&args, err)) > 0)
 *       switch (option) { case 'c': file = args.value; ... }
 *   if (option < 0)
 *       return option;
 *   for (; args.rest < argc; args.rest++)  what is left: argv[args.rest]
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct json;

struct cli_option {
    const char *name; /* "config" for --config; NULL ends the list */
    int id;           /* what cli_next returns: the letter of a short option, or from 256 on if it has none */
    const char *argument; /* what the help calls it; NULL: takes none */
    const char *help;
};

struct cli_usage {
    const char *arguments; /* "[-c FILE] [KEY=VALUE ...]" */
    const char *text;      /* what it does, some lines, each ended by a newline */
    const struct cli_option *options;
};

struct cli_args {
    const struct cli_usage *usage;
    int argc;
    char **argv;       /* getopt moves the options to the front */
    const char *value; /* the argument of the option that cli_next returned */
    int configs;       /* how often -c came */
    int rest;          /* after the last option: index of the first other argument */
};

/* Options may stand anywhere; "--" ends them. One parse at a time (getopt keeps its place in globals). */
void cli_args_init(struct cli_args *a, const struct cli_usage *usage, int argc, char **argv);

/* The next option's id; 0 where there are no more; PT_EUSAGE for an unknown one (with the nearest) or a
 * missing argument. */
int cli_next(struct cli_args *a, struct error *err);

/* The argument of an option as a whole number within bounds, or PT_EUSAGE. */
int cli_whole(const struct cli_args *a, const char *option, int64_t low, int64_t high, int64_t *out,
              struct error *err);

/* The argument of an option as one of `names` (ended by NULL): its number, or PT_EUSAGE. */
int cli_word(const struct cli_args *a, const char *option, const char *const *names, int *out,
             struct error *err);

/* Behind the message of a configuration that is not there: where one of its name was installed with the
 * program (../share/partrain/conf), if it was. Returns rc. */
int cli_name_installed(int rc, const char *file, struct error *err);

/* Defaults, then FILE (NULL: none), then the KEY=VALUE words, then the checks. Freed by config_free. */
int cli_config(struct config **out, const char *file, char **assignment, int n, struct error *err);
/* The KEY=VALUE words and the checks alone. */
int cli_assign(struct config *c, char **assignment, int n, struct error *err);

/* A note where a key of earlier versions was given, which has no effect. */
void cli_note_retired(const struct config *c);
/* A note for each key that was given and that the model at hand does not use. */
void cli_note_unused(const struct config *c);

/* The end of one rank of several (ranks_start), with what came of it; alone it does nothing. What went wrong
 * may have gone wrong in this one only, while the others wait for it: so it ends them all. Rank 0 speaks
 * first: most errors are the same everywhere. Returns rc. */
int cli_leave_ranks(int rc, struct error *err);

/* "partrain: text" on stderr: one line, control characters shown as '?'. */
void cli_message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The text of j and a newline on `out`; j is freed. */
int cli_print_json(FILE *out, struct json *j, struct error *err);

/* What `partrain help NAME` prints. */
void cli_print_usage(FILE *out, const char *name, const struct cli_usage *usage);

/* Set in the environment where the program started itself again with OPENBLAS_CORETYPE. */
#define CLI_RESTARTED "PARTRAIN_RESTARTED"

/* What the exit status says, for help and manual. */
#define CLI_EXIT_STATUS                                                                                      \
    "0 done; 1 answers differ that must not (bench); 2 wrong use or configuration;\n"                        \
    "3 wrong ratings data; 4 not enough memory or another resource; 5 divergence;\n"                         \
    "6 a corrupt file of partrain's own, or output not written; 130, 143 interrupted.\n"

/* The word of a list (ended by NULL) that is nearest to `word`; NULL: none is near. */
const char *cli_nearest(const char *word, const char *const *known);

#define COMMAND(name, help)                                                                                  \
    int cmd_##name(int argc, char **argv, struct error *err);                                                \
    extern const struct cli_usage cmd_##name##_usage;
#include "cli/commands.def"
#undef COMMAND

#endif
