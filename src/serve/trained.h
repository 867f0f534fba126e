/* trained.h - a trained model, opened from its run's folder. No ratings are read: weights and facts come
 * from model.safetensors, ids and titles from items.tsv and users.tsv.
 *
 * Examples and columns are those of training: any history of items is an example of Multi-VAE, Mult-DAE and
 * user-based AutoRec. Matrix factorisation has a row for each of its users, and makes a row for others from
 * their ratings (fold_in.h).
 *
 * Shards are cut evenly, because the counts of ratings are unknown here. Scores are the same at any thread
 * count; their last bits can differ from those of training. */
#pragma once

#include "config/config.h"
#include "serve/histories.h"
#include "setup/problem.h"
#include "store/model_file.h"

/* The files of a run, opened for use. */
struct trained_files {
    char *folder, *path;           /* owned; path: of model.safetensors */
    struct config *config;         /* owned: the run's, with the overrides */
    struct tensors *tensors;       /* owned: of model.safetensors; NULL once the weights are loaded */
    char *digest;                  /* owned: of the training ratings (ratings.h); NULL: a run of partrain 0 */
    struct run_facts facts;        /* of the training ratings */
    int64_t model_users;           /* number of `users` */
    struct idtable *items, *users; /* owned: external ids by row; NULL once they moved into ratings */
    char **title;                  /* (items) owned; entries can be NULL; moves with items */
};

/* `folder`: of a run, or its model.safetensors. `override`: n words KEY=VALUE. PT_EUSAGE if the folder has no
 * model; PT_EFILE if a file is missing or damaged; PT_ECONFIG for a wrong word; PT_ENOMEM. Call
 * trained_files_close after a failure too. */
int trained_files_open(struct trained_files *out, const char *folder, char *const *override, int n,
                       struct error *err);
/* The problem and the model, with its weights, for ratings in the rows of the model (taken, on failure too).
 * Ratings with ids alone are the shape of training. `split`: likewise taken; NULL: by the configuration. */
int trained_files_load(struct trained_files *f, struct ratings *ratings, struct split *split,
                       struct problem **problem, struct model **model, struct error *err);
void trained_files_close(struct trained_files *f);

struct trained {
    struct trained_files files;
    const struct config *config;         /* of files */
    struct problem *problem;             /* owned: team, shards and facts of training, without ratings */
    struct model *model;                 /* owned */
    const struct idtable *items, *users; /* of problem: external ids by row */
    struct idtable *titles; /* owned: titles, and simplified titles; NULL before the first search */
    int32_t *titled;        /* (titles) owned: the item; -1: two items have that title */
    bool by_row;            /* mf: examples are users by row, not histories */
    bool rating;            /* outputs are ratings; rating = output + problem->shift */
    float *item_ratings;    /* (items) owned: training ratings of each; NULL: the file does not say */
    int64_t batch;          /* examples a block */
    struct fold_in *fold;   /* owned; mf only, else NULL */
};

/* `folder`: of a run, or its model.safetensors. threads 0: as the configuration says. Errors as
 * trained_files_open; PT_EFILE also if files do not fit each other. It owns the worker threads until
 * trained_close (takes NULL): only one at a time in a thread. */
int trained_open(struct trained **out, const char *folder, int threads, struct error *err);
void trained_close(struct trained *trained);
SCOPED(trained_close, struct trained)

/* The item with this id, else with this title. Capitals, a year in parentheses at the end and an article do
 * not matter ("the matrix" finds "Matrix, The (1999)"). -1: none, -2: two items have this title, -3: no
 * memory. */
int64_t trained_find_item(struct trained *trained, const char *text, size_t length);
/* The item with the shortest title that contains this text, else with the title (id, where there are none)
 * most like it, else whose title contains its first two words; -1: none. Searches all titles. */
int64_t trained_suggest_item(const struct trained *trained, const char *text, size_t length);
/* The message about a text that trained_find_item did not find (`found`: -1, -2), with the nearest item. */
void trained_describe_missing(const struct trained *trained, const char *text, size_t length, int64_t found,
                              char *out, size_t size);
/* The title, or NULL. */
const char *trained_title(const struct trained *trained, int64_t item);

/* Whether the model can score histories of users outside training. */
static inline bool trained_takes_histories(const struct trained *trained)
{
    return trained->problem->side == SIDE_USER;
}

/* A prediction as a rating: shifted, and clipped if eval.clip is set. */
double trained_rating(const struct trained *trained, float output);
/* The rating used if there is no prediction: eval.cold, or the training mean. */
double trained_cold(const struct trained *trained);
/* The rating used if only one side is trained (eval.untrained: bias): the training mean plus the bias of
 * history e of h (-1: no history), or plus that of the column (-1: not in the model). NAN: neither has a
 * bias, or eval.untrained is another, or the model's file has no biases. */
double trained_stand_in(const struct trained *trained, const struct histories *h, int64_t e, int64_t column);
