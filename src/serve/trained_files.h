/* trained_files.h - the files of a trained run, opened for use: configuration, ids, titles, weights, and
 * facts about the training ratings. */
#ifndef SERVE_TRAINED_FILES_H
#define SERVE_TRAINED_FILES_H

#include "base/tensors.h"
#include "config/config.h"
#include "data/idtable.h"
#include "store/model_file.h"

struct trained_files {
    char *folder, *path;           /* owned; path: of model.safetensors */
    struct config *config;         /* owned: the run's, with the overrides */
    struct tensors *tensors;       /* owned: of model.safetensors; NULL once the weights are loaded */
    char *digest;                  /* owned: of the training ratings (ratings.h); NULL: a run of partrain 0 */
    struct run_facts facts;        /* of the training ratings */
    struct idtable *items, *users; /* owned: external ids by row */
    char **title;                  /* (items) owned; entries can be NULL */
};

/* `folder`: of a run, or its model.safetensors. `override`: n words KEY=VALUE. PT_EUSAGE if the folder has no
 * model; PT_EFILE if a file is missing or damaged; PT_ECONFIG for a wrong word; PT_ENOMEM. Call
 * trained_files_close after a failure too. */
int trained_files_open(struct trained_files *out, const char *folder, char *const *override, int n,
                       struct error *err);
void trained_files_close(struct trained_files *f);

/* The rows without a training rating, from the list `key` of the model's file (UNTRAINED_COLUMNS or
 * UNTRAINED_EXAMPLES): (n), 1 for such a row; all 0 if the file has no such list. For mem_free. */
int trained_files_untrained(uint8_t **out, const struct trained_files *f, const char *key, int64_t n,
                            struct error *err);

#endif
