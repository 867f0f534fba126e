/* run_files.h - names of the files in a run's folder; reads and writes the text files: configuration and ids.
 */
#pragma once

#include "base/file.h"
#include "config/config.h"
#include "data/idtable.h"

#define RUN_CONFIG     "config.yaml"            /* effective configuration */
#define RUN_ITEMS      "items.tsv"              /* external id, and title, by row */
#define RUN_USERS      "users.tsv"              /* external id by row */
#define RUN_METRICS    "metrics.jsonl"          /* a line an epoch */
#define RUN_MODEL      "model.safetensors"      /* best weights so far (store/model_file.h) */
#define RUN_CHECKPOINT "checkpoint.safetensors" /* last weights and state (train/checkpoint.h) */
#define RUN_SUMMARY    "summary.json"           /* written last: the run is done if it exists */
#define RUN_LOCK       ".lock" /* held while a process trains in the folder (train/rundir.c) */

#define RUN_VERSIONS 101 /* train.keep_checkpoints is at most 100, and there may be a model more */

/* Removes model and checkpoints; the run is not known by more than its figures then. Best effort. */
void run_drop_weights(const char *folder);

/* "; there are runs in a/x, a/y, a/z and 4 more": for a message about `folder`, which is no run's; "": none
 * is. */
const char *run_folders_near(const char *folder, char *out, size_t size);

/* PT_EUSAGE where there is nothing of this name, or a file. */
int run_folder_check(const char *folder, struct error *err);

/* The configuration of a run's folder, for config_free. PT_EUSAGE if it is not a run's folder; PT_EFILE if
 * the file cannot be read or is damaged. */
int run_config_read(struct config **out, const char *folder, struct error *err);
int run_config_write(const struct config *c, const char *path, struct error *err);

/* The ids of the folder's items.tsv or users.tsv (`name`) in order. *title (if `title` is not NULL): (count)
 * titles; NULL, or an entry NULL: none. For idtable_free and run_ids_free_titles. PT_EFILE, PT_ENOMEM. */
int run_ids_read(struct idtable **out, char ***title, const char *folder, const char *name,
                 struct error *err);
void run_ids_free_titles(char **title, int64_t n);
/* `title`: (count), entries may be NULL; or NULL. */
int run_ids_write(const char *path, const struct idtable *ids, char **title, struct error *err);
/* A text as a field of such a table: tabs, line ends and backslashes escaped. */
void run_ids_put(struct file_writer *w, const char *text);

/* Prefixes an error in reading the run's own ratings from `path`, its data.path: `what` was read, and how to
 * give `others`. For a relative path that does not exist it names the folder that it is relative to. */
void run_prefix_ratings_error(struct error *err, const char *path, const char *what, const char *others);
