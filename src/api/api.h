/* api.h - what the files of this room share. */
#pragma once

#include "partrain.h"

#include "serve/history_source.h"
#include "serve/rank.h"
#include "serve/similar.h"

#include <sys/types.h>

struct pt_model {
    struct trained *trained;
    char *folder; /* owned */
    int lock;     /* of a temporary folder, which goes with the model; -1: it is the caller's */
    pid_t maker;  /* a fork's copy of the model leaves that folder to it */
    int threads;
    struct ranker *ranker; /* of the last choice; NULL: none yet */
    int k;
    bool seen;
    uint8_t *hidden;                /* (items) owned: of that choice; NULL: none */
    struct history_source *history; /* owned; NULL: not asked for yet */
    struct similar *similar;        /* owned; NULL: likewise */
};

/* The caller's error, emptied, as the library's own: both have the same members. Where the caller wants none
 * (NULL), one of this thread. */
struct error *api_error(struct pt_error *err);

/* A model of the run in `folder`, of which it takes ownership; on failure too.
 * `lock`: of api_temporary_folder, or -1. */
int api_model_open(struct pt_model **out, char *folder, int lock, int threads, struct error *err);
/* Reads the histories of the run's data.path, if there are none yet. */
int api_need_histories(struct pt_model *m, struct error *err);

/* The best k of n rows, of which row i has count[i], for the caller; -1 and NaN where there are no more. */
void api_give_best(const struct scored *best, const int *count, int64_t n, int k, int32_t *item,
                   float *score);

/* A new folder for a run that is not kept, in memory where there is room; for mem_free. *lock is held
 * until api_remove_folder, or the end of the process, whose folder the next call then removes. NULL: see
 * err. */
char *api_temporary_folder(int *lock, struct error *err);
/* Removes the files of a temporary folder, and itself. */
void api_remove_folder(const char *folder, int lock);
/* The files of a run into another folder, which must have none. */
int api_copy_folder(const char *from, const char *to, struct error *err);
