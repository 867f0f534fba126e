#include "cli/target_options.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/reading.h"

#include <string.h>

enum { NOTES = 5 }; /* missing users with a note of their own */

const char *const target_forms[] = {[ROWS_TSV] = "tsv", [ROWS_CSV] = "csv", [ROWS_JSONL] = "jsonl", NULL};

int targets_check(struct targets *q, struct cli_args *args, const char *things, const char *question,
                  struct error *err)
{
    if (args->rest < args->argc)
        q->file = args->argv[args->rest++];
    if (args->rest < args->argc)
        return error_set(err, PT_EUSAGE, "%.60s: only one file of %s can be given", args->argv[args->rest],
                         things);
    if (!q->model)
        return error_set(err, PT_EUSAGE, "-m RUN is missing: the folder of a run");
    if (!q->file + !q->users + !q->all != 2)
        return error_set(err, PT_EUSAGE, "%s? One of: FILE or - with %s, --users LIST, --all", question,
                         things);
    return 0;
}

const char *targets_file(const struct targets *q)
{
    return strcmp(q->file, "-") == 0 ? "stdin" : q->file;
}

void targets_note(void *arg, const char *text)
{
    const struct targets *q = arg;

    if (!q->quiet)
        cli_message("%s", text);
}

void targets_note_missing(const struct targets *q, const struct idtable *users, const char *where,
                          const char *name, int64_t before)
{
    int64_t near;

    if (before >= NOTES || q->quiet)
        return;
    if ((near = idtable_nearest(users, name)) >= 0)
        cli_message("%s has no user %.60s; did you mean %s?", where, name, idtable_name(users, near));
    else
        cli_message("%s has no user %.60s", where, name);
}

void targets_note_all_missing(const struct targets *q, const char *where, int64_t missing)
{
    if (missing > NOTES && !q->quiet)
        cli_message("%s lacks %lld of the users asked for", where, (long long)missing);
}

void targets_scale(const struct targets *q, const struct trained *trained, const struct history_source *h)
{
    const struct ratings *r = h->ratings;
    int64_t n = 0;

    if (!q->quiet)
        reading_report(r, false, cli_warn, cli_warn, NULL);
    if (*r->note && !q->quiet)
        cli_message("note: %s", r->note);
    if (!q->data || q->quiet || !trained->rating || trained->config->binarize)
        return;
    for (int64_t i = 0; i < r->n; i++) {
        double value = (double)r->value[i];

        n += value >= h->min_rating && (value < trained->problem->low || value > trained->problem->high);
    }
    if (n)
        cli_message("note: %lld of the ratings of %.400s are outside those of the training, %g to %g",
                    (long long)n, q->data, trained->problem->low, trained->problem->high);
}

int targets_list(const struct targets *q, const struct idtable *ids, struct list **out, struct error *err)
{
    bool file;

    *out = NULL;
    if (!q->users)
        return 0;
    file = idtable_find(ids, q->users, strlen(q->users)) < 0 && file_exists(q->users);
    return list_read(out, q->users, file, err);
}

int targets_users(const struct targets *q, const struct idtable *ids, const char *where, int32_t **out,
                  int64_t *n, struct error *err)
{
    scoped(list_free) struct list *list = NULL;
    int64_t most, missing = 0;

    TRY(targets_list(q, ids, &list, err));
    most = list ? list->n : idtable_count(ids);
    *n = 0;
    *out = mem_alloc(most, sizeof **out);
    TRY(need_memory(*out, err));
    for (int64_t i = 0; i < most; i++) {
        int64_t row = list ? idtable_find(ids, list->entry[i], strlen(list->entry[i])) : i;

        if (row >= 0)
            (*out)[(*n)++] = (int32_t)row;
        else
            targets_note_missing(q, ids, where, list->entry[i], missing++);
    }
    if (!*n)
        return error_set(err, PT_EDATA, "%s has none of the users asked for%s", where,
                         q->users && strchr(q->users, ',')
                             ? "; names with a comma in them stand one a line in a file: --users FILE"
                             : "");
    targets_note_all_missing(q, where, missing);
    return 0;
}
