/* target_options.h - options shared by `recommend` and `predict`: the model, the users, the form of
 * output. */
#pragma once

#include "cli/cli.h"
#include "cli/rows.h"
#include "serve/history_source.h"

struct targets {
    const char *model, *users, *data, *file;
    int64_t threads;
    bool all, quiet;
    int form; /* enum rows_form */
};

extern const char *const target_forms[];

/* Rows of a command's table; its struct request has a member `targets`. */
#define TARGET_OPTIONS(data_help)                                                                            \
    {"model", 'm', "RUN", "a run's folder", CLI_TEXT(targets.model)},                                        \
        {"users", 0, "LIST", "users: ids with commas, or a file of ids", CLI_TEXT(targets.users)},           \
        {"all", 0, NULL, "all users", CLI_FLAG(targets.all)},                                                \
        {"data", 0, "PATH", data_help, CLI_TEXT(targets.data)},                                              \
        {"output", 'o', "FORM", "tsv (default), csv or jsonl", CLI_WORD(targets.form, target_forms)},        \
        {"threads", 0, "N", "worker threads", CLI_WHOLE(targets.threads, 1, 4096)},                          \
    {                                                                                                        \
        "quiet", 'q', NULL, "only errors on stderr", CLI_FLAG(targets.quiet)                                 \
    }

/* Takes FILE from the words behind the options. PT_EUSAGE unless there is a model, and one of FILE,
 * --users and --all. For messages: `things` are in the file, `question` asks for one of the three. */
int targets_check(struct targets *q, struct cli_args *args, const char *things, const char *question,
                  struct error *err);
/* The file's name for messages. */
const char *targets_file(const struct targets *q);
/* A note on stderr, unless -q; for callbacks too: arg is the struct targets. */
void targets_note(void *arg, const char *text);

/* Notes on users that `where` does not have: one for each of the first few (`before`: how many came before),
 * and one for all in the end. */
void targets_note_missing(const struct targets *q, const struct idtable *users, const char *where,
                          const char *name, int64_t before);
void targets_note_all_missing(const struct targets *q, const char *where, int64_t missing);

/* Notes about histories: those of reading them, and ratings of --data outside the scale of the training. */
void targets_scale(const struct targets *q, const struct trained *trained, const struct history_source *h);

/* The ids of --users, a file or a list; a name that is both an id of `ids` and a file is the id. *out is NULL
 * without --users; freed by list_free. */
int targets_list(const struct targets *q, const struct idtable *ids, struct list **out, struct error *err);

/* Rows in `ids` of --users, or all rows; (*n) for mem_free. Notes on users that `where` does not have;
 * PT_EDATA where it has none of them. */
int targets_users(const struct targets *q, const struct idtable *ids, const char *where, int32_t **out,
                  int64_t *n, struct error *err);
