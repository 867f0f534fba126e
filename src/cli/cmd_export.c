/* cmd_export.c - partrain export: a trained model for other programs. */
#include "cli/cli.h"

#include "export/onnx.h"

#include <string.h>

static const struct cli_option options[] = {
    {"model", 'm', "RUN", "a run's folder"}, {"output", 'o', "FILE", "where to: NAME.onnx"}, {0}};

const struct cli_usage cmd_export_usage = {
    "-m RUN -o NAME.onnx",
    "Writes the model as ONNX (opset 13) for other runtimes: from a row of ratings, 0\n"
    "where there is none, to logits and probabilities (multivae, multidae) or clipped\n"
    "ratings (autorec); from users' numbers to ratings (mf). model.safetensors in the\n"
    "run's folder is the same model for everything else: docs/export.md.\n"
    "\n"
    "Example: partrain export -m runs/ml-1m -o ml-1m.onnx\n",
    options};

int cmd_export(int argc, char **argv, struct error *err)
{
    const char *model = NULL, *output = NULL;
    struct cli_args args;
    struct trained *u;
    size_t length;
    int option, rc;

    cli_args_init(&args, &cmd_export_usage, argc, argv);
    while ((option = cli_next(&args, err)) > 0) {
        if (option == 'm')
            model = args.value;
        else
            output = args.value;
    }
    if (option < 0)
        return option;
    if (args.rest < argc)
        return error_set(err, PT_EUSAGE, "%.60s: not expected", argv[args.rest]);
    if (!model || !output)
        return error_set(err, PT_EUSAGE, "%s is missing", model ? "-o NAME.onnx" : "-m RUN");
    length = strlen(output);
    if (length < 6 || strcmp(output + length - 5, ".onnx") != 0)
        return error_set(err, PT_EUSAGE, "%.200s: the name must end in .onnx", output);
    if ((rc = trained_open(&u, model, 1, err)) < 0)
        return rc;
    rc = onnx_write(u, output, err);
    trained_close(u);
    return rc;
}
