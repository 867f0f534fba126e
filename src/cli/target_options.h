/* target_options.h - what recommend and predict are asked in the same words: which model, for whom, in what form. */
#ifndef CLI_TARGET_OPTIONS_H
#define CLI_TARGET_OPTIONS_H

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

/* The words behind the options: a FILE at most. Then whether there is a model, and one of FILE, --users and
 * --all; `things`: what the file holds, `question`: what is asked where none of them is there. */
int targets_check(struct targets *q, struct cli_args *args, const char *things, const char *question,
                  struct error *err);
/* The file's name for messages. */
const char *targets_file(const struct targets *q);
/* A note on stderr, unless -q; for callbacks too: arg is the struct targets. */
void targets_note(void *arg, const char *text);

/* A note on a user who is not there, as of `where`; `before`: how many were told before. Some have notes of
 * their own, and in the end there is one on all of them. */
void targets_note_missing(const struct targets *q, const char *where, const char *name, int64_t before);
void targets_note_all_missing(const struct targets *q, const char *where, int64_t missing);

/* Notes about histories: those of reading them, and ratings of --data outside the scale of the training. */
void targets_scale(const struct targets *q, const struct trained *trained, const struct history_source *h);

/* The ids of --users; a name that is both an id of `ids` and a file's is the id. *out is NULL without
 * --users; freed by list_free. */
int targets_list(const struct targets *q, const struct idtable *ids, struct list **out, struct error *err);

/* Numbers in `ids` of --users, or of all of them; (*n) for mem_free. Users who are not there are told, as of
 * `where`; PT_EDATA where none is. */
int targets_users(const struct targets *q, const struct idtable *ids, const char *where, int32_t **out,
                  int64_t *n, struct error *err);

#endif
