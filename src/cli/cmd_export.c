/* cmd_export.c - partrain export: a trained model for other programs. */
#include "cli/cli.h"

#include "export/onnx.h"

#include <string.h>

struct request {
    const char *model, *output;
};

static const struct cli_option options[] = {{"model", 'm', "RUN", "a run's folder", CLI_TEXT(model)},
                                            {"output", 'o', "FILE", "where to: NAME.onnx", CLI_TEXT(output)},
                                            {0}};

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
    struct request q = {0};
    struct cli_args args;
    scoped(trained_close) struct trained *trained = NULL;
    size_t length;

    TRY(cli_parse(&args, &cmd_export_usage, argc, argv, &q, err));
    if (args.rest < argc)
        return error_set(err, PT_EUSAGE, "%.60s: not expected", argv[args.rest]);
    if (!q.model || !q.output)
        return error_set(err, PT_EUSAGE, "%s is missing", q.model ? "-o NAME.onnx" : "-m RUN");
    length = strlen(q.output);
    if (length < 6 || strcmp(q.output + length - 5, ".onnx") != 0)
        return error_set(err, PT_EUSAGE, "%.200s: the name must end in .onnx", q.output);
    TRY(trained_open(&trained, q.model, 1, err));
    return onnx_write(trained, q.output, err);
}
