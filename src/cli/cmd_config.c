/* cmd_config.c - partrain config: the configuration in force, or the reference of all keys. */
#include "cli/cli.h"

struct request {
    const char *file;
    bool all, reference;
};

static const struct cli_option options[] = {
    {"config", 'c', "FILE", "read this configuration", CLI_TEXT(file)},
    {"all", 'a', NULL, "also keys that the model at hand does not use", CLI_FLAG(all)},
    {"reference", 0, NULL, "all keys with bounds, defaults, meaning: docs/config.md", CLI_FLAG(reference)},
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
    struct request q = {0};
    struct cli_args args;
    scoped(config_free) struct config *c = NULL;

    TRY(cli_parse(&args, &cmd_config_usage, argc, argv, &q, err));
    if (q.reference)
        return config_write_reference(stdout, err);
    TRY(cli_config(&c, q.file, argv + args.rest, argc - args.rest, err));
    if (!q.all)
        cli_note_unused(c);
    return config_print(c, stdout, q.all, err);
}
