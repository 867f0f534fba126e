/* main.c - the program: finds the subcommand, runs it, turns its result into the exit status.
 *
 *   partrain -c FILE ...   is   partrain train -c FILE ..., and so is a first word KEY=VALUE */
#include "cli/cli.h"

#include "base/file.h"
#include "par/ranks.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

const struct command cli_commands[] = {
#define COMMAND(name, help) {#name, help, cmd_##name, &cmd_##name##_usage},
#include "cli/commands.def"
#undef COMMAND
    {0}};

enum { COMMANDS = sizeof cli_commands / sizeof *cli_commands - 1 };

const struct command *cli_command(const char *name)
{
    for (const struct command *c = cli_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static void print_overview(FILE *out)
{
    fputs("usage: partrain (-c FILE | KEY=VALUE) [KEY=VALUE ...]\n"
          "       partrain COMMAND ...\n"
          "Trains recommender autoencoders and matrix factorisation. No COMMAND: train.\n\n",
          out);
    for (const struct command *c = cli_commands; c->name; c++)
        fprintf(out, "  %-12s%s\n", c->name, c->help);
    fputs("  help        what a command does and takes: partrain help COMMAND\n"
          "  --version   which build this is\n\n"
          "Exit status:\n" CLI_EXIT_STATUS,
          out);
}

static void print_version(void)
{
    char mpi[64];

    printf("partrain %s\n", PARTRAIN_VERSION);
#if defined(__clang__)
    printf("compiler: clang %s\n", __clang_version__);
#else
    printf("compiler: gcc %s\n", __VERSION__);
#endif
    printf("OpenMP: %d\n", _OPENMP);
    printf("MPI: %s\n", *ranks_library(mpi, sizeof mpi) ? mpi : "none");
#ifdef __OPTIMIZE__
    printf("optimised: yes\n");
#else
    printf("optimised: no\n");
#endif
#if defined(__SANITIZE_ADDRESS__)
    printf("sanitizer: address\n");
#elif defined(__SANITIZE_THREAD__)
    printf("sanitizer: thread\n");
#endif
}

static int unknown_command(const char *word, struct error *err)
{
    const char *names[COMMANDS + 2] = {"help"};

    if (file_exists(word))
        return error_set(
            err, PT_EUSAGE,
            "%.400s: no such command; a configuration is read by -c %.400s, ratings by `partrain start "
            "%.400s`",
            word, word, word);
    for (int i = 0; i < COMMANDS; i++)
        names[i + 1] = cli_commands[i].name;
    return cli_unknown(err, word, names, "", "no such command", "");
}

static int help(int argc, char **argv, struct error *err)
{
    const struct command *command;

    if (argc < 2) {
        print_overview(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--man") == 0)
        return manual_man(stdout, argv[2]) ? 0 : unknown_command(argv[2], err);
    if (strcmp(argv[1], "--completion") == 0) {
        if (argc < 3 || !manual_completion(stdout, argv[2]))
            return error_set(err, PT_EUSAGE, "help --completion: one of bash, zsh, fish");
        return 0;
    }
    command = cli_command(argv[1]);
    if (!command)
        return unknown_command(argv[1], err);
    cli_print_usage(stdout, command->name, command->usage);
    return 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static int run(const struct command *command, int argc, char **argv, struct error *err)
{
    if (asks_for_help(argc, argv)) {
        cli_print_usage(stdout, command->name, command->usage);
        return 0;
    }
    return command->run(argc, argv, err);
}

static int dispatch(int argc, char **argv, struct error *err)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    if (!word) {
        print_overview(stderr);
        return error_set(err, PT_EUSAGE, "no command; try `partrain -c conf/multivae.yaml`");
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        print_version();
        return 0;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_overview(stdout);
        return 0;
    }
    if (strcmp(word, "help") == 0)
        return help(argc - 1, argv + 1, err);
    if (*word == '-' || strchr(word, '=')) { /* the program's name stands where "train" would */
        static char train[] = "train";

        argv[0] = train;
        return run(cli_command(train), argc, argv, err);
    }
    return cli_command(word) ? run(cli_command(word), argc - 1, argv + 1, err) : unknown_command(word, err);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    int rc;

    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of write, which is reported */
    rc = dispatch(argc, argv, &err);

    if ((fflush(stdout) != 0 || ferror(stdout)) && rc == 0)
        rc = error_set(&err, PT_EFILE, "standard output cannot be written: %s", strerror(errno));
    if (rc < 0 && *err.text) /* of several ranks one speaks */
        cli_message("%s", err.text);
    return error_exit_status(rc);
}
