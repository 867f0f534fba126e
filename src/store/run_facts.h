/* run_facts.h - what a run's folder tells those who use the model later: the external ids of its rows, from
 * items.tsv and users.tsv, and what model.safetensors says of the training ratings. */
#ifndef STORE_RUN_FACTS_H
#define STORE_RUN_FACTS_H

#include "base/error.h"
#include "data/idtable.h"

#include <stdbool.h>
#include <stdint.h>

struct tensors;

/* Of the training ratings; set by run_facts_read. */
struct run_facts {
    double low, high, shift, mean;
    bool refit; /* it was trained on the validation part too */
};

/* The ids of an items.tsv or users.tsv in order; titles (count) where `title` is not NULL: NULL, or an entry
 * NULL, where there is none. For idtable_free, and run_facts_free_titles. PT_EFILE, PT_ENOMEM. */
int run_facts_ids(struct idtable **out, char ***title, const char *path, struct error *err);
void run_facts_free_titles(char **title, int64_t n);

/* `path`: of the model's file, for messages. PT_EFILE where something is missing. */
int run_facts_read(struct run_facts *out, const struct tensors *t, const char *path, struct error *err);
/* The rows without a training rating, in a tensor of this name: 1 at these of `n` places. For mem_free; NULL
 * where the file does not say it. Files of before have a list of their numbers among the metadata. */
#define KNOWN_COLUMNS  "cold_columns"
#define KNOWN_EXAMPLES "cold_examples" /* mf only */
int run_facts_rows(uint8_t **out, const struct tensors *t, const char *path, const char *name, int64_t n,
                   struct error *err);

/* In front of the message of an error in reading the run's own ratings from `path`, its data.path: `what` was
 * read, how `others` are given, and, where a relative path leads nowhere, what it is relative to. */
void run_facts_prefix_ratings(struct error *err, const char *path, const char *what, const char *others);

#endif
