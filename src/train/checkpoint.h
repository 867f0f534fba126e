/* checkpoint.h - the state of a run, and the file that a run resumes from: checkpoint.safetensors
 * (store/model_file.h). */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "base/tensors.h"
#include "eval/eval.h"
#include "setup/problem.h"

/* State of a run after a minibatch. */
struct run_state {
    int64_t epochs;   /* train.epochs when this was written */
    int64_t epoch;    /* complete epochs */
    int64_t in_epoch; /* steps done of the next one */
    int64_t steps_run, resumes;
    int64_t best_epoch; /* 0: none yet */
    int64_t stale;      /* at the last evaluation: epochs since the best one */
    int64_t lines;      /* of metrics.jsonl */
    int64_t refit;      /* training on training plus validation has begun */
    bool finished;
    double best;            /* the monitored figure at best_epoch */
    struct epoch_sums sums; /* of the incomplete epoch */
    double train_s, eval_s;
    double ease_weight; /* model.ease_weight, given or chosen; NaN: not yet */
    struct eval_result best_valid, last_valid;
    char model_hash[33];
};

/* As model_file_write. */
int checkpoint_write(struct tensors_writer **out, const char *path, const struct model *m,
                     const struct config *c, const struct problem *p, const struct run_state *state,
                     struct error *err);

/* The state in a checkpoint. `note`: a line for the user if the vector path differs from that of the run's
 * start, so bits may change; else "". PT_EFILE if the file is damaged, PT_EDATA if the run was trained on
 * other ratings. model_file_read loads the weights. */
int checkpoint_state(const char *path, const struct problem *p, struct run_state *state, char *note,
                     size_t size, struct error *err);

#endif
