/* model_file.h - weights on disk, with the metadata to use them.
 *
 * model.safetensors       weights, configuration, facts about the training ratings; a U8 tensor marks
 *                         the rows without any
 * checkpoint.safetensors  weights and their moments (NAME.m, NAME.v), the same metadata, and the state
 * of the                         run as JSON (train/checkpoint.c); of a closed form the state alone
 *
 * Tensors are whole matrices in the order of columns, without padding: shards, threads and ranks leave no
 * trace in a file. */
#pragma once

#include "base/tensors.h"
#include "setup/problem.h"

struct model_file {
    const struct model *model;
    const struct config *config;
    const struct problem *problem;
    const char *state; /* JSON: a checkpoint, with moments; NULL: weights alone, with the two below */
    const char *hash;  /* params_hash */
    int64_t epoch;
};

/* Writes a file that appears at tensors_commit. The weights are copied when this returns, so training
 * may go on. Entered by all ranks: rank 0 writes, the others send their shards and get NULL. PT_EFILE,
 * PT_ENOMEM. */
int model_file_write(struct tensors_writer **out, const char *path, const struct model_file *f,
                     struct error *err);

/* *out: whether the file is an undamaged model with this weights hash. PT_EFILE. */
int model_file_is_of(const char *path, const char *hash, bool *out, struct error *err);

/* Weights, and moments where asked for, into a model of the same shape; each rank reads for itself.
 * `users`: rows of mf's users in the file, where the model has more behind them; -1: as many as the
 * model. PT_EFILE where the file is not whole or belongs to another model or data set. */
int model_file_load(const struct tensors *t, struct model *m, int64_t users, bool moments, struct error *err);
/* The same from a path, for all users. */
int model_file_read(const char *path, struct model *m, bool moments, struct error *err);

/* `path`: of the open file, for messages. PT_EFILE if a fact is missing. */
int run_facts_read(struct run_facts *out, const struct tensors *t, const char *path, struct error *err);
/* The rows without a training rating, in a tensor of this name: 1 at these of `n` places. For mem_free;
 * NULL where the file has none. Older files list their numbers in the metadata. */
#define UNTRAINED_COLUMNS  "cold_columns"
#define UNTRAINED_EXAMPLES "cold_examples" /* mf only */
int run_facts_rows(uint8_t **out, const struct tensors *t, const char *path, const char *name, int64_t n,
                   struct error *err);

/* The two shrunken means of a model of ratings, as column and example; `examples`: their number. NULL where
 * an earlier partrain wrote the file. */
#define BIAS_USERS  "bias.user"
#define BIAS_ITEMS  "bias.item"
#define BIAS_SHRINK "bias.shrink" /* of users, of items */
#define BIAS_COUNT  "bias.count"  /* training ratings of each item */
int run_facts_biases(struct biases *out, int64_t *examples, const struct tensors *t, const char *path,
                     int side, int64_t columns, struct error *err);

/* Training ratings of each item, for mem_free; NULL where the file has none: a model of clicks, or an
 * earlier partrain's. */
int run_facts_counts(float **out, const struct tensors *t, int64_t items, struct error *err);

/* Which arithmetic a run's steps are made of (docs/one-answer.md): raised with each change of it. Files
 * before the first have none. */
#define MODEL_FILE_NUMERICS "2"

/* Files of earlier versions have a SHA-256 instead of `data_digest`, which is no longer computed. So the
 * ratings are not compared with those of the training; this is the warning. */
#define MODEL_FILE_NO_DIGEST                                                                                 \
    "the run is of an earlier partrain: whether these are the ratings that it was trained on is not checked"
