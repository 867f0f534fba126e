/* cmd_similar.c - partrain similar: the items nearest to an item. */
#include "cli/target_options.h"

#include "base/mem.h"
#include "serve/similar.h"

#include <string.h>

enum { BLOCK = 1024 }; /* items at once */

struct request {
    const char *model;
    int64_t k, threads;
    bool all, quiet;
    int form;
};

static const struct cli_option options[] = {
    {"model", 'm', "RUN", "a run's folder", CLI_TEXT(model)},
    {"count", 'k', "N", "near items for each item; default 10", CLI_WHOLE(k, 1, 1000000)},
    {"all", 0, NULL, "for every item of the model", CLI_FLAG(all)},
    {"output", 'o', "FORM", "tsv (default), csv or jsonl", CLI_WORD(form, target_forms)},
    {"threads", 0, "N", "worker threads", CLI_WHOLE(threads, 1, 4096)},
    {"quiet", 'q', NULL, "only errors on stderr", CLI_FLAG(quiet)},
    {0}};

const struct cli_usage cmd_similar_usage = {
    "-m RUN [-k N] (ITEM ... | --all)",
    "Prints the nearest items of each ITEM, an id or a title: item, rank, near item,\n"
    "cosine, title. The cosine is that of the model's own vectors: decoder rows,\n"
    "factors, or the weights of ease.\n"
    "\n"
    "Example: partrain similar -m runs/ml-1m 'Toy Story' -k 5\n",
    options};

/* The items that the words name; unknown ones are noted. */
static int find_items(const struct request *q, struct trained *trained, char **word, int words, int32_t *item,
                      int64_t *n, struct error *err)
{
    *n = 0;
    for (int i = 0; i < words; i++) {
        size_t length = strlen(word[i]);
        int64_t found = trained_find_item(trained, word[i], length);
        char what[1024];

        TRY(need_memory(found != -3, err));
        if (found >= 0) {
            item[(*n)++] = (int32_t)found;
        } else if (!q->quiet) {
            trained_describe_missing(trained, word[i], length, found, what, sizeof what);
            cli_message("%s", what);
        }
    }
    return *n ? 0
              : error_set(err, PT_EDATA, "the model knows %s",
                          words == 1 ? "no such item" : "none of these items");
}

static int print_similar(const struct request *q, struct trained *trained, const int32_t *item, int64_t n,
                         struct error *err)
{
    struct rows rows = {.file = stdout, .form = (enum rows_form)q->form, .similar = true};
    mem_scoped struct scored *best = mem_array(BLOCK * q->k, sizeof *best);
    scoped(similar_free) struct similar *similar = NULL;
    int64_t empty = 0;
    int count[BLOCK];

    if (!best)
        return error_set(err, PT_ENOMEM, "out of memory; a smaller -k needs less");
    TRY(similar_new(&similar, trained, err));
    for (int64_t from = 0; from < n; from += BLOCK) {
        int64_t block = n - from < BLOCK ? n - from : BLOCK;

        TRY(similar_find(similar, item + from, block, (int)q->k, best, count, err));
        for (int64_t i = 0; i < block; i++) {
            const struct scored *near = best + i * q->k;

            rows_begin(&rows, idtable_name(trained->items, item[from + i]));
            for (int k = 0; k < count[i]; k++)
                rows_item(&rows, k + 1, idtable_name(trained->items, near[k].column),
                          trained_title(trained, near[k].column), (double)near[k].score);
            rows_end(&rows);
            empty += !count[i];
        }
    }
    if (empty && !q->quiet)
        cli_message("%lld of %lld items have no training ratings, so nothing is near to them",
                    (long long)empty, (long long)n);
    return 0;
}

int cmd_similar(int argc, char **argv, struct error *err)
{
    struct request q = {.k = 10};
    scoped(trained_close) struct trained *trained = NULL;
    mem_scoped int32_t *item = NULL;
    struct cli_args args;
    int64_t n = 0;

    TRY(cli_parse(&args, &cmd_similar_usage, argc, argv, &q, err));
    if (!q.model)
        return error_set(err, PT_EUSAGE, "which model? -m RUN, a run's folder");
    if (q.all == (args.rest < argc))
        return error_set(err, PT_EUSAGE, "near to which items? Ids or titles, or --all");
    TRY(trained_open(&trained, q.model, (int)q.threads, err));
    if (q.k > trained->problem->columns)
        q.k = trained->problem->columns;
    item = mem_array(q.all ? trained->problem->columns : argc - args.rest, sizeof *item);
    TRY(need_memory(item, err));
    for (; q.all && n < trained->problem->columns; n++)
        item[n] = (int32_t)n;
    if (!q.all)
        TRY(find_items(&q, trained, argv + args.rest, argc - args.rest, item, &n, err));
    return print_similar(&q, trained, item, n, err);
}
