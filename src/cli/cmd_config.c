/* cmd_config.c - partrain config: the configuration in force, or the reference of all keys. */
#include "cli/cli.h"

enum { FILE_OPTION = 'c', ALL_OPTION = 'a', REFERENCE_OPTION = 256 };

static const struct cli_option options[] = {
    {"config", FILE_OPTION, "FILE", "read this configuration"},
    {"all", ALL_OPTION, NULL, "also keys that the model at hand does not use"},
    {"reference", REFERENCE_OPTION, NULL, "all keys with bounds, defaults, meaning: docs/config.md"},
    {0},
};

const struct cli_usage cmd_config_usage = {
    "[-c FILE] [KEY=VALUE ...] [--all] [--reference]",
    "Prints the configuration that a run would have: defaults, then FILE, then\n"
    "KEY=VALUE, checked. What it prints is YAML that gives the same configuration\n"
    "when it is read back.\n"
    "\n"
    "Example: partrain config -c conf/multivae.yaml data.path=ml-1m\n",
    options};

int cmd_config(int argc, char **argv, struct error *err)
{
    struct cli_args args;
    struct config *c = NULL;
    const char *file = NULL;
    bool all = false, reference = false;
    int option, rc;

    cli_args_init(&args, &cmd_config_usage, argc, argv);
    while ((option = cli_next(&args, err)) > 0) {
        if (option == FILE_OPTION)
            file = args.value;
        all |= option == ALL_OPTION;
        reference |= option == REFERENCE_OPTION;
    }
    if (option < 0)
        return option;
    if (reference) {
        config_write_reference(stdout);
        return 0;
    }
    rc = cli_config(&c, file, argv + args.rest, argc - args.rest, err);
    if (rc < 0)
        return rc;
    if (!all)
        cli_note_unused(c);
    rc = config_print(c, stdout, all, err);
    config_free(c);
    return rc;
}
