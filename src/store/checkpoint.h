/* checkpoint.h - a model on disk, and where a run stands.
 *
 * model.safetensors       the weights, and what is needed to use them (configuration, value range, which rows
 *                         had no training rating)
 * checkpoint.safetensors  the same with both Adam moments (NAME.m, NAME.v) and the run's state
 *
 * Tensors are whole matrices in the order of columns, without padding, so shards, threads and ranks do not
 * show in a file. */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "base/tensors.h"
#include "eval/eval.h"
#include "model/model.h"

/* Where a run stands after a minibatch. */
struct run_state {
    int64_t epochs;   /* asked for (train.epochs) when this was written */
    int64_t epoch;    /* epochs that are complete */
    int64_t in_epoch; /* steps done of the next one */
    int64_t steps_run, resumes;
    int64_t best_epoch; /* 0: none yet */
    int64_t stale;      /* at the last evaluation: epochs since the best one */
    int64_t lines;      /* of metrics.jsonl */
    int refit;          /* training on training plus validation has begun */
    bool finished;
    double best;            /* the monitored figure at best_epoch */
    struct epoch_sums sums; /* of the epoch that is not complete */
    double train_s, eval_s;
    struct eval_result best_valid, last_valid;
    char model_hash[33];
};

/* Writes the model, or (whole) a checkpoint, to a file that appears at tensors_commit: the weights are in it
 * when this returns, so training may go on before. Entered by all ranks: rank 0 writes, the others hand over
 * their shards and get NULL. PT_EFILE, PT_ENOMEM. */
int checkpoint_write(struct tensors_writer **out, const char *path, bool whole, const struct model *m,
                     const struct config *c, const struct problem *p, const struct run_state *state,
                     struct error *err);

/* Whether the file is a whole model or checkpoint of the weights with this hash (params_hash). PT_EFILE. */
int checkpoint_is_of(const char *path, const char *hash, bool *out, struct error *err);

/* Where the run of a whole checkpoint stands, and in `note` a line where the vector path is another than the
 * one that the run began on, so that bits may change; "" where it is not. PT_EFILE where the file is not whole,
 * PT_EDATA where it belongs to another data set. */
int checkpoint_state(const char *path, const struct problem *p, struct run_state *state, char *note,
                     size_t size, struct error *err);

/* Weights, and moments too (whole), into a model of the same shape; each rank reads for itself. PT_EFILE where
 * the file is not whole or belongs to another model. */
int checkpoint_load(const char *path, bool whole, struct model *m, struct error *err);

/* The weights of an open file, into a model to be used. `users`: of mf, rows that the file has, where the
 * model has more behind them; -1: as many as the model. PT_EFILE as above. */
int checkpoint_weights(const struct tensors *t, struct model *m, int64_t users, struct error *err);

#endif
